# SPDX-License-Identifier: Apache-2.0
"""rsyslog, syslog-ng and logger(1) send a log to the program; the records are those of the file.

The two daemons exclude each other as packages, so they are unpacked into a folder of the build and never installed."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

from peer import *

SUITE = sys.argv[1]
PACKAGES = {
    "rsyslog": ["rsyslog", "rsyslog-openssl", "libestr0", "libfastjson4", "liblognorm5"],
    "syslog-ng": ["syslog-ng-core", "libivykis0", "libjson-c5", "libnet1", "libwrap0", "libglib2.0-0", "libpcre3"]}
N = 300


def skip(why):
    print("SKIPPED: " + why)
    sys.exit(77)


def unpack_packages(name):
    """The folder of the unpacked packages."""
    root = os.path.join(os.environ.get("CMG_BINARY_DIR") or tempfile.gettempdir(), "peers", name)
    mark = os.path.join(root, "complete")
    if os.path.exists(mark):
        return root
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        skip("no apt-get and dpkg to unpack %s with" % name)
    debs = os.path.join(root, "debs")
    os.makedirs(debs, exist_ok=True)
    try:
        p = subprocess.run(["apt-get", "download", *PACKAGES[name]], cwd=debs, capture_output=True, timeout=50)
    except subprocess.TimeoutExpired:
        skip("%s cannot be downloaded in time" % name)
    found = glob.glob(os.path.join(debs, "*.deb"))
    if p.returncode or not found:
        skip("%s cannot be downloaded here: %s" % (name, p.stderr.decode()[-200:].strip()))
    for deb in found:
        subprocess.run(["dpkg", "-x", deb, root], check=True)
    open(mark, "w").close()
    return root


def start(root, argv):
    env = dict(os.environ)
    lib = [os.path.join(root, d) for d in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/syslog-ng")]
    lib += glob.glob(os.path.join(root, "usr/lib/*-linux-gnu")) + glob.glob(os.path.join(root, "lib/*-linux-gnu"))
    env["LD_LIBRARY_PATH"] = ":".join(lib)
    for sanitizer in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        env.pop(sanitizer, None)
    missing = subprocess.run(["ldd", argv[0]], env=env, capture_output=True, text=True).stdout
    if "not found" in missing:
        skip("%s lacks a library here: %s" % (argv[0], [x for x in missing.split("\n") if "not found" in x]))
    return subprocess.Popen(argv, env=env, stdout=open("said", "wb"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


work = tempfile.TemporaryDirectory(prefix="cmgpipe-daemons-")
os.chdir(work.name)
log = [r for r in make_records(2 * N) if "\n" not in r][:N]
with open("in.log", "w") as f:
    f.write("".join(r + "\n" for r in log))
want = decoded(run_file("in.log"))
has_tls = certificates(work.name)
TLS = "syslog+tls://127.0.0.1:0?cert=%s/server.pem&key=%s/server.key&ca=%s/ca.pem&verify=required" % ((work.name,) * 3)


def compare(name, got, wanted=None):
    wanted = want if wanted is None else wanted
    got = decoded(got)
    if not check(len(got) == len(wanted), "%s: %d records, not %d" % (name, len(got), len(wanted))):
        if os.path.exists("said"):
            print(open("said", errors="replace").read()[-1500:], file=sys.stderr)
    for a, b in zip(wanted, got):
        if not check(a == b, "%s:\n  %s\n  %s" % (name, json.dumps(a), json.dumps(b))):
            return
    print("%s: %d records" % (name, len(got)))


def receive(name, url, begin):
    p = Program(url)
    daemon = begin(p.port[0])
    p.wait_lines(N, 25)
    daemon.terminate()
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
    compare(name, p.stop())


# ---- rsyslog ------------------------------------------------------------------------------------

RSYSLOG = """global(workDirectory="%(dir)s" maxMessageSize="64k" net.enableDNS="off")
module(load="imfile" mode="polling" pollingInterval="1")
input(type="imfile" file="%(dir)s/in.log" tag="ccm:" facility="local0")
%(more)s
action(type="omfwd" target="127.0.0.1" port="%(port)d" protocol="%(protocol)s" template="%(template)s" %(how)s)
"""
OSSL = ('global(DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="%(dir)s/ca.pem" '
        'DefaultNetstreamDriverCertFile="%(dir)s/client.pem" DefaultNetstreamDriverKeyFile="%(dir)s/client.key")')


def rsyslog(protocol, template, how="", more=""):
    def begin(port):
        root = unpack_packages("rsyslog")
        state = tempfile.mkdtemp(dir=work.name)
        shutil.copy("in.log", state)
        for name in ("ca.pem", "client.pem", "client.key"):
            if has_tls:
                shutil.copy(name, state)
        with open(os.path.join(state, "conf"), "w") as f:
            f.write(RSYSLOG % {"dir": state, "port": port, "protocol": protocol, "template": template, "how": how,
                               "more": more % {"dir": state}})
        modules = glob.glob(os.path.join(root, "usr/lib/*/rsyslog"))[0]
        return start(root, [os.path.join(root, "usr/sbin/rsyslogd"), "-n", "-M", modules,
                            "-f", os.path.join(state, "conf"), "-i", os.path.join(state, "pid")])
    return begin


def test_rsyslog():
    unpack_packages("rsyslog")
    tcp, udp = "syslog+tcp://127.0.0.1:0", "syslog+udp://127.0.0.1:0"
    receive("rsyslog, TCP counted, RFC 5424", tcp, rsyslog("tcp", "RSYSLOG_SyslogProtocol23Format",
                                                           'tcp_framing="octet-counted"'))
    receive("rsyslog, TCP lines, its ForwardFormat", tcp, rsyslog("tcp", "RSYSLOG_ForwardFormat"))
    receive("rsyslog, TCP lines, RFC 3164", tcp, rsyslog("tcp", "RSYSLOG_TraditionalForwardFormat"))
    receive("rsyslog, UDP", udp, rsyslog("udp", "RSYSLOG_ForwardFormat"))
    if has_tls:
        receive("rsyslog, TLS with both certificates", TLS, rsyslog(
            "tcp", "RSYSLOG_SyslogProtocol23Format", 'tcp_framing="octet-counted" StreamDriver="ossl" '
            'StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid"', OSSL))


# ---- syslog-ng ----------------------------------------------------------------------------------

SYSLOG_NG = """@version: 3.38
options { keep-hostname(yes); use-dns(no); flush-lines(10); log-msg-size(65536); };
source s { file("%(dir)s/in.log" flags(no-parse) program-override("ccm") follow-freq(1)); };
destination d { %(to)s; };
log { source(s); destination(d); };
"""


def syslog_ng(to):
    def begin(port):
        root = unpack_packages("syslog-ng")
        state = tempfile.mkdtemp(dir=work.name)
        shutil.copy("in.log", state)
        with open(os.path.join(state, "conf"), "w") as f:
            f.write(SYSLOG_NG % {"dir": state, "to": to % {"port": port, "tls": work.name}})
        modules = glob.glob(os.path.join(root, "usr/lib/syslog-ng/[0-9]*"))[0]
        return start(root, [os.path.join(root, "usr/sbin/syslog-ng"), "-F", "--no-caps", "--module-path", modules,
                            "-f", os.path.join(state, "conf"), "-R", os.path.join(state, "persist"),
                            "-p", os.path.join(state, "pid"), "-c", os.path.join(state, "control")])
    return begin


def test_syslog_ng():
    unpack_packages("syslog-ng")
    tcp, udp = "syslog+tcp://127.0.0.1:0", "syslog+udp://127.0.0.1:0"
    receive("syslog-ng, TCP counted, RFC 5424", tcp, syslog_ng('syslog("127.0.0.1" transport("tcp") port(%(port)d))'))
    receive("syslog-ng, TCP lines, RFC 3164", tcp, syslog_ng('network("127.0.0.1" transport("tcp") port(%(port)d))'))
    receive("syslog-ng, UDP", udp, syslog_ng('network("127.0.0.1" transport("udp") port(%(port)d))'))
    if has_tls:
        receive("syslog-ng, TLS with both certificates", TLS, syslog_ng(
            'syslog("127.0.0.1" transport("tls") port(%(port)d) tls(ca-file("%(tls)s/ca.pem") '
            'cert-file("%(tls)s/client.pem") key-file("%(tls)s/client.key")))'))


# ---- logger(1) ----------------------------------------------------------------------------------


def test_logger():
    if not shutil.which("logger"):
        skip("no logger command")
    help_text = subprocess.run(["logger", "--help"], capture_output=True, text=True).stdout
    if "--octet-count" not in help_text:
        skip("this logger command has no --octet-count")
    ways = {"UDP, RFC 5424": ("syslog+udp", ["--udp", "--rfc5424"]), "UDP, RFC 3164": ("syslog+udp", ["--udp", "--rfc3164"]),
            "TCP lines, RFC 5424": ("syslog+tcp", ["--tcp", "--rfc5424"]),
            "TCP counted, RFC 5424": ("syslog+tcp", ["--tcp", "--rfc5424", "--octet-count"]),
            "TCP counted, RFC 3164": ("syslog+tcp", ["--tcp", "--rfc3164", "--octet-count"])}
    for name, (scheme, options) in ways.items():
        p = Program(scheme + "://127.0.0.1:0")
        subprocess.run(["logger", "--server", "127.0.0.1", "--port", str(p.port[0]), "--size", "8192", "--tag", "ccm",
                        *options, "--file", "in.log"], check=True, timeout=30)
        p.wait_lines(N)
        compare("logger, " + name, p.stop())


{"rsyslog": test_rsyslog, "syslog-ng": test_syslog_ng, "logger": test_logger}[SUITE]()
done()
