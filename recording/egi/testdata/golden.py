"""Makes golden.json: what MNE-Python 1.13 sees in test_egi.raw of GYRUS_DATA, in microvolts (stimulus lines as they are)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, summary, write  # noqa: E402

name = "eeg/formats/egi/test_egi.raw"
raw = mne.io.read_raw_egi(os.path.join(DATA, name))
g = summary(raw, [1e6 if t == "eeg" else 1.0 for t in raw.get_channel_types()])
write({name: g}, __file__)
