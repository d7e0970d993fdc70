# SPDX-License-Identifier: Apache-2.0
"""What the tests beside this file share: the program as a child, a msgpack of its own, senders."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(os.environ["CMGPIPE"])
checks = [0, 0]


def check(ok, what):
    checks[0] += 1
    if not ok:
        checks[1] += 1
        print("FAILED: " + what, file=sys.stderr)
    return ok


def done():
    print("%d checks, %d failed" % tuple(checks))
    sys.exit(1 if checks[1] else 0)


def clean_environment():
    env = {k: v for k, v in os.environ.items() if not k.startswith("CMGPIPE")}
    env["HOME"] = env["XDG_CONFIG_HOME"] = env["XDG_STATE_HOME"] = "/nonexistent"
    return env


class Program:
    """cmgpipe with inputs; `port[i]` is that of the i-th URL."""

    def __init__(self, *inputs, options=(), stdout=None):
        self.dir = tempfile.TemporaryDirectory(prefix="cmgpipe-net-")
        self.out_path = os.path.join(self.dir.name, "out")
        self.err_path = os.path.join(self.dir.name, "err")
        argv = [PROGRAM, "--host", "receiver", "--stats"] + list(options)
        for i in inputs:
            argv += ["-i", i]
        self.out = stdout if stdout is not None else open(self.out_path, "wb")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=open(self.err_path, "wb"), env=clean_environment())
        self.port = []
        nets = [i for i in inputs if "://" in i]
        end = time.time() + 20
        while len(self.port) < len(nets) and time.time() < end and self.process.poll() is None:
            self.port = [int(p) for p in re.findall(r"msg=listening.* address=\S*:(\d+)", self.err())]
            time.sleep(0.02)
        if len(self.port) < len(nets):
            print(self.err(), file=sys.stderr)
            raise SystemExit("the program does not listen")

    def err(self):
        with open(self.err_path, "r", errors="replace") as f:
            return f.read()

    def lines(self):
        with open(self.out_path, "rb") as f:
            return f.read().count(b"\n")

    def wait_lines(self, n, seconds=30):
        end = time.time() + seconds
        while time.time() < end and self.process.poll() is None:
            if self.lines() >= n:
                return True
            time.sleep(0.02)
        return self.lines() >= n

    def wait_text(self, pattern, seconds=20):
        end = time.time() + seconds
        while time.time() < end:
            if re.search(pattern, self.err()):
                return True
            time.sleep(0.02)
        return False

    def memory_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def stop(self, status=0):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            got = self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            got = "no end"
        check(got == status, "exit status %s, not %s\n%s" % (got, status, self.err()[-3000:]))
        check("Sanitizer" not in self.err(), self.err()[-6000:])
        return self.records()

    def records(self):
        with open(self.out_path, "rb") as f:
            return [json.loads(line) for line in f if line.strip()]

    def stat(self, name):
        found = re.findall(r"msg=statistics.* %s=(\d+)" % name, self.err())
        return int(found[-1]) if found else None


def run_file(path, *options):
    p = subprocess.run([PROGRAM, "--host", "receiver", *options, path], capture_output=True,
                       env=clean_environment(), timeout=60)
    check(p.returncode == 0, "cmgpipe %s: %d %s" % (path, p.returncode, p.stderr[-2000:]))
    return [json.loads(line) for line in p.stdout.splitlines()]


# ---- msgpack, enough of it for the forward protocol ---------------------------------------------


class EventTime:
    def __init__(self, seconds, ns=0):
        self.bytes = b"\xd7\x00" + struct.pack(">II", seconds, ns)


def pack(o):
    if o is None:
        return b"\xc0"
    if o is True or o is False:
        return b"\xc3" if o else b"\xc2"
    if isinstance(o, EventTime):
        return o.bytes
    if isinstance(o, int):
        return struct.pack("B", o) if 0 <= o < 128 else b"\xcf" + struct.pack(">Q", o)
    if isinstance(o, float):
        return b"\xcb" + struct.pack(">d", o)
    if isinstance(o, bytes):
        return b"\xc6" + struct.pack(">I", len(o)) + o
    if isinstance(o, str):
        b = o.encode("utf-8", "surrogateescape")
        return (struct.pack("B", 0xA0 | len(b)) if len(b) < 32 else b"\xdb" + struct.pack(">I", len(b))) + b
    if isinstance(o, (list, tuple)):
        head = struct.pack("B", 0x90 | len(o)) if len(o) < 16 else b"\xdd" + struct.pack(">I", len(o))
        return head + b"".join(pack(x) for x in o)
    head = struct.pack("B", 0x80 | len(o)) if len(o) < 16 else b"\xdf" + struct.pack(">I", len(o))
    return head + b"".join(pack(k) + pack(v) for k, v in o.items())


def unpack(b, at=0):
    """The object at `at`, and where the next one begins. IndexError or struct.error: more has to come."""
    c = b[at]
    at += 1

    def take(n):
        if at + n > len(b):
            raise IndexError
        return b[at:at + n], at + n

    if c < 0x80:
        return c, at
    if c in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[c], at
    if 0xA0 <= c < 0xC0:
        s, at = take(c & 31)
        return s.decode(), at
    if c in (0xC4, 0xC5, 0xC6, 0xD9, 0xDA, 0xDB):
        width = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}[c]
        n, at = take(width)
        s, at = take(int.from_bytes(n, "big"))
        return (s if c < 0xD0 else s.decode()), at
    if 0x90 <= c < 0xA0:
        out = []
        for _ in range(c & 15):
            v, at = unpack(b, at)
            out.append(v)
        return out, at
    if 0x80 <= c < 0x90:
        out = {}
        for _ in range(c & 15):
            k, at = unpack(b, at)
            out[k], at = unpack(b, at)
        return out, at
    raise ValueError("a byte that the program does not send: %#x" % c)


class Forward:
    """A client of the forward protocol."""

    def __init__(self, port, seconds=20):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(seconds)
        self.got = b""

    def send(self, o):
        self.socket.sendall(pack(o))

    def receive(self):
        """One object; None: the program has hung up."""
        while True:
            if self.got:
                try:
                    v, at = unpack(self.got)
                    self.got = self.got[at:]
                    return v
                except (IndexError, struct.error):
                    pass
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.got += more

    def silent(self, seconds):
        """Does nothing come for so long?"""
        old = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            return not self.got and self.socket.recv(1, socket.MSG_PEEK) is None
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(old)

    def close(self):
        self.socket.close()


# ---- certificates -------------------------------------------------------------------------------


def certificates(folder):
    """An authority, a server and a client; False: there is no openssl."""
    def run(*a):
        subprocess.run(["openssl", *a], check=True, cwd=folder, capture_output=True)
    try:
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=test authority")
        for name, alt in (("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
                          ("client", "subjectAltName=DNS:client.contoso.example")):
            run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr",
                "-subj", "/CN=" + ("localhost" if name == "server" else "client.contoso.example"))
            with open(os.path.join(folder, name + ".ext"), "w") as f:
                f.write(alt + "\n")
            run("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", name + ".ext")
        return True
    except (OSError, subprocess.CalledProcessError):
        return False


# ---- a log --------------------------------------------------------------------------------------


def ccm(text, second, component="LocationServices", thread=7, level=1):
    return ('<![LOG[%s]LOG]!><time="%02d:%02d:%02d.%03d-60" date="03-12-2026" component="%s" context="" '
            'type="%d" thread="%d" file="%s.cpp:%d">' % (
                text, 9 + second // 3600, second // 60 % 60, second % 60, second % 997, component, level, thread,
                component.lower(), 100 + thread))


def make_records(n):
    """n records of several formats, some of several lines, some of them failures."""
    out = []
    i = 0
    while len(out) < n:
        i += 1
        kind = i % 10
        if kind == 1:
            out.append(ccm("[CCMHTTP] ERROR: URL=https://cmg%d.contoso.example/CCM_Proxy_MutualAuth/%d/SMS_MP/"
                           ".sms_aut, Port=443, Options=31, Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE" % (i % 3, i),
                           i, thread=i))
            out.append(ccm("[CCMHTTP] ERROR INFO: StatusCode=403 StatusText=CMGConnector_Forbidden", i, thread=i))
        elif kind == 4:
            out.append(ccm("two\nlines with a \"quote\", a \\ and caf\u00e9 %d" % i, i, component="Messaging", level=2))
        elif kind == 6:
            out.append("Row %d of a server~  $$<SMS_HMAN><03-12-2026 %02d:%02d:%02d.000-60><thread=12 (0xC)>"
                       % (i, 9 + i // 3600, i // 60 % 60, i % 60))
        elif kind == 8:
            out.append(ccm("Failed to send request to /CCM_Proxy_MutualAuth/%d at host cmg.contoso.example, "
                           "error 0x2efd" % i, i, thread=1000 + i, level=3))
        else:
            out.append(ccm("Ordinary words, number %d: #notanescape [x] {y} <z>" % i, i))
    return out[:n]


def decoded(records):
    """What does not depend on the way: everything but origin, and ids by their order of appearance."""
    ids, out = {}, []
    for r in records:
        r = json.loads(json.dumps(r))
        r.pop("host", None)
        r.get("log", {}).pop("file", None)
        r.get("log", {}).pop("offset", None)
        r.get("event", {}).pop("id", None)
        c = r.get("cmgpipe", {})
        c.pop("record", None)
        incident = c.get("incident", {})
        for k in ("id", "promoted"):
            if k in incident:
                incident[k] = ids.setdefault(incident[k], len(ids)) if k == "id" else True
        if c.get("problems") == []:
            c.pop("problems")
        out.append(r)
    return out
