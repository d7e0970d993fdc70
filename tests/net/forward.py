# SPDX-License-Identifier: Apache-2.0
"""The forward protocol: modes, acknowledgement, shared key, limits; and clients that others wrote."""
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading

from peer import *

SUITE = sys.argv[1]
URL = "forward://127.0.0.1:0"
work = tempfile.TemporaryDirectory(prefix="cmgpipe-forward-")
build = os.path.abspath(os.environ.get("CMG_BINARY_DIR") or work.name)


def skip(why):
    print("SKIPPED: " + why)
    sys.exit(77)


def entry(text, **more):
    return [EventTime(1773309600, 250000000), dict({"log": text}, **more)]


def messages(records):
    return [r["message"] for r in records if "original" in r["event"]]


# ---- what the protocol promises -----------------------------------------------------------------


def test_modes_in_pieces():
    """Every mode in single bytes, and all of them in one connection."""
    p = Program(URL)
    f = Forward(p.port[0])
    e = [entry(ccm("number %d" % i, i)) for i in range(6)]
    packed = b"".join(pack(x) for x in e[2:4])
    all_ = [["t", e[0][0], e[0][1]], ["t", e[1][0].bytes and 1773309600, e[1][1], {"chunk": "one"}], None,
            ["t", packed, {"chunk": "two", "size": 2}], ["t", packed.decode("latin-1") and packed, {}],
            ["t", gzip.compress(b"".join(pack(x) for x in e[4:])), {"chunk": "three", "compressed": "gzip"}],
            ["t", [[[1773309600, {"meta": 1}], e[5][1]]], {"chunk": "four"}], ["t", [], {"chunk": "five"}],
            ["t", b"", {"chunk": "six"}]]
    for o in all_:
        for byte in pack(o):
            f.socket.sendall(bytes([byte]))
    acks = [f.receive() for _ in range(6)]
    check(acks == [{"ack": x} for x in ("one", "two", "three", "four", "five", "six")], "acknowledgements: %s" % acks)
    f.close()
    got = messages(p.stop())
    check(got == ["number %d" % i for i in (0, 1, 2, 3, 2, 3, 4, 5, 5)], "modes: %s" % got)


def test_origin():
    p = Program(URL)
    f = Forward(p.port[0])
    f.send(["app.log", [entry("plain words one"), entry("plain words two", hostname="Other", path="C:\\x.log")]])
    f.close()
    p.wait_lines(2)
    one, two = p.stop()
    check(one["host"]["name"] == "127.0.0.1" and one["log"]["file"]["path"].endswith("#app.log"), "origin: %s" % one)
    check(two["host"]["name"] == "other" and two["log"]["file"]["path"] == "C:\\x.log", "origin: %s" % two)
    check(one["@timestamp"].startswith("2026-03-12T10:00:00.25"), "the event's own time: %s" % one["@timestamp"])


def test_not_before_it_has_arrived():
    """Nobody reads standard output: no acknowledgement. Somebody does: there it is."""
    reader, writer = os.pipe()
    p = Program(URL, stdout=os.fdopen(writer, "wb"))
    p.out.close()
    f = Forward(p.port[0])
    for at in range(20):
        f.send(["t", [entry(ccm("x" * 500, i)) for i in range(100)], {"chunk": "c%d" % at}])
    early = 0
    f.socket.settimeout(1.5)
    try:
        while f.receive():
            early += 1
    except socket.timeout:
        pass
    check(early < 20, "all chunks are acknowledged, although nobody took the records")
    taken = []

    def take():
        while True:
            more = os.read(reader, 1 << 16)
            if not more:
                return
            taken.append(more)
    t = threading.Thread(target=take)
    t.start()
    f.socket.settimeout(20)
    for at in range(early, 20):
        check(f.receive() == {"ack": "c%d" % at}, "chunk %d" % at)
    f.close()
    p.process.send_signal(signal.SIGTERM)
    check(p.process.wait(40) == 0, "end: %s" % p.err())
    t.join(20)
    check(b"".join(taken).count(b"\n") == 2000, "records: %d" % b"".join(taken).count(b"\n"))


def test_not_while_a_record_is_incomplete():
    p = Program(URL)
    f = Forward(p.port[0])
    whole = ccm("first line\nlast line", 1)
    head, tail = whole.split("\n")
    f.send(["t", [entry(head)], {"chunk": "head"}])
    check(f.silent(1.0), "half a record is acknowledged")
    f.send(["t", [entry(tail)], {"chunk": "tail"}])
    check([f.receive(), f.receive()] == [{"ack": "head"}, {"ack": "tail"}], "both halves")
    f.send(["t", [entry(head)], {"chunk": "never ends"}])
    begin = time.time()
    check(f.receive() == {"ack": "never ends"} and time.time() - begin > 3, "a record that is given up on")
    f.close()
    got = messages(p.stop())
    check(got[0] == "first line\nlast line" and len(got) == 2, "records: %s" % got)


