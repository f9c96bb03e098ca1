"""Whether a generator says the same thing twice: further drafts at a temperature, and how far all drafts agree.

A model that reads its answer off the passages repeats it, one that makes it up scatters (SelfCheckGPT, Manakul et al.
2023). Agreement is the mean over all pairs of drafts, the first included (lexical similarity, Fomicheva et al. 2020,
section 3.2, with token F1 in the place of METEOR), or the mean cosine of their embeddings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from statistics import fmean

from rag.errors import GenerationError
from rag.protocols import Embedder, Generator, Sampler
from rag.text.overlap import token_f1
from rag.tracing import reply_tokens, step
from rag.types import Message

__all__ = ["cosine_agreement", "draw_samples", "token_agreement"]


def draw_samples(
    generator: Generator, messages: Sequence[Message], *, count: int, temperature: float, max_tokens: int
) -> tuple[str, ...]:
    """``count`` replies, with the seeds 1, 2, ... so that they are the same on every run where the generator's are.

    A step of the trace with the tokens of all. Raises GenerationError for a generator that is no Sampler, ContextError.
    """
    if not isinstance(generator, Sampler):
        raise GenerationError(
            f"{type(generator).__name__} cannot sample",
            hint="take a language model: llama.cpp, or an OpenAI-compatible API",
        )
    with step("sample", count=count, temperature=temperature) as taken:
        prompt = generator.count_tokens(messages)
        drawn: list[str] = []
        for seed in range(1, count + 1):
            drawn.append(generator.sample(messages, temperature=temperature, seed=seed, max_tokens=max_tokens))
            taken.spend(prompt, reply_tokens(generator, drawn[-1]))
        taken.note(replies=tuple(drawn))
    return tuple(drawn)


def token_agreement(drafts: Sequence[str]) -> float:
    """The mean token F1 of each two drafts, from 0 to 1; 1 for fewer than two."""
    return _mean_of_pairs(len(drafts), lambda i, j: token_f1(drafts[i], drafts[j]))


def cosine_agreement(drafts: Sequence[str], embedder: Embedder) -> float:
    """The mean cosine of each two drafts, from -1 to 1; 1 for fewer than two. A blank one agrees with its like alone.

    A draft that is longer than the embedder reads is cut. Raises EmbeddingError.
    """
    written = [i for i, draft in enumerate(drafts) if draft.strip()]
    if not written:
        return 1.0
    vectors = dict(zip(written, embedder.embed_queries([drafts[i] for i in written]), strict=True))

    def cosine(i: int, j: int) -> float:
        if i in vectors and j in vectors:
            return float(vectors[i] @ vectors[j])
        return float((i in vectors) == (j in vectors))

    return _mean_of_pairs(len(drafts), cosine)


def _mean_of_pairs(count: int, alike: Callable[[int, int], float]) -> float:
    pairs = list(combinations(range(count), 2))
    return fmean(alike(i, j) for i, j in pairs) if pairs else 1.0
