"""Makes golden.json: what MNE-Python 1.13 sees in the BrainVision files of GYRUS_DATA, in the unit of each channel."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, summary, write  # noqa: E402

# How many of the file's units make one of MNE's; the unit of the third and others without one is taken as microvolts.
PER = {"µV": 1e6, "uV": 1e6, "mV": 1e3, "nV": 1e9, "µS": 1e6, "uS": 1e6}
golden = {}
for name in ("test.vhdr", "test_VAmp.ahdr", "Analyzer_nV_Export.vhdr", "test_old_layout_latin1_software_filter.vhdr"):
    name = "eeg/formats/brainvision/" + name
    raw = mne.io.read_raw_brainvision(os.path.join(DATA, name))
    units = [1e6 if c == "HR" else PER.get(raw._orig_units[c], 1.0) for c in raw.ch_names]  # HR is in uS, which MNE hides
    golden[name] = summary(raw, units)
    golden[name]["extra"] = {"highpass": raw.info["highpass"], "lowpass": raw.info["lowpass"]}
write(golden, __file__)
