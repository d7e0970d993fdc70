#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every DECODER/CASE.log through the program, compared with DECODER/CASE.jsonl beside it.
#
#     run.sh [PROGRAM]             the program to test; else $CMGPIPE
#     UPDATE=1 run.sh [PROGRAM]    writes the expectations anew: read the difference before you commit it
#
# The time of reading is the only thing that differs between runs, so it is replaced by READ.
set -u
program=${1:-${CMGPIPE:-}}
if [ -z "$program" ] || [ ! -x "$program" ]; then
    echo "golden: no program: run.sh PROGRAM, or CMGPIPE=PROGRAM" >&2
    exit 2
fi
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# Settings of the person who runs it must not show.
for name in $(env | sed -n 's/^\(CMGPIPE_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
unset CMGPIPE
XDG_CONFIG_HOME=$work
export XDG_CONFIG_HOME

cases=0 failed=0
for log in */*.log; do
    wanted=${log%.log}.jsonl
    cases=$((cases + 1))
    if ! "$program" --host golden.contoso.example "$log" >"$work/out" 2>"$work/err"; then
        echo "golden: $log: the program failed" >&2
        cat "$work/err" >&2
        failed=$((failed + 1))
        continue
    fi
    sed '/"time":{"source":"read"/s/^{"@timestamp":"[^"]*"/{"@timestamp":"READ"/' "$work/out" >"$work/got"
    if [ "${UPDATE:-}" = 1 ]; then
        cp "$work/got" "$wanted"
    elif ! diff -u "$wanted" "$work/got" >"$work/diff" 2>&1; then
        echo "golden: $log differs" >&2
        head -n 20 "$work/diff" >&2
        failed=$((failed + 1))
    fi
done
echo "golden: $cases cases, $failed failed"
[ "$cases" -gt 0 ] && [ "$failed" -eq 0 ]
