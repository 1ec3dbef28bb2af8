# Every target sets up what it needs: Python >= 3.11 with venv, and make, are enough.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
SOURCES := $(wildcard src tests benchmarks)
# Two makes at once must not fill .venv together; where there is no flock, take care yourself.
ONE_AT_A_TIME := $(if $(shell command -v flock 2>/dev/null),flock Makefile)

.DEFAULT_GOAL := help
.PHONY: help serve test check bench format lock clean venv python \
	check-format check-lint check-types check-imports check-duplicates

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: venv ## Run the service (ARGS="--help" shows its options)
	$(BIN)/clinic serve $(ARGS)

test: venv ## Run the tests (ARGS="-k share_code" picks some)
	$(BIN)/pytest --numprocesses auto --dist worksteal $(ARGS)

check: check-format check-lint check-types check-imports check-duplicates ## Run every check but the tests

bench: venv ## Measure the service
	$(BIN)/python -m benchmarks $(ARGS)

format: venv ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

check-format: venv
	$(BIN)/ruff format --check

check-lint: venv
	$(BIN)/ruff check

check-types: venv
	$(BIN)/mypy $(SOURCES)

check-imports: venv
	$(BIN)/lint-imports

check-duplicates: venv
	$(BIN)/pylint --disable=all --enable=duplicate-code --score=n --recursive=y src

# `flock` holds the door while the inner make looks again at what is out of date.
venv: python
	@$(ONE_AT_A_TIME) $(MAKE) --silent --no-print-directory .venv/.ready

# The installation also fetches pdf.js.
.venv/.ready: pyproject.toml requirements.lock hatch_build.py
	@echo "Setting up .venv ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is missing or older than Python 3.11; say make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }

lock: python ## Write requirements.lock anew (ARGS="--upgrade" moves to the newest versions)
	@test -x .venv-lock/bin/uv || { $(PYTHON) -m venv --clear .venv-lock && \
		.venv-lock/bin/python -m pip -qq --disable-pip-version-check install uv; }
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--all-extras --group dev --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--output-file requirements.lock $(ARGS) pyproject.toml

clean: ## Remove what was built, the virtual environment included
	rm -rf .venv .venv-lock .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis \
		build dist .coverage htmlcov src/adapters/xealth/pdfjs
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
