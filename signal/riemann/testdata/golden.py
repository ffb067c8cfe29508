"""Writes golden.json: what pyRiemann computes, for the tests of package riemann.

Made with pyriemann 0.12 and numpy 2.4.6: python golden.py > golden.json
"""
import json
import numpy as np, pyriemann
from pyriemann.classification import MDM
from pyriemann.geometry.distance import distance_riemann
from pyriemann.geometry.mean import mean_logeuclid, mean_riemann
from pyriemann.geometry.tangentspace import tangent_space

def r(a, digits=12):
    return np.round(np.asarray(a, float), digits).tolist()

rng = np.random.default_rng(2)
sets = []
for n, count in [(2, 5), (4, 12), (6, 9)]:
    mix = rng.standard_normal((n, n))
    covs = np.array([np.cov(mix @ (rng.standard_normal((n, 40)) * rng.uniform(0.3, 3, (n, 1)))) for _ in range(count)]).round(9)
    labels = [i % 2 for i in range(count)]
    mean = mean_riemann(covs)
    mdm = MDM().fit(covs, np.array(labels))
    sets.append(dict(covs=r(covs), labels=labels, mean=r(mean), log_mean=r(mean_logeuclid(covs)), distances=r([distance_riemann(covs[0], c) for c in covs]),
                     features=r(tangent_space(covs, mean)), mdm=r(mdm.transform(covs)), predicted=mdm.predict(covs).tolist()))
print(json.dumps(dict(note="made by golden.py", pyriemann=pyriemann.__version__, sets=sets)))
