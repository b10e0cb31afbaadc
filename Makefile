# make run      install what is missing, then start the workbench        (PORT=8000 WORKBENCH_HOME=./var)
# make stop     end it
# make test     install what is missing, then run the tests              (ARGS="-k upload")
# make test-slow  the tests of more than about 20 seconds, which make test leaves out
# make check    formatting, lint, types, import contracts, then the tests
# make bench    measure speed and memory beside other tools      (ARGS="audit --rows 100000")
# make lock     write the lock files anew from requirements/*.in         (ARGS=--upgrade)
#
# Each works on a fresh checkout with Python 3.11, 3.12 or 3.13 and pip; another Python: make run PYTHON=python3.12

PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	if $$each -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	then echo $$each; break; fi; done)
VENV := .venv/bin
TESTS := WORKBENCH_CHROMIUM="$$($(VENV)/python requirements/browser.py)" && export WORKBENCH_CHROMIUM && \
	exec $(VENV)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
STARTER := var/models/smollm2-135m-instruct

.PHONY: help run stop test test-slow test-needs bench check lint lock install install-dev python

help:
	@sed -n 's/^# \{0,1\}//p' Makefile

run: install
	@exec $(VENV)/python -m workbench.launcher

stop:
	@if [ -x $(VENV)/python ]; then exec $(VENV)/python -m workbench.launcher stop; else echo "Nothing is installed yet."; fi

test: test-needs
	@$(TESTS) -m "not slow" $(ARGS)

test-slow: test-needs
	@$(TESTS) -m slow $(ARGS)

test-needs: install-dev
	@$(VENV)/python -m engine starter $(STARTER)

bench: test-needs
	@$(VENV)/python -m benchmarks $(ARGS)

check: lint test

lint: install-dev
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports

lock: install-dev
	@$(VENV)/python requirements/lock.py $(ARGS)

install: python
	@$(PYTHON) requirements/install.py

install-dev: python
	@$(PYTHON) requirements/install.py dev

python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11, 3.12 or 3.13 is needed and none is on PATH." \
		"Install one, or name it: make run PYTHON=/path/to/python3.12" >&2; exit 1; fi
