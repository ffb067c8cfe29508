"""Makes made-comp_raw.fif, made-complex-*.fif and more.json: compensation matrices and complex numbers as MNE-Python reads them.

    GYRUS_DATA=/path/to/data python more.py

Values in more.json were made with MNE-Python 1.13.2. Hashes are SHA-256 of little-endian bytes.
"""
import hashlib, json, os, pathlib, warnings

import mne
import numpy as np
from mne._fiff.ctf_comp import _calibrate_comp

mne.set_log_level("ERROR")
warnings.simplefilter("ignore")
HERE = pathlib.Path(__file__).parent


def sha(x, dtype):
    return hashlib.sha256(np.ascontiguousarray(x, dtype).tobytes()).hexdigest()[:16]


def comps_of(path):
    from mne._fiff.compensator import get_current_comp
    info = mne.io.read_info(path)
    return dict(grade=get_current_comp(info), comps=[dict(kind=c["kind"], calibrated=bool(c["save_calibrated"]), rows=c["data"]["row_names"],
                columns=c["data"]["col_names"], values=sha(c["data"]["data"], "<f8"), first=float(c["data"]["data"][0, 0])) for c in info["comps"]])


rng = np.random.default_rng(5)
names = ["MEG a name that is long 1", "MEG 2", "REF 1", "REF 2", "EEG 1"]
info = mne.create_info(names, 100.0, ["mag", "mag", "ref_meg", "ref_meg", "eeg"])
for c, cal in zip(info["chs"], [1e-12, 2e-12, 4e-12, 8e-12, 1e-6]):
    c["cal"] = cal
for c in info["chs"][:2]:
    c["coil_type"] = 5001 | 3 << 16
with info._unlock():
    for kind, code, saved in ((1, 0x47314252, False), (3, 0x47334252, True), (101, 101, False)):
        comp = dict(ctfkind=code, kind=kind, save_calibrated=saved,
                    data=dict(nrow=2, ncol=2, row_names=names[:2], col_names=names[2:4], data=rng.normal(size=(2, 2))))
        if saved:
            comp["rowcals"], comp["colcals"] = np.ones(2), np.ones(2)
        else:
            _calibrate_comp(comp, info["chs"], names[:2], names[2:4])
        info["comps"].append(comp)
raw = mne.io.RawArray(rng.normal(size=(5, 60)) * 1e-12, info)
raw.save(HERE / "made-comp_raw.fif", overwrite=True)

more = {"made-comp_raw.fif": comps_of(HERE / "made-comp_raw.fif")}
for path in sorted(pathlib.Path(os.environ["GYRUS_DATA"]).rglob("*raw*.fif*")):
    more[str(path.relative_to(os.environ["GYRUS_DATA"]))] = comps_of(path)

info = mne.create_info(["A", "B", "C"], 100.0, "eeg")
data = rng.normal(size=(2, 3, 7)) + 1j * rng.normal(size=(2, 3, 7))
epochs = mne.EpochsArray(data, info, np.array([[10, 0, 1], [30, 0, 2]]), tmin=-0.02, event_id=dict(x=1, y=2), proj=False)
for c, cal in zip(epochs.info["chs"], (1.0, 1e-3, 2.0)):
    c["cal"] = cal
for fmt in ("single", "double"):
    epochs.save(HERE / f"made-complex-{fmt}_epo.fif", fmt=fmt, overwrite=True)
    back = mne.read_epochs(HERE / f"made-complex-{fmt}_epo.fif", proj=False).get_data()
    more[f"made-complex-{fmt}_epo.fif"] = dict(shape=list(back.shape), data=sha(back, "<c16"), first=[back[0, 0, 0].real, back[0, 0, 0].imag])
evoked = mne.EvokedArray(data[0], info, tmin=-0.02, comment="phase", nave=3)
evoked.save(HERE / "made-complex_ave.fif", overwrite=True)
back = mne.read_evokeds(HERE / "made-complex_ave.fif", proj=False)[0].data
more["made-complex_ave.fif"] = dict(shape=list(back.shape), data=sha(back, "<c16"), first=[back[0, 0].real, back[0, 0].imag])
# Continuous complex samples.
raw = mne.io.RawArray(data[0], info)
raw.save(HERE / "made-complex_raw.fif", overwrite=True)
(HERE / "more.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, default=lambda x: x.item())}" for k, v in more.items()) + "\n}\n")
