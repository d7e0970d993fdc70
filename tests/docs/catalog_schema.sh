#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every file of the catalogue obeys schemas/catalog.schema.json, and the schema refuses what the loader refuses.
# Needs python3 with jsonschema 4.0 or newer (draft 2020-12).
set -eu
cd "${CMG_SOURCE_DIR:-$(dirname "$0")/../..}"
if ! python3 -c 'from jsonschema import Draft202012Validator' 2>/dev/null; then
    echo "skipped: python3-jsonschema (4.0 or newer) is not installed"
    exit 77
fi
python3 - <<'END'
import copy, glob, json, sys
from jsonschema import Draft202012Validator

schema = json.load(open("schemas/catalog.schema.json", encoding="utf-8"))
Draft202012Validator.check_schema(schema)
check = Draft202012Validator(schema)
faults = 0
files = sorted(glob.glob("enrich/catalog/*.json"))
for name in files:
    for e in check.iter_errors(json.load(open(name, encoding="utf-8"))):
        print(f"{name}: {'/'.join(map(str, e.absolute_path))}: {e.message}")
        faults += 1

text = {"en": "x", "fr": "y"}
good = {
    "format": 1,
    "remediations": [{"id": "REM-X", "owner": "pki", "title": text, "steps": {"en": ["x"]}}],
    "classes": [{
        "id": "X-1", "slug": "x", "family": "tls", "severity": "error", "scope": "cmg", "confidence": "low", "rank": 1,
        "title": text, "cause": text, "remediations": [], "rules": [{"role": "primary", "tokens": ["abcd"]}],
        "examples": [{"lines": ["abcd"], "role": "primary", "scope": "cmg"}], "counter_examples": [{"lines": ["z"]}]}],
}
bad = {
    "unknown key": lambda d: d.update(titel="x"),
    "unknown class key": lambda d: d["classes"][0].update(titel="x"),
    "no example": lambda d: d["classes"][0].pop("examples"),
    "empty examples": lambda d: d["classes"][0].update(examples=[]),
    "short token": lambda d: d["classes"][0]["rules"][0].update(tokens=["abc"]),
    "rule without condition": lambda d: d["classes"][0]["rules"][0].pop("tokens"),
    "context without mark": lambda d: d["classes"][0]["rules"][0].update(role="context"),
    "bad code": lambda d: d["classes"][0].update(code="12029"),
    "bad remediation id": lambda d: d["remediations"][0].update(id="FIX-X"),
    "codes without table": lambda d: d.update(codes=[]),
    "bad winhttp code": lambda d: d.update(table="winhttp", codes=[{"code": "0x1", "meaning": text}]),
    "bad iis code": lambda d: d.update(table="iis", codes=[{"code": "403", "meaning": text}]),
}
if not check.is_valid(good):
    print("the good example is refused:", next(check.iter_errors(good)).message)
    faults += 1
for what, spoil in bad.items():
    d = copy.deepcopy(good)
    spoil(d)
    if check.is_valid(d):
        print(f"accepted: {what}")
        faults += 1
print(f"{len(files)} files, {len(bad)} bad variants, {faults} faults")
sys.exit(1 if faults or not files else 0)
END
