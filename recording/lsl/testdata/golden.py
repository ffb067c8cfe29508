"""Records what liblsl sends, so that the wire format is held without liblsl: golden.json.

Needs pylsl (which brings liblsl). Everything stays on the loopback interface. Run: python golden.py
"""
import base64, json, os, pathlib, re, socket, struct, tempfile, threading, time

cfg = tempfile.NamedTemporaryFile("w", suffix=".cfg", delete=False)
cfg.write("[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n[ports]\nIPv6 = disable\n[log]\nlevel = -2\n")
cfg.close()
os.environ["LSLAPICFG"] = cfg.name
import ctypes

import pylsl
from pylsl.lib import lib

streaminfo_from_xml = lib.lsl_streaminfo_from_xml
streaminfo_from_xml.restype = ctypes.c_void_p

here = pathlib.Path(__file__).parent
b64 = lambda b: base64.b64encode(b).decode()


def read_until_quiet(s, quiet=0.6):
    s.settimeout(quiet)
    out = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                break
            out += part
    except socket.timeout:
        pass
    return out


def request(uid, size, order=1234, performance=0):
    return (f"LSL:streamfeed/110 {uid}\r\nNative-Byte-Order: {order}\r\nEndian-Performance: {performance}\r\nHas-IEEE754-Floats: 1\r\n"
            f"Supports-Subnormals: 1\r\nValue-Size: {size}\r\nData-Protocol-Version: 110\r\nMax-Buffer-Length: 360\r\nMax-Chunk-Length: 0\r\n"
            f"Hostname: h\r\nSource-Id: s\r\nSession-Id: default\r\n\r\n").encode()


formats = {"float32": 4, "double64": 8, "string": 0, "int32": 4, "int16": 2, "int8": 1, "int64": 8}
golden = {"liblsl": pylsl.library_version(), "feeds": [], "requests": []}
for name, size in formats.items():
    info = pylsl.StreamInfo("Golden " + name, "EEG", 3, 100.0, name, "source & <" + name + ">")
    channels = info.desc().append_child("channels")
    for label in ("C3", "Cz", "Ö4"):
        c = channels.append_child("channel")
        c.append_child_value("label", label)
        c.append_child_value("unit", "microvolts")
        c.append_child_value("type", "EEG")
    info.desc().append_child_value("manufacturer", "Gyrus & sons")
    outlet = pylsl.StreamOutlet(info)
    xml = outlet.get_info().as_xml()
    uid = re.search("<uid>(.*)</uid>", xml)[1]
    data, service = (int(re.search(f"<v4{k}_port>(.*)</v4{k}_port>", xml)[1]) for k in ("data", "service"))

    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))
    u.settimeout(2)
    query = f"session_id='default' and name='Golden {name}'"
    u.sendto(f"LSL:shortinfo\r\n{query}\r\n{u.getsockname()[1]} 12345\r\n".encode(), ("127.0.0.1", service))
    short = u.recv(65536)
    u.sendto(b"LSL:timedata\r\n77 1234.5\r\n", ("127.0.0.1", service))
    timing = u.recv(65536)
    t = socket.create_connection(("127.0.0.1", data))
    t.sendall(b"LSL:fullinfo\r\n")
    full = read_until_quiet(t)
    t.close()
    for order in (1234, 4321):
        t = socket.create_connection(("127.0.0.1", data))
        t.sendall(request(uid, size, order, 0))
        time.sleep(0.3)
        if name == "string":
            one, chunk = ["a", "", "Grüße"], [["x", "y", "z" * 300], ["1", "2", "3"]]
        else:
            one, chunk = [1, -2, 3], [[4, 5, 6], [-7, 8, 9], [10, 11, -12]]
        outlet.push_sample(one, 1000.25)
        outlet.push_chunk(chunk, 2000.5)
        stream = read_until_quiet(t)
        t.close()
        golden["feeds"].append(dict(format=name, order=order, query=query, request=b64(request(uid, size, order, 0)), short=b64(short), full=b64(full),
                                    timedata=b64(timing), stream=b64(stream), one=one, chunk=chunk))
    del outlet

# What an inlet of liblsl asks: from a socket that poses as an outlet.
for name in ("float32", "string"):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4)
    xml = pylsl.StreamInfo("Posed", "EEG", 2, 100.0, name, "posed").as_xml()
    port = listener.getsockname()[1]
    for field, value in dict(v4address="127.0.0.1", v4data_port=port, v4service_port=port, uid="8a3e6a54-0000-4000-8000-000000000001", created_at="1.5",
                             hostname="here", session_id="default").items():
        xml = re.sub(f"<{field}>.*?</{field}>|<{field} />", f"<{field}>{value}</{field}>", xml)
    posed = pylsl.StreamInfo(handle=streaminfo_from_xml(xml.encode()))
    inlet = pylsl.StreamInlet(posed, recover=False)

    def pull():
        try:
            inlet.open_stream(timeout=2)
        except Exception:
            pass

    th = threading.Thread(target=pull)
    th.start()
    c, _ = listener.accept()
    golden["requests"].append(dict(format=name, info=b64(xml.encode()), request=b64(read_until_quiet(c))))
    c.close()
    th.join()

(here / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
