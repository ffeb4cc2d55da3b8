#!/usr/bin/env bash
# PostgreSQL on loopback, for development and tests, from whatever binaries the machine has.
#   infra/local/postgres.sh up | down | crash | url | with COMMAND… | lend | guard
# `up` starts the one server of this checkout, for people. Its port is fixed (54329, or WAYBILL_LOCAL_POSTGRES_PORT), and
# its data are kept under .local/postgres, or in WAYBILL_LOCAL_POSTGRES_FOLDER.
# `with` runs a command beside a new, empty server on a free port, named by WAYBILL_TEST_POSTGRES. The server ends with
# the command, however that ends, kill -9 included. Where no server can be had, the command runs all the same.
# `lend` prints the URL of such a server, which ends with standard input.
# `guard` waits for the end of standard input and takes down the server that `up` starts.
# WAYBILL_LOCAL_POSTGRES_ALSO_AT is a second address at which a new server listens, for hosts of its networks.
# Where the server's own user cannot reach .local, data lie under the temporary folder.
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PORT=${WAYBILL_LOCAL_POSTGRES_PORT:-54329}
ALSO_AT=${WAYBILL_LOCAL_POSTGRES_ALSO_AT:-}
USER_OF_SERVER=postgres
TRIES_OF_PORTS=10

say() { echo "postgres: $*" >&2; }

as_server() {
  # The server refuses to run as root.
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid="$USER_OF_SERVER" --regid="$USER_OF_SERVER" --init-groups "$@"
  else
    "$@"
  fi
}

find_binaries() {
  local folder
  for folder in $(ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/pgsql/bin 2>/dev/null | sort -rV); do
    if [ -x "$folder/initdb" ]; then echo "$folder"; return 0; fi
  done
  if command -v initdb >/dev/null; then dirname "$(command -v initdb)"; fi
}

binaries() {
  local found
  found=$(find_binaries)
  if [ -z "$found" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    "$ROOT/infra/local/install.sh" postgresql || true
    found=$(find_binaries)
  fi
  if [ -z "$found" ]; then
    say "found no PostgreSQL 15 or newer. Install it (on Debian and Ubuntu: apt-get install postgresql),"
    say "or name a server of your own: WAYBILL_STORE=postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    return 1
  fi
  echo "$found"
}

local_is_reachable() {
  mkdir -p "$ROOT/.local"
  [ "$(id -u)" != 0 ] || as_server test -x "$ROOT/.local"
}

folder() {
  if [ -n "${WAYBILL_LOCAL_POSTGRES_FOLDER:-}" ]; then
    echo "$WAYBILL_LOCAL_POSTGRES_FOLDER"
  elif local_is_reachable; then
    echo "$ROOT/.local/postgres"
  else
    echo "${TMPDIR:-/tmp}/waybill-postgres-$(printf %s "$ROOT" | cksum | cut -d' ' -f1)"
  fi
}

new_folder() {
  if local_is_reachable; then
    mktemp -d "$ROOT/.local/postgres-XXXXXX"
  elif as_server test -x "${TMPDIR:-/tmp}"; then
    mktemp -d "${TMPDIR:-/tmp}/waybill-postgres-XXXXXX"
  else
    mktemp -d /tmp/waybill-postgres-XXXXXX
  fi
}

running() { [ -f "$1/data/postmaster.pid" ] && as_server "$2/pg_ctl" -D "$1/data" status >/dev/null 2>&1; }

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the ports that systems give to outgoing connections.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)) && listening "$port"; do :; done
  echo "$port"
}

url_at() { echo "postgresql://postgres@127.0.0.1:$1/waybill"; }

# Start a server with its data in FOLDER: start FOLDER BINARIES PORT. What goes wrong is said in a line.
start() {
  local home=$1 bin=$2 port=$3
  mkdir -p "$home"
  if [ "$(id -u)" = 0 ]; then chown "$USER_OF_SERVER" "$home"; fi
  if [ ! -f "$home/data/PG_VERSION" ]; then
    as_server "$bin/initdb" --pgdata "$home/data" --username postgres --auth trust --encoding UTF8 >/dev/null || return 1
    if [ -n "$ALSO_AT" ]; then echo "host all all samenet trust" >>"$home/data/pg_hba.conf"; fi
  fi
  if listening "$port"; then
    say "port $port is taken; choose another: WAYBILL_LOCAL_POSTGRES_PORT=…"
    return 1
  fi
  as_server "$bin/pg_ctl" --pgdata "$home/data" --log "$home/server.log" --wait --timeout 60 \
    --options "-c listen_addresses=127.0.0.1${ALSO_AT:+,$ALSO_AT} -p $port -c unix_socket_directories= -c max_connections=200" \
    start >/dev/null 2>&1 || {
    say "did not start on port $port: $(tail -n 1 "$home/server.log" 2>/dev/null); see $home/server.log"
    return 1
  }
}

create_database() {
  local bin=$1 port=$2
  if ! "$bin/psql" -h 127.0.0.1 -p "$port" -U postgres -lqt | cut -d'|' -f1 | grep -qw waybill; then
    "$bin/createdb" -h 127.0.0.1 -p "$port" -U postgres waybill
  fi
}

up() {
  local bin home port=$PORT
  bin=$(binaries)
  home=$(folder)
  if running "$home" "$bin"; then
    # It may have been started under another port.
    port=$(sed -n 4p "$home/data/postmaster.pid")
  else
    start "$home" "$bin" "$port" || exit 1
  fi
  create_database "$bin" "$port"
  url_at "$port"
}

# `fast` ends open transactions and stops; `immediate` is a crash: the next start has to recover. stop FOLDER HOW
stop() {
  local bin
  bin=$(find_binaries)
  if running "$1" "$bin"; then
    as_server "$bin/pg_ctl" --pgdata "$1/data" --wait --mode "$2" stop >/dev/null
  fi
}

# Runs beside the command, and learns of its end because nothing holds the pipe to it any more. Ctrl-C is not for it.
guard_private() {
  trap '' INT TERM HUP
  cat >/dev/null
  stop "$1" fast || say "the server in $1 was not stopped"
  rm -rf "$1"
}

run_beside() {
  local bin home port try
  if [ -z "${WAYBILL_TEST_POSTGRES:-}" ] && bin=$(binaries); then
    # A signal waits until the server can be stopped.
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    home=$(new_folder)
    exec 9> >(guard_private "$home" >&2)
    for ((try = 1; try <= TRIES_OF_PORTS; try++)); do
      port=$(free_port)
      # Somebody else may take the port in between.
      if start "$home" "$bin" "$port" 9>&-; then
        create_database "$bin" "$port" 9>&-
        WAYBILL_TEST_POSTGRES=$(url_at "$port")
        export WAYBILL_TEST_POSTGRES
        break
      fi
    done
    trap - INT TERM HUP
  fi
  exec "$@"
}

case "${1:-}" in
  up) up ;;
  with) shift; run_beside "$@" ;;
  lend) run_beside sh -c 'echo "${WAYBILL_TEST_POSTGRES:-}"; exec cat >/dev/null' ;;
  guard) trap '' INT TERM HUP; cat >/dev/null; stop "$(folder)" fast ;;
  down) stop "$(folder)" fast ;;
  crash) stop "$(folder)" immediate ;;
  url) url_at "$PORT" ;;
  *) echo "usage: $0 up|down|crash|url|lend|guard|with COMMAND…" >&2; exit 2 ;;
esac
