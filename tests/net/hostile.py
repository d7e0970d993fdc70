# SPDX-License-Identifier: Apache-2.0
"""Peers that are slow, silent, many, or hostile: they harm themselves and nobody else."""
import gzip
import os
import random
import resource
import socket
import struct
import sys
import tempfile
import threading

from peer import *

TCP, FORWARD = "syslog+tcp://127.0.0.1:0", "forward://127.0.0.1:0"


def connect(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(20)
    return s


def hung_up(s, seconds=20):
    s.settimeout(seconds)
    try:
        return s.recv(1) == b""
    except ConnectionError:
        return True
    except socket.timeout:
        return False


def frame(text):
    f = ("<13>1 2026-03-12T10:00:00Z host app - - - " + text).encode()
    return b"%d " % len(f) + f


def quick(p, port, n):
    """A well-behaved peer gets its records through at once, whatever the others do."""
    begin = p.lines()
    t = time.time()
    with connect(port) as s:
        for i in range(n):
            s.sendall(frame("an honest line %d" % i))
    ok = p.wait_lines(begin + n, 10)
    took = time.time() - t
    check(ok, "an honest peer had to wait: %d of %d lines" % (p.lines() - begin, n))
    return took


def test_slow_loris():
    p = Program(TCP + "?timeout=2", FORWARD + "?timeout=2")
    slow = [connect(p.port[i % 2]) for i in range(100)]
    stop = threading.Event()

    def drip():
        while not stop.wait(0.2):
            for i, s in enumerate(slow):
                try:  # the beginning of a message that never ends, byte by byte
                    s.send(b"9" if i % 2 == 0 and not i % 4 else b"<" if i % 2 == 0 else b"\x93")
                except OSError:
                    pass
    t = threading.Thread(target=drip)
    t.start()
    took = quick(p, p.port[0], 200)
    check(took < 3, "an honest peer took %.1f s beside slow ones" % took)
    check(p.wait_text("not complete in time", 10), "slow peers are not thrown out")
    time.sleep(2.5)
    stop.set()
    t.join()
    gone = sum(hung_up(s, 1) for s in slow[:8])
    for s in slow:
        s.close()
    p.stop()
    check(gone == 8, "%d of 8 slow peers are thrown out" % gone)
    check(p.stat("timeouts") >= 90, "timeouts: %s" % p.stat("timeouts"))


def test_silent_and_half_open():
    p = Program(TCP + "?idle=2&timeout=1", FORWARD + "?idle=2&timeout=1")
    s, f = connect(p.port[0]), connect(p.port[1])
    check(hung_up(s, 10) and hung_up(f, 10), "silent peers stay for ever")
    half = connect(p.port[0])  # has sent all it has, and never closes its other half
    half.sendall(frame("the last words"))
    half.shutdown(socket.SHUT_WR)
    check(hung_up(half, 10), "a half-open peer stays for ever")
    cut = connect(p.port[0])
    cut.sendall(b"50 <13>1 2026-03-12T10:00:00Z host app - - - unfini")
    cut.close()
    reset = connect(p.port[0])
    reset.sendall(frame("before the reset"))
    p.wait_lines(3, 5)
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset.close()
    texts = sorted(r["message"] for r in p.stop())
    check(texts == ["before the reset", "the last words", "unfini"], "texts: %s" % texts)


def test_thousand_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2200:
        print("fewer than 2,200 descriptors: the thousand connections are left out")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (2200, hard))
    p = Program(TCP + "?connections=1000")
    before = p.memory_kib()
    many = [connect(p.port[0]) for _ in range(1000)]
    end = time.time() + 20
    while time.time() < end and p.process.poll() is None:
        with open("/proc/%d/net/tcp" % p.process.pid) as _:
            if len(os.listdir("/proc/%d/fd" % p.process.pid)) > 1000:
                break
        time.sleep(0.05)
    late = connect(p.port[0])
    check(hung_up(late, 10), "one connection more than there are places")
    for i, s in enumerate(many):
        s.sendall(frame("line of connection %d" % i) + b"77 <13>")
    check(p.wait_lines(1000), "1,000 connections: %d lines" % p.lines())
    grown = p.memory_kib() - before
    check(grown < 100 << 10 or os.environ.get("CMG_SANITIZE"), "1,000 connections take %d KiB" % grown)
    for s in many:
        s.close()
    lines = {r["message"] for r in p.stop() if "line of" in r["message"]}
    check(len(lines) == 1000, "lines: %d" % len(lines))
    check(p.stat("refused") >= 1, "refused: %s" % p.stat("refused"))


