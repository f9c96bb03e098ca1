"""What makes a run repeatable: machine, package versions, and hashes of models and data."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rag.evaluation.datasets import sha256
from rag.pipeline import Pipeline
from rag.recipe import GeneratorConfig
from rag.types import content_hash

PACKAGES = (
    "ragstone", "numpy", "torch", "sentence-transformers", "openvino", "faiss-cpu", "tokenizers", "icu4py",
    "ir-measures", "pytrec-eval-terrier", "xllamacpp", "openai", "ragas",
)  # fmt: skip


def versions() -> Mapping[str, str]:
    """Versions of those packages that decide results, as far as they are installed; and Python's."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Processor, cores, memory and system on one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def processor() -> str:
    """The processor's name, with the vector instructions that matter here where the system tells them."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in cpuinfo.split("\n\n")[0].splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    flags = [flag for flag in ("avx512f", "avx512_bf16", "amx_bf16") if flag in named.get("flags", "").split()]
    return f"{named.get('model name', platform.machine())} ({', '.join(flags) or 'no AVX-512'})"


def model_hashes(pipeline: Pipeline) -> Mapping[str, str]:
    """What identifies the recipe's models for search: the embedder's fingerprint, and SHA-256 of the reranker."""
    from rag.models import resolve

    recipe = pipeline.recipe
    hashes = {}
    if pipeline.embedder is not None:
        hashes[f"embedder {recipe.embedder.model}"] = pipeline.embedder.fingerprint
    if recipe.reranker.model:
        hashes[f"reranker {recipe.reranker.model}"] = _tree(resolve(recipe.reranker.model))
    return hashes


def generator_hash(role: str, config: GeneratorConfig) -> Mapping[str, str]:
    """SHA-256 of the file of a local model that generates or judges; nothing for others."""
    from rag.models import resolve

    return {f"{role} {config.model}": sha256(resolve(config.model))} if config.kind == "llama.cpp" else {}


def _tree(path: Path) -> str:
    if path.is_file():
        return sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return content_hash(*(f"{file.relative_to(path)} {sha256(file)}" for file in files))
