#!/usr/bin/env bash
# A private PostgreSQL server on loopback, for development and tests, from whatever binaries the machine has.
#   infra/local/postgres.sh up | down | crash | url | with COMMAND…
# `with` runs a command beside a server: the one that runs already, or one that is stopped after it.
# Data lie under .local/postgres, or in WAYBILL_LOCAL_POSTGRES_FOLDER; where the server's own user cannot reach that
# folder, under the temporary folder. WAYBILL_LOCAL_POSTGRES_PORT names another port than 54329.
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PORT=${WAYBILL_LOCAL_POSTGRES_PORT:-54329}
USER_OF_SERVER=postgres
URL="postgresql://postgres@127.0.0.1:$PORT/waybill"

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
    if [ -x "$folder/initdb" ]; then echo "$folder"; return; fi
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
    exit 1
  fi
  echo "$found"
}

folder() {
  local wanted="${WAYBILL_LOCAL_POSTGRES_FOLDER:-}"
  if [ -n "$wanted" ]; then echo "$wanted"; return; fi
  wanted="$ROOT/.local/postgres"
  mkdir -p "$ROOT/.local"
  if [ "$(id -u)" = 0 ] && ! as_server test -x "$ROOT/.local"; then
    wanted="${TMPDIR:-/tmp}/waybill-postgres-$(printf %s "$ROOT" | cksum | cut -d' ' -f1)"
  fi
  echo "$wanted"
}

running() { [ -f "$1/data/postmaster.pid" ] && as_server "$2/pg_ctl" -D "$1/data" status >/dev/null 2>&1; }

up() {
  local bin home
  bin=$(binaries)
  home=$(folder)
  if ! running "$home" "$bin"; then
    mkdir -p "$home"
    if [ "$(id -u)" = 0 ]; then chown "$USER_OF_SERVER" "$home"; fi
    if [ ! -f "$home/data/PG_VERSION" ]; then
      as_server "$bin/initdb" --pgdata "$home/data" --username postgres --auth trust --encoding UTF8 >/dev/null
    fi
    as_server "$bin/pg_ctl" --pgdata "$home/data" --log "$home/server.log" --wait --timeout 60 \
      --options "-c listen_addresses=127.0.0.1 -p $PORT -c unix_socket_directories= -c max_connections=200" start >/dev/null || {
      say "did not start; see $home/server.log"
      exit 1
    }
  fi
  if ! "$bin/psql" -h 127.0.0.1 -p "$PORT" -U postgres -lqt | cut -d'|' -f1 | grep -qw waybill; then
    "$bin/createdb" -h 127.0.0.1 -p "$PORT" -U postgres waybill
  fi
  echo "$URL"
}

# `fast` ends open transactions and stops; `immediate` is a crash: the next start has to recover.
stop() {
  local bin home
  bin=$(find_binaries)
  home=$(folder)
  if running "$home" "$bin"; then
    as_server "$bin/pg_ctl" --pgdata "$home/data" --wait --mode "$1" stop >/dev/null
  fi
}

# Where no server can be had, the command runs all the same: who needs one says so.
run_beside() {
  if [ -z "${WAYBILL_TEST_POSTGRES:-}" ] && ! running "$(folder)" "$(find_binaries)" && (up) >/dev/null; then
    trap 'stop fast' EXIT
  fi
  "$@"
}

case "${1:-}" in
  up) up ;;
  with) shift; run_beside "$@" ;;
  down) stop fast ;;
  crash) stop immediate ;;
  url) echo "$URL" ;;
  *) echo "usage: $0 up|down|crash|url|with COMMAND…" >&2; exit 2 ;;
esac