def test_silent_ones_make_room():
    p = Program(TCP + "?connections=3")
    silent = [connect(p.port[0]) for _ in range(3)]
    time.sleep(10.5)
    silent[1].sendall(frame("still here"))
    p.wait_lines(1)
    new = connect(p.port[0])
    new.sendall(frame("a new one"))
    check(p.wait_lines(2, 10), "a silent connection does not make room")
    check(not hung_up(silent[1], 0.5), "the connection that spoke last had to go")
    p.stop()


def test_caps():
    """Messages of n-1, n and n+1 bytes, by count and by line."""
    n = 1000
    p = Program(TCP + "?frame=%d" % n)
    head = b"<13>1 2026-03-12T10:00:00Z host app - - - "
    want = []
    with connect(p.port[0]) as s:
        for by_count in (True, False):
            for size in (n - 1, n, n + 1, 3 * n, 40 * n):
                body = head + (b"%d-" % size) + b"x" * size
                body = body[:size]
                want.append((min(size, n) - len(head), size > n))
                s.sendall(b"%d " % size + body if by_count else body + b"\n")
            s.sendall(frame("next"))
            want.append((4, False))
    p.wait_lines(len(want))
    got = [(len(r["message"]), "truncated" in r["cmgpipe"].get("problems", [])) for r in p.stop()]
    check(got == want, "caps:\n  %s\n  %s" % (want, got))
    check(p.stat("cut") == 6, "counted: %s" % p.stat("cut"))


def test_line_caps():
    """Lines of wrapped files: n-1, n, n+1 bytes and many times that."""
    n, head = 4 << 20, "2026-03-12T10:00:00Z stdout F "
    for size in (n - 1, n, n + 1, 2 * n + 5, 9 * n):
        with tempfile.NamedTemporaryFile("w", suffix=".log") as f:
            f.write(head + "first\n" + (head + "x" * size)[:size] + "\n" + head + "last\n")
            f.flush()
            got = [(len(r["message"]), "truncated" in r["cmgpipe"].get("problems", []))
                   for r in run_file(f.name, "--max-record", "8M")]
        check(got == [(5, False), (min(size, n) - len(head), size > n), (4, False)], "a line of %d: %s" % (size, got))


def test_forward_caps():
    one = pack([1773309600, {"log": "x" * 50}])
    head = len(pack(["t", one, {"chunk": "c"}])) - len(one)
    size = 1000
    fill = size - head - len(one)
    for more, goes in ((-1, True), (0, True), (1, False)):
        p = Program(FORWARD + "?frame=%d" % size)
        entry_ = pack([1773309600, {"log": "x" * (50 + fill + more)}])
        message = pack(["t", entry_, {"chunk": "c"}])
        check(len(message) == size + more, "the test's own sum: %d" % len(message))
        f = Forward(p.port[0])
        f.socket.sendall(message)
        got = f.receive()
        check(got == ({"ack": "c"} if goes else None), "a message of %d bytes: %s" % (len(message), got))
        p.stop()
    for plain, goes in ((9999, True), (10000, True), (10001, False)):
        p = Program(FORWARD + "?inflated=10000")
        filler = pack([1773309600, {"log": ""}])
        text = "y" * (plain - len(pack([1773309600, {"log": "y" * 100}])) + 100)
        events = pack([1773309600, {"log": text}])
        check(len(events) == plain, "the test's own sum: %d %d" % (len(events), len(filler)))
        f = Forward(p.port[0])
        f.send(["t", gzip.compress(events), {"chunk": "z", "compressed": "gzip"}])
        got = f.receive()
        check(got == ({"ack": "z"} if goes else None), "%d bytes unpacked: %s" % (plain, got))
        p.stop()
    p = Program(FORWARD)
    for n_, goes in ((255, True), (256, True), (257, False)):
        f = Forward(p.port[0])
        f.send(["t", [[1773309600, {"log": "a line"}]], {"chunk": "n" * n_}])
        got = f.receive()
        check(got == ({"ack": "n" * n_} if goes else None), "a chunk's name of %d bytes" % n_)
    p.stop()


