# `make help` lists what there is. `make demo` and `make test` make their own virtual environment.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := uv==0.13.9
DEMO   ?= demo-district
PEOPLE ?= 20000

.DEFAULT_GOAL := help
.PHONY: help demo test check audit format docs translate bench lock clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# $(1) the lock file. uv installs it in seconds and compiles it once, not at the start of every command;
# --system-certs lets a council's own proxy certificate through.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	@$(BIN)/uv pip install --quiet --compile-bytecode --system-certs --python $(BIN)/python --require-hashes -r $(1)
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps -e .
endef

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "Installing eVI into $(VENV) …"
	$(call install,requirements.lock)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml
	@echo "Installing eVI and its development tools into $(VENV) …"
	$(call install,requirements-dev.lock)
	@touch $@ $(VENV)/.installed

demo: $(VENV)/.installed ## a synthetic district, the whole pipeline, and the application in your browser
	$(BIN)/evi demo $(DEMO) --people $(PEOPLE)

test: check ## every check and test (about ten minutes on two cores)
	$(BIN)/python -m pytest --cov=evi --cov-report=term:skip-covered --cov-report=xml

check: $(VENV)/.installed-dev ## formatting, lint, types and layers only (seconds)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

audit: $(VENV)/.installed-dev ## known weaknesses of every library in the locks (says what it could not ask)
	$(BIN)/python -m tests.audit

format: $(VENV)/.installed-dev ## put the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-dev ## build the documentation into site/
	$(BIN)/mkdocs build --strict

translate: $(VENV)/.installed-dev ## find the application's texts anew, for those who translate them
	$(BIN)/python -m evi.care.translating

bench: $(VENV)/.installed-dev ## the benchmark tables (an hour and more; ONLY="linkage queues" prints some; see docs/benchmarks.md)
	$(BIN)/python -m benchmarks $(ONLY)

lock: ## renew both lock files (needs uv on the PATH)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes -q -o requirements-dev.lock

clean: ## remove the virtual environment and the demo district
	rm -rf $(VENV) $(DEMO) site .pytest_cache .mypy_cache .ruff_cache
