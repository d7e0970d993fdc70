#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Windows events of all kinds, made at random, against Python's XML parser: every event is one record, with the same
# provider, id, level, time, computer, numbers, data and message.
# timeout: 120
set -eu

if ! command -v python3 >/dev/null; then
    echo "SKIPPED: no python3"
    exit 77
fi
python3 - <<'PY'
import json, os, random, re, subprocess, sys, tempfile
import xml.etree.ElementTree as ET
from datetime import datetime, timezone
from xml.sax.saxutils import escape

program = os.environ["CMGPIPE"]
random.seed(20260312)
NS = "http://schemas.microsoft.com/win/2004/08/events/event"
words = ["cmg.contoso.example", "0x80092012", "a < b & c", 'say "no"', "it's", "été", "日本", "x\ny", "C:\\Temp", "]]>", ""]
names = ["AlertDesc", "ErrorCode", "Name With Blank", "Größe", "param9", "Type"]


def data():
    return " ".join(random.choice(words) for _ in range(random.randrange(3)))


def q(text, quote):
    return quote + escape(text, {quote: "&quot;" if quote == '"' else "&apos;", "\n": "&#10;"}) + quote


def event(i):
    quote = random.choice("'\"")
    time = "2026-03-12T07:%02d:%02d" % (i // 60 % 60, i % 60)
    fraction = random.randrange(10)
    time += ("." + "".join(random.choice("0123456789") for _ in range(fraction)) if fraction else "") + "Z"
    s = "<Event xmlns=%s><System><Provider Name=%s" % (q(NS, quote), q(random.choice(["Schannel", "A & B", "Microsoft-Windows-Example"]), quote))
    s += " Guid=%s" % q("{%08x}" % i, quote) if i % 2 else ""
    s += "/><EventID%s>%d</EventID><Version>0</Version><Level>%d</Level>" % (" Qualifiers='0'" if i % 3 else "", random.randrange(40000), random.randrange(6))
    s += "<Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime=%s/><EventRecordID>%d</EventRecordID>" % (q(time, quote), i + 1)
    s += "<Correlation/><Execution ProcessID=%s ThreadID=%s/>" % (q(str(random.randrange(65536)), quote), q(str(random.randrange(65536)), quote))
    s += "<Channel>System</Channel><Computer>Srv-%d.Contoso.Example</Computer><Security/></System>" % (i % 5)
    kind = random.randrange(4)
    if kind == 0:
        s += "<EventData>" + "".join("<Data Name=%s>%s</Data>" % (q(n, quote), escape(data())) for n in random.sample(names, 3)) + "</EventData>"
    elif kind == 1:
        s += "<EventData>" + "".join("<Data>%s</Data>" % escape(data()) for _ in range(3)) + "<Binary>00FF</Binary></EventData>"
    elif kind == 2:
        s += "<UserData><EventXML xmlns='LSA_NS'><Type>%s</Type><Empty/><TargetName>%s</TargetName></EventXML></UserData>" % (escape(data()), escape(data()))
    if random.randrange(2):
        s += "<RenderingInfo Culture='en-US'><Message>%s</Message><Level>Error</Level><Keywords><Keyword>x</Keyword></Keywords></RenderingInfo>" % escape(data())
    s += "</Event>"
    if random.randrange(4) == 0:
        s = re.sub(r"(</?[A-Z][A-Za-z]*(?: [^<>]*)?>)(?=<)", lambda m: m.group(1) + random.choice(["\n", "\r\n  ", ""]), s)
    return s


def local(tag):
    return tag.split("}")[-1]


def expected(text):
    root = ET.fromstring(text)
    system = {local(e.tag): e for e in root.find("{%s}System" % NS)}
    pairs, said, unnamed = {}, [], 0
    for section in root:
        if local(section.tag) == "EventData":
            for e in section:
                value, name = (e.text or "").strip(), e.get("Name")
                if local(e.tag) == "Binary":
                    pairs["Binary"] = value
                    continue
                if name is None:
                    unnamed += 1
                if value:
                    pairs[name or "param%d" % unnamed] = value
                    said.append((name + ": " if name else "") + value)
        elif local(section.tag) == "UserData":
            for e in section[0]:
                value = (e.text or "").strip()
                if value:
                    pairs[local(e.tag)] = value
                    said.append(local(e.tag) + ": " + value)
    message = next((e.text or "" for s in root for e in s if local(s.tag) == "RenderingInfo" and local(e.tag) == "Message"), "").strip()
    provider, code = system["Provider"].get("Name"), system["EventID"].text
    time = system["TimeCreated"].get("SystemTime")
    return {
        "provider": provider, "code": code, "host": system["Computer"].text.lower(), "channel": "System",
        "record": system["EventRecordID"].text, "pid": int(system["Execution"].get("ProcessID")),
        "tid": int(system["Execution"].get("ThreadID")),
        "level": ["info", "error", "error", "warning", "info", "verbose"][int(system["Level"].text)],
        "time": (time[:19], ((re.findall(r"\.(\d+)", time) or ["0"])[0] + "0" * 9)[:9]),
        "data": pairs, "message": message or ", ".join(said) or "%s event %s" % (provider, code)}


def got(r):
    time = r["@timestamp"]
    return {
        "provider": r["event"]["provider"], "code": r["event"]["code"], "host": r["host"]["name"],
        "channel": r["winlog"]["channel"], "record": r["winlog"]["record_id"], "pid": r["process"]["pid"],
        "tid": r["process"]["thread"]["id"], "level": ["verbose", "info", "warning", "error"][r["event"]["severity"]]
        if r["cmgpipe"].get("incident", {}).get("role") != "primary" else r["log"]["level"],
        "time": (time[:19], ((re.findall(r"\.(\d+)", time) or ["0"])[0] + "0" * 9)[:9]),
        "data": {k: v for k, v in r["cmgpipe"].get("attributes", {}).items() if not k.startswith("winlog.")},
        "message": r["message"]}


events, text = [event(i) for i in range(2000)], ""
for e in events:
    text += e + random.choice(["\n", "\r\n", "", " ", "\n\n"])
faults = 0
for encoding, whole in (("utf-8", text), ("utf-8", "<Events>" + text + "</Events>"),
                        ("utf-16", '<?xml version="1.0" encoding="utf-16"?>\r\n<Events>\r\n' + text + "\r\n</Events>\r\n")):
    with tempfile.NamedTemporaryFile(suffix=".xml") as f:
        f.write(whole.encode(encoding))
        f.flush()
        lines = subprocess.run([program, f.name], capture_output=True, check=True).stdout.splitlines()
    records = [r for r in map(json.loads, lines) if "decoder" in r["cmgpipe"]]
    if len(records) != len(events):
        sys.exit("%d records of %d events (%s)" % (len(records), len(events), encoding))
    for e, r in zip(events, records):
        want, have = expected(e), got(r)
        if have["level"] != want["level"] and r["cmgpipe"].get("incident", {}).get("role") == "primary":
            have["level"] = want["level"]
        problems = set(r["cmgpipe"].get("problems", [])) - {"transcoded"}
        if want != have or r["cmgpipe"]["decoder"] != "winevent-xml" or problems:
            faults += 1
            if faults < 5:
                print(e, want, have, problems, sep="\n")
        original = r["event"]["original"].lstrip()
        if original.replace("\r\n", "\n") != e.replace("\r\n", "\n"):
            faults += 1
            print("not the event's bytes:", original[:100])
print("3 times %d events, %d faults" % (len(events), faults))
sys.exit(faults > 0)
PY
