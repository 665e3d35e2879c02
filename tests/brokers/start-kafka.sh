#!/usr/bin/env bash
# Kafka (KRaft, combined mode) as plain processes on 127.0.0.1, with private directories and free ports.
#   start-kafka.sh start DIR      start NODES brokers; prints KEY=VALUE lines, also written to DIR/env
#   start-kafka.sh stop DIR       TERM, wait, KILL
#   start-kafka.sh kill|term|restart DIR [N]   one node (kill -9, an orderly stop, start again on the same port)
# Environment:
#   KAFKA_VERSION  KAFKA_HEAP (256m)  NODES (1)  KAFKA_PORTS ("p1 p2 ..", else free ones)
#   CERTS          directory of make-certs.sh: adds listeners SSL, MTLS, SASL_SSL and SASL_PLAIN
#   KAFKA_PROXY_PORTS  "p1 p2 ..", one per node: adds a listener PROXY that advertises this port of a proxy; where the
#                  proxy finds the listeners is printed as KAFKA_PROXY_TARGETS
#   PLAIN_USERS    more of SASL PLAIN: user_NAME="PASSWORD" ...
#   SCRAM_USER, SCRAM_PASSWORD (alice, alice-secret)    KAFKA_EXTRA (more server properties)
set -euo pipefail
# shellcheck source=tests/brokers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
NODES=${NODES:-1}
HEAP=${KAFKA_HEAP:-256m}
SCRAM_USER=${SCRAM_USER:-alice}
SCRAM_PASSWORD=${SCRAM_PASSWORD:-alice-secret}
LISTENERS=(SSL MTLS SASL_SSL SASL_PLAIN)
declare -a PLAIN CTRL BEHIND PROXY
declare -A TLS_PORT TLS_ADDRESSES

cds_file() { # KIND : class archive of this Kafka on this JVM
  local id
  id=$(java -version 2>&1 | sha256sum | cut -c1-12)
  echo "$CACHE/kafka-$KAFKA_VERSION/classes-$1-$id.jsa"
}

