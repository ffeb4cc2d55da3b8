#!/usr/bin/env bash
# Install Debian's packages, for the scripts beside this one: nothing is asked, and what goes wrong is said in a line.
#   infra/local/install.sh PACKAGE…
# Only root can, and only where there is apt-get; elsewhere it fails without a word, and the caller says what to do.
set -uo pipefail

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 1; fi

echo "installing Debian's $*" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists may never have been fetched, or be too old. Where one of several servers of them is away, the rest may do.
apt-get update >"$log" 2>&1
if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
  echo "apt-get could not: $(grep -m 1 '^E:' "$log" || tail -n 1 "$log")" >&2
  exit 1
fi
