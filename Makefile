# Everything runs from .venv in this checkout. `make` alone lists the commands.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# What an installation depends on. A second run with none of them changed installs nothing.
INSTALL_INPUTS := setup.cfg pyproject.toml constraints.txt deepkoal/__init__.py
# `auto` is one more than cores. Workers grow to 2.5 GB, and more of them than this gain little.
PYTEST_OPTIONS ?= --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint format types contracts venv clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/.runtime ## color sample photos into demo/
	@$(BIN)/deepkoal demo

test: lint types contracts ## lint, types, import contracts and all tests
	@echo "== tests"
	@$(BIN)/python -m pytest $(PYTEST_OPTIONS)

lint: .venv/.dev ## style, formatting, and notebooks free of outputs
	@echo "== lint"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@find tutorials -name '*.ipynb' -not -path '*/.*' \
	    -exec $(BIN)/nbstripout --verify {} +

types: .venv/.dev ## static types
	@echo "== types"
	@$(BIN)/mypy

contracts: .venv/.dev ## which module may import which
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-logo

format: .venv/.dev ## rewrite the code in the project's style
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

venv: .venv/.dev ## install everything into .venv

clean: ## remove what the commands made, but .venv
	rm -rf build dist demo *.egg-info .hypothesis .import_linter_cache .mypy_cache \
	    .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit( \
	    "deepkoal needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is %d.%d: " % v \
	    + "run make again with PYTHON=/path/to/python3.11")'
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv

# A linked .venv may be another checkout's, which an installation would turn into this one's.
REFUSE_LINK = @! test -L .venv || { echo "make: .venv is a link to $$(readlink .venv), where make \
	does not install; remove the link, and make builds one here" >&2; exit 1; }

# setuptools first, at its pinned version, so that the build too is the tested one.
.venv/.runtime: $(INSTALL_INPUTS) | $(BIN)/python
	$(REFUSE_LINK)
	@echo "installing deepkoal into .venv (minutes the first time)"
	@$(PIP) install -c constraints.txt setuptools
	@$(PIP) install -c constraints.txt --no-build-isolation -e .
	@touch $@

# After the runtime, not beside it: pip keeps all that it downloads until it has installed it.
.venv/.dev: .venv/.runtime
	$(REFUSE_LINK)
	@echo "installing deepkoal's development tools into .venv (minutes the first time)"
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[test,lint]'
	@touch $@
