"""Makes golden.json: what MNE-Python 1.13 sees in the Nihon Kohden recording of GYRUS_DATA, in the units of the channels."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, summary, write  # noqa: E402

name = "eeg/formats/nihonkohden/MB0400FU.EEG"
raw = mne.io.read_raw_nihon(os.path.join(DATA, name))
write({name: summary(raw, 1 / raw._raw_extras[0]["gains"][:, 0])}, __file__)
