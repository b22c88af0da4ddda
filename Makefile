# Kizashi. Needs python3.11, 3.12 or 3.13 (with venv) and make; everything else is installed below .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
UI := services/gateway/ui
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3 2>/dev/null))
NODE_PATH_FIRST := PATH="$(CURDIR)/$(BIN):$$PATH"
ONE_THREAD := NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
UI_SOURCES := $(shell find $(UI)/src $(UI)/public $(UI)/build $(UI)/index.html $(UI)/*.json $(UI)/*.ts -type f 2>/dev/null)
THIS_MAKE := $(MAKE)
# A recipe that says MAKE itself is run by `make -n` too, tests and all.
# Compiled Python is kept beside its source: without, each of ten processes compiles its libraries at every start, and pytest all its plugins.
unexport PYTHONDONTWRITEBYTECODE
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

# ---------------------------------------------------------------- set-up

.PHONY: setup
setup: .venv/.stamp-jars $(UI)/dist/.stamp ## Install everything below .venv (done once; again it only checks)

.venv/.stamp-venv:
	@PYTHON="$(PYTHON)" bash deploy/venv.sh .venv
	@touch $@

.venv/.stamp-uv: requirements-uv.lock .venv/.stamp-venv
	@echo "[1/5] uv, the installer"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-uv.lock
	@touch $@

.venv/.stamp-packages: requirements.lock requirements-uv.lock .venv/.stamp-uv
	@echo "[2/5] Python packages, each checked against its hash (about 1.5 GB installed)"
	@VIRTUAL_ENV=.venv $(BIN)/uv pip sync -q --require-hashes --only-binary :all: requirements.lock requirements-uv.lock
	@touch $@

.venv/.stamp-kizashi: pyproject.toml .venv/.stamp-packages
	@echo "[3/5] Kizashi itself"
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.venv/.stamp-jars: shared/kizashi/standalone/kafka_jars.lock.toml .venv/.stamp-kizashi
	@echo "[4/5] Kafka and the Java start-up cache"
	@$(BIN)/kizashi setup
	@touch $@

$(UI)/dist/.stamp: $(UI_SOURCES) .venv/.stamp-packages
	@echo "[5/5] Web client"
	@cd $(UI) && $(NODE_PATH_FIRST) npm ci --no-audit --no-fund --loglevel=error && $(NODE_PATH_FIRST) npm run build --silent
	@touch $@

# ---------------------------------------------------------------- run

.PHONY: run demo up down
run: setup ## Start everything on this machine (DEMO=0 without the demo, PORT=8090 elsewhere)
	@exec $(BIN)/kizashi up $(if $(filter 0,$(DEMO)),--no-demo,) $(if $(PORT),--port $(PORT),)

demo: setup ## Start everything, with the simulated landscape
	@exec $(BIN)/kizashi up --demo $(if $(PORT),--port $(PORT),)

up: ## Start the containers of docker-compose.yml
	docker compose up -d --build --wait

down: ## Stop the containers (their data stays)
	docker compose down

# ---------------------------------------------------------------- test

.PHONY: test beside-real-parts check lint types house unit web soak
# Tests on real parts wait more than they compute: types, the client's tests and the unit tests run beside them, their output comes after.
test: setup lint ## Everything: gates, unit, suites, pipeline, a sample of faults, browser
	@$(BIN)/coverage erase
	@beside=$$(mktemp); trap 'rm -f "$$beside"' EXIT; \
	$(THIS_MAKE) beside-real-parts >"$$beside" 2>&1 & other=$$!; failed=0; \
	$(ONE_THREAD) $(BIN)/coverage run -m pytest -m "not soak" --durations=15 --ignore=tests/unit || failed=$$?; \
	wait $$other || failed=$$?; cat "$$beside"; exit $$failed
	@$(BIN)/coverage combine -q && $(BIN)/coverage report --skip-covered --format=total | sed 's/^/coverage, lines and branches, %: /'

beside-real-parts: types web
	@$(ONE_THREAD) $(BIN)/coverage run -m pytest -m "not soak" tests/unit

check: lint types house unit ## The quick gates: format, lint, types, house rules, unit tests

lint:
	@$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q .

types:
	@$(BIN)/mypy

house:
	@$(BIN)/python -m pytest -q tests/test_house.py

unit:
	@$(ONE_THREAD) $(BIN)/python -m pytest -q tests/unit

web: $(UI)/dist/.stamp ## Check and test the web client
	@cd $(UI) && $(NODE_PATH_FIRST) npm run check --silent && $(NODE_PATH_FIRST) npm test --silent && $(NODE_PATH_FIRST) npm run budgets --silent

soak: setup ## The long forms: every fault, many times
	@$(ONE_THREAD) $(BIN)/python -m pytest -m "soak or faults" tests

# ---------------------------------------------------------------- measure

.PHONY: bench bench-peers load accuracy
bench: setup ## Samples a second through the whole system, delays, cost by stage
	@$(BIN)/kizashi bench pipeline

# rrcf comes as source alone, so here wheels are not insisted on; every archive is still checked against its hash.
.venv-peers/.stamp: requirements-peers.lock .venv/.stamp-uv
	@PYTHON="$(PYTHON)" bash deploy/venv.sh .venv-peers
	@VIRTUAL_ENV=.venv-peers $(BIN)/uv pip sync -q --require-hashes requirements-peers.lock
	@touch $@

bench-peers: setup .venv-peers/.stamp ## The same beside Faust with River and Quix Streams
	@$(BIN)/kizashi bench pipeline --peers

load: setup ## 100 people on a house of its own while samples flow, or on a running one (URL=…, KEY=…)
	@$(if $(KEY),$(BIN)/python deploy/load/load.py $(if $(URL),--url $(URL),) --key $(KEY),$(BIN)/kizashi bench gateway --people 100 --seconds 300 --rate 50000)

accuracy: setup ## Score the models on labelled data, write docs/reference/accuracy (DATA=folder, PARTS="anomaly rca")
	@$(ONE_THREAD) $(BIN)/kizashi accuracy $(DATA) $(foreach part,$(PARTS),--only $(part))

# ---------------------------------------------------------------- made files

.PHONY: docs golden lock kafka-lock
docs: .venv/.stamp-kizashi ## Write the reference pages from the code
	@$(BIN)/python -m services docs docs/reference

golden: ## Rewrite the golden streams (review the difference)
	@KIZASHI_TEST_GOLDEN=write $(BIN)/python -m pytest -q tests -k golden

lock: ## Resolve requirements anew into the locks
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements-dev.in -o requirements.lock
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements-peers.in -o requirements-peers.lock

kafka-lock: ## Resolve Kafka's jars anew (needs Maven): KAFKA=4.1.1
	@bash deploy/kafka-lock.sh $(or $(KAFKA),4.1.1)

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
