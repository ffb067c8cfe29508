"""Makes golden.json: what MNE-Python 1.13 sees in test.cnt of GYRUS_DATA, in microvolts.

Two things are put right. The header's number of samples is wrong, so MNE is asked to count. And ChannelOffset claims blocks
of 8 samples where the samples are multiplexed: read as blocks, neighbouring samples of VEOG jump between about 230 and -120,
the values of the two channels; so MNE is made to read them multiplexed.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, mne, summary, write  # noqa: E402

name = "eeg/formats/cnt-neuroscan/test.cnt"
raw = mne.io.read_raw_cnt(os.path.join(DATA, name), data_format="int16", recompute_n_samples=True)
raw._raw_extras[0]["channel_offset"] = 1
g = summary(raw, [1e6] * len(raw.ch_names))
del g["types"], g["positions"]
write({name: g}, __file__)