def test_bombs():
    p = Program(FORWARD + "?inflated=2M", TCP)
    before = p.memory_kib()
    entry_ = pack([1773309600, {"log": ""}])
    bombs = [gzip.compress(b"\0" * (30 << 20), 6), gzip.compress(entry_ * (1 << 19), 6),
             gzip.compress(b"\xc6\x7f\xff\xff\xff" + b"a" * (20 << 20), 6)]
    for bomb in bombs:
        f = Forward(p.port[0], 40)
        f.send(["t", bomb, {"chunk": "bomb", "compressed": "gzip"}])
        check(f.receive() is None, "a bomb of %d bytes is acknowledged" % len(bomb))
        f.close()
    grown = p.memory_kib() - before
    check(grown < 64 << 10 or os.environ.get("CMG_SANITIZE"), "bombs take %d KiB" % grown)
    quick(p, p.port[1], 50)
    p.stop()


def test_hostile_forward():
    random.seed(6)
    p = Program(FORWARD + "?timeout=3", TCP)
    deep = b"\x91" * 100000
    bad = [b"\xc1", b"\x93\xa1t\xc1", pack([]), pack(["t"]), pack([1, 2, 3]), pack({"a": 1}), pack("text"), deep,
           pack(["t", [[1, {"k": 1}]], {"compressed": "zstd"}]), pack(["t", b"xx", {"compressed": "gzip"}]),
           pack(["t", b"xx", {"compressed": "zstd"}]), pack(["t", [5]]), pack(["t", [[5]]]), pack(["t", [[1, 2]]]),
           pack(["t", 5]), pack(["t", [[1, {"a": 1}, 3]]]), pack(["t", b"\x92"]), b"\xdd\xff\xff\xff\xff",
           b"\x92\xa1t\xdd\x00\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00",
           pack(["t", [[1, {"a": eval("[" * 40 + "]" * 40)}]]])]
    for b in bad:
        f = Forward(p.port[0], 15)
        try:
            f.socket.sendall(b)
            f.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        check(f.receive() is None, "an answer to %r" % b[:40])
        f.close()
    for _ in range(300):
        f = Forward(p.port[0], 15)
        good = bytearray(pack(["t", gzip.compress(pack([1, {"log": "some line"}])),
                               {"chunk": "c", "compressed": "gzip"}]))
        for _ in range(random.randint(1, 4)):
            good[random.randrange(len(good))] = random.randrange(256)
        try:
            f.socket.sendall(good)
        except OSError:
            pass
        f.close()
    quick(p, p.port[1], 50)
    p.stop()


def test_hostile_syslog():
    random.seed(7)
    p = Program(TCP + "?frame=2000", "syslog+udp://127.0.0.1:0?frame=2000")
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.connect(("127.0.0.1", p.port[1]))
    bad = [b"", b"<", b"<999>x", b"<13>", b"0 x", b"999999999 <", b"99999999999999999999 <13>x", b"\0\0\0", b"\n\n\n",
           b"5 <13>a" * 1000, b"<13>1 - - - - - " * 500, b"{" * 5000, b"[" * 5000, b'{"log":' * 1000, b"\xff" * 3000,
           b'{"log":"\\ud800"}\n', b"<13>Feb 30 25:61:61 x y: z\n", b'[{"log":1},{"log":null}]\n', b"12 {\n", b"1 <"]
    for b in bad + [bytes(random.randrange(256) for _ in range(random.randrange(4000))) for _ in range(200)]:
        with connect(p.port[0]) as s:
            s.sendall(b)
        u.send(b)
    quick(p, p.port[0], 50)
    p.stop()


