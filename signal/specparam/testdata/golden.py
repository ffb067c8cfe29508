"""Writes golden.json: what FOOOF computes, for the tests of package specparam.

The tolerances of its least squares are tightened, so that it arrives where it otherwise stops on the way: fooof 1.1.1 and specparam 2.0.0rc7, which
differ in them only, then find the same. Made with these, scipy 1.17.1 and numpy 2.4.6: python golden.py > golden.json
"""
import json, warnings
warnings.simplefilter("ignore")
import fooof, numpy as np, specparam
from fooof import FOOOF
from specparam import SpectralModel



def r(a, digits=8):
    return [float(f"{v:.{digits}g}") for v in np.asarray(a, float).ravel()]

import functools, fooof.objs.fit as old, specparam.algorithms.spectral_fit as new_fit
tight = dict(ftol=1e-14, xtol=1e-14, gtol=1e-14)
def tightened(f):
    return functools.wraps(f)(lambda *a, **k: f(*a, **{**k, **tight, "maxfev": 100000}))
old.curve_fit = tightened(old.curve_fit)
new_fit.curve_fit = tightened(new_fit.curve_fit)

rng = np.random.default_rng(8)
f = np.arange(1, 151) / 3.0
cases = []
for offset, knee, exponent, peaks, noise, kw in [
        (1.0, 0, 1.2, [(10, 0.8, 1.0)], 0.02, {}),
        (0.3, 0, 1.8, [(6, 0.5, 0.8), (10.5, 1.1, 1.2), (22, 0.4, 2.5)], 0.03, {}),
        (-11, 0, 1.5, [(9.3, 0.6, 1.4), (12.1, 0.5, 0.9)], 0.05, dict(peak_width_limits=(1, 8), max_n_peaks=4)),
        (2.0, 60, 2.0, [(20, 0.5, 2.0)], 0.02, dict(aperiodic_mode="knee")),
        (1.0, 15, 1.6, [(9, 0.7, 1.0), (30, 0.3, 3.0)], 0.02, dict(aperiodic_mode="knee", min_peak_height=0.1)),
        (0.0, 0, 0.9, [], 0.03, dict(peak_threshold=3.0)),
        (0.0, 0, 1.0, [(48.5, 0.6, 1.5), (1.2, 0.5, 0.6), (25, 0.9, 6.5)], 0.02, dict(min_peak_height=0.1))]:
    log = offset - np.log10(knee + f ** exponent) + sum(h * np.exp(-(f - c) ** 2 / (2 * w ** 2)) for c, h, w in peaks) + noise * rng.standard_normal(f.size)
    power = np.array(r(10 ** log))
    for span in (None, [3, 40]):
        m = FOOOF(verbose=False, **kw)
        m.fit(f, power, span)
        new = SpectralModel(verbose=False, **kw)
        new.fit(f, power, span)
        assert np.allclose(new.get_params("periodic").reshape(-1, 3), m.peak_params_, atol=1e-4), (new.get_params("periodic"), m.peak_params_)
        assert np.allclose(new.get_params("aperiodic"), m.aperiodic_params_, atol=1e-4)
        ap = m.aperiodic_params_
        cases.append(dict(power=r(power) if span is None else [], span=span or [0, 0], knee="aperiodic_mode" in kw, width=list(kw.get("peak_width_limits", (0, 0))),
                          peaks=kw.get("max_n_peaks", 0), height=kw.get("min_peak_height", 0), threshold=kw.get("peak_threshold", 0),
                          aperiodic=[ap[0], ap[1] if len(ap) == 3 else 0, ap[-1]], found=m.peak_params_.tolist(), r=m.r_squared_, error=m.error_))
print(json.dumps(dict(note="made by golden.py", fooof=fooof.__version__, f=f.tolist(), cases=cases)))
