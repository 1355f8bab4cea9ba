# Every target is a thin name for one command; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed-$(shell sha256sum requirements/dev.txt | cut -c1-16)
UV_COMPILE = $(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q
export PYTHONPATH := operator:.

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Create .venv with the pinned tools

$(STAMP): requirements/dev.txt
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python3 must be 3.11 or newer; found $$(python3 --version)"; exit 1; }
	@python3 -m venv $(VENV) || { echo "python3 cannot create a virtual environment: install the package python3-venv"; exit 1; }
	@echo "Installing the pinned tools into $(VENV) (about a minute)"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@rm -f $(VENV)/.installed-* && touch $@

.PHONY: demo
demo: setup ## Bare machine to a live counter page: cluster, images, operator, application
	@$(PYTHON) -m hack.demo

.PHONY: examples
examples: setup ## Every example on the cluster, through a rollout and a pod kill; ends with one table
	@$(PYTHON) -m hack.examples

.PHONY: test
test: setup ## Every ring: lint, unit, runtime, api, e2e; ends with one table
	@$(PYTHON) -m hack.rings

.PHONY: lint test-unit test-runtime test-api test-e2e
lint: setup ## Formatting, types, layers, shell, chart, generated files, every rendered manifest
	@$(PYTHON) -m hack.lint
test-unit: setup ## Nothing outside the process
	@$(PYTHON) -m hack.rings unit
test-runtime: setup ## The runtime inside real servers, with a real Redis
	@$(PYTHON) -m hack.rings runtime
test-api: setup ## A real API server without nodes
	@$(PYTHON) -m hack.rings api
test-e2e: setup ## A real node: what a user does
	@$(PYTHON) -m hack.rings e2e

.PHONY: cluster cluster-down images generate requirements
cluster: setup ## A real Kubernetes on this machine
	@$(PYTHON) -m hack.cluster up
cluster-down: setup ## Remove it, without a trace
	@$(PYTHON) -m hack.cluster down
images: setup ## Build what changed and load it into the cluster
	@$(PYTHON) -m hack.images
generate: setup ## Write the files derived from the API models
	@$(PYTHON) -m hack.generate
requirements: setup ## Resolve the pinned requirement files again
	$(UV_COMPILE) pyproject.toml -o requirements/operator.txt >/dev/null
	$(UV_COMPILE) requirements/dev.in --override requirements/overrides.txt -o requirements/dev.txt >/dev/null
	for file in requirements/example-*.in requirements/e2e-*.in; do $(UV_COMPILE) $$file -o $${file%.in}.txt >/dev/null || exit 1; done

.PHONY: bench bench-runtime bench-apps bench-rollout
bench: setup ## 200 RealtimeApps against a raw client, one run
	@$(PYTHON) -m hack.bench.operator
bench-runtime: setup ## Memory the runtime adds per open socket
	@$(PYTHON) -m hack.bench.runtime_memory
bench-apps: setup ## Memory per socket and process, per framework and server
	@$(PYTHON) -m hack.bench.apps
bench-rollout: setup ## A deploy, a scale-in and a scale-out under 10,000 sockets, beside the same without the operator
	@$(PYTHON) -m hack.bench.rollout
