#!/usr/bin/env bash
# Everything that CI checks. Browser tests need Chromium: as root it is installed, otherwise the one that is there is used.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing Chromium for the browser tests ..."
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null
    else
        echo "The browser tests need Chromium: install it (Debian: apt install chromium fonts-noto-cjk) and run again."
        exit 1
    fi
fi
# Compiled modules: each of the many processes that are started begins to work a second sooner.
unset PYTHONDONTWRITEBYTECODE
var="${LIUKE_TEST_VAR:-$PWD/var/test}"
# One migrated cluster for all parts.
export LIUKE_TEST_PREPARED="$var/prepared"
tests/lint.sh
echo; echo "== tests"
.venv/bin/python -m pytest -n 2 --dist loadgroup -m "not processes and not browser" --create-db
# Side by side, because tests of processes mostly wait; each has servers of its own. The browser is in no hurry, while a
# killed process has to be back in time.
browser_output=$(mktemp)
LIUKE_TEST_VAR="$var-browser" nice -n 5 .venv/bin/python -m pytest -m browser --create-db >"$browser_output" 2>&1 &
browser=$!
echo; echo "== tests with real processes"
processes_failed=0
.venv/bin/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m "processes and not browser" --create-db ||
    processes_failed=1
browser_failed=0
wait "$browser" || browser_failed=1
echo; echo "== tests with a browser"
cat "$browser_output"
rm "$browser_output"
exit $((processes_failed || browser_failed))
