#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What publishing costs: cmgpipe from a file to Kafka against a bare librdkafka producer of the same records with the
# same settings, in one run. usage:
#   sh tests/bench/kafka.sh [-b BUILD] [-n RECORDS] [-r RUNS] [-c CODEC]... [-t mock|real]... [--check]
# Default: build/release, 500,000 records, 5 runs, lz4 and none, a mock cluster in another process and, where java and
# mvn are, a real broker. Runs are interleaved, after one that is thrown away; every number is a median, the ratio that
# of each run's own.
# What counts is CPU: (whole program) / (decoding and encoding to /dev/null + bare producer). Wall times are shown
# beside it: broker, producer and decoder share the machine.
# --check: fails when the ratio is over 1.5 or memory over 48 MiB (the promise is 1.2; a busy machine is forgiven).
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/release
records=500000
runs=5
codecs=
targets=
check=no
while [ $# -gt 0 ]; do
    case $1 in
    -b) build=$2 && shift ;;
    -n) records=$2 && shift ;;
    -r) runs=$2 && shift ;;
    -c) codecs="$codecs $2" && shift ;;
    -t) targets="$targets $2" && shift ;;
    --check) check=yes ;;
    *)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done
codecs=${codecs:-lz4 none}
targets=${targets:-mock real}
bin=$build/tests
CMGPIPE=${CMGPIPE:-$build/bin/cmgpipe}
CMG_SOURCE_DIR=$root CMG_BINARY_DIR=$build
XDG_STATE_HOME=$build/bench/state
export CMGPIPE CMG_SOURCE_DIR CMG_BINARY_DIR XDG_STATE_HOME
mkdir -p "$build/bench"
work=$(mktemp -d "$build/bench/kafka.XXXXXX")
# shellcheck source=/dev/null
. "$root/tests/kafka/broker.sh"
mock_pid=
finish() {
    [ -z "$mock_pid" ] || kill "$mock_pid" 2>/dev/null || true
    broker_kill || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# measure NAME PROGRAM...: clock, CPU and KiB on a line of NAME's file.
measure() {
    name=$1
    shift
    "$bin/bench_run" "$@" >>"$work/times.$name" 2>"$work/err" || {
        printf 'bench: failed: %s\n' "$*" >&2
        tail -n 5 "$work/err" >&2
        exit 1
    }
}
median() {
    awk -v c="$2" '{ print $c }' "$work/times.$1" | sort -n |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
row() {
    awk -v title="$2" -v n="$records" -v wall="$(median "$1" 1)" -v cpu="$(median "$1" 2)" -v rss="$(median "$1" 3)" \
        'BEGIN { printf "%-40s %11.0f %11.0f %8.2f %8.1f\n", title, n / wall, n / cpu, cpu, rss / 1024 }'
}

# compare TARGET CODEC BROKERS
compare() {
    rm -f "$work"/times.*
    i=0
    while [ "$i" -le "$runs" ]; do
        measure decode "$CMGPIPE" --host bench "$work/log"
        measure bare "$bin/bench_produce" "$3" bench "$work/json" compression.codec="$2"
        measure program "$CMGPIPE" --host bench -b "$3" -t bench -X compression.codec="$2" "$work/log"
        [ "$i" -gt 0 ] || rm -f "$work"/times.* # cold
        i=$((i + 1))
    done
    printf '\n%s, %s: %s records, %s bytes of JSON a record, median of %s runs\n' "$1" "$2" "$records" "$json" "$runs"
    printf '%-40s %11s %11s %8s %8s\n' "" "records/s" "records/" "CPU" "RSS"
    printf '%-40s %11s %11s %8s %8s\n' "" "by clock" "CPU-second" "seconds" "MiB"
    row decode "cmgpipe FILE >/dev/null"
    row bare "bare producer of the same records"
    row program "cmgpipe -b BROKERS -t TOPIC FILE"
    paste -d ' ' "$work/times.decode" "$work/times.bare" "$work/times.program" |
        awk '{ printf "0 %.2f\n", $8 / ($2 + $5) }' >"$work/times.ratio"
    ratio=$(median ratio 2)
    printf 'the program takes %s of the two others together (CPU; of each run: %s)\n' "$ratio" \
        "$(awk '{ print $2 }' "$work/times.ratio" | sort -n | tr '\n' ' ')"
    if [ "$check" = yes ]; then
        awk -v r="$ratio" -v m="$(median program 3)" 'BEGIN { exit !(r < 1.5 && m < 48 * 1024) }' || {
            echo "bench: over the limit"
            failed=1
        }
    fi
}

with_mock() {
    mkfifo "$work/orders"
    "$bin/kafka_mock" 1 <"$work/orders" >"$work/said" 2>/dev/null &
    mock_pid=$!
    exec 8>"$work/orders"
    echo "topic bench 4" >&8
    until [ "$(wc -l <"$work/said")" -ge 2 ]; do sleep 0.1; done
    brokers=$(head -n 1 "$work/said")
    for codec in $codecs; do compare "mock in another process" "$codec" "$brokers"; done
    exec 8>&-
    wait "$mock_pid" || true
    mock_pid=
}

with_real() {
    broker_fetch || {
        printf '\nno real broker: missing:%s\n' "${broker_missing-}"
        return 0
    }
    export BROKER_JIT=-XX:+TieredCompilation
    broker_init "$work/broker"
    broker_start 60
    broker_topic bench 4 retention.bytes=100000000 segment.bytes=50000000
    # shellcheck disable=SC2154 # of broker_init
    for codec in $codecs; do compare "real broker" "$codec" "$plain"; done
    broker_stop
}

failed=0
"$bin/bench_gen" ccm "$records" >"$work/log"
"$CMGPIPE" --host bench "$work/log" >"$work/json"
json=$(awk -v a="$(wc -c <"$work/json")" -v n="$(wc -l <"$work/json")" 'BEGIN { printf "%.0f", a / n }')
records=$(wc -l <"$work/json")
for target in $targets; do
    "with_$target"
done
[ "$failed" -eq 0 ]
