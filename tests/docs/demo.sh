#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first command of the README, in a clean copy of the tree and, where the kernel lets us, without a network:
# it builds, shows the report first and records after it, leaves everything under build/, and may be run again.
# timeout: 900
set -eu

if [ -n "${CMG_SANITIZE-}" ]; then
    echo "SKIPPED: the plain build does this once"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir "$tree"
(cd "$CMG_SOURCE_DIR" && tar -cf - --exclude=./build --exclude=./.git .) | (cd "$tree" && tar -xf -)
(cd "$tree" && find . -type f | sort) >"$work/before"

offline=
if unshare -rn true 2>/dev/null; then offline='unshare -rn'; fi
fail() {
    echo "$*"
    cat "$work/out"
    exit 1
}

for pass in 1 2; do
    # shellcheck disable=SC2086 # a command and its option, or nothing
    (cd / && $offline sh "$tree/tools/demo.sh") >"$work/out" 2>&1 || fail "pass $pass failed"
    report=$(grep -n 'cmgconnector-403-client-cert-required' "$work/out" | head -n 1 | cut -d: -f1)
    record=$(grep -n '^{"@timestamp"' "$work/out" | head -n 1 | cut -d: -f1)
    [ "${report:-999999}" -lt "${record:-0}" ] || fail "no report, or not before the records"
    tail -n 1 "$work/out" | grep -q '^Next: ' || fail "the last line does not say what to do next"
done
(cd "$tree" && find . -type f -not -path './build/*' | sort) >"$work/after"
cmp -s "$work/before" "$work/after" || fail "something was left outside build/"

# A failure is a failure: with the program's source broken, the demo says so.
echo 'this is no C' >>"$tree/cli/main.c"
if (cd "$tree" && sh tools/demo.sh) >"$work/out" 2>&1; then fail "a build that fails is not reported"; fi
grep -q '^demo: failed: ' "$work/out" || fail "a build that fails is not named"
