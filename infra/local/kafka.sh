#!/usr/bin/env bash
# One Apache Kafka node (KRaft) on loopback, for development and tests, from Maven Central's jars.
#   infra/local/kafka.sh up | down | url | guard
# `guard` waits for the end of standard input and takes the node down.
# Needs a JDK or JRE 17 or newer, and Maven until the jars are there; root gets both from Debian where they are missing.
# Data lie under .local/kafka.
#   WAYBILL_LOCAL_KAFKA_PORT    its port (9092); the port after it is the controller's
#   WAYBILL_LOCAL_KAFKA_FOLDER  another folder for data and log
#   WAYBILL_LOCAL_KAFKA_HEAP    its memory (512m)
# A file extra.properties in that folder adds to the broker's settings, such as TLS and passwords.
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PORT=${WAYBILL_LOCAL_KAFKA_PORT:-9092}
FOLDER=${WAYBILL_LOCAL_KAFKA_FOLDER:-$ROOT/.local/kafka}
HEAP=${WAYBILL_LOCAL_KAFKA_HEAP:-512m}
RECIPE=$ROOT/infra/local/kafka
JARS=$ROOT/.local/kafka-jars
SECONDS_TO_START=60

say() { echo "kafka: $*" >&2; }

find_java() {
  local java
  java=$(recent_java)
  if [ -z "$java" ]; then
    "$ROOT/infra/local/install.sh" default-jre-headless || true
    java=$(recent_java)
  fi
  if [ -z "$java" ]; then
    say "needs Java 17 or newer, and found none. Install one (on Debian and Ubuntu: apt-get install default-jre-headless),"
    say "or name a broker of your own: WAYBILL_KAFKA=HOST:PORT"
    exit 1
  fi
  echo "$java"
}

recent_java() {
  local java
  for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)"; do
    if [ -x "$java" ] && [ "$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)" -ge 17 ] 2>/dev/null; then
      echo "$java"
      return
    fi
  done
}

# The stamp says which recipe the jars are of.
fetch_jars() {
  local wanted
  wanted=$(cksum <"$RECIPE/pom.xml")
  if [ "$(cat "$JARS/.recipe" 2>/dev/null)" = "$wanted" ]; then return; fi
  if ! command -v mvn >/dev/null; then "$ROOT/infra/local/install.sh" maven || true; fi
  if ! command -v mvn >/dev/null; then
    say "needs Maven to fetch its jars, and found none. Install it (on Debian and Ubuntu: apt-get install maven),"
    say "or name a broker of your own: WAYBILL_KAFKA=HOST:PORT"
    exit 1
  fi
  say "fetching the broker's jars"
  rm -rf "$JARS"
  mkdir -p "$JARS"
  if ! mvn --batch-mode --quiet --file "$RECIPE/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$JARS" >"$JARS/maven.log" 2>&1; then
    say "Maven could not fetch the jars: $(grep -m 1 ERROR "$JARS/maven.log" || echo "see $JARS/maven.log")"
    exit 1
  fi
  echo "$wanted" >"$JARS/.recipe"
}

# By its command too: after a reboot the number may be another process's.
running() {
  [ -f "$FOLDER/broker.pid" ] && ps -ww -o command= -p "$(cat "$FOLDER/broker.pid")" 2>/dev/null | grep -q kafka.Kafka
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

write_properties() {
  cat >"$FOLDER/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((PORT + 1))
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$((PORT + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$FOLDER/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
# A group is ready when its first member is, and a broker that was killed is back soon.
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
END
  # The last word counts, of what is said twice.
  if [ -f "$FOLDER/extra.properties" ]; then cat "$FOLDER/extra.properties" >>"$FOLDER/server.properties"; fi
}

up() {
  local java options taken
  java=$(find_java)
  if ! running; then
    # A node of ours that was killed may hold its ports for a moment.
    for ((i = 0; i < 50; i++)); do
      if [ ! -f "$FOLDER/broker.pid" ] || ! listening "$PORT" && ! listening "$((PORT + 1))"; then break; fi
      sleep 0.1
    done
    for taken in "$PORT" "$((PORT + 1)), which is needed beside $PORT,"; do
      if listening "${taken%%,*}"; then
        say "port $taken is taken; choose another: WAYBILL_LOCAL_KAFKA_PORT=…"
        exit 1
      fi
    done
    fetch_jars
    mkdir -p "$FOLDER/tmp"
    write_properties
    # A broker that was killed leaves the libraries that it unpacked: they lie in a folder that is emptied here.
    rm -rf "$FOLDER/tmp/"*
    options=(-cp "$JARS/*" "-Djava.io.tmpdir=$FOLDER/tmp" "-Dlog4j2.configurationFile=$RECIPE/log4j2.properties")
    if [ ! -f "$FOLDER/data/meta.properties" ]; then
      "$java" "${options[@]}" kafka.tools.StorageTool format --config "$FOLDER/server.properties" \
        --cluster-id "$("$java" "${options[@]}" kafka.tools.StorageTool random-uuid)" >"$FOLDER/broker.log" 2>&1 || {
        say "could not format its data folder; see $FOLDER/broker.log"
        exit 1
      }
    fi
    start "$java" "-Xms$HEAP" "-Xmx$HEAP" "${options[@]}" kafka.Kafka "$FOLDER/server.properties"
    for ((i = 0; i < SECONDS_TO_START * 10; i++)); do
      if listening "$PORT" || ! kill -0 "$(cat "$FOLDER/broker.pid")" 2>/dev/null; then break; fi
      sleep 0.1
    done
    if ! running || ! listening "$PORT"; then
      say "did not start; see $FOLDER/broker.log"
      exit 1
    fi
  fi
  echo "127.0.0.1:$PORT"
}

# In a session of its own, so that Ctrl-C in this terminal is not for the broker.
start() {
  if command -v setsid >/dev/null; then
    setsid "$@" >>"$FOLDER/broker.log" 2>&1 </dev/null &
  else
    nohup "$@" >>"$FOLDER/broker.log" 2>&1 </dev/null &
  fi
  echo $! >"$FOLDER/broker.pid"
}

down() {
  local pid
  if running; then
    pid=$(cat "$FOLDER/broker.pid")
    kill "$pid"
    for ((i = 0; i < 300; i++)); do
      if ! running; then break; fi
      sleep 0.1
    done
    if running; then kill -9 "$pid"; fi
  fi
  rm -f "$FOLDER/broker.pid"
}

case "${1:-}" in
  up) up ;;
  down) down ;;
  url) echo "127.0.0.1:$PORT" ;;
  guard) trap '' INT TERM HUP; cat >/dev/null; down ;;
  *) echo "usage: $0 up|down|url|guard" >&2; exit 2 ;;
esac
