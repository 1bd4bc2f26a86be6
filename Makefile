# One command each. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Only as `make demo LANGUAGE=en`: many terminals set LANGUAGE for gettext.
DEMO_LANGUAGE := $(if $(filter command line,$(origin LANGUAGE)),$(LANGUAGE),zh-hans)
ONLINE_RETAIL ?= ../shared/data/online_retail.csv.gz

.DEFAULT_GOAL := help
.PHONY: help up static test lint bench attack demo import-online-retail screenshots lock translations

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-22s %s\n", $$1, $$2}'

$(VENV)/.runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Liuke needs Python 3.11 or newer; this is %d.%d. Set PYTHON=/path/to/python3." % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python can't make a virtual environment: install its venv module (Debian: apt install python3-venv)."; exit 1; }
	@echo "Installing the requirements ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.txt
	@echo "Installing the development requirements ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

up: $(VENV)/.runtime ## Start the whole shop; PORT=8000 BIND=127.0.0.1
	@exec $(BIN)/python manage.py up

static: $(VENV)/.runtime ## Collect the static files for production (`up` does this itself)
	@DJANGO_SETTINGS_MODULE=config.settings.static $(BIN)/python manage.py collectstatic --noinput --verbosity 0

test: $(VENV)/.development ## Run all checks of CI
	@tests/run.sh

lint: $(VENV)/.development ## Run only the style checks
	@tests/lint.sh

bench: $(VENV)/.development ## Run the benchmarks and their floors; results in bench/results
	@$(BIN)/python -m bench

attack: $(VENV)/.development ## Attack a separate copy of the shop and print the results; WRITE=1 writes the table to docs/security.md
	@$(BIN)/python -m tests.attack $(if $(WRITE),--write)

demo: $(VENV)/.runtime ## Empty the shop and load the demo shop again; LANGUAGE=en or zh-hans. Stop `make up` first
	@$(BIN)/python manage.py demo --reset --language $(DEMO_LANGUAGE)

import-online-retail: $(VENV)/.runtime ## Import the UCI Online Retail file; ONLINE_RETAIL=path
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py import_online_retail --path $(ONLINE_RETAIL)

translations: $(VENV)/.development ## Collect new texts and compile the catalogues
	@$(BIN)/python manage.py translations --update
	@$(BIN)/python manage.py translations --compile

screenshots: $(VENV)/.development ## Retake the README's pictures from the running demo shop
	@$(BIN)/python tests/screenshots.py

lock: $(VENV)/.development ## Resolve the requirements again
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate requirements.in -o requirements.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate requirements-dev.in -o requirements-dev.txt
