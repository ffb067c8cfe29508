"""The other side of interop_test.go, spoken by liblsl through pylsl.

  liblsl.py CONFIG offer FORMAT     offers a stream and pushes samples until its input ends
  liblsl.py CONFIG read NAME COUNT  reads COUNT samples of the stream NAME and prints them as JSON
"""
import json, os, sys, threading, time

os.environ["LSLAPICFG"] = sys.argv[1]
import pylsl

if sys.argv[2] == "offer":
    name = sys.argv[3]
    info = pylsl.StreamInfo("Peer " + name, "EEG", 3, 100.0, name, "peer-" + name)
    channels = info.desc().append_child("channels")
    for label in ("C3", "Cz", "C4"):
        channels.append_child("channel").append_child_value("label", label)
    outlet = pylsl.StreamOutlet(info)
    print("ready", flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    outlet.wait_for_consumers(20)
    k = 0
    while not ended.is_set():
        values = [k % 100, -(k % 100), 7]
        sample = [str(v) for v in values] if name == "string" else values
        if k % 3:
            outlet.push_sample(sample, 1000 + k / 100)
        else:
            outlet.push_chunk([sample, sample], 1000 + k / 100)
        k += 1
        time.sleep(0.002)
else:
    name, count = sys.argv[3], int(sys.argv[4])
    found = pylsl.resolve_byprop("name", name, timeout=10)
    if not found:
        sys.exit("no stream " + name)
    inlet = pylsl.StreamInlet(found[0], recover=False)
    full = inlet.info(timeout=5)
    labels = []
    c = full.desc().child("channels").child("channel")
    while not c.empty():
        labels.append(c.child_value("label"))
        c = c.next_sibling()
    inlet.open_stream(timeout=5)
    offset = inlet.time_correction(timeout=5)
    print(json.dumps(dict(labels=labels, rate=full.nominal_srate(), source=full.source_id(), offset=offset)), flush=True)
    samples = []
    while len(samples) < count:
        sample, t = inlet.pull_sample(timeout=10)
        if sample is None:
            sys.exit("no sample came")
        samples.append([t, sample])
    print(json.dumps(samples), flush=True)
