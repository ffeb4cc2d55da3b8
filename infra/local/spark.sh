#!/usr/bin/env bash
# Installs PySpark and what it needs into the environment of this checkout: infra/local/spark.sh .venv
# Only with Java 17 or newer, which root gets from Debian where none is. Where either cannot be installed, a line says so,
# and the tests of Spark skip.
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
cd "$ROOT"
VENV=$1
export PATH="$ROOT/$VENV/bin:$PATH" VIRTUAL_ENV="$ROOT/$VENV" PIP_DISABLE_PIP_VERSION_CHECK=1
if [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE=${SSL_CERT_FILE:-$PIP_CERT}; fi
if [ -n "${PIP_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}; fi
if [ -n "${PIP_FIND_LINKS:-}" ]; then export UV_FIND_LINKS=${UV_FIND_LINKS:-$PIP_FIND_LINKS}; fi

STAMP=$VENV/.spark
say_ready() { echo "Ready: PySpark is in $VENV, for waybill spark and tests/spark"; }
wanted=$(cksum <requirements-spark.txt)
if [ "$(cat "$STAMP" 2>/dev/null)" = "$wanted" ] && "$VENV/bin/python" -c "import pyspark" 2>/dev/null; then
  say_ready
  exit 0
fi

java_version() {
  local java=${JAVA_HOME:+$JAVA_HOME/bin/}java
  { "$java" -version 2>&1 || true; } | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1
}

version=$(java_version)
if [ -z "$version" ] && "$ROOT/infra/local/install.sh" default-jre-headless; then version=$(java_version); fi
if [ "${version:-0}" -lt 17 ]; then
  echo "There is no Java 17 or newer: PySpark is left out, and the tests of Spark will skip"
  exit 0
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing PySpark (a download of 456 MB, about a minute)"
if uv pip install --quiet --no-deps --require-hashes -r requirements-spark.txt >"$log" 2>&1 ||
  "$VENV/bin/python" -m pip install --quiet --no-deps --require-hashes -r requirements-spark.txt >"$log" 2>&1; then
  echo "$wanted" >"$STAMP"
  say_ready
else
  echo "PySpark could not be installed ($(grep -m 1 -i error "$log" || tail -n 1 "$log")); the tests of Spark will skip"
fi
