#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the pipeline costs, stage by stage, beside the bound and mawk. usage:
#   sh tests/bench/bench.sh [-b BUILD] [-n RECORDS] [-r RUNS] [-f FORMAT]...
# Default: build/release, 1,000,000 records, 5 runs, formats ccm sms iis. By name also winevent-xml winevent-json
# etw-xml etw-csv. Every number is the median of its runs, and the runs of all programs are interleaved, so that a slow
# minute of the machine hits them all.
# --check: fails when memory is over its limit (the test suite does that, small); times are for reading.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/release
records=1000000
runs=5
formats=
check=no
while [ $# -gt 0 ]; do
    case $1 in
    -b) build=$2 && shift ;;
    -n) records=$2 && shift ;;
    -r) runs=$2 && shift ;;
    -f) formats="$formats $2" && shift ;;
    --check) check=yes ;;
    *)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done
formats=${formats:-ccm sms iis}
bin=$build/tests
cmgpipe=${CMGPIPE:-$build/bin/cmgpipe}
work=$build/bench
mkdir -p "$work"
run=$bin/bench_run

# measure NAME PROGRAM...: one run, its three numbers on a line of NAME's file.
measure() {
    name=$1
    shift
    "$run" "$@" >>"$work/times.$name" 2>"$work/err" || {
        printf 'bench: failed: %s\n' "$*" >&2
        cat "$work/err" "$work/times.$name" >&2
        exit 1
    }
}

# median NAME COLUMN (1 seconds, 2 CPU seconds, 3 KiB)
median() {
    awk -v c="$2" '{ print $c }' "$work/times.$1" | sort -n |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# row NAME TITLE: the table's line of one program.
row() {
    awk -v title="$2" -v records="$records" -v bytes="$bytes" -v wall="$(median "$1" 1)" \
        -v cpu="$(median "$1" 2)" -v rss="$(median "$1" 3)" 'BEGIN {
        wall = wall > 0 ? wall : 0.001; cpu = cpu > 0 ? cpu : 0.001
        printf "%-34s %11.0f %11.0f %8.0f %8.2f %8.1f\n", title, records / wall, records / cpu,
            bytes / 1e6 / wall, cpu, rss / 1024 }'
}

# ratio A B: CPU seconds of B in those of A (how many times A is B's speed).
ratio() { awk -v a="$(median "$1" 2)" -v b="$(median "$2" 2)" 'BEGIN { printf "%.2f", (a > 0 ? b / a : 0) }'; }

head_line() {
    printf '\n%s: %s records, %s bytes, %s bytes of JSON a record (default field set), median of %s runs\n' \
        "$1" "$records" "$bytes" "$json" "$runs"
    printf '%-34s %11s %11s %8s %8s %8s\n' "" "records/s" "records/" "MB/s" "CPU" "RSS"
    printf '%-34s %11s %11s %8s %8s %8s\n' "" "by clock" "CPU-second" "in" "seconds" "MiB"
}

bench_format() {
    format=$1
    log=$work/$format.log
    if [ ! -f "$log" ] || [ "$(cat "$log.of" 2>/dev/null)" != "$records" ]; then
        "$bin/bench_gen" "$format" "$records" >"$log"
        echo "$records" >"$log.of"
    fi
    bytes=$(wc -c <"$log")
    rm -f "$work"/times.*
    i=0
    while [ "$i" -lt "$runs" ]; do
        measure bound "$bin/bench_bound" "$log"
        for stage in read decode enrich json; do
            measure "$stage" "$bin/bench_stages" "$stage" "$log"
        done
        measure program "$cmgpipe" "$log"
        if [ "$format" = ccm ]; then
            for n in $overlays; do
                measure "stage$n" "$bin/bench_stages" json "$log" "$work/overlay-$n.json"
                measure "plus$n" "$cmgpipe" --catalog "$work/overlay-$n.json" "$log"
                measure "bound$n" "$bin/bench_bound" "$log" "$work/overlay-$n.json"
            done
            if [ -n "$mawk" ]; then measure mawk "$mawk" -f "$root/tests/bench/fields.awk" "$log"; fi
        fi
        i=$((i + 1))
    done
    json=$("$cmgpipe" "$log" | wc -c | awk -v n="$records" '{ printf "%.0f", $1 / n }')
    head_line "$format"
    row bound "bound: read, walk, match, copy"
    row read "read only"
    row decode "decode"
    row enrich "decode + enrich"
    row json "decode + enrich + JSON"
    row program "cmgpipe FILE"
    if [ "$format" = ccm ]; then
        for n in $overlays; do
            row "bound$n" "bound, $n entries more"
            row "stage$n" "decode + enrich + JSON, $n more"
            row "plus$n" "cmgpipe --catalog, $n more"
        done
        if [ -n "$mawk" ]; then row mawk "mawk, same fields, 20 index()"; fi
    fi
    printf 'cmgpipe reaches %s of the bound' "$(ratio program bound)"
    if [ "$format" = ccm ]; then
        printf '; with 2,000 entries it takes %s of the time with 200' "$(ratio plus200 plus2000)"
        if [ -n "$mawk" ]; then printf '; it is %s times mawk' "$(ratio program mawk)"; fi
    fi
    printf '\n'
}

# A limit that does not depend on how busy the machine is.
limit() {
    awk -v have="$2" -v op="$3" -v want="$4" 'BEGIN { exit !(op == "<" ? have < want : have > want) }' || {
        printf 'bench: %s is %s, must be %s %s\n' "$1" "$2" "$3" "$4"
        failed=1
    }
}

mawk=$(command -v mawk || true)
overlays="20 200 2000"
for n in $overlays; do
    awk -v n="$n" -f "$root/tests/bench/entries.awk" >"$work/overlay-$n.json"
done
failed=0
for format in $formats; do
    bench_format "$format"
    if [ "$check" = yes ]; then
        limit "$format: peak RSS in KiB" "$(median program 3)" '<' 16384
    fi
done
exit "$failed"
