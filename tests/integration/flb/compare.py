# SPDX-License-Identifier: Apache-2.0
"""Compares records that came through Fluent Bit with those of the program.

usage: compare.py [--ids] [--unordered|--ordered] PROGRAM.jsonl GOT KIND
KIND: lines   a record a line
      sink    lines of sink.py; what is around the record is checked, too
      dump    lines of kafka_dump: the record is the last column
      text    {"json": "the record as a text"} a line
--ids: event.id must be the program's; else its first half (the record's own time) must, and the ids differ
from each other. Records of unknown text (header lines) are left out. Order counts
within a log, unless --unordered.
"""
import json
import os
import sys


def get(record, path):
    for key in path.split("."):
        record = record.get(key) if isinstance(record, dict) else None
    return record


def facts(record, ids):
    event_id = get(record, "event.id")
    message = (get(record, "message") or "").replace("\r\n", "\n")  # joining lines, in_tail drops CRs
    return (os.path.basename(get(record, "log.file.path") or ""), event_id if ids else event_id[:12],
            get(record, "log.logger"), get(record, "process.thread.id"), message,
            get(record, "error.type"), get(record, "cmgpipe.incident.role"), get(record, "cmgpipe.scope"),
            get(record, "cmgpipe.record.lines"), json.dumps(get(record, "cmgpipe.facts"), sort_keys=True))


def fault(text):
    print(text)
    sys.exit(1)


def unwrap(line, kind):
    if kind == "dump":
        return json.loads(line.rstrip("\n").split("\t")[-1])
    entry = json.loads(line)
    if kind == "text":
        return json.loads(entry["json"]) if "json" in entry else {}
    if kind == "lines":
        return entry
    if "fault" in entry:
        fault("the server got: " + entry["fault"])
    record = entry["record"]
    if "id" in entry and get(record, "event.id") and entry["id"] != get(record, "event.id"):
        fault("_id %s of %s" % (entry["id"], get(record, "event.id")))
    if "sourcetype" in entry and get(record, "event.id"):
        around = (entry["sourcetype"], entry.get("host"), entry.get("source"))
        if around != ("microsoft:configmgr:cmg:json", get(record, "host.name"), get(record, "log.file.path")):
            fault("an event of %s" % (around,))
    return record


def by_log(records, ids):
    logs = {}
    for r in records:
        if get(r, "cmgpipe.schema"):
            logs.setdefault(os.path.basename(get(r, "log.file.path") or ""), []).append(facts(r, ids))
    return logs


def main():
    arguments = sys.argv[1:]
    ids = "--ids" in arguments
    order = (lambda x: x) if "--unordered" not in arguments else (lambda x: sorted(x, key=str))
    want_file, got_file, kind = [a for a in arguments if not a.startswith("--")]
    with open(want_file, encoding="utf-8") as lines:
        want = by_log([json.loads(line) for line in lines], ids)
    with open(got_file, encoding="utf-8") as lines:
        records = [unwrap(line, kind) for line in lines if line.strip()]
    got = by_log(records, ids)
    all_ids = [get(r, "event.id") for r in records if get(r, "event.id")]
    if len(all_ids) != len(set(all_ids)):
        fault("%d records, %d ids" % (len(all_ids), len(set(all_ids))))
    for log in sorted(set(want) | set(got)):
        w, g = order(want.get(log, [])), order(got.get(log, []))
        if w == g:
            continue
        print("%s: %d records wanted, %d came" % (log, len(w), len(g)))
        for pair in zip(w + [None] * len(g), g + [None] * len(w)):
            if pair[0] != pair[1]:
                fault("wanted %s\ncame   %s" % pair)
    if not want:
        fault("nothing to compare")
    print("%d records as the program gives them" % sum(map(len, got.values())))


main()
