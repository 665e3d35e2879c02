#!/bin/bash
# Settings as the apache/kafka image takes them: KAFKA_FOO_BAR is the server property foo.bar ('__' for '-', '___' for
# '_'). KAFKA_HEAP is the heap size.
set -euo pipefail
export KAFKA_LOG_DIRS=${KAFKA_LOG_DIRS:-/var/lib/kafka}
conf=/etc/kafka/server.properties
archive=/opt/kafka/classes.jsa
if [ -n "${KAFKA_MAKE_ARCHIVE:-}" ]; then
  export KAFKA_NODE_ID=1 KAFKA_PROCESS_ROLES=broker,controller KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER
  export KAFKA_LISTENERS=PLAINTEXT://127.0.0.1:29092,CONTROLLER://127.0.0.1:29093
  export KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
  export KAFKA_CONTROLLER_QUORUM_VOTERS=1@127.0.0.1:29093
fi

mkdir -p /etc/kafka
while IFS='=' read -r -d '' key value; do
  case $key in KAFKA_HEAP | KAFKA_HEAP_OPTS | KAFKA_MAKE_ARCHIVE) continue ;; KAFKA_*) ;; *) continue ;; esac
  key=${key#KAFKA_} key=${key//___/%} key=${key//__/-} key=${key//_/.} key=${key//%/_}
  printf '%s=%s\n' "${key,,}" "$value"
done < <(env -0) >"$conf"

jars=$(printf %s: /opt/kafka/libs/*.jar)
java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
  -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info)
if [ -f $archive ]; then java+=("-XX:SharedArchiveFile=$archive"); fi
if [ ! -f "$KAFKA_LOG_DIRS/meta.properties" ]; then
  "${java[@]}" -Xmx128m -cp "$jars" kafka.tools.StorageTool format -t "${CLUSTER_ID:-MkU3OEVBNTcwNTJENDM2Qk}" -c "$conf"
fi
if [ -n "${KAFKA_MAKE_ARCHIVE:-}" ]; then # at image build: run, stop, keep the class archive only
  log=/var/log/kafka-build.log
  "${java[@]}" -Xmx256m -XX:ArchiveClassesAtExit=$archive -cp "$jars" kafka.Kafka "$conf" >$log 2>&1 &
  until grep -q 'Kafka Server started' $log; do
    kill -0 $! || { cat $log; exit 1; }
    sleep 0.1
  done
  kill $!
  wait $! || true
  rm -rf "$KAFKA_LOG_DIRS" $log /etc/kafka
  [ -s $archive ]
  exit
fi
exec "${java[@]}" -Xmx"${KAFKA_HEAP:-256m}" -cp "$jars" kafka.Kafka "$conf"
