# Everything starts here: `make demo` and `make test` set up their own environment, once.
#
# PYTHON    the interpreter the environment is made from
# PIP_ARGS  passed to every `pip install`, such as --extra-index-url ADDRESS for CPU builds of torch
# CUDA      set to 1 to accept a CUDA build of torch (several GB)
# WORKERS   processes for pytest; 0 runs in one process, as a debugger wants

PYTHON ?= python3.11
VENV := .venv
PIP_ARGS ?=
CUDA ?= 0
WORKERS ?= 2
PYTEST_ARGS ?=

PIP := $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
LOCKED := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs wheel clean

help: ## these lines
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST)

setup: $(VENV)/.stamp-dev ## the environment .venv with everything for development

demo: $(VENV)/.stamp-demo ## trains, evaluates and explains the diagnosis task
	$(VENV)/bin/neurosym run diagnosis

test: $(VENV)/.stamp-dev ## runs the tests (slow ones: make test PYTEST_ARGS='-m slow')
	@$(VENV)/bin/python -m pytest -q -n $(WORKERS) $(PYTEST_ARGS)

lint: $(VENV)/.stamp-dev ## ruff and pyright
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright

docs: $(VENV)/.stamp-dev ## the documentation, into docs/_build/html; a warning is an error
	$(VENV)/bin/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

wheel: $(VENV)/.stamp-dev ## the wheel, into dist/
	$(VENV)/bin/python -m build --wheel --no-isolation --outdir dist .

clean: ## removes what was built, but not the environment
	rm -rf build dist docs/_build .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Torch comes first and by itself, so that a CUDA build is refused before anything large is fetched: a dry run reads
# metadata only. The build back end comes with it, pinned like the rest, in place of pip's isolated, unpinned one.
$(VENV)/.stamp-torch: constraints.txt | $(VENV)/bin/python
	@if [ "$(CUDA)" != 1 ] && $(PIP) --quiet $(PIP_ARGS) --dry-run --report - torch 2>/dev/null | grep -q '"name": "nvidia-'; then \
		echo "error: the package index in use offers a CUDA build of torch, several GB." >&2; \
		echo "  help: add the index of CPU builds that PyTorch's installation page names:" >&2; \
		echo "        make $(or $(MAKECMDGOALS),setup) PIP_ARGS='--extra-index-url ADDRESS'" >&2; \
		echo "        or accept the CUDA build: make $(or $(MAKECMDGOALS),setup) CUDA=1" >&2; \
		exit 1; \
	fi
	@echo "setting up $(VENV): torch"
	@$(PIP) $(PIP_ARGS) torch hatchling
	@touch $@

$(VENV)/.stamp-demo: $(LOCKED) $(VENV)/.stamp-torch
	@echo "setting up $(VENV): neurosym and what its tasks need"
	@$(PIP) $(PIP_ARGS) --no-build-isolation -e '.[tasks]'
	@touch $@

$(VENV)/.stamp-dev: $(LOCKED) $(VENV)/.stamp-torch
	@echo "setting up $(VENV): neurosym with everything for development"
	@$(PIP) $(PIP_ARGS) --no-build-isolation -e '.[pandas,tasks,bayes,explain,text,docs,dev]'
	@touch $@ $(VENV)/.stamp-demo
