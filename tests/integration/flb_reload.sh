#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Hot reload twice, by signal and by HTTP, while a log grows and rotates: no record is lost, none comes twice,
# neither with the filter nor with our output beside it. For the output three things are set, as the README
# says: chunks on disk and tried again without limit, since Fluent Bit 3 refuses to flush to such outputs during
# a reload; hot_reload.ensure_thread_safety off, or it would wait for ever for what it refuses; and no workers,
# of which Fluent Bit starts twice as many as it stops (5.1 crashes then).
# labels: flb
# timeout: 120
# shellcheck disable=SC1091,SC2154
set -eu
. "$CMG_SOURCE_DIR/tests/integration/flb/lib.sh"

port=$(free_port)
mkdir "$work/chunks"
cat >"$work/output.yaml" <<END
service:
  flush: 0.3
  hot_reload: on
  storage.path: $work/chunks
  hot_reload.ensure_thread_safety: off
  grace: 2
  scheduler.base: 1
  scheduler.cap: 2
pipeline:
  inputs:
    - name: tail
      path: $work/ccm.log
      path_key: log_path
      tag: cmgpipe
      read_from_head: true
      refresh_interval: 1
      rotate_wait: 30
      db: $work/output.db
      storage.type: filesystem
  outputs:
    - name: cmgpipe
      match: cmgpipe
      sink: stdout
      path_key: log_path
      retry_limit: no_limits
END
cat >"$work/reload.yaml" <<END
service:
  flush: 0.3
  http_server: on
  http_listen: 127.0.0.1
  http_port: $port
  hot_reload: on
pipeline:
  inputs:
    - name: tail
      path: $work/ccm.log
      path_key: log_path
      offset_key: log_offset
      tag: cmgpipe
      read_from_head: true
      refresh_interval: 1
      rotate_wait: 30
      db: $work/tail.db
  filters:
    - name: cmgpipe
      match: cmgpipe
      json_key: json
      path_key: log_path
      offset_key: log_offset
  outputs:
    - name: file
      match: cmgpipe
      path: $work
      file: records
      format: template
      template: '{json}'
END
"$CMG_BINARY_DIR/tests/bench_gen" ccm 4000 >"$work/all.log"
: >"$work/ccm.log"
: >"$work/records"
flb reload -c "$work/reload.yaml"
program=$pid
flb output -c "$work/output.yaml"
beside=$pid
reloads() { python3 -c 'import json, sys, urllib.request as u
print(json.load(u.urlopen("http://127.0.0.1:%s/api/v2/reload" % sys.argv[1], timeout=2))["hot_reload_count"])' "$port"; }
reloaded() { [ "$(reloads)" = "$1" ]; }
until_true 10 reloaded 0 || fail "no HTTP server" "$work/reload.err"

# A log that grows all the while: 40 records every 0.1 s, in one write, since Fluent Bit 3 remembers an offset
# behind half a line when it stops there.
(
    at=1
    while [ "$at" -lt 4000 ]; do
        sed -n "$at,$((at + 39))p" "$work/all.log" |
            dd bs=1M iflag=fullblock oflag=append conv=notrunc of="$work/ccm.log" status=none
        if [ "$at" = 2801 ]; then mv "$work/ccm.log" "$work/ccm.lo_"; fi
        at=$((at + 40))
        sleep 0.1
    done
    echo over >"$work/written"
) &
sleep 2
kill -HUP "$program" "$beside"
until_true 20 reloaded 1 || fail "no reload by SIGHUP" "$work/reload.err"
sleep 1
kill -HUP "$beside"
python3 -c 'import sys, urllib.request as u
u.urlopen(u.Request("http://127.0.0.1:%s/api/v2/reload" % sys.argv[1], data=b"", method="POST"), timeout=10)' "$port" || true
until_true 20 reloaded 2 || fail "no reload by HTTP" "$work/reload.err"
until_true 60 test -f "$work/written" || fail "the writer hangs"
until_true 20 lines "$work/records" 4000 || fail "$(wc -l <"$work/records") of 4000 records" "$work/reload.err"
until_true 20 lines "$work/output.out" 4000 || fail "$(wc -l <"$work/output.out") of 4000 from the output" "$work/output.err"
sleep 1
for pid in $program $beside; do
    kill -0 "$pid" || fail "it is gone" "$work/reload.err" "$work/output.err"
    end "$pid"
done

cat >"$work/check.py" <<'END'
import json, re, sys
want = [re.match(r"<!\[LOG\[(.*)\]LOG\]!>", l).group(1) for l in open(sys.argv[1], encoding="utf-8")]
records = [json.loads(l) for l in open(sys.argv[2], encoding="utf-8")]
got = [r["message"] for r in records if "promoted" not in r["cmgpipe"].get("incident", {})]
if sorted(want) != sorted(got):
    missing = [m for m in want if m not in set(got)]
    sys.exit("%s: %d wanted, %d came, missing %d: %s" % (sys.argv[2], len(want), len(got), len(missing), missing[:3]))
ids = {r["event"]["id"] for r in records}
if len(ids) != len(records):
    sys.exit("%d ids for %d records" % (len(ids), len(records)))
primary = sum(r["cmgpipe"].get("incident", {}).get("role") == "primary" for r in records)
if primary < 50:
    sys.exit("%d primaries" % primary)
print("%d records, each once, %d primary" % (len(got), primary))
END
python3 "$work/check.py" "$work/all.log" "$work/records" || fail "the filter" "$work/reload.err"
python3 "$work/check.py" "$work/all.log" "$work/output.out" || fail "the output" "$work/output.err"
echo "two reloads and a rotation, Fluent Bit $version"
