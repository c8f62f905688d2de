# `make help` lists what there is.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin

# Many containers set it. Without bytecode each of the hundreds of processes that tests and runs start compiles the
# pipeline anew, for 1.3 s of CPU, and pytest rewrites each assertion anew, for 9 s.
unexport PYTHONDONTWRITEBYTECODE

# Set on the command line of make: TARGET=http://..., SCENARIOS="dashboard.sustained websocket", API_PORT,
# AIRFLOW_PORT

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: nightly
nightly: export LOADTASKS_TARGET := $(or $(TARGET),$(LOADTASKS_TARGET))# not in a command line, which everybody may read
nightly: $(VENV)/.runtime ## one whole run, now; TARGET=URL exercises another API, SCENARIOS="a b" only some
	@source scripts/airflow.env && exec $(BIN)/python -m scripts.nightly \
		$(if $(TARGET),--target) $(if $(SCENARIOS),--scenarios '$(SCENARIOS)') $(if $(API_PORT),--port $(API_PORT))

.PHONY: nightly-paired
nightly-paired: $(VENV)/.runtime ## the API compared with the approved build round by round; REFERENCE=REVISION, SCENARIOS="a b", ARGS="--time-budget 600"
	@exec $(BIN)/python -m scripts.paired_builds $(if $(REFERENCE),--reference '$(REFERENCE)') $(ARGS) $(SCENARIOS)

.PHONY: airflow
airflow: $(VENV)/.runtime ## Airflow with its UI and scheduler, and the API, until Ctrl-C; AIRFLOW_PORT=8080 API_PORT=8000
	@source scripts/airflow.env && exec $(BIN)/python -m scripts.airflow_up $(if $(API_PORT),--port $(API_PORT))

.PHONY: api
api: $(VENV)/.runtime ## the API alone, until Ctrl-C; API_PORT=8000
	@export APP_PORT=$(or $(API_PORT),8000) APP_ALLOW_LOAD_TEST=1 && $(BIN)/python -m app migrate && $(BIN)/python -m app seed && \
		echo "API   http://127.0.0.1:$$APP_PORT" && \
		echo "Token $$($(BIN)/python -m app token 'make api' --ttl-days 1 --scope read --scope write --scope load-test)  (for a day)" && \
		exec $(BIN)/python -m gunicorn -c app/gunicorn_conf.py app.wsgi:application

.PHONY: test
test: lint ## lint, types, import rules and all tests (a quarter of an hour)
	@$(BIN)/python -m pytest -n auto --dist loadfile

# Tests wait now and then, which leaves mypy time next to them; one process of it takes less CPU than two. What it says
# comes last, where it is seen.
.PHONY: check
check: style ## lint, types, import rules, and the tests that start no server and are not marked slow (a minute or so)
	@mkdir -p var; $(BIN)/mypy --num-workers 0 >var/types.txt 2>&1 & mypy=$$!; \
		$(BIN)/python -m pytest --server-free -m "not slow" -n auto --dist loadfile -rfE; tests=$$?; \
		wait $$mypy; types=$$?; cat var/types.txt; exit $$((tests | types))

.PHONY: lint
lint: style ## lint, format, types and import rules
	@$(BIN)/mypy --num-workers 2

.PHONY: style
style: $(VENV)/.development
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

.PHONY: docs
docs: $(VENV)/.runtime ## the tables of settings and commands in docs/, made from the code
	@$(BIN)/python -m loadtasks.cli.documentation docs/command_line.md

.PHONY: benchmark-engine
benchmark-engine: .venv-benchmarks/.peers ## the load engine's rate compared with wrk, hey, k6, Locust and requests (by hand; needs nginx)
	@$(BIN)/python -m benchmarks.engine.rates

.PHONY: benchmark-accuracy
benchmark-accuracy: .venv-benchmarks/.peers ## what the load engine, k6 and wrk measure of a scripted latency, compared with the truth (by hand)
	@$(BIN)/python -m benchmarks.engine.accuracy

.PHONY: benchmark-open
benchmark-open: $(VENV)/.development ## open loads of up to 10,000 requests/s, and one beyond what one process can send (by hand; needs nginx)
	@$(BIN)/python -m benchmarks.engine.open_rates

.PHONY: benchmark-memory
benchmark-memory: $(VENV)/.development ## the load engine's memory over ten million requests (by hand; needs nginx)
	@$(BIN)/python -m benchmarks.engine.memory

.PHONY: benchmark-websockets
benchmark-websockets: $(VENV)/.development ## 1,000 WebSockets: opening, deliveries, memory per WebSocket (by hand)
	@$(BIN)/python -m benchmarks.engine.websockets