def test_many_origins():
    """More hosts than there are streams: all records, nothing kept."""
    p = Program(TCP)
    with connect(p.port[0]) as s:
        for i in range(5000):
            f = b"<13>1 2026-03-12T10:00:00Z host%d app%d - - - line %d" % (i, i % 7, i)
            s.sendall(b"%d " % len(f) + f)
    check(p.wait_lines(5000), "records: %d" % p.lines())
    check(len({r["message"] for r in p.stop()}) == 5000, "every record once")


def test_bare_lines_of_two_connections():
    """Lines that name no origin: what two connections from one address interleave never becomes one record."""
    p = Program(TCP)
    a, b = connect(p.port[0]), connect(p.port[0])
    for i in range(20):
        parts = [ccm("first half %s%d\nsecond half %s%d" % (w, i, w, i), i).encode().split(b"\n") for w in "ab"]
        for s, part in ((a, parts[0][0]), (b, parts[1][0]), (a, parts[0][1]), (b, parts[1][1])):
            s.sendall(part + b"\n")
            time.sleep(0.01)
    for s in (a, b):  # equal lines stay as many as they are
        s.sendall(b"the same words\n" * 2)
    a.close()
    b.close()
    p.wait_lines(42, 5)
    got = p.stop()
    want = ["first half %s%d\nsecond half %s%d" % (w, i, w, i) for w in "ab" for i in range(20)]
    texts = [r["message"] for r in got]
    check(sorted(t for t in texts if "half" in t) == sorted(want), "halves: %s" % texts[:6])
    check("\n".join(texts).count("the same words") == 4, "equal lines: %s" % texts[-4:])
    check(len({r["event"]["id"] for r in got}) == len(got), "two records have one id")


def test_memory_of_all():
    """All connections together hold more than may be: those with most go, the others stay."""
    p = Program(TCP + "?frame=67108864")
    before = p.memory_kib()
    fat = [connect(p.port[0]) for _ in range(8)]
    junk = b"x" * (1 << 20)
    for _ in range(48):
        for s in fat:
            try:
                s.sendall(junk)
            except OSError:
                pass
    quick(p, p.port[0], 50)
    grown = p.memory_kib() - before
    check(grown < 400 << 10 or os.environ.get("CMG_SANITIZE"), "they take %d KiB" % grown)
    check(p.wait_text("hold too much", 5), "nobody had to go")
    for s in fat:
        s.close()
    p.stop()


def test_full_sink():
    """Nobody takes the records: senders have to wait, datagrams are counted, nothing grows."""
    reader, writer = os.pipe()
    p = Program(TCP, "syslog+udp://127.0.0.1:0", stdout=os.fdopen(writer, "wb"))
    p.out.close()
    s = connect(p.port[0])
    s.settimeout(2)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += s.send(frame("y" * 900) * 50)
    except socket.timeout:
        pass
    check(sent < 64 << 20, "a sender never has to wait")
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(60000):
        u.sendto(b"<13>1 2026-03-12T10:00:00Z host app - - - " + b"z" * 1000, ("127.0.0.1", p.port[1]))
    check(p.memory_kib() < 300 << 10 or os.environ.get("CMG_SANITIZE"), "memory: %d KiB" % p.memory_kib())
    taken = [0]

    def take():
        while True:
            more = os.read(reader, 1 << 16)
            if not more:
                return
            taken[0] += more.count(b"\n")
    t = threading.Thread(target=take)
    t.start()
    s.close()
    last, end = -1, time.time() + 30
    while taken[0] != last and time.time() < end:
        last = taken[0]
        time.sleep(1)
    u.sendto(b"<13>1 2026-03-12T10:00:00Z host app - - - the next one", ("127.0.0.1", p.port[1]))
    time.sleep(0.5)
    p.process.send_signal(signal.SIGTERM)
    check(p.process.wait(40) == 0, "end: %s" % p.err()[-2000:])
    t.join(10)
    lost = p.stat("datagrams_lost")
    check(lost and taken[0] + lost >= 60000, "taken %d, lost %s" % (taken[0], lost))


TESTS = [v for k, v in list(globals().items()) if k.startswith("test_")]
for test in TESTS:
    if len(sys.argv) < 2 or any(a in test.__name__ for a in sys.argv[1:]):
        begun = time.time()
        test()
        print("%s: %.1f s" % (test.__name__, time.time() - begun), flush=True)
done()
