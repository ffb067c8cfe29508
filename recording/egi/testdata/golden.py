"""Makes golden.json: what MNE-Python 1.13 (with mffpy) sees in test_egi.raw and in the averages of test_egi_evoked.mff of
GYRUS_DATA, in microvolts (stimulus lines as they are). The averages are laid end to end, as they are stored.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, signal, summary, write  # noqa: E402

name = "eeg/formats/egi/test_egi.raw"
raw = mne.io.read_raw_egi(os.path.join(DATA, name))
g = summary(raw, [1e6 if t == "eeg" else 1.0 for t in raw.get_channel_types()])
golden = {name: g}
name = "eeg/formats/egi/test_egi_evoked.mff"
averages = mne.read_evokeds_mff(os.path.join(DATA, name))
data = np.concatenate([e.data for e in averages], axis=1) * 1e6
e = averages[0]
golden[name] = {
    "names": e.ch_names, "types": e.get_channel_types(), "rate": e.info["sfreq"], "frames": data.shape[1], "start": "",
    "signals": [signal(d) for d in data],
    # PNS channels have no position; MNE gives zeros.
    "positions": [[float(f"{v:.7g}") for v in c["loc"][:3]] if np.any(c["loc"][:3]) and np.all(np.isfinite(c["loc"][:3])) else None
                  for c in e.info["chs"]],
}
write(golden, __file__)
