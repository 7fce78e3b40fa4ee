# Everything a contributor or CI types. Needs Python 3.11-3.14, make and a package registry.

PYTHON := .venv/bin/python
# How many processes run the tests. More than cores only makes them wait for each other.
WORKERS ?= 2
# Extra arguments for pytest: make test PYTEST="-k grid -x"
PYTEST ?=
# Tests write gigabytes and ask for all of it to be on the disk: on a memory disk that costs nothing.
MEMORY_DISK := $(shell df -Pk /dev/shm 2>/dev/null | awk '$$6 == "/dev/shm" && $$4 > 8000000 {print $$6}')
# Tests start hundreds of processes, so what Python compiles is kept, whatever the surroundings say.
TESTS := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 PYTEST_DEBUG_TEMPROOT=$(MEMORY_DISK) $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# What runs on the newest Python: all that does without torch, Ray and an object store, and is quick.
NEWEST := morphsep/errors.py $(addprefix morphsep/,audio dsp manifest request storage) \
	$(patsubst %,tests/test_%.py,audio grid inputs interpolate loudness resample segments stitching tags)
# What runs on the newest Ray where constraints.txt pins another.
NEWEST_RAY := tests/test_streaming.py tests/contracts/test_workers.py

.DEFAULT_GOAL := help
.PHONY: help demo test tests test-slow test-newest lint types format docs bench evaluate constraints clean \
	for-demo for-docs for-test

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: for-demo ## change the guitar in a real clip; results in demo-out/
	@$(PYTHON) -m jobs.demo

# The types beside the tests, which wait now and then; what they say is said again at the end.
test: lint ## lint, types and tests
	@$(MAKE) --no-print-directory --keep-going -j2 types tests || { $(MAKE) --no-print-directory types; exit 1; }

tests: for-test
	$(TESTS) $(PYTEST)

test-slow: for-test ## the slow tests, all or some: PYTEST=tests/faults
	$(TESTS) -m "slow and not gpu and not network and not netns" $(PYTEST)

test-newest: ## a small part of the tests on the newest other Python here, and on the newest Ray
	OMP_NUM_THREADS=1 scripts/test-newest.sh $(NEWEST) $(PYTEST)
	OMP_NUM_THREADS=1 scripts/test-newest-ray.sh $(NEWEST_RAY) $(PYTEST)

lint: for-test ## ruff: rules and format; import contracts; dependencies
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	.venv/bin/lint-imports --no-cache
	.venv/bin/deptry .
	.venv/bin/deptry morphsep jobs scripts --optional-dependencies-dev-groups dev --ignore DEP002

types: for-test ## mypy --strict
	$(PYTHON) -m mypy

format: for-test ## put the code into shape
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

docs: for-docs ## build the documentation: site/index.html
	@$(PYTHON) scripts/build_docs.py

bench: for-test ## measure speed and memory here
	$(PYTHON) -m jobs.bench.local

evaluate: for-test ## has the sound become worse (backends, and what tones are like)? UPDATE=1 takes it as it is now
	@OMP_NUM_THREADS=1 $(PYTHON) -m jobs.evaluate_small --workers $(WORKERS) $(if $(UPDATE),--update)

constraints: ## renew constraints.txt with uv; UV=--upgrade takes the newest of everything
	@python3 scripts/renew_constraints.py $(UV)

clean: ## remove what was made, except for the environments (.venv, .venv-newest)
	rm -rf demo-out site build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +

for-demo:
	@scripts/set-up.sh demo

for-docs:
	@scripts/set-up.sh docs

for-test:
	@scripts/set-up.sh test
