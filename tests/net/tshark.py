# SPDX-License-Identifier: Apache-2.0
"""What tshark's syslog dissector reads in datagrams is what the program reads: host, program, time, text.

tshark is taken from the PATH, or unpacked into a folder of the build."""
import calendar
import glob
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from peer import *

PACKAGES = ["tshark", "wireshark-common", "libwireshark16", "libwireshark-data", "libwiretap13", "libwsutil14", "libbcg729-0",
            "libc-ares2", "liblua5.2-0", "libmaxminddb0", "libnl-3-200", "libnl-genl-3-200", "libpcap0.8", "libsbc1",
            "libsmi2ldbl", "libsnappy1v5", "libspandsp2", "libspeexdsp1", "libssh-gcrypt-4"]


def skip(why):
    print("SKIPPED: " + why)
    sys.exit(77)


def find():
    if shutil.which("tshark"):
        return ["tshark"], None
    root = os.path.join(os.environ.get("CMG_BINARY_DIR") or tempfile.gettempdir(), "peers", "tshark")
    program = os.path.join(root, "usr/bin/tshark")
    if not os.path.exists(os.path.join(root, "complete")):
        os.makedirs(root, exist_ok=True)
        try:
            subprocess.run(["apt-get", "download", *PACKAGES], cwd=root, check=True, capture_output=True, timeout=50)
            for deb in glob.glob(os.path.join(root, "*.deb")):
                subprocess.run(["dpkg", "-x", deb, root], check=True, capture_output=True)
            open(os.path.join(root, "complete"), "w").close()
        except (OSError, subprocess.SubprocessError):
            skip("no tshark, and its packages cannot be unpacked here")
    env = {k: v for k, v in os.environ.items() if not k.endswith("SAN_OPTIONS")}
    env["LD_LIBRARY_PATH"] = ":".join(glob.glob(os.path.join(root, "usr/lib/*-linux-gnu")) +
                                      glob.glob(os.path.join(root, "lib/*-linux-gnu")))
    env["WIRESHARK_DATA_DIR"] = os.path.join(root, "usr/share/wireshark")
    if subprocess.run([program, "--version"], env=env, capture_output=True).returncode:
        skip("the unpacked tshark does not start here")
    return [program], env


FRAMES = []
for pri in (0, 1, 13, 134, 191):
    for host in ("alpha", "beta.contoso.example", "10.0.0.7"):
        FRAMES.append("<%d>1 2026-03-12T10:00:%02d.%06dZ %s app%d 42 ID47 - words of line %d"
                      % (pri, len(FRAMES), len(FRAMES), host, pri, len(FRAMES)))
        FRAMES.append("<%d>1 2026-03-12T11:00:%02d+01:00 %s app - - [m@1 a=\"b\"] words of line %d"
                      % (pri, len(FRAMES), host, len(FRAMES)))


def capture(path):
    """A classic pcap file of raw IPv4."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for i, text in enumerate(FRAMES):
            data = text.encode()
            udp = struct.pack(">HHHH", 40000, 514, 8 + len(data), 0) + data
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i, 0, 64, 17, 0, bytes([127, 0, 0, 1]),
                             bytes([127, 0, 0, 1]))
            packet = ip + udp
            f.write(struct.pack("<IIII", 1773309600 + i, 0, len(packet), len(packet)) + packet)


command, env = find()
with tempfile.TemporaryDirectory(prefix="cmgpipe-tshark-") as work:
    path = os.path.join(work, "frames.pcap")
    capture(path)
    fields = ["syslog.facility", "syslog.level", "syslog.hostname", "syslog.appname", "syslog.timestamp", "syslog.msg"]
    argv = command + ["-r", path, "-T", "fields", "-E", "separator=/t"]
    for field in fields:
        argv += ["-e", field]
    p = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=50)
    rows = [line.split("\t") for line in p.stdout.splitlines()]
    if not check(len(rows) == len(FRAMES), "tshark: %d rows: %s" % (len(rows), p.stderr[-800:])):
        done()
    receiver = Program("syslog+udp://127.0.0.1:0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for text in FRAMES:
            s.sendto(text.encode(), ("127.0.0.1", receiver.port[0]))
    receiver.wait_lines(len(FRAMES))
    got = {r["message"]: r for r in receiver.stop()}
    check(len(got) == len(FRAMES), "records: %d" % len(got))
    for text, (facility, level, host, app, stamp, message) in zip(FRAMES, rows):
        pri = int(re.match(r"<(\d+)>", text).group(1))
        check((int(facility), int(level)) == (pri // 8, pri % 8), "the test's own idea of PRI: %s" % text)
        r = next((v for k, v in got.items() if message.endswith(k)), None)
        if not check(r is not None, "no record for %r" % message):
            continue
        check(r["host"]["name"] == host, "host: %s" % r["host"])
        check(r["log"]["file"]["path"].endswith("#" + app), "program: %s, not %s" % (r["log"]["file"]["path"], app))
        check(r["cmgpipe"]["time"]["source"] == "envelope", "time: %s" % r["cmgpipe"])
        want = re.match(r"(\S+ +\d+, \d+ \d\d:\d\d:\d\d)(\.\d+)?", stamp)
        if want and "UTC" in stamp:
            seconds = calendar.timegm(time.strptime(want.group(1), "%b %d, %Y %H:%M:%S"))
            mine = calendar.timegm(time.strptime(r["@timestamp"][:19], "%Y-%m-%dT%H:%M:%S"))
            check(mine == seconds, "time: %s, not %s" % (r["@timestamp"], stamp))
    print("tshark and the program agree on %d datagrams; the last time was %s" % (len(rows), rows[-1][4]))
done()
