# Two commands are enough: `make demo` and `make test`. Everything else is optional.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin

.PHONY: setup demo test test-slow lint format lock clean help
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/.ready: requirements.txt pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "Ebbtide needs Python 3.11 or 3.12; found $$(python3 --version 2>&1 || echo none). Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || { \
		echo "Ebbtide needs Python 3.11 or 3.12; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version) (once; a few minutes)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: .venv/.ready  ## make .venv and install the locked requirements

demo: .venv/.ready  ## set up and run the main job on real input (ARGS=--exit ends after printing)
	@$(BIN)/ebbtide demo $(ARGS)

test: .venv/.ready  ## set up and run the tests
	@$(BIN)/pytest -q -m "not slow" $(ARGS)

test-slow: .venv/.ready  ## the slow tests
	@$(BIN)/pytest -q -m slow $(ARGS)

lint: .venv/.ready  ## ruff, mypy strict, the import order
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/.ready  ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock:  ## pin the dependencies anew, with hashes (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--extra dev --extra demo --extra peers pyproject.toml -o requirements.txt

clean:  ## remove what a run leaves, but not .venv
	rm -rf .ebbtide .pytest_cache .mypy_cache .ruff_cache .hypothesis
