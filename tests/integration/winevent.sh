#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Windows events of all kinds, made at random, against Python's XML parser: every event is one record, with the same
# provider, id, level, time, computer, numbers, data and message. Then the same events as each forwarder writes them in
# JSON, and as rows of a trace: the same fields again.
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
print("3 times %d events in XML, %d faults" % (len(events), faults))

# ---- the same in JSON and CSV ----------------------------------------------------------------------------------------
LEVELS = {"error": 2, "warning": 3, "info": 4, "verbose": 5}
WORDS = {"error": "Error", "warning": "Warning", "info": "Information", "verbose": "Verbose"}
NXLOG = {"error": "ERROR", "warning": "WARNING", "info": "INFO", "verbose": "DEBUG"}


def stamp(m, digits):
    return m["time"][0] + ("." + m["time"][1][:digits] if digits else "") + "Z"


def winlogbeat(m, text=False):
    return {"@timestamp": stamp(m, 9), "event": {"code": m["code"], "provider": m["provider"]}, "host": {"name": "collector"},
            "log": {"level": WORDS[m["level"]].lower()}, "message": m["message"],
            "winlog": {"channel": m["channel"], "computer_name": m["host"].upper(), "event_data": m["data"],
                       "event_id": m["code"] if text else int(m["code"]), "keywords": ["a"], "process": {"pid": m["pid"], "thread": {"id": m["tid"]}},
                       "provider_name": m["provider"], "record_id": int(m["record"])}}


def flat(m):
    w = winlogbeat(m)
    return {"@timestamp": w["@timestamp"], "log.level": w["log"]["level"], "message": m["message"], "winlog.channel": m["channel"],
            "winlog.computer_name": m["host"], "winlog.event_id": m["code"], "winlog.process.pid": m["pid"], "winlog.process.thread.id": m["tid"],
            "winlog.provider_name": m["provider"], "winlog.record_id": m["record"], "winlog.event_data": m["data"]}


def nxlog(m):
    return dict({"EventTime": stamp(m, 6).replace("Z", "+00:00"), "Hostname": m["host"], "Keywords": "1", "EventType": "X", "SeverityValue": 4,
                 "Severity": NXLOG[m["level"]], "EventID": int(m["code"]), "SourceName": m["provider"], "Version": 0, "TaskValue": 0, "OpcodeValue": 0,
                 "RecordNumber": int(m["record"]), "ExecutionProcessID": m["pid"], "ExecutionThreadID": m["tid"], "Channel": m["channel"],
                 "Message": m["message"]}, **m["data"], EventReceivedTime="x", SourceModuleName="in", SourceModuleType="im_msvistalog")


def winevtlog(m):
    return {"ProviderName": m["provider"], "ProviderGuid": "", "Qualifiers": "", "EventID": int(m["code"]), "Version": 0, "Level": LEVELS[m["level"]],
            "Task": 0, "Opcode": 0, "Keywords": 0, "TimeCreated": m["time"][0].replace("T", " ") + " +0000", "EventRecordID": int(m["record"]),
            "ActivityID": "", "RelatedActivityID": "", "ProcessID": m["pid"], "ThreadID": m["tid"], "Channel": m["channel"], "Computer": m["host"],
            "UserID": "", "Message": m["message"], "EventData": m["data"]}


def vector(m):
    return {"timestamp": stamp(m, 7), "message": m["message"], "host": "collector", "event_id": int(m["code"]), "record_id": int(m["record"]),
            "level": WORDS[m["level"]], "level_value": 4, "channel": m["channel"], "provider_name": m["provider"], "computer": m["host"],
            "process_id": m["pid"], "thread_id": m["tid"], "string_inserts": list(m["data"].values()), "event_data": m["data"]}


def as_xml(m):
    return {"date": 1.5, "System": m["xml"], "Message": m["message"], "StringInserts": []}


def run(text, suffix):
    with tempfile.NamedTemporaryFile(suffix=suffix) as f:
        f.write(text.encode())
        f.flush()
        lines = subprocess.run([program, f.name], capture_output=True, check=True).stdout.splitlines()
    return [r for r in map(json.loads, lines) if "decoder" in r["cmgpipe"]]


def compare(what, records, wanted, leave):
    bad = 0
    if len(records) != len(wanted):
        sys.exit("%s: %d records of %d events" % (what, len(records), len(wanted)))
    for m, r in zip(wanted, records):
        have = got(r)
        if r["cmgpipe"].get("incident", {}).get("role") == "primary":
            have["level"] = m["level"]
        have = {k: v for k, v in have.items() if k not in leave}
        want = {k: v for k, v in m.items() if k not in leave and k != "xml"}
        if want != have:
            bad += 1
            if bad < 3:
                print(what, want, have, sep="\n")
    print("%s: %d events, %d faults" % (what, len(wanted), bad))
    return bad


# What JSON has no difference for: texts are as they were before XML put a line end in order, and none is empty.
models = [dict(expected(e), xml=e) for e in events if "<Binary>" not in e][:600]
for m in models:
    m["data"] = {k: v for k, v in m["data"].items() if k not in ("Name With Blank",)}
    m["message"] = m["message"] or "x"
for shape, digits in ((winlogbeat, 9), (flat, 9), (nxlog, 6), (winevtlog, 0), (vector, 7)):
    wanted = [dict(m, time=(m["time"][0], (m["time"][1][:digits] + "0" * 9)[:9])) for m in models]
    for ascii in (True, False):
        text = "".join(json.dumps(shape(m), ensure_ascii=ascii) + random.choice(["\n", "\r\n"]) for m in models)
        faults += compare("%s, %s" % (shape.__name__, "escaped" if ascii else "UTF-8"), run(text, ".json"), wanted, ())
whole = [dict(expected(e), xml=e) for e in events[:600]]
faults += compare("winevtlog with XML", run("".join(json.dumps(as_xml(m)) + "\n" for m in whole), ".json"), whole, ())


def csv_row(m):
    ticks = int((datetime.fromisoformat(m["time"][0] + "+00:00") - datetime(1601, 1, 1, tzinfo=timezone.utc)).total_seconds()) * 10**7 + int(m["time"][1][:7])
    texts = ['"%s "' % v.replace('"', '""') for v in m["data"].values()]
    return "%s, Info, %s, 0, 16, %d, 0, 0, 0x0, 0x%08X, 0x%08X, 2, , , {00000000-0000-0000-0000-000000000000}, , %d, 15, 30, %s\n" % (
        m["provider"], m["code"], LEVELS[m["level"]], m["pid"], m["tid"], ticks, ", ".join(texts))


wanted = [dict(m, time=(m["time"][0], m["time"][1][:7] + "00"), data=dict({"param%d" % (i + 1): v for i, v in enumerate(m["data"].values())}),
               message=", ".join(m["data"].values()) or "%s event %s" % (m["provider"], m["code"])) for m in models]
rows = run("".join(csv_row(m) for m in models), ".csv")
for r in rows:
    r["host"], r["winlog"] = {"name": ""}, {"channel": "", "record_id": ""}
faults += compare("tracerpt's CSV", rows, wanted, ("host", "channel", "record"))
sys.exit(faults > 0)
PY
