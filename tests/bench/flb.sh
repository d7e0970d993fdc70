#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The filter in Fluent Bit beside what Fluent Bit can do by itself, on one log, in one run. usage:
#   sh tests/bench/flb.sh [-b BUILD] [-n LINES] [-r RUNS] [-d FOLDER]
# Default: build/release, 500,000 CCM lines, 5 runs. CPU seconds of the whole process (user and system), medians
# of interleaved runs. FOLDER is where the outputs are written (deleted again); default: /dev/shm if it is there,
# so that no disk is measured. Fluent Bit is taken from $FLUENT_BIT or the PATH.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/release
count=500000
runs=5
folder=/dev/shm
[ -d "$folder" ] || folder=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
    case $1 in
    -b) build=$2 && shift ;;
    -n) count=$2 && shift ;;
    -r) runs=$2 && shift ;;
    -d) folder=$2 && shift ;;
    *)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done
host=${FLUENT_BIT:-$(command -v fluent-bit || true)}
if [ -z "$host" ] || ! version=$("$host" --version 2>/dev/null); then
    echo "SKIPPED: no fluent-bit (PATH or FLUENT_BIT)"
    exit 77
fi
work=$(mktemp -d "$folder/flb-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/out"
CMG_BENCH_LOG=$work/ccm.log CMG_BENCH_OUT=$work/out
export CMG_BENCH_LOG CMG_BENCH_OUT
"$build/tests/bench_gen" ccm "$count" >"$CMG_BENCH_LOG"

pipelines="tail stock fields text lean"
run=0
while [ "$run" -lt "$runs" ]; do
    for name in $pipelines; do
        "$build/tests/bench_run" "$host" -q -e "$build/lib/flb-filter_cmgpipe.so" -c "$root/tests/bench/flb/$name.yaml" \
            >>"$work/times.$name" 2>"$work/err" || {
            cat "$work/err" "$work/times.$name" >&2
            exit 1
        }
        wc -lc <"$work/out/records" | awk '{ print $1, $2 }' >"$work/size.$name"
        rm -f "$work/out/records"
        if [ "$(cut -d ' ' -f 1 "$work/size.$name")" != "$count" ]; then
            echo "$name wrote $(cut -d ' ' -f 1 "$work/size.$name") lines of $count" >&2
            exit 1
        fi
    done
    run=$((run + 1))
done

median() { sort -n -k "$2" "$work/times.$1" | awk -v c="$2" '{ v[NR] = $c } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
title() { sed -n '1s/^# //p' "$root/tests/bench/flb/$1.yaml"; }
stock=$(median stock 2)
alone=$(median tail 2)
printf '%s, %s lines of %s bytes, median of %s runs\n' "$(echo "$version" | head -n 1)" "$count" \
    "$(($(wc -c <"$CMG_BENCH_LOG") / count))" "$runs"
printf '%6s %10s %7s %6s %8s %6s\n' "CPU s" "lines/CPU-s" "stock=1" "above" "bytes" "MiB"
for name in $pipelines; do
    awk -v cpu="$(median "$name" 2)" -v rss="$(median "$name" 3)" -v n="$count" -v stock="$stock" -v alone="$alone" \
        -v bytes="$(cut -d ' ' -f 2 "$work/size.$name")" -v title="$(title "$name")" 'BEGIN {
        printf "%6.2f %10.0f %7.2f %6.2f %8.0f %6.0f  %s\n", cpu, n / cpu, stock / cpu, cpu - alone, bytes / n, rss / 1024, title }'
done
echo "above: CPU seconds more than the first; bytes: of output a line"
