# Each target makes .venv when it is missing, installs the package when setup.cfg has changed, and does its job.
# Needed: make, and a Python from 3.11 to 3.13 with its venv module.

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PEERS := $(VENV)/.installed_peers

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-slow lint clean

help:
	@echo 'make quickstart   train a small GPT on real speeches, evaluate it, export it'
	@echo 'make test         lint, then the tests that take seconds'
	@echo 'make test-slow    the tests that take minutes, one to three hours in all, beside torch and transformers'
	@echo 'make lint         ruff alone'
	@echo 'make clean        remove .venv and what Python and the tests leave behind'

quickstart: $(INSTALLED)
	$(PYTHON) -m tfzoo.train --flagfile=experiments/quickstart/train.flags

# Byte code is written, whatever the environment says: of tfzoo it spares each program that tests start a second.
test: lint
	PYTHONDONTWRITEBYTECODE= $(PYTHON) -m pytest --numprocesses=2 --dist=loadfile

test-slow: $(PEERS)
	$(PYTHON) -m pytest -m slow --numprocesses=2 --dist=loadfile

lint: $(INSTALLED)
	$(PYTHON) -m ruff check .

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): setup.cfg pyproject.toml
	@$(MAKE_VENV)
	$(PYTHON) -m pip install --quiet --editable '.[dev]'
	@touch $@

$(PEERS): $(INSTALLED)
	$(PYTHON) -m pip install --quiet --editable '.[dev,parity]'
	@touch $@

# The first Python that is new enough, not too new (TensorFlow has no wheel for it) and able to make a venv.
# A .venv that is there already is kept; one that was left half made is made again.
define MAKE_VENV
usable='import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
if $(PYTHON) -c '' 2>/dev/null; then \
  if ! $(PYTHON) -c "$$usable"; then \
    echo 'tfzoo: .venv is not of Python 3.11, 3.12 or 3.13. Run `make clean`, then try again.' >&2; exit 1; \
  fi; \
  if $(PYTHON) -m pip --version >/dev/null 2>&1; then exit 0; fi; \
fi; \
for python in python3.13 python3.12 python3.11 python3; do \
  if $$python -c "$$usable" 2>/dev/null; then \
    echo "Making $(VENV) with $$python and installing tfzoo (about 3 GB on disk, once)."; \
    exec $$python -m venv $(VENV); \
  fi; \
done; \
echo 'tfzoo: needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian: apt install python3-venv).' >&2; \
echo 'tfzoo: found none as python3.13, python3.12, python3.11 or python3.' >&2; \
exit 1
endef
