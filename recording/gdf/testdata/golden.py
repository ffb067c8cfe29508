"""Makes golden.json: what MNE-Python 1.13 sees in the GDF files of GYRUS_DATA."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, summary, write  # noqa: E402

golden = {}
for name in ("eeg/formats/gdf/test_1ch.gdf", "eeg/ssvep-exo/subject01_run1.gdf"):
    raw = mne.io.read_raw_gdf(os.path.join(DATA, name))
    golden[name] = summary(raw, 1 / raw._raw_extras[0]["units"])
write(golden, __file__)
