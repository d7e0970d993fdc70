# SPDX-License-Identifier: Apache-2.0
# For the scripts beside this one: a folder to work in, the program, checks. Sourced: . "$(dirname "$0")/lib.sh"
# shellcheck shell=sh disable=SC2034
program=${CMGPIPE:-}
suite=$(basename "$0" .sh)
if [ -z "$program" ] || [ ! -x "$program" ]; then
    echo "$suite: no program: set CMGPIPE=PROGRAM" >&2
    exit 2
fi
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
helpers=${CMG_BINARY_DIR:-$(dirname "$program")/..}/tests
logs=$(cd "$(dirname "$0")/../../examples/logs" && pwd)
work=$(mktemp -d) || exit 2
children=
finish() {
    for child in $children; do kill -9 "$child" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
for name in $(env | sed -n 's/^\(CMGPIPE_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
XDG_CONFIG_HOME=$work/none HOME=$work/none XDG_STATE_HOME=$work/state
export XDG_CONFIG_HOME HOME XDG_STATE_HOME
cd "$work" || exit 2

checks=0 failed=0
bad() {
    failed=$((failed + 1))
    echo "$suite: $*" >&2
    [ ! -s err ] || tail -n 20 err | cut -c 1-400 | sed 's/^/    /' >&2
}

# run STATUS ARGUMENTS...: standard output to `out`, the rest to `err`; the status must be STATUS.
run() {
    want=$1
    shift
    checks=$((checks + 1))
    timeout -k 5 60 "$program" "$@" >out 2>err </dev/null
    got=$?
    [ "$got" = "$want" ] || bad "status $got, not $want: $*"
}

# has FILE PATTERN, lacks FILE PATTERN, lines FILE COUNT
has() { grep -qE -- "$2" "$1" || bad "no /$2/ in $1"; }
lacks() { ! grep -qE -- "$2" "$1" || bad "/$2/ in $1"; }
lines() { [ "$(wc -l <"$1")" -eq "$2" ] || bad "$1 has $(wc -l <"$1") lines, not $2"; }

# start ARGUMENTS...: in the background, output added to `out`, the rest to `err`; its number is $pid.
start() {
    : >err
    "$program" "$@" >>out 2>err </dev/null &
    pid=$!
    children="$children $pid"
}
# end STATUS: ask it to finish; the status must be STATUS. (A shell's background has SIGINT ignored.)
end() {
    checks=$((checks + 1))
    kill -TERM "$pid"
    wait "$pid"
    got=$?
    [ "$got" = "$1" ] || bad "SIGTERM ends with $got, not $1"
}
# until_true SECONDS COMMAND...
until_true() {
    tries=$(($1 * 20))
    shift
    while [ "$tries" -gt 0 ]; do
        "$@" && return 0
        sleep 0.05
        tries=$((tries - 1))
    done
    bad "it never came to: $*"
    return 1
}
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }
has_text() { grep -qE -- "$2" "$1"; }

# mock: a Kafka cluster in a process of its own; $brokers is its address, tell gives it an order.
mock() {
    if [ ! -x "$helpers/kafka_mock" ]; then
        echo "$suite: skipped: no Kafka in this build" >&2
        exit 77
    fi
    mkfifo orders
    : >said
    "$helpers/kafka_mock" <orders >said 2>/dev/null &
    children="$children $!"
    exec 8>orders
    until_true 10 has_lines said 1
    brokers=$(head -n 1 said)
}
tell() {
    before=$(wc -l <said)
    echo "$*" >&8
    until_true 10 has_lines said $((before + 1))
    [ "$(tail -n 1 said)" = ok ] || bad "the mock cluster does not know: $*"
}
# dump TOPIC COUNT: that many messages of the topic to `topic`, see tests/kafka/dump.c.
dump() {
    "$helpers/kafka_dump" "$brokers" "$1" "$2" 10 >topic 2>/dev/null
    lines topic "$2"
}

done_testing() {
    echo "$suite: $checks runs, $failed failed"
    [ "$failed" -eq 0 ]
}
