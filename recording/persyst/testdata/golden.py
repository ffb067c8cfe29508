"""Makes golden.json: what MNE-Python 1.13 sees in the Persyst clip of GYRUS_DATA, in microvolts."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, summary, write  # noqa: E402

name = "eeg/formats/persyst/sub-pt1_ses-02_task-monitor_acq-ecog_run-01_clip2.lay"
raw = mne.io.read_raw_persyst(os.path.join(DATA, name))
write({name: summary(raw, [1e6] * len(raw.ch_names))}, __file__)
