# Every target makes its own environment: `make demo` on a fresh clone is all it takes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_ARGS ?=

.PHONY: help install demo test check bench docs pictures clean
help: ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	touch $(STAMP)

# networks that measure (Inception, I3D, LPIPS): fetched once, read as data, pinned by checksum
$(VENV)/.weights: $(STAMP)
	$(BIN)/rareworld weights fetch inception i3d lpips
	touch $@

install: $(STAMP) $(VENV)/.weights ## make the environment

demo: $(STAMP) $(VENV)/.weights ## the whole story on this machine, written to demo/report.html
	$(BIN)/rareworld demo --out demo

test: $(STAMP) ## unit, contract and docs tests
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

check: $(STAMP) ## house rules: lint, types, layers, style ratchet, docs site
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tools/budget.py --check
	$(BIN)/mkdocs build --strict --quiet --site-dir build/site

bench: $(STAMP) ## measure speed and memory, write benchmarks/*.json and the page
	$(BIN)/python benchmarks/run.py

docs: $(STAMP) ## serve the docs site on loopback
	$(BIN)/mkdocs serve --dev-addr 127.0.0.1:8000

pictures: $(STAMP) ## make the pictures of the docs
	$(BIN)/python tools/pictures.py build/gallery

clean: ## remove what can be made again
	rm -rf build dist site demo .pytest_cache .ruff_cache .hypothesis
