# Everything a contributor or CI types. Needs Python 3.10-3.12, make and a package registry.

PYTHON := .venv/bin/python
# How many processes run the tests. More than cores only makes them wait for each other.
WORKERS ?= 2
# Extra arguments for pytest: make test PYTEST="-k grid -x"
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint types format docs bench clean for-demo for-docs for-test

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: for-demo ## change the guitar in a real clip; results in demo-out/
	@$(PYTHON) -m jobs.demo

test: lint types ## lint, types and tests
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile $(PYTEST)

lint: for-test ## ruff: rules and format; import contracts
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	.venv/bin/lint-imports --no-cache

types: for-test ## mypy --strict
	$(PYTHON) -m mypy

format: for-test ## put the code into shape
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

docs: for-docs ## build the documentation: site/index.html
	@$(PYTHON) scripts/build_docs.py

bench: for-test ## measure speed and memory here
	$(PYTHON) -m jobs.bench.local

clean: ## remove what was made, except for the environment (that is .venv)
	rm -rf demo-out site build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

for-demo:
	@scripts/set-up.sh demo

for-docs:
	@scripts/set-up.sh docs

for-test:
	@scripts/set-up.sh test
