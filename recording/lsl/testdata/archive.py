"""Records what liblsl sends and asks in protocol 1.00, so that the wire format is held without liblsl: archive.json.

Needs pylsl (which brings liblsl). Everything stays on the loopback interface. Run: python archive.py
"""
import base64, ctypes, json, os, pathlib, re, socket, tempfile, threading, time

cfg = tempfile.NamedTemporaryFile("w", suffix=".cfg", delete=False)
cfg.write("[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n[ports]\nIPv6 = disable\n[tuning]\nUseProtocolVersion = 100\n[log]\nlevel = -2\n")
cfg.close()
os.environ["LSLAPICFG"] = cfg.name
import pylsl
from pylsl.lib import lib

streaminfo_from_xml = lib.lsl_streaminfo_from_xml
streaminfo_from_xml.restype = ctypes.c_void_p
b64 = lambda b: base64.b64encode(b).decode()


def read_until_quiet(s, quiet=0.6):
    s.settimeout(quiet)
    out = b""
    try:
        while part := s.recv(65536):
            out += part
    except socket.timeout:
        pass
    return out


golden = {"liblsl": pylsl.library_version(), "feeds": []}
ask = b"LSL:streamfeed\r\n360 0\r\n"
for name in ("float32", "double64", "string", "int32", "int16", "int8", "int64"):
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("Golden " + name, "EEG", 3, 100.0, name, "source"))
    xml = outlet.get_info().as_xml()
    t = socket.create_connection(("127.0.0.1", int(re.search("<v4data_port>(.*)<", xml)[1])))
    t.sendall(ask)
    time.sleep(0.3)
    if name == "string":
        one, chunk = ["a", "", "Grüße"], [["x", "y", "z" * 300], ["1", "2", "3"]]
    elif name in ("float32", "double64"):
        one, chunk = [1, -2.5, 3], [[0, 1e30, 6], [-7, 1e-30, 65536]]
    else:
        one, chunk = [1, -2, 0], [[127, -128, 6], [-7, -1, 100]]
        if name != "int8":
            chunk += [[255, 256, -256], [32767, -32768, -129]]
    outlet.push_sample(one, 1000.25)
    outlet.push_chunk(chunk, 2000.5)
    golden["feeds"].append(dict(format=name, info=b64(xml.encode()), request=b64(ask), stream=b64(read_until_quiet(t)), one=one, chunk=chunk))
    t.close()
    del outlet

# What an inlet of liblsl asks: from a socket that poses as an outlet.
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(4)
xml = pylsl.StreamInfo("Posed", "EEG", 2, 100.0, "float32", "posed").as_xml()
for field, value in dict(v4address="127.0.0.1", v4data_port=listener.getsockname()[1], v4service_port=listener.getsockname()[1],
                         uid="8a3e6a54-0000-4000-8000-000000000001", created_at="1.5", hostname="here", session_id="default").items():
    xml = re.sub(f"<{field}>.*?</{field}>|<{field} />", f"<{field}>{value}</{field}>", xml)
inlet = pylsl.StreamInlet(pylsl.StreamInfo(handle=streaminfo_from_xml(xml.encode())), recover=False)


def pull():
    try:
        inlet.open_stream(timeout=2)
    except Exception:
        pass


th = threading.Thread(target=pull)
th.start()
c, _ = listener.accept()
golden["info"], golden["request"] = b64(xml.encode()), b64(read_until_quiet(c))
c.close()
th.join()
(pathlib.Path(__file__).parent / "archive.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
