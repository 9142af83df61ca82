# Everything that is done to this repository, one command each. Needs Python 3.11 or later, and nothing else.

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
UV ?= uv
ARGS ?=
JOBS ?= 3

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
SDL := atlas/schema/schema.graphql
CONTRACT := specs/044-drift-mvp/contracts/schema.graphql
COMPILE = $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-config --extra embedded --extra build

.DEFAULT_GOAL := help
.PHONY: help demo test lint schema bench soak lock clean

help: ## lists these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

demo: $(VENV)/.run ## records the sample, generates its drift, shows it, serves the API (ARGS=--exit: ends there)
	@$(BIN)/atlas demo $(ARGS)

# Each of the JOBS processes has services of its own, and takes whole files, so that what a file shares is made once.
test: $(VENV)/.dev ## runs the tests (ARGS="tests/domain -k fingerprint" names some; JOBS=4: in four processes)
	@$(BIN)/python -m pytest -m "not soak" -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev ## style, format, types, and which module may import which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

schema: $(VENV)/.dev ## prints the GraphQL schema from the code into its two kept copies, and its reference
	$(BIN)/atlas schema > $(VENV)/schema.graphql
	cp $(VENV)/schema.graphql $(SDL)
	cp $(VENV)/schema.graphql $(CONTRACT)
	$(BIN)/python -m atlas.schema.reference > $(VENV)/reference.md
	cp $(VENV)/reference.md specs/graphql-reference.md

bench: $(VENV)/.dev ## measures what the specification gives figures for
	@$(BIN)/python -m bench $(ARGS)

soak: $(VENV)/.dev ## runs the long tests: kills, restarts, load
	@$(BIN)/python -m pytest -m soak $(ARGS)

lock: ## pins every package again, with hashes (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv; name it with UV=/path/to/uv." >&2; exit 1; }
	$(COMPILE) --output-file requirements/run.lock
	$(COMPILE) --extra dev --output-file requirements/dev.lock

clean: ## removes what these commands have made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp says that the environment holds what its files ask for, so that the next command begins at once.
$(VENV)/.made:
	@[ -n "$(PYTHON)" ] && command -v "$(PYTHON)" >/dev/null || \
		{ echo "Atlas needs Python 3.11 or later. Install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11. Name a later one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) comes without venv. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@rm -rf $(VENV)
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements/run.lock pyproject.toml
	@echo "Installing what requirements/run.lock names into $(VENV)" >&2
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements/dev.lock pyproject.toml
	@echo "Installing what requirements/dev.lock names into $(VENV)" >&2
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run $@
