"""Makes golden.json: what MNE-Python sees in the EDF and BDF files of GYRUS_DATA. Run it with MNE-Python 1.13 and that set.

Every signal is read alone, so that MNE gives it at its own rate; values are in the unit of the file.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "records", "recordtest"))
from golden import DATA, events, mne, signal, write  # noqa: E402

FILES = """eeg/formats/edf/SC4001EC-Hypnogram.edf
eeg/formats/edf/chtypes_edf.edf
eeg/formats/edf/duplicate_channel_labels.edf
eeg/formats/edf/subsecond_starttime.edf
eeg/formats/edf/test_bdf_stim_channel.bdf
eeg/formats/edf/test_uneven_samp.edf
eeg/formats/edf/test_utf8_annotations.edf
eeg/eeglab/test.bdf
eeg/eeglab/test.edf
eeg/eegmmidb-s001/S001R04.edf
eeg/eegmmidb-s001/S001R08.edf
eeg/dreams-spindles/excerpt3.edf
ieeg/mne-ecog/sample_ecog.edf
formats/edf-pyedflib/test_generator_datarec_generator_2.bdf
formats/edf-pyedflib/test_subsecond.edf
formats/edf-pyedflib/test_utf8.edf""".split()

golden = {}
for name in FILES:
    path = os.path.join(DATA, name)
    read = mne.io.read_raw_bdf if name.endswith("bdf") else mne.io.read_raw_edf
    g = golden[name] = {}
    try:
        g["events"] = events(mne.read_annotations(path))
    except Exception as e:  # BDF needs the raw object
        g["events"] = None
    if "Hypnogram" in name:  # no signals
        g.update(names=[], rate=0, frames=0, start="", signals=[])
        continue
    raw = read(path, exclude_after_unique=True)
    if g["events"] is None or name.endswith("bdf") or "subsecond" in name:
        g["events"] = events(raw.annotations)
    g.update(names=raw.ch_names, rate=raw.info["sfreq"], frames=raw.n_times,
             start="" if raw.info["meas_date"] is None else raw.info["meas_date"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    if "Status" in raw.ch_names:  # [sample, code], also where one code follows another
        g["extra"] = [[int(e[0]), int(e[2])] for e in
                      mne.find_events(raw, "Status", consecutive=True, shortest_event=1, mask=0xFFFF, mask_type="and")]
    g["signals"] = []
    for ch in raw.ch_names:
        one = read(path, include=[ch], exclude_after_unique=True)
        s = signal(one.get_data()[0] / one._raw_extras[0]["units"][0])
        s["rate"] = one.info["sfreq"]
        g["signals"].append(s)
write(golden, __file__)
