# SPDX-License-Identifier: Apache-2.0
"""The same 1,000 records through every envelope and every source: one table. Only their origin may differ."""
import gzip
import json
import os
import socket
import ssl
import sys
import tempfile

from peer import *

N = 1000
records = make_records(N)
HOST, PATH, T = "client7.contoso.example", "C:\\Windows\\CCM\\Logs\\LocationServices.log", "2026-03-12T10:00:00"

# ---- envelopes: what one record becomes, as a list of frames ------------------------------------


def escaped(s):
    return s.replace("\n", "#012")


def rfc5424(i, r):
    return ["<134>1 %s.%06dZ %s ccm 42 - [meta seq=\"%d\" x=\"a\\]b\"] \ufeff%s" % (T, i, HOST, i, escaped(r))]


def rfc5424_raw(i, r):
    return ["<134>1 %s.%06dZ %s ccm - - - %s" % (T, i, HOST, r)]


def rfc3164(i, r):
    return ["<13>Mar 12 10:00:%02d %s ccm[42]: %s" % (i % 60, HOST, escaped(r))]


def rsyslog_forward(i, r):
    return ["<13>%s.%06d+00:00 %s ccm[42]: %s" % (T, i, HOST, escaped(r))]


def rsyslog_file(i, r):
    return ["%s.%06d+00:00 %s ccm[42]: %s" % (T, i, HOST, escaped(r))]


def j(o):
    return [json.dumps(o, ensure_ascii=False)]


def fluent_bit(i, r):
    return j({"date": 1773309600.5 + i, "log": r, "path": PATH, "hostname": HOST, "offset": 1000 * i})


def filebeat(i, r):
    return j({"@timestamp": T + ".123Z", "@metadata": {"beat": "filebeat"}, "message": r,
              "log": {"offset": 1000 * i, "file": {"path": PATH}}, "host": {"name": HOST}, "agent": {"type": "filebeat"}})


def nxlog(i, r):
    return j({"EventReceivedTime": "2026-03-12 10:00:00", "SourceModuleName": "in", "SourceModuleType": "im_file",
              "Message": r, "Hostname": HOST})


def vector(i, r):
    return j({"file": PATH, "host": HOST, "message": r, "offset": 1000 * i, "source_type": "file", "timestamp": T + "Z"})


def docker(i, r):
    out = []
    for line in r.split("\n"):
        half = len(line) // 2
        for part in ([line[:half], line[half:] + "\n"] if i % 3 == 0 else [line + "\n"]):
            out += j({"log": part, "stream": "stdout", "time": "%s.%09dZ" % (T, i)})
    return out


def cri(i, r):
    out = []
    for line in r.split("\n"):
        half = len(line) // 2
        if i % 3 == 0:
            out.append("%s.%09dZ stdout P %s" % (T, i, line[:half]))
            line = line[half:]
        out.append("%s.%09dZ stdout F %s" % (T, i, line))
    return out


def nested(i, r):
    return ["<134>1 %sZ %s nxlog - - - %s" % (T, "relay.contoso.example", filebeat(i, r)[0])]


def twice(i, r):
    return j({"log": rfc5424(i, r)[0] + "\n", "stream": "stdout", "time": T + "Z"})


def torn(i, r):
    """A forwarder of bytes cut UTF-16 at its line feeds; JSON, as Fluent Bit would send it."""
    raw = (r + "\r\n").encode("utf-16-le")
    out = []
    for at, piece in enumerate(raw.split(b"\n")[:-1]):
        if i or at:
            piece = b"\0" + piece.lstrip(b"\0") if at else b"\0" + piece
        out += j({"log": piece.decode("latin-1"), "path": PATH, "hostname": HOST})
    return out


LINE = {  # may stand in a file, one frame a line
    "rfc5424": rfc5424, "rfc3164": rfc3164, "rsyslog-forward": rsyslog_forward, "rsyslog-file": rsyslog_file,
    "fluent-bit": fluent_bit, "filebeat": filebeat, "nxlog": nxlog, "vector": vector, "docker": docker, "cri": cri,
    "syslog-in-docker": twice, "json-in-syslog": nested, "torn": torn}

work = tempfile.TemporaryDirectory(prefix="cmgpipe-same-")
base = os.path.join(work.name, "LocationServices.log")
with open(base, "w", newline="") as f:
    f.write("".join(r + "\r\n" for r in records))
plain = decoded(run_file(base))
check(len([r for r in plain if "original" in r["event"]]) == N, "the file itself does not give %d records" % N)
check(sum("error" in r for r in plain) > 200, "too few failures to prove anything")


def compare(name, got):
    got = decoded(got)
    same = len(got) == len(plain)
    check(same, "%s: %d records, not %d" % (name, len(got), len(plain)))
    for at, (a, b) in enumerate(zip(plain, got)):
        a, b = dict(a), dict(b)
        problems = b.get("cmgpipe", {}).get("problems")
        for side in (a, b):  # line ends of several lines are the wrapper's business
            side["event"] = dict(side["event"])
            side["event"]["original"] = side["event"].get("original", "").replace("\r\n", "\n")
            side["message"] = side["message"].replace("\r\n", "\n")
        if a != b:
            check(False, "%s: record %d:\n  %s\n  %s %s" % (name, at, json.dumps(a), json.dumps(b), problems))
            return
    if same:
        print("%s: the same %d records" % (name, len(got)))


# ---- sources ------------------------------------------------------------------------------------


def frames_of(envelope):
    return [f.encode("utf-8") for i, r in enumerate(records) for f in envelope(i, r)]


