# Waybill. `make` alone lists what there is; ARGS="…" is passed to the command of a target.

SHELL   := /bin/bash
# One more than processors: some tests wait for a broker most of their time.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
# The tests of a file run in one worker: what they share is made once.
SHARED  := --dist loadfile --no-loadscope-reorder
ARGS    ?=

BIN    := .venv/bin
PYTHON := $(BIN)/python
STAMP  := .venv/.installed
CODE   := domain projections consumers infra $(wildcard tests bench)

# The stamp says where the environment was made. A missing, broken or moved environment is created again, whatever its stamp.
STATE := $(shell $(PYTHON) -c 'import sys; print(open("$(STAMP)").read().strip())' 2>/dev/null)
ifneq ($(STATE),$(CURDIR))
$(STAMP): FORCE
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: asyncapi-schema spark pictures compose-check postgres-up postgres-down kafka-up kafka-down help setup lint format test test-quick test-all test-faults test-pythons check demo bench bench-quick bench-growth bench-writers bench-group bench-scale spark-compare schema contract lock clean FORCE
FORCE:

help:  ## this list
	@echo "Waybill: event-sourced order fulfillment"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  ARGS="…" is passed on: make test ARGS="-k overdue -x"'

setup: $(STAMP)  ## create .venv with the locked packages and the waybill command
	@echo "Ready: $(BIN)/waybill"

$(STAMP): requirements.txt pyproject.toml
	@set -euo pipefail; \
	if [ -e $@ ] && [ "$$(cat $@)" != "$(CURDIR)" ]; then rm -rf .venv; fi; \
	recent='import sys; sys.exit(sys.version_info < (3, 11))'; \
	has_pip() { $(PYTHON) -m pip --version || $(PYTHON) -m ensurepip; }; \
	if ! { $(PYTHON) -c "$$recent" && has_pip; } >/dev/null 2>&1; then \
	  found=; \
	  for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	    if "$$name" -c "import ensurepip, venv; $$recent" >/dev/null 2>&1; then found=$$name; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Waybill needs Python 3.11 or newer, with its venv module, and found none on the PATH." >&2; \
	    echo "Install one (on Debian and Ubuntu: apt-get install python3 python3-venv), then run make setup again." >&2; \
	    exit 1; \
	  fi; \
	  echo "Creating .venv with $$("$$found" --version)"; \
	  rm -rf .venv; "$$found" -m venv .venv; \
	fi; \
	infra/local/packages.sh .venv; \
	echo "$(CURDIR)" > $@

lint: $(STAMP)  ## ruff, mypy --strict, and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict $(CODE)
	@$(BIN)/lint-imports --no-logo

format: $(STAMP)  ## let ruff sort imports, fix what it can and format
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format .

test: $(STAMP) asyncapi-schema spark  ## the tests, without the slow ones: 15 to 25 minutes on two cores
	@infra/local/postgres.sh with $(BIN)/pytest -n $(WORKERS) $(SHARED) -m "not slow" $(ARGS)

# Half of the time of these goes into drawing examples, so few are drawn.
test-quick: export HYPOTHESIS_PROFILE := $(or $(HYPOTHESIS_PROFILE),ci)
test-quick: $(STAMP)  ## the unit and contract tests that need no server: under two minutes on two cores
	@$(BIN)/pytest -q -n $(WORKERS) $(SHARED) -m "not slow and not postgres and not kafka" tests/unit tests/contract $(ARGS)

test-all: $(STAMP)  ## every test, slow ones too
	@infra/local/postgres.sh with $(BIN)/pytest -n $(WORKERS) $(SHARED) $(ARGS)

test-faults: $(STAMP)  ## kill -9, full disks, restarts: the tests that break something, one at a time
	@export WAYBILL_FAULT_SEED=$${WAYBILL_FAULT_SEED:-$$RANDOM$$RANDOM}; \
	echo "The instants come from WAYBILL_FAULT_SEED=$$WAYBILL_FAULT_SEED"; \
	infra/local/postgres.sh with $(BIN)/pytest -m fault $(ARGS)

# The projections' specifications run through a store: what depends on an interpreter is in the other unit tests.
test-pythons: $(STAMP)  ## the unit and contract tests under each other Python 3.11 to 3.14 that is found
	@infra/local/pythons.sh test -n $(WORKERS) -m "not slow and not postgres" --ignore=tests/unit/projections \
		--ignore=tests/contract/test_schema_and_reader.py --ignore=tests/contract/test_fuzz.py $(ARGS)