def proof(*parts):
    return hashlib.sha512(b"".join(parts)).hexdigest()


def test_shared_key():
    key_file = os.path.join(work.name, "key")
    with open(key_file, "w") as f:
        f.write("secret of the test\n")
    p = Program(URL + "?shared-key-file=" + key_file + "&hostname=collector")

    def hello(key, host=b"client", salt=b"0123456789abcdef"):
        f = Forward(p.port[0])
        word, options = f.receive()
        check(word == "HELO" and options["auth"] == "" and options["keepalive"] is True, "HELO: %s" % options)
        f.send(["PING", host.decode(), salt, proof(salt, host, options["nonce"], key), "", ""])
        return f, f.receive(), proof(salt, b"collector", options["nonce"], key)

    f, pong, wanted = hello(b"secret of the test")
    check(pong == ["PONG", True, "", "collector", wanted], "PONG: %s" % pong)
    f.send(["t", [entry("with the key")], {"chunk": "k"}])
    check(f.receive() == {"ack": "k"}, "a chunk behind the handshake")
    f.close()
    f, pong, _ = hello(b"secret of the tesu")
    check(pong and pong[:2] == ["PONG", False] and pong[4] == "", "a wrong key: %s" % pong)
    check(f.receive() is None, "a wrong key is not hung up on")
    f = Forward(p.port[0])
    f.receive()
    f.send(["t", [entry("without the key")], {"chunk": "n"}])
    check(f.receive() is None, "events without a handshake")
    p.wait_lines(1)
    check(messages(p.stop()) == ["with the key"], "records with and without the key")
    check("secret of" not in p.err(), "the key is in the log")


def test_protocol():
    for test in (test_modes_in_pieces, test_origin, test_not_before_it_has_arrived,
                 test_not_while_a_record_is_incomplete, test_shared_key):
        test()
        print(test.__name__)


# ---- clients of others --------------------------------------------------------------------------

log = [r for r in make_records(600) if "\n" not in r][:300]
path = os.path.join(work.name, "in.log")
with open(path, "w") as out:
    out.write("".join(r + "\n" for r in log))


def compare(name, got):
    want, got = decoded(run_file(path)), decoded(got)
    check(len(got) == len(want), "%s: %d records, not %d" % (name, len(got), len(want)))
    for a, b in zip(want, got):
        if not check(a == b, "%s:\n  %s\n  %s" % (name, json.dumps(a), json.dumps(b))):
            return
    print("%s: %d records" % (name, len(got)))


PYTHON_CLIENT = """
import sys
from fluent import sender
s = sender.FluentSender('ccm', host='127.0.0.1', port=int(sys.argv[1]), nanosecond_precision=sys.argv[3] == 'ns')
for line in open(sys.argv[2]):
    assert s.emit('log', {'log': line.rstrip('\\n'), 'hostname': 'client'}), s.last_error
s.close()
"""


def test_python():
    venv = os.path.join(build, "peers", "fluent-logger")
    python = os.path.join(venv, "bin", "python3")
    env = {k: v for k, v in os.environ.items() if not k.endswith("SAN_OPTIONS")}
    if not os.path.exists(os.path.join(venv, "complete")):
        try:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True, timeout=60, env=env)
            subprocess.run([python, "-m", "pip", "install", "-q", "fluent-logger"], check=True, capture_output=True,
                           timeout=60, env=env)
            open(os.path.join(venv, "complete"), "w").close()
        except (OSError, subprocess.SubprocessError):
            skip("no virtual environment with fluent-logger can be made here")
    for precision in ("s", "ns"):
        p = Program(URL)
        subprocess.run([python, "-c", PYTHON_CLIENT, str(p.port[0]), path, precision], check=True, timeout=30, env=env)
        p.wait_lines(len(log))
        compare("fluent-logger of Python, " + precision, p.stop())


