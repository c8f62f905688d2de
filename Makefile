# `make help` lists what there is.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# uv compiles the bytecode at install time: without it every Airflow and Great Expectations process compiles anew.
$(BIN)/uv:
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet uv

$(VENV)/.runtime: requirements.txt | $(BIN)/uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-dev.txt
	@touch $@

.PHONY: lock
lock: | $(BIN)/uv ## make requirements.txt and requirements-dev.txt anew from the .in files
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --upgrade requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --upgrade requirements-dev.in -o requirements-dev.txt
