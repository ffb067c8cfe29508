"""Makes golden.json: what hmmlearn says about sequences, and where its Baum-Welch iterations arrive from the same start.
Made with hmmlearn 0.3.3, both of its implementations agreeing."""
import json
import numpy as np
from hmmlearn import hmm

rng = np.random.default_rng(3)
simplex = lambda *shape: rng.dirichlet(np.ones(shape[-1]), shape[:-1])
out = {}
for name, states in (("categorical", 3), ("gaussian", 3)):
    start, transition = simplex(states), simplex(states, states)
    lengths = [40, 1, 25]
    if name == "categorical":
        x = rng.integers(0, 4, (sum(lengths), 1))
        emission = dict(emissionprob=simplex(states, 4))
        make = lambda i: hmm.CategoricalHMM(states, n_iter=i, tol=-np.inf, init_params="", params="ste", implementation="scaling")
    else:
        x = rng.normal(size=(sum(lengths), 2)) + rng.integers(0, 2, (sum(lengths), 1)) * 2
        emission = dict(means=rng.normal(size=(states, 2)), covars=rng.uniform(.5, 2, (states, 2)))
        make = lambda i: hmm.GaussianHMM(states, "diag", n_iter=i, tol=-np.inf, init_params="", params="stmc", implementation="scaling",
                                         min_covar=0, covars_prior=0, covars_weight=1, means_prior=0, means_weight=0)
    def model(i):
        m = make(i)
        m.startprob_, m.transmat_ = start, transition
        if name == "categorical":
            m.emissionprob_, m.n_features = emission["emissionprob"], 4
        else:
            m.means_, m.covars_ = emission["means"], emission["covars"]
        return m
    m = model(1)
    first = x[:lengths[0]]
    score, path = m.decode(first)
    case = dict(x=x.tolist(), lengths=lengths, start=start.tolist(), transition=transition.ravel().tolist(),
                **{k: v.ravel().tolist() for k, v in emission.items()},
                score=float(m.score(first)), posterior=m.predict_proba(first).ravel().tolist(), viterbi=path.tolist(), viterbi_score=float(score))
    f = model(5)
    f.fit(x, lengths)
    case["fit"] = dict(start=f.startprob_.tolist(), transition=f.transmat_.ravel().tolist(), score=float(f.score(x, lengths)))
    if name == "categorical":
        case["fit"]["emissionprob"] = f.emissionprob_.ravel().tolist()
    else:
        case["fit"]["means"] = f.means_.ravel().tolist()
        case["fit"]["covars"] = np.array([np.diag(c) for c in f.covars_]).ravel().tolist()
    out[name] = case
with open("golden.json", "w") as file:
    json.dump(out, file)
