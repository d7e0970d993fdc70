#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A real Apache Kafka broker: what was sent is there, complete and in order, also when the broker is killed on the way;
# passwords, TLS and client certificates; what is refused. Java's own client reads it back.
# Needs java, mvn, openssl and python3, and for the first time the network. CMG_RDKAFKA_DIR: a folder with a newer
# librdkafka.so.1, for SCRAM where the library that is installed cannot do it.
# labels: kafka-real
# timeout: 400
set -u

if [ -n "${CMG_SANITIZE-}" ]; then
    echo "SKIPPED: once is enough, in the build without sanitizers"
    exit 77
fi
if [ ! -x "$CMG_BINARY_DIR/tests/kafka_mock" ]; then
    echo "SKIPPED: no Kafka in this build"
    exit 77
fi
broker_missing='' plain='' sasl='' tls='' mtls=''
# shellcheck source=/dev/null
. "$CMG_SOURCE_DIR/tests/kafka/broker.sh"
broker_fetch || {
    echo "SKIPPED: missing:$broker_missing"
    exit 77
}
work=$(mktemp -d)
follower=
finish() {
    [ -z "$follower" ] || kill -9 "$follower" 2>/dev/null
    broker_kill
    [ -n "${CMG_KEEP-}" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
for name in $(env | sed -n 's/^\(CMGPIPE_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
XDG_CONFIG_HOME=$work/none XDG_STATE_HOME=$work/state
export XDG_CONFIG_HOME XDG_STATE_HOME
keys=$work/broker
failed=0

say() { printf '%s (%s s)\n' "$*" "$(($(date +%s) - begun))"; }
bad() {
    failed=1
    echo "kafka-real: $*" >&2
    tail -n 5 "$work/err" 2>/dev/null | cut -c 1-400 | sed 's/^/    /' >&2
}
# publish STATUS ARGUMENTS...
publish() {
    want=$1
    shift
    timeout -k 5 60 "$CMGPIPE" --host pc17 "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ "$got" = "$want" ] || bad "status $got, not $want: $*"
}
# has TEXT: it was said.
has() { grep -qE -- "$1" "$work/err" || bad "nothing says: $1"; }
# read_back TOPIC COUNT: `lines` as Java's client sees them, `values` alone.
read_back() {
    broker_read "$1" "$2" >"$work/lines"
    cut -f 4- "$work/lines" >"$work/values"
}
# same TOPIC FILE: the topic has exactly these values; in this order where all have one key.
same() {
    read_back "$1" "$(($(wc -l <"$2") + 1))" # one more than there may be
    cmp -s "$2" "$work/values" || bad "$1: $(wc -l <"$work/values") of $(wc -l <"$2") values, or others"
}

begun=$(date +%s)
broker_init "$keys" || { tail -n 5 "$keys"/*.log; exit 1; }
broker_start 60 || exit 1
say "broker: up"
"$CMG_BINARY_DIR/tests/bench_gen" ccm 20000 >"$work/many.log"
head -n 1000 "$work/many.log" >"$work/few.log"
"$CMGPIPE" --host pc17 "$work/many.log" >"$work/many.jsonl" 2>"$work/err"
"$CMGPIPE" --host pc17 "$work/few.log" >"$work/few.jsonl" 2>"$work/err"
broker_topic small 1 max.message.bytes=4000

# ---- once
publish 0 -b "$plain" -t plain "$work/many.log"
same plain "$work/many.jsonl"
[ "$(cut -f 3 "$work/lines" | sort -u)" = pc17 ] || bad "not all keys are the host's name"
[ "$(cut -f 1 "$work/lines" | sort -u | wc -l)" = 1 ] || bad "one key is in several partitions"
grep -q 'content-type:application/json,schema:cmgpipe/1,event.id:[0-9a-f]*' "$work/lines" || bad "no headers"
publish 0 -b "$plain" -t plain check-output
grep -q '^ok: 1 broker, topic plain has 3 partitions$' "$work/out" || bad "check-output: $(cat "$work/out")"
publish 1 -b "$plain" -t absent -X allow.auto.create.topics=false check-output
grep -q 'topic absent: ' "$work/out" || bad "check-output: $(cat "$work/out")"
say "plain: $(wc -l <"$work/many.jsonl") records, in order"

# ---- who are you
bob="-X security.protocol=sasl_plaintext -X sasl.mechanism=PLAIN -X sasl.username=bob"
# shellcheck disable=SC2086 # words
publish 0 -b "$sasl" -t sasl $bob -X sasl.password=bob-secret "$work/few.log"
same sasl "$work/few.jsonl"
# shellcheck disable=SC2086
publish 1 -b "$sasl" -t sasl $bob -X sasl.password=wrong --timeout 3 "$work/few.log"
has '[Aa]uthentication failed'
say "SASL/PLAIN: right and wrong password"

alice="-X security.protocol=sasl_plaintext -X sasl.mechanism=SCRAM-SHA-512 -X sasl.username=alice -X sasl.password=alice-secret"
[ -z "${CMG_RDKAFKA_DIR-}" ] || export LD_LIBRARY_PATH="$CMG_RDKAFKA_DIR"
# shellcheck disable=SC2086
timeout 60 "$CMGPIPE" --host pc17 -b "$sasl" -t scram $alice --timeout 5 "$work/few.log" 2>"$work/err"
status=$?
if grep -q 'use librdkafka 2.6.1 or later' "$work/err"; then
    [ "$status" = 1 ] || bad "SCRAM fails with status $status"
    [ "$(grep -c 'use librdkafka 2.6.1 or later' "$work/err")" = 1 ] || bad "the reason is not given once"
    say "SCRAM: this librdkafka cannot, and says so"
else
    [ "$status" = 0 ] || bad "SCRAM: status $status"
    same scram "$work/few.jsonl"
    say "SCRAM-SHA-512"
fi
unset LD_LIBRARY_PATH

# ---- TLS
publish 0 -b "$tls" -t tls -X security.protocol=ssl -X ssl.ca.location="$keys/ca.crt" "$work/few.log"
same tls "$work/few.jsonl"
publish 1 -b "$tls" -t tls -X security.protocol=ssl -X ssl.ca.location="$keys/other-ca.crt" --timeout 3 "$work/few.log"
has 'certificate verify failed|verification failed'
own="-X ssl.certificate.location=$keys/client.pem -X ssl.key.location=$keys/client.key"
# shellcheck disable=SC2086
publish 0 -b "$mtls" -t mtls -X security.protocol=ssl -X ssl.ca.location="$keys/ca.crt" $own "$work/few.log"
same mtls "$work/few.jsonl"
publish 1 -b "$mtls" -t mtls -X security.protocol=ssl -X ssl.ca.location="$keys/ca.crt" --timeout 3 "$work/few.log"
say "TLS, mutual TLS: right and wrong authority, with and without a certificate"

# ---- refused for good: of records whose batch is too large for the topic only the large ones are dead letters
{
    head -n 200 "$work/many.log"
    awk 'BEGIN { while (i++ < 400) printf "%x ", 2654435761 * i % 4294967296; print "" }'
    tail -n 200 "$work/many.log"
} >"$work/mixed.log"
"$CMGPIPE" --host pc17 "$work/mixed.log" >"$work/mixed.jsonl" 2>"$work/err"
publish 0 -b "$plain" -t small -X compression.codec=none "$work/mixed.log"
has 'dead letters'
awk 'length($0) < 3500' "$work/mixed.jsonl" | sort >"$work/want"
read_back small 1000
sort "$work/values" | cmp -s - "$work/want" || bad "small: $(wc -l <"$work/values") of $(wc -l <"$work/want")"
awk 'length($0) >= 3500' "$work/mixed.jsonl" >"$work/want"
same small.dlq "$work/want"
grep -q 'cmgpipe.errors.reason:MSG_SIZE_TOO_LARGE' "$work/lines" || bad "the dead letter does not say why"
say "refused: $(wc -l <"$work/want") record of $(wc -l <"$work/mixed.jsonl") is a dead letter"

# ---- the broker is killed while records come
: >"$work/live.log"
"$CMGPIPE" --host pc17 -f -b "$plain" -t killed --key none --checkpoint "$work/checkpoint" \
    "$work/live.log" >"$work/out" 2>"$work/err" </dev/null &
follower=$!
n=0
while [ $n -lt 100 ]; do
    tail -n "+$((n * 200 + 1))" "$work/many.log" | head -n 200 >>"$work/live.log"
    if [ $n = 30 ] || [ $n = 60 ]; then
        broker_kill
    fi
    if [ $n = 33 ] || [ $n = 70 ]; then
        broker_start 60 || exit 1
    fi
    sleep 0.1
    n=$((n + 1))
done
i=0
until grep -q "offset=$(wc -c <"$work/live.log")" "$work/checkpoint" 2>/dev/null || [ $i = 150 ]; do
    sleep 0.2
    i=$((i + 1))
done
kill -TERM "$follower"
wait "$follower"
status=$?
follower=
[ "$status" = 0 ] || bad "the follower ends with $status"
sed 's/"path":"[^"]*many.log"/PATH/' "$work/many.jsonl" | sort >"$work/want"
read_back killed 1000000
sed 's/"path":"[^"]*live.log"/PATH/' "$work/values" | sort >"$work/got"
sort -u "$work/got" | cmp -s - "$work/want" || bad "killed: $(sort -u "$work/got" | wc -l) of $(wc -l <"$work/want") records"
say "killed twice: all $(wc -l <"$work/want") records arrived, $(($(wc -l <"$work/got") - $(wc -l <"$work/want"))) repeated"

# ---- the program is killed while logs rotate: each line is there, and each always under the same id
broker_topic crash-1 4 # the name that crash gives it, of the seed
"$CMG_BINARY_DIR/tests/crash" "$CMGPIPE" "$plain" "${CMG_KILLS:-5}" 1 >"$work/out" 2>"$work/err" || {
    cat "$work/out" >&2
    bad "the program killed at random loses something"
}
say "$(tail -n 1 "$work/out")"

broker_stop
say "broker: down"
[ "$failed" -eq 0 ]
