# SPDX-License-Identifier: Apache-2.0
# For tests with a real Fluent Bit: to be sourced. Finds it, starts and stops it, waits for what it writes.
# shellcheck shell=sh disable=SC2034
if [ -n "${CMG_SANITIZE-}" ]; then
    echo "SKIPPED: a sanitized plugin needs a sanitized host"
    exit 77
fi
host=${FLUENT_BIT:-$(command -v fluent-bit || true)}
if [ -z "$host" ] || ! "$host" --version 2>/dev/null | grep -qE 'v(2\.[2-9]|[3-9]\.|[1-9][0-9])'; then
    echo "SKIPPED: no fluent-bit of 2.2 or later (PATH or FLUENT_BIT)"
    exit 77
fi
if ! command -v python3 >/dev/null; then
    echo "SKIPPED: no python3 to look at what Fluent Bit writes"
    exit 77
fi
version=$("$host" --version | sed -n 's/^Fluent Bit v\([0-9.]*\).*/\1/p')
lib=$CMG_BINARY_DIR/lib
tools=$CMG_SOURCE_DIR/tests/integration/flb
shipped=$CMG_SOURCE_DIR/packaging/fluent-bit
work=$(mktemp -d)
started=
cleanup() {
    for pid in $started; do kill -9 "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT

# The same without `set -e` getting in the way: fail WHY [FILE...], showing the ends of the files.
fail() {
    echo "FAILED (Fluent Bit $version): $1"
    shift
    for file in "$@"; do
        echo "--- $file"
        tail -n 30 "$file" | cut -c 1-300 || true
    done
    exit 1
}

# begin NAME PROGRAM...: in the background; output in $work/NAME.out and .err, its pid in $pid.
begin() {
    name=$1
    shift
    "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
    pid=$!
    started="$started $pid"
}

# flb NAME FILE...: a Fluent Bit with both plugins, in the folder of the shipped configurations.
flb() {
    name=$1
    shift
    (cd "$shipped" && exec "$host" -q -e "$lib/flb-filter_cmgpipe.so" -e "$lib/out_cmgpipe.so" "$@") \
        >"$work/$name.out" 2>"$work/$name.err" </dev/null &
    pid=$!
    started="$started $pid"
}

# end PID: ask it to stop, wait until it has.
end() {
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# until_true SECONDS COMMAND...: tries ten times a second.
until_true() {
    tries=$(($1 * 10))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

# lines FILE N: are there as many?
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# cluster NAME: a mock Kafka; its brokers in $CMGPIPE_BROKERS. It obeys `tell COMMAND` and ends with descriptor 9.
cluster() {
    mock=$work/$1.mock
    rm -f "$mock.in" && mkfifo "$mock.in"
    "$CMG_BINARY_DIR/tests/kafka_mock" 1 <"$mock.in" >"$mock" 2>"$mock.err" &
    started="$started $!"
    exec 9>"$mock.in"
    until_true 10 test -s "$mock" || fail "no mock cluster" "$mock.err"
    CMGPIPE_BROKERS=$(head -n 1 "$mock")
    export CMGPIPE_BROKERS
}
tell() {
    answers=$(wc -l <"$mock")
    echo "$*" >&9
    until_true 10 lines "$mock" $((answers + 1)) || fail "the mock cluster does not answer" "$mock.err"
    [ "$(tail -n 1 "$mock")" = ok ] || fail "the mock cluster does not understand: $*"
}
no_kafka() {
    if [ ! -x "$CMG_BINARY_DIR/tests/kafka_mock" ]; then
        echo "SKIPPED: this build has no Kafka"
        exit 77
    fi
}