check: lint test  ## lint and test

demo: $(STAMP)  ## simulate a sales team, ingest its messages, show the views, serve the pages
	@$(BIN)/waybill demo $(ARGS)

bench: $(STAMP)  ## measure everything beside its references: 25 minutes (ARGS="--only ingest,project --on sqlite")
	@$(PYTHON) -m bench $(ARGS)

bench-quick: $(STAMP)  ## the same on a small scale, one round
	@$(PYTHON) -m bench --quick $(ARGS)

bench-growth: $(STAMP)  ## histories of 100 k, 1 M and 5 M messages (hours; continues where it was stopped)
	@$(PYTHON) -m bench growth $(ARGS)

bench-writers: $(STAMP)  ## two, three and four writers on one PostgreSQL store, beside one
	@$(PYTHON) -m bench writers $(ARGS)

bench-scale: $(STAMP) spark  ## an archive's rows on Spark beside the bare fold, 1 M and 5 M events (ARGS="--sizes 300000")
	@$(PYTHON) -m bench scale $(ARGS)

bench-group: $(STAMP)  ## one, two and four consumers of one group on one PostgreSQL store
	@$(PYTHON) -m bench group $(ARGS)

spark-compare: $(STAMP) spark  ## Spark's rows of a floor of 5 M messages beside the embedded engine's (hours; ARGS="--events 500000")
	@$(PYTHON) -m tests.spark.comparing $(ARGS)

asyncapi-schema:  ## fetch the official AsyncAPI schema with npm, for one test of the contract
	@if ! command -v npm >/dev/null; then echo "npm is not installed; the test of the official AsyncAPI schema will skip"; \
	elif [ ! -d .local/node_modules/@asyncapi/specs ]; then \
	  echo "Fetching the official AsyncAPI schema with npm"; \
	  mkdir -p .local && npm install --prefix .local --no-save --no-audit --no-fund --silent @asyncapi/specs@6.11.1 \
	  || echo "npm could not fetch @asyncapi/specs; the test of the official AsyncAPI schema will skip"; fi

# PySpark has all of Spark in it, 456 MB, which no other part needs: so it has a lock and a target of its own.
spark: $(STAMP)  ## install PySpark into .venv, for `waybill spark` and its tests; needs Java 17
	@infra/local/spark.sh .venv

postgres-up:  ## start a private PostgreSQL on loopback (data under .local/)
	@infra/local/postgres.sh up

postgres-down:  ## stop it
	@infra/local/postgres.sh down

kafka-up:  ## start a private Apache Kafka on loopback (JDK 17 and Maven; data under .local/)
	@infra/local/kafka.sh up

kafka-down:  ## stop it
	@infra/local/kafka.sh down

pictures: $(STAMP)  ## take the pictures of the pages for the README, with the tests' browser
	@$(BIN)/pytest -q -m slow tests/browser/test_picture.py

compose-check: $(STAMP)  ## check the compose file by the compose specification's JSON Schema
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec infra/deploy/compose.yaml

schema: $(STAMP)  ## print the contract with upstream systems as AsyncAPI 3
	@$(BIN)/waybill schema $(ARGS)

contract: $(STAMP)  ## freeze the present contract in tests/contract/data, after its version was moved
	@$(BIN)/python -m tests.contract.frozen

# Keeps every pin that still fits pyproject.toml; ARGS=--upgrade moves them all to the newest that fit.
lock:  ## bring the requirements files in line with pyproject.toml (ARGS=--upgrade: newest versions)
	@set -euo pipefail; \
	tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	python=$$(command -v $(PYTHON) || command -v python3); \
	"$$python" -m venv "$$tools"; \
	"$$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv; \
	"$$tools/bin/uv" pip compile pyproject.toml --extra archive --extra export --extra otel --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet $(ARGS) -o requirements.txt >/dev/null; \
	echo "requirements.txt: $$(grep -c == requirements.txt) packages"; \
	"$$tools/bin/uv" pip compile pyproject.toml --extra spark --constraint requirements.txt --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet $(ARGS) -o "$$tools/spark.txt" >/dev/null; \
	awk -F'[= ]' 'NR == FNR { if (/^[^ ]/) known[$$1]; next } /^[^ ]/ { new = !($$1 in known) } new' requirements.txt "$$tools/spark.txt" >requirements-spark.txt; \
	echo "requirements-spark.txt: $$(grep -c == requirements-spark.txt) more packages"

clean:  ## remove .venv, caches and what builds left
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Clean"
