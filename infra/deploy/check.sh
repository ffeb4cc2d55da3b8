#!/usr/bin/env bash
# Whether compose.yaml is a compose file, by Docker Compose where it is installed, else by its own library, built with Go.
set -euo pipefail
cd "$(dirname "$0")"

say() { echo "compose: $*" >&2; }

if docker compose version >/dev/null 2>&1; then
  docker compose -f compose.yaml config --quiet
elif command -v docker-compose >/dev/null; then
  docker-compose -f compose.yaml config --quiet
elif command -v go >/dev/null; then
  built=$(mktemp -d)
  trap 'rm -rf "$built"' EXIT
  if ! (cd composecheck && go build -o "$built/composecheck" . >"$built/said" 2>&1); then
    say "not checked: Go could not build the check: $(tail -n 1 "$built/said")"
    exit 0
  fi
  "$built/composecheck" compose.yaml
else
  say "not checked: install Docker Compose (on Debian and Ubuntu: apt-get install docker-compose), or Go"
  exit 0
fi
say "infra/deploy/compose.yaml is as it should be"
