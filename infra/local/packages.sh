#!/usr/bin/env bash
# Installs the locked packages and Waybill itself into the environment of this checkout: infra/local/packages.sh .venv
# uv takes a few seconds and shows its progress. Where uv does not run or does not reach an index, pip takes over.
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
cd "$ROOT"
VENV=$1
PYTHON=$VENV/bin/python
export PATH="$ROOT/$VENV/bin:$PATH" VIRTUAL_ENV="$ROOT/$VENV" PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
# What tells pip where packages are holds for uv too.
if [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE=${SSL_CERT_FILE:-$PIP_CERT}; fi
if [ -n "${PIP_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}; fi
if [ -n "${PIP_FIND_LINKS:-}" ]; then export UV_FIND_LINKS=${UV_FIND_LINKS:-$PIP_FIND_LINKS}; fi

packages=$(grep -c == requirements.txt)

with_uv() {
  awk '/^uv==/ { found = 1 } found { print } found && !/\\$/ { exit }' requirements.txt >"$VENV/uv.txt" &&
    "$PYTHON" -m pip install --quiet --require-hashes -r "$VENV/uv.txt" &&
    uv pip install --require-hashes -r requirements.txt 2>&1 | grep -v '^ [+-]'
}

with_pip() {
  "$PYTHON" -m pip install --require-hashes -r requirements.txt | awk -v all="$packages" '
    /^(Collecting|Requirement already satisfied)/ { found++; if (found % 20 == 0) print "  found " found " of " all }
    /^Installing collected packages/ { print "  installing them" }
    { fflush() }'
}

echo "Installing $packages locked packages"
if ! with_uv; then
  echo "uv could not install them; pip takes over (up to two minutes)"
  with_pip
fi
"$PYTHON" -m pip install --quiet --no-build-isolation --no-deps -e .
