#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real logs and published excerpts, where they are at hand: CMG_CORPUS, or shared/corpus beside the source folder. Every
# sample decodes without a byte lost; each excerpt that the catalogue covers has the class, scope and number of
# incidents that expected.tsv lists.
# timeout: 600
set -eu

corpus=${CMG_CORPUS:-$CMG_SOURCE_DIR/../shared/corpus}
if [ ! -d "$corpus/samples" ] || ! command -v python3 >/dev/null; then
    echo "SKIPPED: no corpus (set CMG_CORPUS), or no python3"
    exit 77
fi
CORPUS=$corpus python3 - <<'PY'
import csv, json, os, subprocess, sys

program, corpus, bad = os.environ["CMGPIPE"], os.environ["CORPUS"], 0
covered = set("001 002 003 004 006 007 008 009 011 012 013 016 020 021 049 057 059 060 061 062 072".split())


def records(path, *options):
    done = subprocess.run([program, "--host", "corpus", *options, path], capture_output=True)
    if done.returncode:
        raise SystemExit(f"{path}: status {done.returncode}\n{done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def complain(text):
    global bad
    bad += 1
    print(text)


for row in csv.DictReader(open(f"{corpus}/excerpts/expected.tsv"), delimiter="\t"):
    if row["file"][:3] not in covered:
        continue
    found = [r for r in records(f"{corpus}/excerpts/{row['file']}", "--only", "primary")]
    if len(found) != int(row["incidents"]):
        complain(f"{row['file']}: {len(found)} primaries, not {row['incidents']}")
    for r in found:
        got = (r["error"]["type"], r["cmgpipe"]["scope"])
        if got != (row["primary_class"], row["scope"]):
            complain(f"{row['file']}: {got}")

names = sorted(n for n in os.listdir(f"{corpus}/samples") if not n.endswith((".source.txt", ".tsv", ".evtx")))
for name in names:
    path = f"{corpus}/samples/{name}"
    at, lost, data, found = 0, 0, open(path, "rb").read(), records(path)
    if any("offset" not in r["cmgpipe"].get("record", {"offset": 0}) for r in found):
        # Lines in a wrapper that names no offset: each gives a record, but for the parts that containers' logs mark.
        whole = [line for line in data.splitlines() if line.strip() and b" P " not in line]
        if len(found) < len(whole):
            complain(f"{name}: {len(found)} records of {len(whole)} wrapped lines")
        continue
    for r in found:
        place = r["cmgpipe"].get("record")
        if not place:
            continue
        if place["offset"] < at:
            complain(f"{name}: records overlap at {place['offset']}")
        gap = data[at:place["offset"]]
        # What lies between records is blank, a byte order mark, a directive of an access log, or the head of a trace.
        for line in gap.splitlines():
            if line.strip(b"\0\xef\xbb\xbf\xff\xfe \t\r\n") and not line.lstrip(b"\xef\xbb\xbf").startswith((b"#", b"Index,")):
                lost += len(line)
        at = place["offset"] + place["length"]
    if lost:
        complain(f"{name}: {lost} bytes are in no record")
    for r in records(path, "--only", "primary"):
        if r["cmgpipe"]["scope"] == "cmg":
            complain(f"{name}: a gateway failure in a log that has none: {r['message'][:100]}")
# Windows events: one record each, of the decoder that its name says, with a time, an id and a provider of its own.
for name, decoder, mark in (("evtx_system.rendered.xml", "winevent-xml", b"<Event "), ("evtx_plaso_System2.rendered.xml", "winevent-xml", b"<Event "),
                            ("winevent_capi2_11_userdata.xml", "winevent-xml", b"<Event "), ("winevent_schannel_36870.xml", "winevent-xml", b"<Event "),
                            ("winevent_schannel_36880_userdata.xml", "winevent-xml", b"<Event "), ("nxlog_im_msvistalog.jsonl", "winevent-json", b"\n"),
                            ("etw_tracerpt_pktmon_dumpfile.csv", "etw-csv", b"{00000000-0000-0000-0000-000000000000}")):
    if name not in names:
        continue
    found = [r for r in records(f"{corpus}/samples/{name}") if "decoder" in r["cmgpipe"]]
    wanted = open(f"{corpus}/samples/{name}", "rb").read().count(mark)
    if len(found) != wanted:
        complain(f"{name}: {len(found)} records, not {wanted}")
    for r in found:
        c = r["cmgpipe"]
        if (c["decoder"], c["time"]["source"]) != (decoder, "record") or not r["event"]["code"].isdigit() or not r["event"]["provider"]:
            complain(f"{name}: {c}")
print(f"{len(covered)} excerpts, {len(names)} samples, {bad} faults")
sys.exit(bad > 0)
PY
