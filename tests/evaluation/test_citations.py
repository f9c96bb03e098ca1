"""ALCE's citation recall and precision, its released script's oddities, and exactness: worked by hand."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import QueryError, StorageError
from rag.evaluation.answers.citations import AlceDocument, CitationScores, alce_scores, citation_scores, exactness
from rag.types import Answer, Chunk, Citation, Hit, Sentence, Verdict


class AllWords:
    """A verifier: the share of the claim's words that the evidence holds."""

    def support(self, claim: str, evidence: str) -> float:
        words = claim.lower().replace(".", "").split()
        held = evidence.lower().replace(".", " ").replace(":", " ").split()
        return sum(word in held for word in words) / len(words) if words else 0.0


def _citation(quote: str, *, start: int = 0, document: str = "d", chunk: str = "c") -> Citation:
    return Citation(1, document, chunk, "file:///d", "", start, start + len(quote), quote, 1.0)


def _answer(
    *sentences: tuple[str, Sequence[Citation]], verdict: Verdict = "supported", hits: Sequence[Hit] = ()
) -> Answer:
    made = tuple(
        Sentence(text, 0, len(text), support=1.0, supported=True, citations=tuple(cited)) for text, cited in sentences
    )
    return Answer("?", " ".join(text for text, _ in sentences), verdict, made, "", tuple(hits))


@pytest.mark.parametrize(
    ("cited", "recall", "precision"),
    [
        (["cats purr"], 1, 1),
        (["dogs bark"], 0, 0),
        ([], 0, 0),
        (["cats", "purr"], 1, 1),  # neither alone, both needed
        (["cats purr", "cats purr"], 1, 1),  # each supports alone
        (["cats purr", "dogs bark"], 1, 1 / 2),  # the second is irrelevant
        (["cats purr", "cats"], 1, 1 / 2),  # a part of what the first has
        (["cats", "purr", "dogs"], 1, 2 / 3),
        (["cats", "cats", "purr"], 1, 1 / 3),  # either "cats" could go
        (["cats", "dogs"], 0, 0),  # without recall no citation is precise
    ],
)
def test_a_sentence_by_hand(cited: list[str], recall: float, precision: float) -> None:
    answer = _answer(("Cats purr.", [_citation(quote) for quote in cited]))
    assert citation_scores(answer, AllWords(), threshold=1) == CitationScores(recall, precision)


def test_recall_is_over_sentences_and_precision_over_citations() -> None:
    answer = _answer(
        ("Cats purr.", [_citation("cats purr"), _citation("dogs bark")]),
        ("Dogs bark.", [_citation("dogs bark")]),
        ("Cows moo.", []),
        ("Pigs grunt.", [_citation("pigs"), _citation("fly")]),
    )
    assert citation_scores(answer, AllWords(), threshold=1) == CitationScores(2 / 4, 2 / 5)


def test_the_threshold_says_what_support_is() -> None:
    answer = _answer(("Cats purr.", [_citation("cats")]))
    assert citation_scores(answer, AllWords(), threshold=0.5) == CitationScores(1, 1)
    assert citation_scores(answer, AllWords(), threshold=0.51) == CitationScores(0, 0)


def test_a_citation_may_stand_for_its_passage() -> None:
    chunk = Chunk("d", "file:///d", 0, 20, "Mine purr all night.", title="Cats")
    answer = _answer(("Cats purr.", [_citation("purr", chunk=chunk.id)]), hits=[Hit(chunk, 1.0, 1)])
    assert citation_scores(answer, AllWords(), threshold=1) == CitationScores(0, 0)
    assert citation_scores(answer, AllWords(), threshold=1, evidence="passage") == CitationScores(1, 1)


def test_no_sentences_no_scores() -> None:
    assert citation_scores(_answer(verdict="not in the documents"), AllWords()) is None


CATS, DOGS, COWS = (AlceDocument(t, f"{t} {v}.") for t, v in (("Cats", "purr"), ("Dogs", "bark"), ("Cows", "moo")))


