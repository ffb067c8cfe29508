"""Makes golden.json: what MNE-Python 1.13 (with pymatreader) sees in the EEGLAB datasets of GYRUS_DATA, in microvolts.

Of test_raw_h5.set the samples are not in that set, so only what the .set says is here.
"""
import os
import shutil
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, number, summary, write  # noqa: E402

golden = {}
for name in ("eeg/eeglab/eeglab_data.set", "eeg/formats/eeglab/test_raw_2021.set", "eeg/formats/eeglab/test_raw_event_duration.set",
             "eeg/formats/eeglab/test_raw_h5.set"):
    path = os.path.join(DATA, name)
    with tempfile.TemporaryDirectory() as tmp:
        if name.endswith("h5.set"):  # made-up samples: frame f of channel c is 100 f + c
            made = shutil.copy(path, os.path.join(tmp, "x.set"))
            (np.arange(30504)[:, None] * 100.0 + np.arange(32)).astype("<f4").tofile(os.path.join(tmp, "x.fdt"))
            path = made
        raw = mne.io.read_raw_eeglab(path, preload=True)
        golden[name] = summary(raw, np.full(len(raw.ch_names), 1e6))

name = "eeg/formats/eeglab/test_epochs_onefile.set"
epochs = mne.read_epochs_eeglab(os.path.join(DATA, name))
names = {v: k for k, v in epochs.event_id.items()}
golden[name] = {"names": epochs.ch_names, "rate": epochs.info["sfreq"], "extra": {
    "begin": epochs.tmin, "labels": [names[e] for e in epochs.events[:, 2]], "shape": list(epochs.get_data().shape),
    "data": [number(v * 1e6) for v in epochs.get_data().ravel()]}}
write(golden, __file__)
