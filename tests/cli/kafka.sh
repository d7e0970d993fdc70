#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Kafka as its users meet it: settings and their contradictions, once, errors, dead letters, exit codes.
# The brokers are librdkafka's mock cluster.
# timeout: 120
# shellcheck disable=SC1091,SC2154
set -u
. "$(dirname "$0")/lib.sh"
tab=$(printf '\t')
mock

# ---- contradictions are explained before anything is read
run 2 -t topic missing.log
has err '--topic is for Kafka'
run 2 -b localhost:1 missing.log
has err 'needs a topic'
run 2 --mock-brokers 1 -b localhost:1 -t t missing.log
has err 'leave out --brokers'
run 2 -b localhost:1 -X bootstrap.servers=localhost:2 -t t missing.log
has err 'named twice'
run 2 -b localhost:1 -t t --format text missing.log
has err 'format text'
run 2 -b localhost:1 -t t --dead-letter-topic t missing.log
has err 'dead-letter-topic is the topic itself'
run 2 -b localhost:1 -t 'no topic' missing.log
has err 'a topic has 1 to 249'
for setting in acks=1 retries=0 queuing.strategy=lifo max.in.flight=6; do
    run 2 -b localhost:1 -t t -X $setting missing.log
    has err 'contradicts kafka.enable.idempotence'
done
run 2 -b localhost:1 -t t -X message.max.bytes=20000000 missing.log
has err 'queue.buffering.max.kbytes'
run 2 -b localhost:1 -t t -X transactional.id=x missing.log
has err 'at least once'
run 2 -b localhost:1 -t t -X delivery.report.only.error=true missing.log
run 2 -f -b localhost:1 -t t -X enable.idempotence=false -X acks=0 missing.log
has err 'nothing is ever confirmed'
run 2 -b localhost:1 -t t -X lingr.ms=5 missing.log
has err 'lingr\.ms'
run 2 -b localhost:1 -t t -X linger.ms=soon missing.log
run 2 -X nonsense missing.log
has err 'NAME=VALUE'
run 2 -b localhost:1 -t t -X sasl.pasword=hunter2 missing.log
lacks err hunter2
run 2 report -b localhost:1 .
has err 'does not go with report'
run 2 check-output
run 2 check-output -b localhost:1 -t t file
lacks out .

# ---- -X list, -X dump
run 0 -X list
has out '^dead-letter-topic '
has out '^linger\.ms|^queue\.buffering\.max\.ms'
run 0 -X dump
has out '^enable\.idempotence = true$'
has out '^compression\.(codec|type) = lz4$'
has out '^(acks|request\.required\.acks) = -1$'
has out '^partitioner = murmur2_random$'
has out '^queue\.buffering\.max\.kbytes = 8192$'
has out '^client\.id = cmgpipe$'
run 0 -X dump -X sasl.password=hunter2 -X ssl.key.password=hunter3 -X linger.ms=7
lacks out 'hunter'
has out '^queue\.buffering\.max\.ms = 7$'

# ---- precedence: option, environment, configuration file; a named file is the weakest of its place
printf 'kafka.linger.ms = 11\nkafka.client.id = from-file\nkafka.batch.size=500000\nkafka-config = c.properties\n' >c.conf
printf '# a comment\n! another\nlinger.ms=12\nclient.id=from-properties\nretry.backoff.ms=\\\n  123\n' >c.properties
run 0 -X dump --config c.conf
has out '^queue\.buffering\.max\.ms = 11$'
has out '^client\.id = from-file$'
has out '^batch\.size = 500000$'
has out '^retry\.backoff\.ms = 123$'
run 0 -X dump --config c.conf -F c.properties
has out '^queue\.buffering\.max\.ms = 12$'
run 0 -X dump --config c.conf -X linger.ms=14 -F c.properties
has out '^queue\.buffering\.max\.ms = 14$'
has out '^client\.id = from-properties$'
CMGPIPE_KAFKA_LINGER_MS=13 "$program" -X dump --config c.conf >out 2>err
has out '^queue\.buffering\.max\.ms = 13$'
CMGPIPE_KAFKA_LINGER_MS=13 "$program" -X dump --config c.conf -X linger.ms=14 >out 2>err
has out '^queue\.buffering\.max\.ms = 14$'
CMGPIPE_KAFKA_SERVICE_HOST=10.0.0.1 "$program" -X dump >out 2>err || bad "a variable of an orchestrator stops it"
CMGPIPE_KAFKA_LINGER_MS=soon "$program" -X dump >out 2>err && bad "a wrong value in the environment is taken"
has err 'CMGPIPE_KAFKA_LINGER_MS'

# ---- client.properties as other tools write them
printf 'security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=org.example.PlainLoginModule required \\\n username="alice" password="hunter2";\nkey.serializer=x.y.Z\nssl.truststore.type=PEM\nssl.truststore.location=ca.pem\nmax.request.size=900000\ncompression.type=zstd\n' >java.properties
chmod 600 java.properties
run 0 -X dump -F java.properties
has out '^security\.protocol = sasl_ssl$'
has out '^sasl\.username = alice$'
has out '^ssl\.ca\.location = ca\.pem$'
has out '^message\.max\.bytes = 900000$'
lacks out 'hunter2'
printf 'linger.ms=5\nno.such.thing=1\nnonsense\nssl.truststore.location=x.jks\n' >bad.properties
run 2 -b localhost:1 -t t -F bad.properties missing.log
has err 'bad\.properties:2:'
has err 'bad\.properties:3:'
has err 'bad\.properties:4:.*PEM'
run 2 -b localhost:1 -t t -F missing.properties missing.log

