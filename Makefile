# Every target does its own set-up: it needs Python 3.11+, make, and Go or cluster binaries.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
DIR ?= .cluster
UV_VERSION := 0.13.9
RUN := .venv/bin
READY := .venv/.ready

.PHONY: help demo test check format generate cluster cluster-down bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## the story, told with a real cluster: ACT=guard|access, KEEP=1 leaves it running
	@$(RUN)/python -m localcluster.demo $(if $(ACT),--act $(ACT)) $(if $(KEEP),--keep) $(ARGS)

test: $(READY) ## every test, against a real control plane (the first run may build it: about 8 minutes)
	@$(RUN)/python -m localcluster binaries
	@$(RUN)/coverage erase
	@$(RUN)/coverage run -m pytest $(ARGS)
	@$(RUN)/coverage report --include='core/*' --fail-under=100

check: $(READY) ## all that CI runs: format, lint, types, layers, lock, tests
	@$(RUN)/ruff format --check .
	@$(RUN)/ruff check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports
	@$(RUN)/uv lock --check --quiet
	@$(MAKE) --no-print-directory test

format: $(READY) ## format the code and apply the linter's safe fixes
	@$(RUN)/ruff check --fix --quiet . || true
	@$(RUN)/ruff format .

generate: $(READY) ## write the chart's CRDs from the code, and manifests/ from the chart
	@$(RUN)/python charts/generate.py --helm "$$($(RUN)/python -m localcluster binaries --print helm)"

cluster: $(READY) ## a local cluster in $(DIR) with Curfew on it; prints the export line last
	@$(RUN)/python -m localcluster up --dir $(DIR)

cluster-down: $(READY) ## end that cluster and remove its data
	@$(RUN)/python -m localcluster down --dir $(DIR)

bench: $(READY) ## figures: the client against kubernetes.aio, cluster start to ready
	@$(RUN)/python -m localcluster binaries
	@$(RUN)/python bench/list_watch.py
	@$(RUN)/python bench/cluster_start.py

clean: ## remove the environment and the caches of the tools (not the cluster binaries)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage dist

$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Curfew needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..." >&2; exit 2; }
	@test -x $(RUN)/python || $(PYTHON) -m venv .venv
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=.venv SSL_CERT_FILE=$${SSL_CERT_FILE:-$${PIP_CERT:-}} $(RUN)/uv sync --quiet --locked --inexact --active
	@touch $@
