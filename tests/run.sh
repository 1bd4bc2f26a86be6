#!/usr/bin/env bash
# All checks of CI. Browser tests need Chromium: as root this installs it, otherwise it uses the installed one.
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
# It takes one core, as the checks of style do.
.venv/bin/python -m tests.prepared &
prepared=$!
tests/lint.sh
wait "$prepared"
echo; echo "== tests"
.venv/bin/python -m pytest -n 2 --dist loadgroup -m "not processes and not browser" --create-db
# The browser tests are one worker's; the other runs tests of processes, and in the end both do.
echo; echo "== tests with real processes and with a browser"
.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "processes or browser" --create-db
