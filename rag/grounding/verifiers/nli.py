"""Natural language inference: a cross-encoder reads evidence and claim together and says what follows."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rag import models
from rag.errors import ModelError
from rag.grounding.verifiers.batch import Pair
from rag.tracing import step

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_Window: TypeAlias = dict[str, list[int]]

_ENTAILS = frozenset({"entailment", "entail", "entails", "entailed"})
_OVERLAP = 4  # windows of long evidence share a quarter of their tokens
_UNBOUNDED = 100_000  # a tokenizer that knows no limit says so by a huge number
_FALLBACK_LENGTH = 512


class NliVerifier:
    """P(entailment) by a sequence classification model, by name or path. Implements Verifier and BatchVerifier.

    Premise is the evidence, hypothesis the claim. The label is found by its name in the model's ``id2label``. Evidence
    longer than the model reads is cut into overlapping windows of tokens, of which the best counts; of a claim that
    fills more than half of what the model reads, each part must be entailed, and the worst counts.

    A model that is not there is an error when this is made. Only safetensors are read, never code from a model's
    folder. ``device`` None is cuda, mps or cpu, the first there is. The weights are loaded at the first use.
    """

    def __init__(self, name_or_path: str | Path, *, device: str | None = None, batch_size: int = 16) -> None:
        """Raises ModelError."""
        self._path = models.ensure(name_or_path)
        if not any(self._path.glob("*.safetensors")):
            raise ModelError("no safetensors weights (pickled weights are never read)", where=str(self._path))
        self._device = device
        self._batch_size = batch_size
        self._lock = threading.Lock()

    def support(self, claim: str, evidence: str) -> float:
        """The probability that the evidence entails the claim. Raises ModelError."""
        return self.supports([(claim, evidence)])[0]

    def supports(self, pairs: Sequence[Pair]) -> list[float]:
        """``support`` of each pair, in batches. Raises ModelError."""
        if not pairs:
            return []
        with step("nli", pairs=len(pairs), model=self._path.name) as taken, self._lock:
            found = self._loaded.entailed(pairs, self._batch_size)
            taken.note(entailment=tuple(round(value, 4) for value in found))
        return found

    @cached_property
    def _loaded(self) -> _Loaded:
        from safetensors import SafetensorError
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from rag.models.torch_runtime import default_dtype, device_for, quiet_loading

        device = device_for(self._device)
        try:
            with quiet_loading():
                tokenizer = AutoTokenizer.from_pretrained(
                    str(self._path), local_files_only=True, trust_remote_code=False, use_fast=True
                )
                model = AutoModelForSequenceClassification.from_pretrained(
                    str(self._path),
                    local_files_only=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                    dtype=default_dtype(device),
                )
        except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
            raise ModelError(f"cannot be loaded: {error}", where=str(self._path)) from error
        if not tokenizer.is_fast:
            raise ModelError(
                "the model's tokenizer cannot cut long evidence into windows",
                where=str(self._path),
                hint="take a model with a tokenizer.json",
            )
        label = entailment_label(model.config.id2label, where=str(self._path))
        return _Loaded(model.to(device).eval(), tokenizer, label, str(self._path))


def entailment_label(labels: Mapping[int, str], *, where: str = "") -> int:
    """The number of the label that means entailment, by its name. Raises ModelError that lists the labels."""
    found = [number for number, name in labels.items() if re.sub(r"[\W_]+", "", str(name)).casefold() in _ENTAILS]
    if len(found) != 1:
        said = ", ".join(f"{number}: {name}" for number, name in sorted(labels.items()))
        raise ModelError(
            f"{'no label means' if not found else 'several labels mean'} entailment among {said}",
            where=where,
            hint="take a model trained for NLI, or name its labels in the id2label of its config.json",
        )
    return int(found[0])


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    label: int
    where: str

    def entailed(self, pairs: Sequence[Pair], batch_size: int) -> list[float]:
        """For each pair the best window of the evidence; for a claim in parts, that of the worst part."""
        length = self._length()
        parts = [(i, part) for i, (claim, _) in enumerate(pairs) for part in self._parts(claim, length // 2)]
        windows = [
            (place, window)
            for place, (i, part) in enumerate(parts)
            for window in self._windows(pairs[i][1], part, length)
        ]
        # Windows of one length need no padding, and padding is most of what a mixed batch computes.
        windows.sort(key=lambda one: len(one[1]["input_ids"]))
        best = [0.0] * len(parts)
        for start in range(0, len(windows), batch_size):
            batch = windows[start : start + batch_size]
            for (place, _), value in zip(batch, self._read([window for _, window in batch]), strict=True):
                best[place] = max(best[place], value)
        found = [1.0] * len(pairs)
        for (i, _), value in zip(parts, best, strict=True):
            found[i] = min(found[i], value)
        return found

    def _windows(self, evidence: str, claim: str, length: int) -> list[_Window]:
        """What the model reads of a pair, at most ``length`` tokens each; the claim is whole in each."""
        taken = len(self._offsets(claim)) + self.tokenizer.num_special_tokens_to_add(pair=True)
        if taken >= length:
            raise ModelError(f"the model reads {length} tokens, too few for a claim", where=self.where)
        read = self.tokenizer(
            evidence,
            claim,
            truncation="only_first",
            max_length=length,
            stride=(length - taken) // _OVERLAP,
            return_overflowing_tokens=True,
            verbose=False,
        )
        names = [name for name in self.tokenizer.model_input_names if name in read]
        return [{name: read[name][i] for name in names} for i in range(len(read["input_ids"]))]

    def _read(self, batch: Sequence[_Window]) -> list[float]:
        import torch

        inputs = self.tokenizer.pad(list(batch), return_tensors="pt").to(self.model.device)
        try:
            with torch.inference_mode():
                logits = self.model(**inputs).logits.float()
        except RuntimeError as error:  # torch's errors, out of memory among them
            raise ModelError(f"the NLI model failed: {error}", where=self.where) from error
        if not bool(torch.isfinite(logits).all()):
            raise ModelError("the NLI model gave scores that are not finite", where=self.where)
        return [float(value) for value in logits.softmax(-1)[:, self.label]]

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        read = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [(int(start), int(end)) for start, end in read["offset_mapping"]]

    def _parts(self, claim: str, most: int) -> list[str]:
        """The claim, or its pieces of at most ``most`` tokens."""
        offsets = self._offsets(claim)
        if len(offsets) <= most:
            return [claim]
        cuts = [offsets[i : i + most] for i in range(0, len(offsets), most)]
        return [claim[cut[0][0] : cut[-1][1]] for cut in cuts]

    def _length(self) -> int:
        config = self.model.config
        positions = int(getattr(config, "max_position_embeddings", 0) or 0)
        if "roberta" in config.model_type:  # positions are counted from behind the padding's
            positions -= int(config.pad_token_id) + 1
        limits = [limit for limit in (int(self.tokenizer.model_max_length), positions) if 0 < limit < _UNBOUNDED]
        return min(limits, default=_FALLBACK_LENGTH)
