# hmmlearn's side; package versus says how its functions are called.

STATES, SYMBOLS, ITERATIONS = 10, 20, 3

def fit(name, implementation):
    import hmmlearn, logging, numpy as np
    from hmmlearn import hmm
    logging.getLogger("hmmlearn").setLevel(logging.ERROR)
    values = np.fromfile(f"{directory}/{name}", "<f8")
    def take(*shape):
        nonlocal values
        out, values = values[:np.prod(shape)].reshape(shape), values[np.prod(shape):]
        return out
    start, transition = take(STATES), take(STATES, STATES)
    options = dict(n_iter=ITERATIONS, tol=-np.inf, init_params="", implementation=implementation)
    if name == "categorical":
        emission = take(STATES, SYMBOLS)
        x = values.astype(int)[:, None]
    else:
        means, variances = take(STATES, 3), take(STATES, 3)
        x = values.reshape(-1, 3)
    def run():
        if name == "categorical":
            m = hmm.CategoricalHMM(STATES, params="ste", **options)
            m.emissionprob_, m.n_features = emission, SYMBOLS
        else:
            m = hmm.GaussianHMM(STATES, "diag", params="stmc", min_covar=0, covars_prior=0, covars_weight=1, means_prior=0, means_weight=0, **options)
            m.means_, m.covars_ = means, variances
        m.startprob_, m.transmat_ = start, transition
        t = time.perf_counter()
        m.fit(x)
        return (time.perf_counter() - t) / ITERATIONS, f"log-likelihood {m.monitor_.history[-1]:.1f} before the last iteration"
    return f"hmmlearn {hmmlearn.__version__}, {implementation}", run

def categorical_log():
    return fit("categorical", "log")

def categorical_scaling():
    return fit("categorical", "scaling")

def gaussian_log():
    return fit("gaussian", "log")

def gaussian_scaling():
    return fit("gaussian", "scaling")
