#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every configuration of packaging/fluent-bit runs in a real Fluent Bit as it is shipped, set up by its
# variables alone, in both forms; what leaves it is what the program says of the same logs.
# labels: flb
# timeout: 180
# shellcheck disable=SC1091,SC2154
set -eu
. "$CMG_SOURCE_DIR/tests/integration/flb/lib.sh"

mkdir "$work/logs"
cp "$CMG_SOURCE_DIR"/examples/logs/*.log "$work/logs"
printf '%s\n' '<![LOG[A record whose end' 'is on another line]LOG]!><time="10:00:00.000-60" date="03-12-2026" component="Joined" context="" type="1" thread="7" file="a.cpp:1">' >"$work/logs/joined.log"
"$CMGPIPE" --host test "$work"/logs/*.log >"$work/want"
wanted=$(wc -l <"$work/want")
[ "$wanted" -gt 40 ]
headers=$(grep -c '^#' "$work"/logs/u_ex*.log) # lines without a record; the filter leaves them as they are

CMGPIPE_LOGS="$work/logs/*.log" CMGPIPE_TLS=off CMGPIPE_ES_HOST=127.0.0.1 CMGPIPE_SPLUNK_HOST=127.0.0.1
CMGPIPE_ES_USER=cmg CMGPIPE_ES_PASSWORD=secret CMGPIPE_SPLUNK_TOKEN=token-of-the-test
CMGPIPE_AGGREGATOR=127.0.0.1 CMGPIPE_LISTEN=127.0.0.1 CMGPIPE_HOST=client7.contoso.example
export CMGPIPE_LOGS CMGPIPE_TLS CMGPIPE_ES_HOST CMGPIPE_SPLUNK_HOST CMGPIPE_ES_USER CMGPIPE_ES_PASSWORD
export CMGPIPE_SPLUNK_TOKEN CMGPIPE_AGGREGATOR CMGPIPE_LISTEN CMGPIPE_HOST

# records FILE: how many of ours are in it.
records() { grep -c '"schema' "$1" || true; }
enough() { [ "$(records "$1")" -ge "$wanted" ]; }

# watch CONFIG FILE KIND [OPTION]: waits until as many records are in FILE.
watch() {
    until_true 20 enough "$2" || fail "$1: $(records "$2") of $wanted records" "$2" "$work/$1.err"
    python3 "$tools/compare.py" "${4---ordered}" "$work/want" "$2" "$3" >"$work/compare" || fail "$1 differs" "$work/compare"
    covered="$covered $1"
}
covered=

# Those that print: all at once.
plain='filter.yaml filter.conf processor.yaml'
pids=
for config in $plain; do
    flb "$config" -c "$config"
    pids="$pids $pid"
done
for config in $plain; do watch "$config" "$work/$config.out" lines; done
for pid in $pids; do end "$pid"; done

# Logs in UTF-16, with and without the mark that says so.
mkdir "$work/utf16"
for log in "$work"/logs/*.log; do
    { printf '\377\376' && sed '1s/^\xef\xbb\xbf//' "$log" | iconv -f UTF-8 -t UTF-16LE; } >"$work/utf16/${log##*/}"
done
case $version in
[23].*) echo "utf16: left out, Fluent Bit $version cannot read UTF-16" && covered="$covered utf16.yaml utf16.conf" ;;
*)
    pids=
    for config in utf16.yaml utf16.conf; do
        CMGPIPE_LOGS="$work/utf16/*.log" flb "$config" -c "$config"
        pids="$pids $pid"
    done
    for config in utf16.yaml utf16.conf; do watch "$config" "$work/$config.out" lines; done
    for pid in $pids; do end "$pid"; done
    ;;
esac

# Elasticsearch and Splunk: a server that checks each request.
for config in es.yaml es.conf splunk.yaml splunk.conf; do
    begin "sink-$config" python3 "$tools/sink.py" "$work/port" "$work/$config.got"
    until_true 10 test -f "$work/port" || fail "no server" "$work/sink-$config.err"
    CMGPIPE_ES_PORT=$(cat "$work/port") CMGPIPE_SPLUNK_PORT=$(cat "$work/port") CMGPIPE_STORAGE=$work/storage-$config
    export CMGPIPE_ES_PORT CMGPIPE_SPLUNK_PORT CMGPIPE_STORAGE
    rm "$work/port"
    : >"$work/$config.got"
    mkdir "$CMGPIPE_STORAGE"
    flb "$config" -c "$config"
done
for config in es.yaml es.conf splunk.yaml splunk.conf; do watch "$config" "$work/$config.got" sink; done
for pid in $started; do kill "$pid" 2>/dev/null || true; done
wait

# Kafka: a cluster of its own for each.
kafka() {
    cluster "$1"
    CMGPIPE_STORAGE=$work/storage-$1
    export CMGPIPE_STORAGE
    mkdir "$CMGPIPE_STORAGE"
}
drain() {
    "$CMG_BINARY_DIR/tests/kafka_dump" "$CMGPIPE_BROKERS" logs-cmgpipe.cmg-default "$2" 20 >"$work/$1.got" 2>"$work/dump.err"
}
if [ -x "$CMG_BINARY_DIR/tests/kafka_mock" ]; then
    for config in kafka.yaml kafka.conf kafka-stock.yaml kafka-stock.conf; do
        kafka "$config"
        flb "$config" -c "$config"
        case $config in
        kafka-stock*) drain "$config" $((wanted + headers)) && order=--unordered ;; # no key, so any partition
        *) drain "$config" "$wanted" && order=--ordered ;;
        esac || fail "nothing to read for $config" "$work/dump.err" "$work/$config.err"
        watch "$config" "$work/$config.got" dump "$order"
        end "$pid"
        exec 9>&- # the cluster ends
    done
    for form in yaml conf; do
        kafka "aggregator.$form"
        CMGPIPE_FORWARD_PORT=$(free_port)
        export CMGPIPE_FORWARD_PORT
        flb "aggregator.$form" -c "aggregator.$form"
        aggregator=$pid
        mkdir "$work/storage-agent.$form"
        CMGPIPE_STORAGE=$work/storage-agent.$form flb "agent.$form" -c "agent.$form"
        drain "aggregator.$form" "$wanted" || fail "nothing to read" "$work/dump.err"
        watch "aggregator.$form" "$work/aggregator.$form.got" dump
        grep -q '"host":{"name":"client7.contoso.example"' "$work/aggregator.$form.got" || fail "the host is not the agent's"
        covered="$covered agent.$form"
        end "$pid"
        end "$aggregator"
        exec 9>&- # the cluster ends
    done
else
    echo "kafka: left out, this build has none"
    covered="$covered kafka.yaml kafka.conf kafka-stock.yaml kafka-stock.conf aggregator.yaml aggregator.conf agent.yaml agent.conf"
fi

for file in "$shipped"/*.yaml "$shipped"/*.conf; do
    case "$covered parsers_multiline.conf " in
    *" ${file##*/} "*) ;;
    *) fail "${file##*/} is shipped and not tested" ;;
    esac
done
echo "$(echo "$covered" | wc -w) configurations, $wanted records each, Fluent Bit $version"
