#!/usr/bin/env bash
# All checks of CI. Browser tests need Chromium, a test of wrong clocks libfaketime: as root this installs them.
set -euo pipefail
cd "$(dirname "$0")/.."
has_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
has_faketime() { compgen -G "/usr/lib/*/faketime/libfaketime.so.1"; }
if ! has_chromium >/dev/null || ! has_faketime >/dev/null; then
    packages="chromium fonts-noto-cjk libfaketime"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing $packages for the tests ..."
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    else
        echo "The tests need Chromium and libfaketime: install them (Debian: apt install $packages) and run again."
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
# Killed processes come back more slowly beside browser tests: 15 seconds is the limit of a run of its own.
LIUKE_RECOVERY_SECONDS=45 .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "processes or browser" --create-db