NODE_CLIENT = """
const { FluentClient } = require("@fluent-org/logger");
const lines = require("fs").readFileSync(process.argv[3], "utf8").trimEnd().split("\\n");
const [mode, key] = [process.argv[4], process.argv[5]];
const client = new FluentClient("ccm", {
    socket: { host: "127.0.0.1", port: Number(process.argv[2]) }, eventMode: mode, ack: { ackTimeout: 10000 },
    security: key ? { clientHostname: "node", sharedKey: key } : undefined,
    sendQueueFlushInterval: 10 });
Promise.all(lines.map((line) => client.emit("log", { log: line, hostname: "client" })))
    .then(() => client.shutdown()).then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
"""


def test_node():
    if not shutil.which("npm") or not shutil.which("node"):
        skip("no node and npm")
    folder = os.path.join(build, "peers", "node")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(os.path.join(folder, "node_modules", "@fluent-org", "logger")):
        try:
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, "@fluent-org/logger"],
                           check=True, capture_output=True, timeout=50)
        except (OSError, subprocess.SubprocessError):
            skip("@fluent-org/logger of npm cannot be installed here")
    with open(os.path.join(folder, "client.js"), "w") as f:
        f.write(NODE_CLIENT)
    with open(os.path.join(work.name, "key"), "w") as f:
        f.write("between the two\n")
    for mode in ("Message", "Forward", "PackedForward", "CompressedPackedForward"):
        for key in ("", "between the two"):
            p = Program(URL + ("?shared-key-file=%s/key" % work.name if key else ""))
            done_ = subprocess.run(["node", os.path.join(folder, "client.js"), str(p.port[0]), path, mode] +
                                   ([key] if key else []), timeout=40, capture_output=True, text=True)
            check(done_.returncode == 0, "%s: the client waits for its acknowledgements: %s" % (mode, done_.stderr[-800:]))
            p.wait_lines(len(log))
            compare("@fluent-org/logger, %s%s, acknowledged" % (mode, ", shared key" if key else ""), p.stop())


def test_fluent_bit():
    host = os.environ.get("FLUENT_BIT") or shutil.which("fluent-bit")
    if not host or not os.access(host, os.X_OK):
        skip("no fluent-bit (PATH or FLUENT_BIT)")
    with open(os.path.join(work.name, "key"), "w") as f:
        f.write("between the two\n")
    plain, secret = URL, URL + "?shared-key-file=%s/key" % work.name
    forward = ["-o", "forward", "-p", "host=127.0.0.1"]
    rows = [("plain", plain, forward), ("acknowledged", plain, forward + ["-p", "require_ack_response=true"]),
            ("gzip, acknowledged", plain, forward + ["-p", "require_ack_response=true", "-p", "compress=gzip"]),
            ("shared key", secret, forward + ["-p", "shared_key=between the two", "-p", "self_hostname=client",
                                              "-p", "require_ack_response=true"]),
            ("time as a number", plain, forward + ["-p", "time_as_integer=true"]),
            ("syslog RFC 5424 over TCP", "syslog+tcp://127.0.0.1:0", [
                "-o", "syslog", "-p", "host=127.0.0.1", "-p", "mode=tcp", "-p", "syslog_format=rfc5424",
                "-p", "syslog_message_key=log", "-p", "syslog_maxsize=65536"]),
            ("JSON lines over TCP", "syslog+tcp://127.0.0.1:0", [
                "-o", "tcp", "-p", "host=127.0.0.1", "-p", "format=json_lines"])]
    if certificates(work.name):
        rows.append(("TLS", "forward+tls://127.0.0.1:0?cert=%s/server.pem&key=%s/server.key" % ((work.name,) * 2),
                     forward + ["-p", "tls=on", "-p", "tls.verify=off", "-p", "require_ack_response=true"]))
    for name, url, output in rows:
        p = Program(url)
        argv = [host, "-q", "-f", "0.5", "-i", "tail", "-p", "path=" + path, "-p", "read_from_head=true",
                *output, "-m", "*", "-p", "port=%d" % p.port[0], "-p", "retry_limit=3"]
        with open(os.path.join(work.name, "said"), "wb") as said:
            f = subprocess.Popen(argv, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        p.wait_lines(len(log), 20)
        f.terminate()
        try:
            f.wait(15)
        except subprocess.TimeoutExpired:
            f.kill()
        compare("Fluent Bit, " + name, p.stop())
        said = open(os.path.join(work.name, "said"), errors="replace").read()
        check("error" not in said.lower(), "Fluent Bit, %s: %s" % (name, said[-1500:]))
        if "acknowledged" in name or name == "shared key":
            check(p.stat("chunks") and p.stat("chunks") == p.stat("chunks_acked"), "chunks: %s" % p.err()[-600:])


{"protocol": test_protocol, "python": test_python, "node": test_node, "fluent-bit": test_fluent_bit}[SUITE]()
done()
