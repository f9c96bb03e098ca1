# make setup | demo | test | test-all | lint | eval | bench | shots: each sets up what is missing first.
#   make demo DOCS=path/to/folder Q="your question"    the demo on your own folder
#   make test DATA=path   make eval DATA=path   make bench DATA=path         where the public collections are
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RAG := $(BIN)/rag
DATA ?= ../shared/data
DOCS ?= apps/samples
# One index a folder, so that the demo on your documents never meets ours.
INDEX ?= indexes/built/demo-$(shell printf '%s' '$(abspath $(DOCS))' | cksum | cut -d' ' -f1)

# A file to a worker, so that what its tests share (an app, an index, a model) is made once.
PYTEST = HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --data=$(DATA)

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: setup demo test test-all lint eval bench shots

setup: $(VENV)/.models

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Ragstone with its pinned dependencies into $(VENV): a few minutes the first time."
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt hatchling editables
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[app,dev,eval,ragas]'
	@$(BIN)/python -m compileall -q rag
	@touch $@

$(VENV)/.models: $(VENV)/.installed
	@$(RAG) models pull
	@touch $@

# A plain question, one that needs two documents, and one that the sample documents do not answer.
demo: setup
	@$(RAG) index "$(DOCS)" --index $(INDEX) --sync
ifdef Q
	@echo && $(RAG) ask "$$Q" --index $(INDEX)
else
	@for question in \
	    "How long does a full battery of the SLM-210 last?" \
	    "What does the SLM-210 cost in 2024, and how long is its warranty?" \
	    "How much does the SLM-220 cost?"; do \
	    printf '\n> %s\n' "$$question" && $(RAG) ask "$$question" --index $(INDEX) || exit; \
	done
endif
export Q

# All but the longer tests in a browser, which take as long as the rest: tests/apps/test_browser.py has the main path.
test: setup
	@$(PYTEST) -m "not browser" $(ARGS)

test-all: setup
	@$(PYTEST) $(ARGS)

lint: $(VENV)/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@cd apps/document_qa && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache *.py

eval: setup
	@$(BIN)/python eval/suites.py --data $(DATA) $(ARGS)

bench: setup
	@HF_HUB_OFFLINE=1 $(BIN)/python eval/bench.py --data $(DATA)

# Screenshots of the app, for docs/.
shots: setup
	@HF_HUB_OFFLINE=1 $(BIN)/python tests/apps/shots.py
