"""The generator's opinion: its yes, the agreement of its drafts, and what they add to the learned confidence."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from rag import models
from rag.embedders import load_embedder
from rag.errors import ContextError, GenerationError, ModelError
from rag.generators import ExtractiveGenerator, LlamaCppGenerator, pack_context
from rag.grounding.confidence import Confidence, Logistic
from rag.grounding.consistency import cosine_agreement, draw_samples, token_agreement
from rag.grounding.model_answerability import p_answers
from rag.grounding.opinions import (
    Combination,
    Combinations,
    Drafted,
    ModelSignals,
    combined,
    load_combinations,
    logit,
)
from rag.protocols import Chooser, Sampler
from rag.tracing import recording
from rag.types import Chunk, Hit, Message, Vectors

QUESTION = "When was the treaty signed?"
PASSAGE = "The treaty was signed in 1921. It was not popular. The sea is blue."


class Speaker:
    """A generator that says yes with a given probability, and says its lines by seed; a token is a word."""

    def __init__(self, yes: float = 0.5, lines: Sequence[str] = (), context_size: int = 1000) -> None:
        self.yes = yes
        self.lines = lines
        self.context_size = context_size
        self.asked: list[tuple[Message, ...]] = []
        self.drawn: list[tuple[float, int, int]] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        raise NotImplementedError

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        assert tuple(options) == ("Yes", "No")
        self.asked.append(tuple(messages))
        return self.yes, 1 - self.yes

    def sample(self, messages: Sequence[Message], *, temperature: float, seed: int, max_tokens: int = 256) -> str:
        self.drawn.append((temperature, seed, max_tokens))
        return self.lines[seed - 1]


class Angles:
    """An Embedder of texts that are degrees."""

    dim = 2
    fingerprint = "angles"
    max_tokens = 8

    @property
    def tokenizer(self) -> Angles:
        return self

    def count(self, text: str) -> int:
        return 1

    def offsets(self, text: str) -> list[tuple[int, int]]:
        raise NotImplementedError

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        angles = np.radians([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    embed_documents = embed_queries


def hits(*texts: str) -> tuple[Hit, ...]:
    chunks = [Chunk(f"d{i}", f"{i}.txt", 0, len(text), text, language="en") for i, text in enumerate(texts)]
    return tuple(Hit(chunk, 1.0 / rank, rank, {}) for rank, chunk in enumerate(chunks, 1))


def drafted(draft: str = "0") -> Drafted:
    return Drafted(QUESTION, draft, (Message("user", QUESTION),), hits(PASSAGE), max_tokens=20)


def test_the_model_is_asked_about_the_excerpt_with_examples_of_both() -> None:
    speaker = Speaker(0.3)
    with recording("test") as run:
        assert p_answers(QUESTION, hits(PASSAGE), speaker, excerpt=1) == 0.3
    (messages,) = speaker.asked
    assert {message.content for message in messages if message.role == "assistant"} == {"Yes", "No"}
    assert "signed in 1921" in messages[-1].content
    assert "The sea is blue" not in messages[-1].content
    assert messages[-1].content.endswith("Answer:")
    (taken,) = run.trace.steps
    assert (taken.name, taken.prompt_tokens, taken.output_tokens) == ("ask model", speaker.count_tokens(messages), 1)
    assert taken.outputs["yes"] == 0.3


def test_what_a_passage_says_of_slots_stays_as_it_is() -> None:
    speaker = Speaker()
    p_answers(QUESTION, hits("The {question} is {passages}."), speaker)
    assert speaker.asked[0][-1].content.startswith("The {question} is {passages}.")


def test_passages_that_do_not_fit_are_left_out_and_a_question_that_does_not_is_an_error() -> None:
    bare = Speaker()
    p_answers(QUESTION, (), bare)
    needed = bare.count_tokens(bare.asked[0])
    small = Speaker(context_size=needed + 12)
    with recording("test") as run:
        p_answers(QUESTION, hits("too many words " * 9, "It is so."), small)
    assert run.trace.steps[0].outputs["passages"] == 1
    with pytest.raises(ContextError):
        p_answers(QUESTION, hits(PASSAGE), Speaker(context_size=needed))


def test_a_generator_that_cannot_is_an_error() -> None:
    with pytest.raises(GenerationError, match="weigh yes"):
        p_answers(QUESTION, hits(PASSAGE), ExtractiveGenerator())
    with pytest.raises(GenerationError, match="cannot sample"):
        draw_samples(ExtractiveGenerator(), (), count=1, temperature=1.0, max_tokens=8)


def test_samples_have_seeds_of_their_own_and_a_step_with_their_tokens() -> None:
    speaker = Speaker(lines=["one", "one two", "one two three"])
    messages = (Message("user", "a b c d"),)
    with recording("test") as run:
        drawn = draw_samples(speaker, messages, count=3, temperature=0.7, max_tokens=9)
    assert drawn == ("one", "one two", "one two three")
    assert speaker.drawn == [(0.7, 1, 9), (0.7, 2, 9), (0.7, 3, 9)]
    (taken,) = run.trace.steps
    assert (taken.name, taken.prompt_tokens, taken.output_tokens) == ("sample", 3 * 4, 1 + 2 + 3)


def test_agreement_is_the_mean_over_pairs() -> None:
    # F1 of the pairs: 1, .4 and .4
    assert token_agreement(["red blue green", "Red, blue, green.", "red yellow"]) == pytest.approx(0.6)
    assert token_agreement(["red", "red", "red"]) == 1
    assert token_agreement(["red"]) == 1
    # cosines: of 60°, 90° and 30°
    assert cosine_agreement(["0", "60", "90"], Angles()) == pytest.approx((0.5 + 0 + math.sqrt(0.75)) / 3, abs=1e-6)


def test_a_blank_draft_agrees_with_blank_ones_alone() -> None:
    # pairs: (0°, "") 0, (0°, " ") 0, ("", " ") 1
    assert cosine_agreement(["0", "", " "], Angles()) == pytest.approx(1 / 3)
    assert cosine_agreement(["", ""], Angles()) == 1


def test_signals_are_those_that_were_asked_for() -> None:
    speaker = Speaker(0.8, lines=["0", "90"])
    assert ModelSignals(speaker, Angles(), ask=True)(drafted()) == {"yes": pytest.approx(math.log(4))}
    assert speaker.drawn == []
    both = ModelSignals(speaker, Angles(), ask=True, samples=2)
    # of "0", "0", "90" one pair of three agrees; the cosine of 90° is 0
    assert both(drafted()) == pytest.approx({"yes": math.log(4), "agreement": 1 / 3, "cosine agreement": 1 / 3})
    assert tuple(both(drafted())) == both.names


def test_logits_stay_finite() -> None:
    assert logit(0.5) == 0
    assert logit(0.8) == pytest.approx(math.log(4))
    assert [logit(1.0), logit(0.0)] == pytest.approx([math.log(9999), -math.log(9999)])


def combination(*names: str, weights: tuple[float, ...], bias: float = 0.0) -> Combination:
    ones = (1.0,) * len(weights)
    return Combination(("learned", *names), Logistic(bias, weights, (0.0,) * len(weights), ones))


def test_a_combination_by_hand() -> None:
    plain = combination("yes", weights=(1.0, 0.0))
    assert plain(0.3, {"yes": 5.0}) == pytest.approx(0.3)
    # log 3 + 0.5 * log 4 - log 2 = log 3
    both = combination("yes", weights=(1.0, 0.5), bias=-math.log(2))
    assert both(0.75, {"yes": math.log(4)}) == pytest.approx(0.75)
    with pytest.raises(ModelError, match="yes"):
        both(0.75, {})


def test_signals_are_read_once_a_draft_and_only_at_need() -> None:
    calls: list[Drafted] = []

    def signals(what: Drafted) -> dict[str, float]:
        calls.append(what)
        return {"yes": logit(0.2)}

    opinion = combined(lambda features: Confidence(features["p"], 0.6), signals, combination("yes", weights=(1.0, 1.0)))
    estimate = opinion(drafted())
    assert calls == []
    # odds 4 * 1/4 = 1, and 1 * 1/4
    assert estimate({"p": 0.8}) == Confidence(pytest.approx(0.5), 0.6)
    assert estimate({"p": 0.5}) == Confidence(pytest.approx(0.2), 0.6)
    assert calls == [drafted()]


def test_weights_are_read_and_found_by_their_signals(tmp_path: Path) -> None:
    kept = Combinations((combination("yes", weights=(1.0, 0.5)),), "smollm2", "words", {"questions": 8})
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(asdict(kept)), "utf-8")
    assert load_combinations(path) == kept
    assert kept.of(("yes",)) == kept.combinations[0]
    with pytest.raises(ModelError, match="no weights for agreement"):
        kept.of(("agreement", "cosine agreement"))


@pytest.mark.parametrize("text", ["{", "{}", '{"combinations": [], "generator": 1}', None])
def test_what_are_no_weights_is_an_error(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(ModelError) as raised:
        load_combinations(path)
    assert raised.value.where == str(path)
    assert "bench_model_confidence" in raised.value.hint


@pytest.mark.parametrize(
    "wrong",
    [{"weights": (1.0,)}, {"scale": (1.0, 0.0)}, {"bias": math.nan}],
)
def test_weights_that_do_not_fit_are_an_error(wrong: dict[str, float | tuple[float, ...]]) -> None:
    good = combination("yes", weights=(1.0, 0.5))
    with pytest.raises(ModelError):
        replace(good, logistic=replace(good.logistic, **wrong))
    with pytest.raises(ModelError, match="learned"):
        replace(good, features=("yes", "learned"))


@pytest.fixture(scope="module")
def smollm2() -> Iterator[LlamaCppGenerator]:
    with LlamaCppGenerator(models.resolve("smollm2"), context_size=1024, threads=1) as generator:
        yield generator


@pytest.mark.models
def test_the_real_model_tells_a_text_with_an_answer_from_one_without(smollm2: LlamaCppGenerator) -> None:
    assert isinstance(smollm2, Chooser)
    told = p_answers(QUESTION, hits("The treaty was signed in Oslo in 1921."), smollm2)
    untold = p_answers(QUESTION, hits("Bananas are rich in potassium."), smollm2)
    assert 0 < untold < told < 1


@pytest.mark.models
def test_the_real_model_draws_the_same_samples_again_after_other_work(smollm2: LlamaCppGenerator) -> None:
    assert isinstance(smollm2, Sampler)
    shown = hits(PASSAGE)
    messages = pack_context(QUESTION, shown, smollm2, max_answer_tokens=24).messages
    first = draw_samples(smollm2, messages, count=2, temperature=1.5, max_tokens=24)
    greedy = "".join(smollm2.generate(messages, max_tokens=24))
    assert draw_samples(smollm2, messages, count=2, temperature=1.5, max_tokens=24) == first
    assert first[0] != first[1]
    assert 0 <= token_agreement([greedy, *first]) < 1
    assert cosine_agreement([greedy, *first], load_embedder("minilm")) < 1
