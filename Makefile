# Two environments, because the two stacks install the same import names:
# .venv holds OneDL's, .venv-openmmlab the upstream one.
#
# torch comes from pip's usual sources, on Linux as a CUDA build of some gigabytes. Without a GPU:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make env
# Other versions go in pairs, torch 2.x with torchvision 0.(x+15):
#   make env TORCH=torch==2.9.1 TORCHVISION=torchvision==0.24.1

PYTHON ?= python3
TORCH ?= torch==2.13.0
TORCHVISION ?= torchvision==0.28.0
JOBS ?= 2
# less installs sooner, and its tests are skipped: make env EXTRAS=tests
EXTRAS ?= docs,int8,onnx,openvino,ray,review,serve,serve-ray,tests,timm
ARGS ?=

PY := .venv/bin/python
# one thread a worker: torch's own threads on top of the workers make both slower
# in the order of collection: some tests have to come last (tests/conftest.py)
PYTEST := -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: help env demo test lint docs diagram test-openmmlab test-station test-wheel clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: .venv/.installed  ## make .venv with the OneDL stack (PYTHON, TORCH, TORCHVISION)

demo: .venv/.installed  ## simulate bags, train class evidence, test, draw pictures
	$(PY) tools/demo.py $(ARGS)

test: .venv/.installed  ## run the tests (JOBS processes, ARGS='-k fpn')
	OMP_NUM_THREADS=1 $(PY) $(PYTEST) $(ARGS)

lint: .venv/.installed  ## ruff's rules, its format, mypy, and the import contracts (Python 3.11+)
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy mmsxm tools
	if [ -x .venv/bin/lint-imports ]; then .venv/bin/lint-imports --no-cache; fi

docs: .venv/.installed  ## build the site in site/; a broken link is an error
	$(PY) -m mkdocs build --strict

diagram: .venv/.installed  ## draw the packages and their imports (needs Graphviz)
	.venv/bin/import-linter drawgraph mmsxm | tred | dot -Tsvg -o docs/images/packages.svg

test-openmmlab: .venv-openmmlab/.installed  ## run the tests that depend on the stack on the upstream one
	OMP_NUM_THREADS=1 .venv-openmmlab/bin/python $(PYTEST) -m 'not stack_independent' $(ARGS)

test-station: .venv-station/.installed  ## run the tests of what a station runs, without PyTorch
	OMP_NUM_THREADS=1 .venv-station/bin/python $(PYTEST) $(ARGS)

test-wheel:  ## the wheel in an empty environment, without a compiler (PYTHON, STACK=openmmlab)
	PYTHON='$(PYTHON)' TORCH='$(TORCH)' TORCHVISION='$(TORCHVISION)' .ci/wheel $(STACK)

clean:  ## remove what building and testing leave; data, work_dirs and environments stay
	rm -rf build dist site *.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(wildcard configs mmsxm tests tools) -name __pycache__ -prune -exec rm -rf {} +

TORCH_PAIR = '$(TORCH)' '$(TORCHVISION)'

.venv/.installed: STACK = onedl
.venv-openmmlab/.installed: STACK = openmmlab
.venv-station/.installed: STACK = station,station-openvino,station-review,serve
.venv-station/.installed: EXTRAS = tests
.venv-station/.installed: TORCH_PAIR =

.venv/.installed .venv-openmmlab/.installed .venv-station/.installed: setup.py $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo >&2 \
	    'mmsxm needs Python 3.10 or newer; $(PYTHON) is not. Try: make PYTHON=python3.11'; exit 1; }
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install -e '.[$(STACK),$(EXTRAS)]' $(TORCH_PAIR)
	@touch $@
