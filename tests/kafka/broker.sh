# SPDX-License-Identifier: Apache-2.0
# A real Apache Kafka broker on loopback, one node, with a data folder of its own. Sourced, with
# CMG_SOURCE_DIR and CMG_BINARY_DIR set:
#
#     broker_fetch            its jars, by Maven, once for a build folder; 1: $broker_missing says what is missing
#     broker_init FOLDER      data, keys and settings in FOLDER; sets $plain $sasl $tls $mtls, HOST:PORT each
#     broker_start SECONDS    and waits until it answers
#     broker_kill             -9
#     broker_stop
#     broker_tool CLASS ARGUMENTS...      a command-line tool of Kafka's own
#     broker_topic NAME PARTITIONS [NAME=VALUE]...
#     broker_read TOPIC COUNT             that many records, by Java's client: partition, headers, key, value
#
# Users: SASL/PLAIN bob (bob-secret), SASL/SCRAM-SHA-512 alice (alice-secret). Keys: ca.crt, other-ca.crt, client.pem,
# client.key. Session time-outs are short, so that a broker that was killed is back in seconds.
broker_pid=

broker_fetch() {
    broker_jars=${CMG_KAFKA_DIR:-$CMG_BINARY_DIR/kafka}
    broker_missing=
    for tool in java mvn openssl python3; do
        command -v "$tool" >/dev/null 2>&1 || broker_missing="$broker_missing $tool"
    done
    [ -z "$broker_missing" ] || return 1
    [ ! -f "$broker_jars/complete" ] || return 0
    mkdir -p "$broker_jars"
    timeout 300 mvn -q -B -f "$CMG_SOURCE_DIR/tests/kafka/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$broker_jars" -DincludeScope=runtime >"$broker_jars/maven.log" 2>&1 || {
        broker_missing=" Kafka's jars (Maven could not bring them: $broker_jars/maven.log)"
        return 1
    }
    : >"$broker_jars/complete"
}

broker_java() {
    java -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -cp "$broker_jars/*" "$@"
}

broker_keys() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout "$1/ca.key" -out "$1/ca.crt" &&
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other-ca -keyout "$1/other-ca.key" \
            -out "$1/other-ca.crt" &&
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$1/san" &&
        for who in server client; do
            openssl req -newkey rsa:2048 -nodes -subj "/CN=$who" -keyout "$1/$who.key" -out "$1/$who.csr" &&
                openssl x509 -req -in "$1/$who.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 2 \
                    -extfile "$1/san" -out "$1/$who.pem" || return 1
        done &&
        cat "$1/server.key" "$1/server.pem" >"$1/server-both.pem"
}

# Ports that nobody has now, and that no outgoing connection is given (those are 32768 and above), since a broker that
# is started again needs its old ones.
broker_ports() {
    python3 -c 'import random, socket
s = []
while len(s) < 5:
    x = socket.socket()
    try:
        x.bind(("127.0.0.1", random.randrange(20000, 32000)))
        s.append(x)
    except OSError:
        pass
print(*[x.getsockname()[1] for x in s])'
}

broker_init() {
    broker_home=$1
    mkdir -p "$broker_home"
    broker_keys "$broker_home" >"$broker_home/keys.log" 2>&1 || return 1
    # shellcheck disable=SC2046 # five words
    set -- $(broker_ports)
    plain=127.0.0.1:$1 sasl=127.0.0.1:$2 tls=127.0.0.1:$3 mtls=127.0.0.1:$4
    cat >"$broker_home/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$5
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$plain,SASL://$sasl,TLS://$tls,MTLS://$mtls,CONTROLLER://127.0.0.1:$5
advertised.listeners=PLAINTEXT://$plain,SASL://$sasl,TLS://$tls,MTLS://$mtls
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,MTLS:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$broker_home/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
num.partitions=3
auto.create.topics.enable=true
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=100
controller.quorum.election.timeout.ms=100
controller.quorum.fetch.timeout.ms=200
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_bob="bob-secret";
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=$broker_home/server-both.pem
ssl.truststore.type=PEM
ssl.truststore.location=$broker_home/ca.crt
listener.name.mtls.ssl.client.auth=required
EOF
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
    broker_java kafka.tools.StorageTool format -t "$id" -c "$broker_home/server.properties" \
        --add-scram 'SCRAM-SHA-512=[name=alice,password=alice-secret]' >"$broker_home/format.log" 2>&1
}

broker_start() {
    # Not broker_java: the number must be that of the JVM.
    java -Xms128m -Xmx512m -XX:+UseSerialGC "${BROKER_JIT:--XX:TieredStopAtLevel=1}" \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$broker_jars/*" kafka.Kafka \
        "$broker_home/server.properties" >>"$broker_home/broker.log" 2>&1 &
    broker_pid=$!
    tries=$(($1 * 5))
    while [ "$tries" -gt 0 ]; do
        "$CMGPIPE" check-output -b "$plain" -t no-such-topic --timeout 2 \
            -X allow.auto.create.topics=false 2>/dev/null | grep -q '^brokers answer' && return 0
        kill -0 "$broker_pid" 2>/dev/null || break
        sleep 0.2
        tries=$((tries - 1))
    done
    tail -n 20 "$broker_home/broker.log" >&2
    return 1
}

broker_kill() {
    [ -z "$broker_pid" ] || { kill -9 "$broker_pid" && wait "$broker_pid"; } 2>/dev/null
    broker_pid=
}

broker_stop() {
    [ -z "$broker_pid" ] || { kill "$broker_pid" && wait "$broker_pid"; } 2>/dev/null
    broker_pid=
}

broker_tool() {
    class=$1
    shift
    broker_java "$class" --bootstrap-server "$plain" "$@" 2>>"$broker_home/tools.log"
}

broker_topic() {
    name=$1 partitions=$2
    shift 2
    for pair in "$@"; do
        set -- "$@" --config "$pair"
        shift
    done
    broker_tool org.apache.kafka.tools.TopicCommand --create --topic "$name" --partitions "$partitions" "$@" \
        >>"$broker_home/tools.log"
}

broker_read() {
    broker_tool org.apache.kafka.tools.consumer.ConsoleConsumer --topic "$1" --from-beginning \
        --max-messages "$2" --timeout-ms 4000 \
        --property print.partition=true --property print.key=true --property print.headers=true
}