.PHONY: benchmark-verdict
benchmark-verdict: .venv-otava/.peer ## false alarms and regressions found, compared with Apache Otava and simple detectors (by hand, about 15 minutes)
	@$(BIN)/python -m benchmarks.verdict.detectors

.PHONY: benchmark-verdict-real
benchmark-verdict-real: .venv-otava/.peer ## the steps that people see in real series: what is found, and what is false; DATA=FOLDER ARGS="--per-series" (by hand, a minute; Otava 15 minutes the first time)
	@$(BIN)/python -m benchmarks.verdict.real_series $(if $(DATA),'$(DATA)',$(error DATA=FOLDER must name the folder with annotations.json and series/)) --peers $(ARGS)

.PHONY: show-mails
show-mails: $(VENV)/.development ## the mails of forty made-up days of a service, as .eml files in var/mails (by hand, a minute)
	@$(BIN)/python -m benchmarks.verdict.mails

.PHONY: benchmark-verdict-live
benchmark-verdict-live: $(VENV)/.development ## paired runs of the API slowed on purpose, next to a busy process (by hand, hours; ARGS="--required")
	@$(BIN)/python -m benchmarks.verdict.live $(ARGS)

.PHONY: benchmark-alerts
benchmark-alerts: $(VENV)/.development ## faults, a mail server and an API that come and go under Airflow's scheduler, and the mails that arrive (by hand, about 20 minutes; ARGS="--calm 4")
	@$(BIN)/python -m benchmarks.alerts.under_scheduler $(ARGS)

.PHONY: benchmark-airflow
benchmark-airflow: $(VENV)/.development ## what a run takes beyond its load under Airflow's scheduler, before and after a change (by hand, about 20 minutes; ARGS="--before REVISION --runs 3", ARGS=--nightly)
	@$(BIN)/python -m benchmarks.airflow.overhead $(ARGS)

.PHONY: pictures
pictures: $(VENV)/.development ## every page in Airflow driven by a browser, and its pictures in PICTURES=FOLDER (by hand, about 5 minutes; needs Chromium)
	@$(BIN)/python -m benchmarks.pages.pictures $(or $(FOLDER),var/pages) $(PICTURES)

.PHONY: benchmark-events
benchmark-events: $(VENV)/.development ## how long an event of the API takes to reach 100 and 2,000 WebSockets (by hand)
	@$(BIN)/python -m benchmarks.api.events

.PHONY: benchmark-api
benchmark-api: $(VENV)/.development ## the API's rates with 1,000,000 sessions, compared with a bare Flask hello (by hand; needs wrk)
	@$(BIN)/python -m benchmarks.api.rates

.PHONY: benchmark-workers
benchmark-workers: .venv-benchmarks/.peers ## rate, latency and fairness of the API under gunicorn's worker classes (by hand; needs wrk)
	@$(BIN)/python -m benchmarks.api.workers

.PHONY: benchmark-pages
benchmark-pages: $(VENV)/.development ## how fast the pages in Airflow are read and drawn with 1,000 runs of 3 services (by hand, minutes to store them; FOLDER=one that is kept)
	@test -n "$(FOLDER)" || { echo "FOLDER=… must name a folder, which is made where it is missing"; exit 2; }
	@test -e '$(FOLDER)/results.db' || $(BIN)/python -m benchmarks.pages.stored_services '$(FOLDER)' 1000 10
	@$(BIN)/python -m benchmarks.pages.speed '$(FOLDER)'

.PHONY: clean
clean: ## remove what runs wrote (var/) and the caches; the environment stays
	@rm -rf var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# uv compiles the bytecode at install time: without it every Airflow and Great Expectations process compiles anew.
$(BIN)/uv:
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet uv

$(VENV)/.runtime: requirements.txt | $(BIN)/uv
	@echo "Making the environment from requirements.txt (once) ..."
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-dev.txt
	@touch $@

.venv-benchmarks/.peers: benchmarks/requirements.txt $(VENV)/.development
	@test -x .venv-benchmarks/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-benchmarks
	@$(BIN)/uv pip sync --quiet --python .venv-benchmarks/bin/python benchmarks/requirements.txt
	@touch $@

.venv-otava/.peer: benchmarks/verdict/requirements.txt $(VENV)/.development
	@test -x .venv-otava/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-otava
	@$(BIN)/uv pip sync --quiet --python .venv-otava/bin/python benchmarks/verdict/requirements.txt
	@touch $@

.PHONY: lock
lock: | $(BIN)/uv ## make the requirements*.txt anew from their .in files
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --upgrade requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --upgrade requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --upgrade requirements-production.in -o requirements-production.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --upgrade benchmarks/requirements.in -o benchmarks/requirements.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --upgrade benchmarks/verdict/requirements.in -o benchmarks/verdict/requirements.txt
