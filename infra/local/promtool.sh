#!/usr/bin/env bash
# Prometheus's promtool, which checks alert rules and tests them: prints the path of the program.
#   infra/local/promtool.sh
# Takes the one on the PATH or under .local/promtool. Else it unpacks that program alone from Debian's package
# prometheus: nothing is installed, and no server is started.
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
FOLDER="$ROOT/.local/promtool"

say() { echo "promtool: $*" >&2; }

if command -v promtool; then exit 0; fi
if [ -x "$FOLDER/promtool" ]; then echo "$FOLDER/promtool"; exit 0; fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
  say "found no promtool. Install Prometheus, which brings it (on Debian and Ubuntu: apt-get install prometheus)"
  exit 1
fi
mkdir -p "$FOLDER"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
# As root, apt-get downloads as a user of its own.
chmod 777 "$scratch"
fetch() { apt-get download prometheus >"$scratch/log" 2>&1; }
if ! fetch && ! { [ "$(id -u)" = 0 ] && apt-get update >/dev/null 2>&1 && fetch; }; then
  say "apt-get could not fetch Debian's prometheus: $(grep -m 1 '^E:' "$scratch/log" || tail -n 1 "$scratch/log")"
  exit 1
fi
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
# Moved in one step: another process may look for it at this moment.
mv usr/bin/promtool "$FOLDER/promtool.$$" && mv "$FOLDER/promtool.$$" "$FOLDER/promtool"
echo "$FOLDER/promtool"