@pytest.mark.parametrize(
    ("output", "recall", "precision"),
    [
        ("Cats purr [1].", 1, 1),
        ("Cats purr[1].", 1, 1),
        ("Cats purr [1][2].", 1, 1 / 2),
        ("Cats purr [2].", 0, 0),
        ("Cats purr.", 0, 0),  # nothing cited
        ("Cats purr [1]. Dogs bark.", 1 / 2, 1),  # the second has no part in precision
        ("Cats purr [1]. Dogs bark [1].", 1 / 2, 1 / 2),
        ("Cows moo [0].", 1, 1),  # the last document
        ("Cats purr [1][4].", 0, 0),  # out of range: the whole sentence is lost,
        ("Cats purr [1][4]. Dogs bark [2].", 1 / 2, 1),  # and its citations are not counted
        ("Cats purr [2][3][1].", 1, 1 / 3),
        ("Cats purr [2][3][2][1].", 0, 0),  # only three are read
        ("Cats purr [1][1].", 1, 1),  # each counts
        ("Cats purr [2][2][1].", 1, 1 / 3),
        ("Cats purr [1.", 1, 1),  # an open bracket is one
        ("Cats | purr ] [1].", 1, 1),  # " |" and "]" are removed wherever they are
        ("Cats purr [1].\nDogs bark.", 1, 1),  # only the first line
        ("\n Cats purr [1].<|im_end|>", 1, 1),
        ("Cats purr [99999999999999999999].", 0, 0),
        ("Cats purr [" + "9" * 5000 + "].", 0, 0),
    ],
)
def test_alce_by_hand(output: str, recall: float, precision: float) -> None:
    scores = alce_scores(output, [CATS, DOGS, COWS], AllWords(), threshold=1)
    assert scores == CitationScores(recall, precision)


def test_alce_reads_as_many_citations_as_it_is_told() -> None:
    read = [alce_scores("Cats purr [2][1].", [CATS, DOGS], AllWords(), threshold=1, most=n) for n in (1, 2, None)]
    assert read == [CitationScores(0, 0), CitationScores(1, 1 / 2), CitationScores(1, 1 / 2)]


@pytest.mark.parametrize("output", ["", " \n ", "<|im_end|>"])
def test_alce_leaves_out_an_empty_output(output: str) -> None:
    assert alce_scores(output, [CATS], AllWords()) is None


@pytest.mark.parametrize("output", ["Cats purr [0].", "Cats purr [1].", "Cats purr."])
def test_alce_without_documents(output: str) -> None:
    assert alce_scores(output, [], AllWords()) == CitationScores(0, 0)


def test_alce_with_another_splitter() -> None:
    scores = alce_scores(
        "Cats purr [1]; Dogs bark", [CATS], AllWords(), threshold=1, split=lambda text: text.split(";")
    )
    assert scores == CitationScores(1 / 2, 1)


TEXT = "Der Preis beträgt 1.290 €.\r\nÜber 𝒳 steht nichts.\n"


def _source(text: str) -> Callable[[str], str]:
    return {"d": text}.__getitem__


def test_a_slice_of_the_source_is_exact() -> None:
    quotes = [_citation(TEXT[start:end], start=start) for start, end in ((0, 26), (18, 29), (33, 34), (0, len(TEXT)))]
    assert exactness(_answer(("x", quotes)), _source(TEXT)).value == 1


@pytest.mark.parametrize(
    "wrong",
    [
        _citation("der Preis"),
        _citation("Der Preis", start=1),
        replace(_citation("Der Preis"), end=8),
        replace(_citation("Der Preis"), start=-50, end=-41),
        _citation(TEXT + "x"),
        _citation(unicodedata.normalize("NFD", TEXT[0:17])),
        _citation(TEXT.replace("\r\n", "\n")),
        _citation("Der Preis", document="unknown"),
    ],
)
def test_anything_else_is_not(wrong: Citation) -> None:
    right = _citation("Der Preis")
    assert exactness(_answer(("x", [right, wrong]), ("y", [right])), _source(TEXT)).value == pytest.approx(2 / 3)


def test_a_source_may_refuse_an_unknown_document_but_not_break() -> None:
    def unknown(document: str) -> str:
        raise QueryError(f"no document {document}")

    def broken(document: str) -> str:
        raise StorageError("disk on fire")

    answer = _answer(("x", [_citation("Der Preis")]))
    assert exactness(answer, unknown).value == 0
    with pytest.raises(StorageError):
        exactness(answer, broken)


def test_exactness_without_citations() -> None:
    assert exactness(_answer(verdict="not in the documents"), _source(TEXT)).status == "refused"
    assert exactness(_answer(("x", [])), _source(TEXT)).status == "no_claims"


@given(st.text(min_size=1, max_size=30), st.data())
def test_exact_means_equal_to_the_slice(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    quote = data.draw(st.sampled_from([text[start:end], text]) | st.text(max_size=5))
    cited = replace(_citation(quote), start=start, end=end)
    assert exactness(_answer(("x", [cited])), _source(text)).value == (quote == text[start:end])
