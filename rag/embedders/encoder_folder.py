"""What a sentence-transformers model folder says about its encoder, read without loading any weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rag import models
from rag.errors import ModelError
from rag.types import content_hash

Json: TypeAlias = "dict[str, object]"

TEXT_MODULES = ("Transformer", "Pooling", "Normalize")
POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, slots=True)
class EncoderFolder:
    """A model folder in the sentence-transformers layout.

    ``modules`` are the class names of its pipeline and ``parts`` the folders of those after the
    transformer; ``pooling`` the pooling modes, concatenated; ``dim`` the length of its vectors, or
    0 where only loading the model tells. ``max_tokens`` counts special tokens. ``config`` is the
    transformer's ``config.json``.
    """

    path: Path
    transformer: Path
    parts: tuple[Path, ...]
    config: Json
    architecture: str
    modules: tuple[str, ...]
    pooling: tuple[str, ...]
    pools_prompt: bool
    dim: int
    max_tokens: int
    lowercase: bool
    query_prompt: str
    document_prompt: str

    @property
    def weights(self) -> tuple[Path, ...]:
        """The safetensors files of the transformer; never a pickle."""
        files = tuple(sorted(self.transformer.glob("*.safetensors")))
        if not files:
            raise ModelError(
                "no safetensors weights (pickled weights are never read)",
                where=str(self.transformer),
                hint="save the model with safe_serialization",
            )
        return files

    def fingerprint(self) -> str:
        """Equal for equal vectors: hashes of weights, tokenizer and settings, whatever the folder is called."""
        files = {self.transformer / "config.json", self.transformer / "tokenizer.json", *self.weights}
        for folder in self.parts:
            files.update(folder.glob("config.json"), folder.glob("*.safetensors"))
        hashes = sorted(f"{file.relative_to(self.path).as_posix()} {models.file_sha256(file)}" for file in files)
        settings = (*self.modules, str(self.max_tokens), str(self.lowercase), self.query_prompt, self.document_prompt)
        digest = content_hash(*hashes, *settings)
        return f"{self.architecture}-{self.dim}-{'+'.join(self.pooling) or 'other'}-{self.max_tokens}:{digest}"


def read_encoder_folder(path: Path) -> EncoderFolder:
    """Read the folder's JSON files. Raises ModelError that names the file that is missing or wrong."""
    modules = _modules(path)
    transformer = path / modules[0][1]
    config = read_json(transformer / "config.json")
    settings = read_json(transformer / "sentence_bert_config.json", optional=True)
    card = read_json(path / "config_sentence_transformers.json", optional=True)
    prompts = card.get("prompts") or {}
    if not isinstance(prompts, dict):
        raise ModelError("'prompts' is not a table", where=str(path / "config_sentence_transformers.json"))
    pooling: tuple[str, ...] = ("mean",) if modules[0][0] == "Transformer" else ()
    pools_prompt = True
    hidden = config.get("hidden_size", config.get("dim", 0))
    dim = hidden if isinstance(hidden, int) else 0
    for name, folder in modules[1:]:
        if name == "Pooling":
            pool = read_json(path / folder / "config.json")
            pooling = _pooling_modes(pool)
            pools_prompt = bool(pool.get("include_prompt", True))
            dim *= len(pooling)
        elif name == "Dense":
            out = read_json(path / folder / "config.json").get("out_features", 0)
            dim = out if isinstance(out, int) else 0
        elif name not in TEXT_MODULES:
            dim = 0
    if modules[0][0] != "Transformer":
        dim = 0
    return EncoderFolder(
        path=path,
        transformer=transformer,
        parts=tuple(path / folder for _, folder in modules[1:]),
        config=config,
        architecture=str(config.get("model_type", "")),
        modules=tuple(name for name, _ in modules),
        pooling=pooling,
        pools_prompt=pools_prompt,
        dim=dim,
        max_tokens=_max_tokens(transformer, config, settings),
        lowercase=bool(settings.get("do_lower_case", False)),
        query_prompt=str(prompts.get("query") or ""),
        document_prompt=next((str(prompts[k]) for k in ("document", "passage", "corpus") if prompts.get(k)), ""),
    )


def read_json(path: Path, *, optional: bool = False) -> Json:
    """A JSON object; {} for a missing optional file. Raises ModelError."""
    if optional and not path.exists():
        return {}
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read: {error}", where=str(path)) from error
    if not isinstance(value, dict):
        raise ModelError("is not a JSON object", where=str(path))
    return value


def _modules(path: Path) -> list[tuple[str, str]]:
    """(class name, subfolder) of each module; a plain transformer folder is one without pooling of its own."""
    file = path / "modules.json"
    if not file.exists():
        return [("Transformer", "")]
    try:
        rows = json.loads(file.read_text("utf-8"))
        modules = [(str(row["type"]), str(row["path"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"is not a list of modules: {error!r}", where=str(file)) from error
    if not modules:
        raise ModelError("lists no module", where=str(file))
    for kind, folder in modules:
        if not kind.startswith("sentence_transformers."):
            raise ModelError(f"module {kind} needs code of its own, which is never run", where=str(file))
        if ".." in Path(folder).parts or Path(folder).is_absolute():
            raise ModelError(f"module path {folder!r} leaves the folder", where=str(file))
        if any((path / folder).glob("*.bin")) and not any((path / folder).glob("*.safetensors")):
            raise ModelError("only pickled weights, which are never read", where=str(path / folder))
    return [(kind.rpartition(".")[2], folder) for kind, folder in modules]


def _pooling_modes(config: Json) -> tuple[str, ...]:
    named = config.get("pooling_mode")
    if isinstance(named, str):
        return (named,)
    if isinstance(named, list):
        return tuple(str(name) for name in named)
    return tuple(mode for key, mode in POOLING_KEYS.items() if config.get(key)) or ("mean",)


def _max_tokens(transformer: Path, config: Json, settings: Json) -> int:
    """As sentence-transformers has it: its own setting, else the smaller of tokenizer's and model's limits."""
    own = settings.get("max_seq_length")
    if isinstance(own, int) and own > 0:
        return own
    tokenizer = read_json(transformer / "tokenizer_config.json", optional=True)
    limits = [tokenizer.get("model_max_length"), config.get("max_position_embeddings")]
    usable = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < 1_000_000]
    if not usable:
        raise ModelError("says nowhere how many tokens it reads", where=str(transformer))
    return min(usable)
