#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The plugins in a real Fluent Bit: event ids and classes are the program's, a wrong value of any property
# stops the start with one line that names it.
# labels: flb
# timeout: 120
# shellcheck disable=SC1091,SC2154
set -eu
. "$CMG_SOURCE_DIR/tests/integration/flb/lib.sh"

log=$CMG_SOURCE_DIR/examples/logs/LocationServices.log
"$CMGPIPE" --host test "$log" >"$work/want"
wanted=$(wc -l <"$work/want")
[ "$wanted" -gt 10 ]

# agree NAME OPTION KIND: what it printed is what the program says.
agree() {
    until_true 10 lines "$work/$1.out" "$wanted" || fail "$1: too little came" "$work/$1.out" "$work/$1.err"
    python3 "$tools/compare.py" "$2" "$work/want" "$work/$1.out" "$3" >"$work/compare" || fail "$1" "$work/compare"
}
tail="-i tail -p path=$log -p path_key=log_path -p offset_key=log_offset -p read_from_head=true"
keys="-p host=test -p path_key=log_path -p offset_key=log_offset"
# shellcheck disable=SC2086
{
    flb filter -f 0.2 $tail -F cmgpipe -m '*' $keys -o stdout -m '*' -p format=json_lines
    one=$pid
    flb output -f 0.2 $tail -o cmgpipe -m '*' $keys -p host_name=test -p sink=stdout
    two=$pid
    flb text -f 0.2 $tail -F cmgpipe -m '*' $keys -p json_key=json -o stdout -m '*' -p format=json_lines
    three=$pid
    flb prefix -f 0.2 $tail -F cmgpipe -m '*' $keys -p prefix=cmg_ -p keep_source=on -p original=off \
        -o stdout -m '*' -p format=json_lines
    four=$pid
}
agree filter --ids lines
agree output --ids lines
agree text --ids text
until_true 10 lines "$work/prefix.out" "$wanted" || fail "prefix: too little came" "$work/prefix.err"
[ "$(grep -c '"log":"<!\[LOG\[.*"cmg_message":' "$work/prefix.out")" = $((wanted - 1)) ] || fail "prefix" "$work/prefix.out"
if grep -q '"original"' "$work/prefix.out"; then fail "original=off" "$work/prefix.out"; fi
for pid in $one $two $three $four; do end "$pid"; done

# refused filter|output PROPERTY VALUE
refused() {
    if [ "$1" = filter ]; then
        set -- "$1" "$2" "$3" -F cmgpipe -m '*' -p "$2=$3" -o null
    else
        set -- "$1" "$2" "$3" -o cmgpipe -m '*' -p "$2=$3"
    fi
    kind=$1 property=$2 value=$3
    shift 3
    status=0
    timeout 10 "$host" -q -e "$lib/flb-filter_cmgpipe.so" -e "$lib/out_cmgpipe.so" -i dummy "$@" >"$work/refused" 2>&1 || status=$?
    case $status in 0 | 124) fail "$kind $property=$value is taken ($status)" "$work/refused" ;; esac
    grep -qF "[$kind:cmgpipe] $property $value: " "$work/refused" || fail "no line names $property" "$work/refused"
    [ "$(grep -c "$kind:cmgpipe\] " "$work/refused")" = 1 ] || fail "more than one line on $property" "$work/refused"
    refusals=$((refusals + 1))
}
refusals=0
refused filter only nonsense
refused filter keep_source perhaps
refused filter original 2
refused filter lang de
refused filter min_level loud
refused filter max_record 1
refused filter correlation_bytes many
refused filter streams 0
refused filter timezone Mars/Base
refused filter catalog "$work/absent"
refused output sink file
refused output flush_deadline_ms 5
refused output only nonsense
echo "filter and output agree with the program, $refusals wrong values stop the start, Fluent Bit $version"