# ---- check-config
printf 'brokers = localhost:1\ntopic = t\nkafka.linger.ms = 5\nfollow = yes\ncheckpoint = x\nkey = incident\nsplunk-headers = yes\n' >good.conf
run 0 check-config good.conf
printf 'kafka.lingr.ms = 5\nkafka.linger.ms = soon\nkey = nothing\nkafka.linger.ms =\n' >bad.conf
run 2 check-config bad.conf
for line in 1 2 3 4; do has err "bad\\.conf:$line:"; done
printf 'brokers = localhost:1\ntopic = t\nkafka.acks = 1\n' >bad.conf
run 2 check-config bad.conf
has err 'contradicts'
printf 'brokers = localhost:1\n' >bad.conf
run 2 check-config bad.conf
has err 'needs a topic'
run 0 report --config good.conf "$logs"

# ---- check-output
tell topic there 3
run 0 check-output -b "$brokers" -t there
lines out 1
has out '^ok: 1 broker, topic there has 3 partitions$'
tell topic-error denied 29
run 1 check-output -b "$brokers" -t denied --timeout 5
lines out 1
has out 'denied'
run 1 check-output -b 127.0.0.1:1 -t there --timeout 1
lines out 1
has out 'no broker answered within 1000 ms.*(refused|down)'

# ---- once: files and standard input, everything there and as it is on standard output
"$program" --host h1 "$logs/LocationServices.log" >plain
run 0 -b "$brokers" -t once --host h1 --stats "$logs/LocationServices.log"
lines out 0
has err 'confirmed=12 .*dead_lettered=0'
dump once 12
cut -f 6 topic | sort >got
sort plain >want
cmp -s got want || bad "the topic does not hold what standard output says"
[ "$(cut -f 4 topic | sort -u)" = h1 ] || bad "the key is not the host"
has topic "${tab}content-type=application/json,schema=cmgpipe/1,event\\.id=[0-9a-f]{44}[,${tab}]"
[ "$(grep -c 'error\.type=' topic)" = "$(grep -c '"role":"\(primary\|candidate\|evidence\)"' topic)" ] ||
    bad "error.type is not in the headers of findings only"
lacks topic 'splunk\.header'
checks=$((checks + 1))
"$program" -b "$brokers" -t stdin --only primary --key event.id --splunk-headers --timestamp event \
    --host h1 <"$logs/LocationServices.log" >out 2>err || bad "standard input is not published"
dump stdin 2
has topic 'splunk\.header\.sourcetype=microsoft:configmgr:cmg:json,splunk\.header\.host=h1'
has topic "${tab}17732995[0-9]*${tab}[0-9a-f]{44}${tab}"
run 0 --mock-brokers 2 -t t "$logs/LocationServices.log"
run 1 -b "$brokers" -t once missing.log
run 0 -b "$brokers" -t once --key none --only primary "$logs/CCM_STS.log"

# ---- brokers that are down: a limit, a number, a status; then they are back
tell down
run 1 -b "$brokers" -t once --timeout 1 "$logs/LocationServices.log"
has err 'not_confirmed=12'
checks=$((checks + 1))
"$program" -b "$brokers" -t back --timeout 20 --host h1 "$logs/LocationServices.log" >out 2>err &
pid=$!
sleep 1
tell up
wait $pid || bad "brokers that came back were not used"
dump back 12

# ---- a slow broker
tell rtt 700
run 0 -b "$brokers" -t slow "$logs/LocationServices.log"
run 1 -b "$brokers" -t slow --timeout 1 -X socket.timeout.ms=10000 "$logs/LocationServices.log"
has err 'not_confirmed=12'
tell rtt 0
dump slow 12

# ---- errors that go away, and errors that do not
tell produce-error 6 3
run 0 -b "$brokers" -t retried -X retry.backoff.ms=10 "$logs/LocationServices.log"
dump retried 12
tell topic there.denied 1
tell topic-error there.denied 29
run 1 -b "$brokers" -t there.denied --timeout 3 "$logs/LocationServices.log"
has err 'not_confirmed=12'

# ---- dead letters: safe, so the status is 0, and said once
{ cat "$logs/LocationServices.log"; printf '<![LOG[%s]LOG]!><time="10:00:00.000+000" date="03-12-2026" component="Big" context="" type="1" thread="1" file="">\r\n' "$(head -c 40000 /dev/zero | tr '\0' x)"; } >big.log
run 0 -b "$brokers" -t big -X message.max.bytes=60000 --stats big.log
has err 'dead_lettered=1'
has err 'kept as dead letters.*records=1'
lines state/cmgpipe/big.dead.jsonl 1
has state/cmgpipe/big.dead.jsonl '^\{.*"logger":"Big".*\}$'
dump big 12
run 0 -b "$brokers" -t big --dead-letter-file other.jsonl -X message.max.bytes=60000 big.log
lines other.jsonl 1
run 1 -b "$brokers" -t big --dead-letter-file none -X message.max.bytes=60000 big.log
has err 'kept nowhere'
has err 'not_confirmed=1$'
run 1 -b "$brokers" -t big --dead-letter-file no/such/folder -X message.max.bytes=60000 big.log
# The broker's own limit is smaller than ours: a refused record goes once more, alone; then the
# dead-letter topic takes what the topic did not.
echo 'one record' >one.log
tell produce-error 10 2
run 0 -b "$brokers" -t small one.log
has err 'kept as dead letters'
"$helpers/kafka_dump" "$brokers" small.dlq 1 10 >topic 2>/dev/null
lines topic 1
has topic 'cmgpipe\.errors\.stage=produce,cmgpipe\.errors\.topic=small,cmgpipe\.errors\.reason=MSG_SIZE_TOO_LARGE'

done_testing