jvm() { # HEAP ARCHIVE-OPTION CLASS ARGS... : replaces the (sub)shell
  local heap=$1 archive=$2 cp
  shift 2
  cp=$(printf %s: "$KAFKA_LIBS"/*.jar) # an exact list: the class archive is tied to its order
  # shellcheck disable=SC2086 # KAFKA_JVM is a list of options
  exec java -Xms"$heap" -Xmx"$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "$archive" ${KAFKA_JVM:-} \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
    -cp "$cp" "$@"
}

properties() { # NODE_DIR N
  local dir=$1 n=$2 listeners advertised protocols name mech
  listeners="PLAINTEXT://127.0.0.1:${PLAIN[n]},CONTROLLER://127.0.0.1:${CTRL[n]}"
  advertised="PLAINTEXT://127.0.0.1:${PLAIN[n]}"
  protocols="CONTROLLER:PLAINTEXT,PROXY:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,MTLS:SSL,SASL_SSL:SASL_SSL,SASL_PLAIN:SASL_PLAINTEXT"
  cat <<P
process.roles=broker,controller
node.id=$n
controller.quorum.voters=$VOTERS
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
num.partitions=3
default.replication.factor=$RF
min.insync.replicas=$ISR
offsets.topic.replication.factor=$RF
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$RF
transaction.state.log.min.isr=$ISR
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$RF
share.coordinator.state.topic.min.isr=$ISR
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
controlled.shutdown.enable=$([ "$NODES" -gt 1 ] && echo true || echo false)
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=9000
P
  if [ -n "${PROXY[n]:-}" ]; then
    listeners+=",PROXY://127.0.0.1:${BEHIND[n]}"
    advertised+=",PROXY://127.0.0.1:${PROXY[n]}"
  fi
  if [ -n "${CERTS:-}" ]; then
    for name in "${LISTENERS[@]}"; do
      listeners+=",$name://127.0.0.1:${TLS_PORT[$name]}"
      advertised+=",$name://localhost:${TLS_PORT[$name]}"
    done
    cat <<P
ssl.keystore.type=PEM
ssl.keystore.location=$CERTS/${KAFKA_CERT:-server}.keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=$CERTS/ca.crt
ssl.client.auth=none
listener.name.mtls.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
P
    for name in sasl_ssl sasl_plain; do
      for mech in scram-sha-256 scram-sha-512; do
        echo "listener.name.$name.$mech.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
      done
      cat <<P
listener.name.$name.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$SCRAM_USER="$SCRAM_PASSWORD" ${PLAIN_USERS:-};
listener.name.$name.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="thePrincipalName";
P
    done
  fi
  printf '%s\n' "listeners=$listeners" "advertised.listeners=$advertised" "listener.security.protocol.map=$protocols"
  [ -z "${KAFKA_EXTRA:-}" ] || printf '%s\n' "$KAFKA_EXTRA"
}

uuid() { head -c16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '='; }

# Kafka's own format tool costs a JVM start, so its output is kept per version and credentials. All that it
# wrote is copied (4.4 has no bootstrap.checkpoint any more); only meta.properties differs per node.
format() { # DIR
  local dir=$1 n key kept
  key=$(printf '%s|%s|%s' "$KAFKA_VERSION" "$SCRAM_USER" "$SCRAM_PASSWORD" | sha256sum | cut -c1-16)
  kept=$CACHE/kafka-$KAFKA_VERSION/format-$key
  if [ ! -f "$kept/meta.properties" ]; then
    (jvm 128m -Xshare:auto kafka.tools.StorageTool format -t "$CLUSTER" -c "$dir/1/server.properties" \
      --add-scram "SCRAM-SHA-256=[name=$SCRAM_USER,password=$SCRAM_PASSWORD]" \
      --add-scram "SCRAM-SHA-512=[name=$SCRAM_USER,password=$SCRAM_PASSWORD]") >"$dir/format.log" 2>&1 ||
      { cat "$dir/format.log" >&2; die "Kafka's storage could not be formatted"; }
    cp -r "$dir/1/data" "$kept.$$"
    mv -T "$kept.$$" "$kept" 2>/dev/null || rm -rf "$kept.$$" # another run was first
    rm -rf "$dir/1/data"
  fi
  for ((n = 1; n <= NODES; n++)); do
    mkdir -p "$dir/$n/data"
    cp -r "$kept/." "$dir/$n/data/"
    printf 'version=1\ncluster.id=%s\nnode.id=%s\ndirectory.id=%s\n' "$CLUSTER" "$n" "$(uuid)" >"$dir/$n/data/meta.properties"
  done
}

launch() { # DIR N
  local d=$1/$2 cds kind=plain
  [ -z "${CERTS:-}" ] || kind=tls
  cds=$(cds_file $kind)
  if [ -f "$cds" ]; then
    cds=-XX:SharedArchiveFile=$cds
  elif [ "$2" = 1 ]; then # no archive yet: this broker writes one when it ends, which 'stop' keeps
    echo "$cds" >"$d/archive-to"
    cds=-XX:ArchiveClassesAtExit=$d/classes.jsa
  else
    cds=-Xshare:auto
  fi
  : >"$d/log"
  (
    cd "$d"
    echo "$BASHPID" >"$d/pid"
    trap '' HUP INT # a terminal's Ctrl-C is for the tests; whoever started the broker stops it
    jvm "$HEAP" "$cds" kafka.Kafka "$d/server.properties"
  ) >>"$d/log" 2>&1 </dev/null &
  PIDS[$2]=$!
}

ready() { # DIR N SECONDS
  local code=0
  wait_log "$1/$2/log" 'Kafka Server started' "$3" "${PIDS[$2]}" || code=$?
  [ $code != 0 ] || return 0
  echo "--- last lines of $1/$2/log" >&2
  tail -30 "$1/$2/log" >&2
  [ $code != 2 ] || die "Kafka node $2 ended while it started"
  die "Kafka node $2 did not start within $3 s"
}

keep_archive() { # NODE_DIR : only after an orderly end, or the file may be cut short
  if [ -f "$1/archive-to" ] && [ -s "$1/classes.jsa" ]; then
    mv -n "$1/classes.jsa" "$(cat "$1/archive-to")"
  fi
  rm -f "$1/archive-to" "$1/classes.jsa"
}

stop_nodes() { # NODE_DIR...
  local d p
  for d in "$@"; do
    p=$(pid_in "$d/pid")
    [ -z "$p" ] || kill "$p" 2>/dev/null || true
  done
  for d in "$@"; do
    [ -f "$d/pid" ] || continue
    p=$(cat "$d/pid")
    if stop_pid "$p" 25; then keep_archive "$d"; fi
    rm -f "$d/pid"
  done
}

declare -a PIDS
usage="usage: start-kafka.sh start|stop DIR, start-kafka.sh kill|term|restart DIR [N]"
cmd=${1:?$usage}
DIR=$(realpath -m "${2:?$usage}")
node=${3:-1}
case $cmd in
start)
  fetch_kafka
  [ ! -e "$DIR/env" ] || die "$DIR is in use"
  mkdir -p "$DIR"
  RF=$((NODES < 3 ? NODES : 3)) ISR=$((RF > 1 ? RF - 1 : 1)) VOTERS='' CLUSTER=$(uuid)
  read -r -a want <<<"${KAFKA_PORTS:-}"
  read -r -a proxies <<<"${KAFKA_PROXY_PORTS:-}"
  addresses='' targets=''
  for ((n = 1; n <= NODES; n++)); do
    if [ -n "${want[n - 1]:-}" ]; then PLAIN[n]=${want[n - 1]}; else free_port; PLAIN[n]=$PORT; fi
    free_port
    CTRL[n]=$PORT
    VOTERS+=${VOTERS:+,}$n@127.0.0.1:$PORT
    addresses+=${addresses:+,}127.0.0.1:${PLAIN[n]}
    if [ -n "${proxies[n - 1]:-}" ]; then
      free_port
      BEHIND[n]=$PORT PROXY[n]=${proxies[n - 1]}
      targets+=${targets:+,}$PORT
    fi
  done
  for ((n = 1; n <= NODES; n++)); do
    mkdir -p "$DIR/$n"
    if [ -n "${CERTS:-}" ]; then
      for l in "${LISTENERS[@]}"; do
        free_port
        TLS_PORT[$l]=$PORT
        TLS_ADDRESSES[$l]+=${TLS_ADDRESSES[$l]:+,}localhost:$PORT
      done
    fi
    properties "$DIR/$n" "$n" >"$DIR/$n/server.properties"
  done
  format "$DIR"
  for ((n = 1; n <= NODES; n++)); do launch "$DIR" "$n"; done
  for ((n = 1; n <= NODES; n++)); do ready "$DIR" "$n" "${KAFKA_START_TIMEOUT:-120}"; done
  {
    echo "KAFKA_BOOTSTRAP=$addresses"
    if [ -n "${CERTS:-}" ]; then
      for l in "${LISTENERS[@]}"; do echo "KAFKA_BOOTSTRAP_$l=${TLS_ADDRESSES[$l]}"; done
    fi
    [ -z "$targets" ] || echo "KAFKA_PROXY_TARGETS=$targets"
    echo "KAFKA_NODES=$NODES"
    echo "KAFKA_START_MS=$(($(now_ms) - BEGAN))"
  } | tee "$DIR/env"
  ;;
stop)
  shopt -s nullglob
  stop_nodes "$DIR"/[0-9]*
  rm -f "$DIR/env"
  ;;
kill) kill -9 "$(cat "$DIR/$node/pid")" ;;
term) stop_nodes "$DIR/$node" ;;
restart)
  fetch_kafka
  launch "$DIR" "$node"
  ready "$DIR" "$node" "${KAFKA_START_TIMEOUT:-120}"
  ;;
*) die "$usage" ;;
esac
