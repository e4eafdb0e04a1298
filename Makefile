# The two commands of the README, `make demo` and `make test`, and their few relatives.
# Everything lives in .venv; nothing outside this folder is touched except Debian packages that tests need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: demo test setup generate lock check clean

demo: setup
	$(BIN)/cc-voice demo $(ARGS)

test: setup
	@sh deploy/test-packages.sh
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

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

# After a change of a metric's entry: its row in analytics/README.md, and the migration of a new one.
generate: setup
	$(BIN)/python -m tests.generated

# After a change of pyproject.toml: resolve again for all supported Pythons; for a container without tests and extras.
lock:
	uv pip compile -q --universal --generate-hashes --all-extras --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 -c requirements.lock pyproject.toml -o deploy/requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
