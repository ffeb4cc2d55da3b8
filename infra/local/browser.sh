#!/usr/bin/env bash
# Chromium, for the tests of the pages: prints the path of the browser of this machine.
#   infra/local/browser.sh
# WAYBILL_TEST_BROWSER names another one. As root, where there is none, Debian's is installed.
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)

find_browser() {
  local name
  if [ -n "${WAYBILL_TEST_BROWSER:-}" ]; then command -v "$WAYBILL_TEST_BROWSER"; return; fi
  for name in chromium chromium-browser google-chrome-stable google-chrome; do
    if command -v "$name"; then return; fi
  done
  for name in "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
    if [ -x "$name" ]; then echo "$name"; return; fi
  done
  return 1
}

if found=$(find_browser); then echo "$found"; exit 0; fi
if [ -z "${WAYBILL_TEST_BROWSER:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # Several test processes may ask at once, and apt-get runs alone.
  exec 9>"${TMPDIR:-/tmp}/waybill-browser.lock"
  flock 9
  if found=$(find_browser) || { "$ROOT/infra/local/install.sh" chromium && found=$(find_browser); }; then
    echo "$found"
    exit 0
  fi
fi
echo "browser: found no Chromium. Install it (on Debian and Ubuntu: apt-get install chromium), or name one: WAYBILL_TEST_BROWSER=PATH" >&2
exit 1
