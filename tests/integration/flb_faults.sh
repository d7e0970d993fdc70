#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Brokers die while Fluent Bit reads, and come back: nothing is lost, and what comes twice has the same id.
# The configuration is the shipped kafka.yaml, but without joined lines, so that records have an offset and
# with it the ids that the program gives.
# labels: flb
# timeout: 180
# shellcheck disable=SC1091,SC2154
set -eu
. "$CMG_SOURCE_DIR/tests/integration/flb/lib.sh"
no_kafka

sed -e '/multiline.parser/d' -e 's/^\( *\)path_key: log_path/&\n\1offset_key: log_offset/' -e '/name: cmgpipe/a\      host_name: test' \
    -e '/workers: 1/a\      flush_deadline_ms: 1000' -e 's/^  flush: 1/  flush: 0.5\n  scheduler.base: 1\n  scheduler.cap: 2/' \
    -e "s|parsers_multiline.conf|$shipped/parsers_multiline.conf|" "$shipped/kafka.yaml" >"$work/kafka.yaml"
"$CMG_BINARY_DIR/tests/bench_gen" ccm 1500 >"$work/all.log"
CMGPIPE_LOGS=$work/ccm.log CMGPIPE_STORAGE=$work/storage
export CMGPIPE_LOGS CMGPIPE_STORAGE
mkdir "$CMGPIPE_STORAGE"

# Records in the topic, each once.
distinct() {
    "$CMG_BINARY_DIR/tests/kafka_dump" "$CMGPIPE_BROKERS" logs-cmgpipe.cmg-default 100000 2 >"$work/dump" 2>"$work/dump.err" || true
    cut -f 6 "$work/dump" | sort -u >"$work/records"
    wc -l <"$work/records"
}
all_there() { [ "$(distinct)" -ge "$1" ]; }

cluster first
head -n 500 "$work/all.log" >"$CMGPIPE_LOGS"
flb kafka -c "$work/kafka.yaml"
program=$pid
until_true 30 all_there 500 || fail "$(distinct) of 500" "$work/kafka.err"
tell down
sed -n '501,1000p' "$work/all.log" >>"$CMGPIPE_LOGS"
sleep 4 # some attempts, all in vain
tell up
sed -n '1001,1500p' "$work/all.log" >>"$CMGPIPE_LOGS"
until_true 60 all_there 1500 || fail "$(distinct) of 1500 after the brokers came back" "$work/kafka.err"
grep -q . "$work/kafka.err" || fail "nobody was told of dead brokers"
sleep 2
distinct >/dev/null
end "$program"

env -u CMGPIPE_BROKERS "$CMGPIPE" --host test "$CMGPIPE_LOGS" >"$work/want"
python3 "$tools/compare.py" --ids --unordered "$work/want" "$work/records" lines || fail "not the program's records"
echo "$(wc -l <"$work/dump") messages, 1500 records, $(grep -c 'retry\|RETRY' "$work/kafka.err" || true) attempts noted, Fluent Bit $version"
