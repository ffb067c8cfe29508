"""Makes golden.json: what MNE-Python 1.13 sees in the NSx files of GYRUS_DATA, in the unit of the file (mV).

MNE fills time without samples with zeros and marks it BAD_ACQ_SKIP; here only the samples are kept.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, signal, summary, write  # noqa: E402

golden = {}
for name in ("test_BRSMPGRP_raw.ns3", "test_NEURALCD_raw.ns3"):
    name = "eeg/formats/blackrock-nsx/" + name
    raw = mne.io.read_raw_nsx(os.path.join(DATA, name))
    g = golden[name] = summary(raw, [1e3] * len(raw.ch_names))
    x = raw._raw_extras[0]
    keep = np.concatenate([np.arange(t, t + n) for t, n in zip(x["timestamp"], x["nb_data_points"])])
    data = raw.get_data()[:, keep] * 1e3
    g.update(frames=len(keep), signals=[signal(d) for d in data], events=[],
             extra=[[int(x["nb_data_points"][:i + 1].sum()), float(x["timestamp"][i + 1] - x["timestamp"][i] - x["nb_data_points"][i])]
                    for i in range(len(x["timestamp"]) - 1)])
write(golden, __file__)