def in_file(envelope):
    path = os.path.join(work.name, "wrapped")
    with open(path, "wb") as f:
        f.write(b"".join(frame + b"\n" for frame in frames_of(envelope)))
    return run_file(path)


def as_array(envelope):
    path = os.path.join(work.name, "array")
    frames = frames_of(envelope)
    with open(path, "wb") as f:
        for at in range(0, len(frames), 100):
            f.write(b"[" + b",".join(frames[at:at + 100]) + b"]\n")
    return run_file(path)


def by_stdin(envelope):
    path = os.path.join(work.name, "wrapped")
    with open(path, "wb") as f:
        f.write(b"".join(frame + b"\n" for frame in frames_of(envelope)))
    with open(path, "rb") as f:
        p = subprocess.run([PROGRAM, "--host", "receiver", "-i", "stdin:"], stdin=f, capture_output=True,
                           env=clean_environment(), timeout=60)
    check(p.returncode == 0, "stdin: %s" % p.stderr)
    return [json.loads(line) for line in p.stdout.splitlines()]


def listen(url, send):
    p = Program(url)
    send(p.port[0])
    p.wait_lines(N)
    return p.stop()


def chunks_of(data):
    """Cut anywhere, the same way each time."""
    at, step = 0, 1
    while at < len(data):
        yield data[at:at + step]
        at += step
        step = step * 7 % 9973 + 1


def tcp(frame):
    def source(envelope):
        def send(port):
            with socket.create_connection(("127.0.0.1", port)) as s:
                for piece in chunks_of(b"".join(frame(i, f) for i, f in enumerate(frames_of(envelope)))):
                    s.sendall(piece)
        return listen("syslog+tcp://127.0.0.1:0", send)
    return source


def udp(envelope):
    def send(port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", port))
            for i, f in enumerate(frames_of(envelope)):
                s.send(f)
                if i % 50 == 49:
                    time.sleep(0.01)
    return listen("syslog+udp://127.0.0.1:0", send)


def tls(envelope):
    def send(port):
        c = ssl.create_default_context(cafile=os.path.join(work.name, "ca.pem"))
        c.load_cert_chain(os.path.join(work.name, "client.pem"), os.path.join(work.name, "client.key"))
        with c.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as s:
            for piece in chunks_of(b"".join(b"%d " % len(f) + f for f in frames_of(envelope))):
                s.sendall(piece)
            s.unwrap()
    d = work.name
    return listen("syslog+tls://127.0.0.1:0?cert=%s/server.pem&key=%s/server.key&ca=%s/ca.pem&verify=required"
                  % (d, d, d), send)


def forward(mode):
    def source(_):
        entries = [[EventTime(1773309600 + i, 5) if i % 2 else 1773309600 + i,
                    {"log": r, "path": PATH, "hostname": HOST}] for i, r in enumerate(records)]

        def send(port):
            f = Forward(port)
            if mode == "message":
                for e in entries:
                    f.send(["ccm.log", e[0], e[1]])
                f.close()
                return
            for at in range(0, N, 250):
                part, option = entries[at:at + 250], {"chunk": "chunk-%d" % at}
                if mode == "forward":
                    f.send(["ccm.log", part, option])
                else:
                    packed = b"".join(pack(e) for e in part)
                    if mode == "gzip":  # several members, one behind the other
                        half = len(packed) // 2
                        packed = gzip.compress(packed[:half]) + gzip.compress(packed[half:])
                        option["compressed"] = "gzip"
                    f.send(["ccm.log", packed, option])
            for at in range(0, N, 250):
                check(f.receive() == {"ack": "chunk-%d" % at}, "forward %s: no acknowledgement" % mode)
            f.close()
        return listen("forward://127.0.0.1:0", send)
    return source


counted, lf, nul = (tcp(lambda i, f: b"%d " % len(f) + f), tcp(lambda i, f: f + b"\n"), tcp(lambda i, f: f + b"\0"))
mixed = tcp(lambda i, f: f + b"\n" if i % 3 == 0 else f + b"\0" if i % 3 == 1 else b"%d " % len(f) + f)
TABLE = [("file " + name, in_file, envelope) for name, envelope in LINE.items()] + [
    ("array of fluent-bit", as_array, fluent_bit), ("array of vector", as_array, vector),
    ("stdin rfc5424", by_stdin, rfc5424), ("stdin docker", by_stdin, docker),
    ("tcp counted rfc5424, raw line feeds", counted, rfc5424_raw), ("tcp counted rfc3164", counted, rfc3164),
    ("tcp lines rfc5424", lf, rfc5424), ("tcp lines fluent-bit", lf, fluent_bit), ("tcp lines nested", lf, nested),
    ("tcp lines cri", lf, cri), ("tcp lines torn", lf, torn), ("tcp NUL rfc5424, raw line feeds", nul, rfc5424),
    ("tcp NUL rfc3164", nul, rfc3164), ("tcp mixed framing", mixed, rfc5424),
    ("udp rfc5424, raw line feeds", udp, rfc5424_raw), ("udp rfc3164", udp, rfc3164), ("udp filebeat", udp, filebeat),
    ("forward message", forward("message"), None), ("forward forward", forward("forward"), None),
    ("forward packed", forward("packed"), None), ("forward gzip", forward("gzip"), None)]
if certificates(work.name):
    TABLE.append(("tls rfc5424, raw line feeds", tls, rfc5424_raw))
else:
    print("no openssl command: TLS is left out")
only = sys.argv[1:]
for name, source, envelope in TABLE:
    if not only or any(o in name for o in only):
        compare(name, source(envelope))
done()
