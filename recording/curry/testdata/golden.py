"""Makes golden.json: what MNE-Python 1.13 (with curryreader) sees in the Curry recordings of GYRUS_DATA, in microvolts."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, summary, write  # noqa: E402

golden = {}
for data, opened in (("7.dat", "7.dap"), ("8.cdt", "8.cdt")):
    name = "eeg/formats/curry/test_bdf_stim_channel Curry "
    raw = mne.io.read_raw_curry(os.path.join(DATA, name + data))
    golden[name + opened] = summary(raw, [1e6] * len(raw.ch_names))
write(golden, __file__)
