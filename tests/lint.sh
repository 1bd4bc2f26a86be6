#!/usr/bin/env bash
# The checks without a database: style, types, layers, migrations, templates, translations.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
say() { printf '\n== %s\n' "$1"; }
say "ruff"; $bin/ruff check . ; $bin/ruff format --check .
say "complexity"; $bin/python -m tests.complexity
say "prose"; $bin/python -m tests.prose
say "import-linter"; $bin/lint-imports
say "djLint"; $bin/djlint templates --check --lint
say "oxlint"; $bin/oxlint --quiet static/js
say "mypy"; $bin/mypy core crm loyalty analytics campaigns config clients/python/src/liuke
say "migrations"; $bin/python manage.py makemigrations --check --dry-run
say "OpenAPI schema"; $bin/python manage.py spectacular --validate --fail-on-warn --file /dev/null
say "translations"; $bin/python manage.py translations --check
