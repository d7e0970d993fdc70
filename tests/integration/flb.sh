#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The plugins in a real Fluent Bit: the shipped filter configuration gives the classes that the program gives, and the
# output sends every record. Needs a fluent-bit of 2.2 or later in the PATH or in $FLUENT_BIT.
# labels: flb
# timeout: 120
set -eu

if [ -n "${CMG_SANITIZE-}" ]; then
    echo "SKIPPED: a sanitized plugin needs a sanitized host"
    exit 77
fi
host=${FLUENT_BIT:-$(command -v fluent-bit || true)}
if [ -z "$host" ] || ! "$host" --version 2>/dev/null | grep -qE 'v(2\.[2-9]|[3-9]\.|[1-9][0-9])'; then
    echo "SKIPPED: no fluent-bit of 2.2 or later (PATH or FLUENT_BIT)"
    exit 77
fi
lib=$CMG_BINARY_DIR/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$CMG_SOURCE_DIR/examples/logs/LocationServices.log

# An error class for each record that has one, in order.
classes() { sed -n 's/.*"error":{[^}]*"type":"\([^"]*\)".*"role":"\([^"]*\)".*/\1 \2/p'; }

"$CMGPIPE" "$log" | classes >"$work/want"
[ -s "$work/want" ]

run() {
    status=0
    (cd "$CMG_SOURCE_DIR/packaging/fluent-bit" && timeout 6 "$host" -q "$@") >"$work/out" 2>"$work/err" || status=$?
    [ "$status" = 124 ] || [ "$status" = 0 ] || { cat "$work/err"; exit 1; }
}

CMGPIPE_LOGS=$log
export CMGPIPE_LOGS
run -e "$lib/flb-filter_cmgpipe.so" -c filter.yaml
classes <"$work/out" >"$work/got"
diff -u "$work/want" "$work/got"

run -e "$lib/out_cmgpipe.so" -i tail -p "path=$log" -p read_from_head=true -o cmgpipe -m '*' -p sink=stdout
classes <"$work/out" >"$work/got"
diff -u "$work/want" "$work/got"

if timeout 6 "$host" -q -e "$lib/flb-filter_cmgpipe.so" -i dummy -F cmgpipe -m '*' -p only=nonsense -o null >"$work/out" 2>&1; then
    echo "a wrong value does not stop the start"
    exit 1
fi
grep -q 'only nonsense' "$work/out"
echo "filter and output agree with the program in $("$host" --version | head -n 1)"
