"""Fixtures for the generators: the real small model, loaded once, and passages to ask about."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import models
from rag.generators import LlamaCppGenerator

BINDINGS = {"xllamacpp": "xllamacpp", "llama-cpp-python": "llama_cpp"}
INSTALLED = [binding for binding, module in BINDINGS.items() if importlib.util.find_spec(module)]


@pytest.fixture(scope="session")
def gguf() -> Path:
    """The default local model; fails without it, as `make setup` pulls it."""
    return models.resolve("smollm2")


@pytest.fixture(scope="session", params=INSTALLED)
def llama(request: pytest.FixtureRequest, gguf: Path) -> Iterator[LlamaCppGenerator]:
    """A LlamaCppGenerator over each binding that is installed; one thread, as CI's machines are shared."""
    with LlamaCppGenerator(gguf, binding=request.param, context_size=1024, threads=1) as generator:
        yield generator
