"""The search for a better recipe: spans, split, trial indexes, search, decision."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ChunkError, EvaluationError, MissingExtraError, ModelError
from rag.evaluation.datasets import Dataset, Question, Span, question_row, read_dataset, read_testset
from rag.evaluation.results import Comparison
from rag.evaluation.tuning.decide import Candidate, decide, front
from rag.evaluation.tuning.index import Cut, TrialIndexes, clear
from rag.evaluation.tuning.recipe import changes, recipe_toml
from rag.evaluation.tuning.records import TuneOptions, Tuning
from rag.evaluation.tuning.score import Case, choose_objective, document_run, score_text, span_recall
from rag.evaluation.tuning.search import Asked, Trial, search
from rag.evaluation.tuning.space import Space, chunkers, does_less, rerankers
from rag.evaluation.tuning.split import check_enough, detectable, split
from rag.evaluation.tuning.tune import tune
from rag.index import Snapshot
from rag.pipeline import Pipeline
from rag.protocols import Tokenizer
from rag.recipe import Bm25Config, ChunkerConfig, Recipe, RerankerConfig, RetrievalConfig, load_recipe, parse_recipe
from rag.text import WordTokenizer
from rag.types import Chunk, Hit, Vectors

# -- gold spans within a budget of words -------------------------------------------------------------------------------

TEXT = "one two three four five six seven eight."


def _hits(*places: tuple[str, int, int]) -> list[Hit]:
    """Passages of documents that all have TEXT."""
    return [
        Hit(Chunk(document_id=uri, uri=uri, start=start, end=end, text=TEXT[start:end]), 1 / rank, rank)
        for rank, (uri, start, end) in enumerate(places, 1)
    ]


def _span(uri: str, words: str) -> Span:
    start = TEXT.index(words)
    return Span(uri, start, start + len(words))


FIRST, SECOND = (0, 18), (19, len(TEXT))  # "one two three four", "five six seven eight."


@pytest.mark.parametrize(
    ("budget", "words", "expected"),
    [
        (8, "six seven", 1.0),
        (7, "six seven", 1.0),  # the budget ends with "seven"
        (6, "six seven", 0.0),  # it ends within the span
        (4, "three four", 1.0),
        (4, "four five", 0.0),  # cut in two by a boundary
        (8, "four five", 0.0),
        (8, "eight.", 1.0),  # a passage read to its end is read with its punctuation
    ],
)
def test_a_span_counts_where_one_passage_holds_it_within_the_budget(budget: int, words: str, expected: float) -> None:
    hits = _hits(("a", *FIRST), ("a", *SECOND))
    assert span_recall(hits, [_span("a", words)], budget=budget, key="uri") == expected


def test_one_of_a_documents_spans_is_enough_and_each_document_is_needed() -> None:
    hits = _hits(("a", *FIRST))
    assert span_recall(hits, [_span("a", "two"), _span("a", "seven")], budget=9, key="uri") == 1.0
    assert span_recall(hits, [_span("a", "two"), _span("b", "two")], budget=9, key="uri") == 0.5


def test_text_read_twice_counts_twice() -> None:
    twice = _hits(("a", *FIRST), ("a", *FIRST), ("a", *SECOND))
    assert span_recall(twice, [_span("a", "five")], budget=8, key="uri") == 0.0
    assert span_recall(twice, [_span("a", "five")], budget=9, key="uri") == 1.0


def test_documents_are_known_by_the_data_sets_own_ids() -> None:
    [hit] = _hits(("file:///corpus.jsonl#7", *FIRST))
    hit = replace(hit, metadata={"_id": "7"})
    assert span_recall([hit], [_span("7", "two")], budget=9, key="_id") == 1.0
    assert document_run([hit], "_id") == {"7": 1.0}


@given(st.lists(st.sampled_from([("a", *FIRST), ("a", *SECOND), ("b", *FIRST), ("b", *SECOND)]), max_size=6))
def test_more_words_never_find_less(places: list[tuple[str, int, int]]) -> None:
    spans = [_span("a", "six"), _span("b", "two")]
    found = [span_recall(_hits(*places), spans, budget=budget, key="uri") for budget in range(1, 26)]
    assert found == sorted(found)
    assert set(found) <= {0.0, 0.5, 1.0}


def test_a_document_takes_the_rank_of_its_best_passage_whatever_the_scores() -> None:
    ranked = _hits(("a", 0, 3), ("b", 0, 3), ("a", 4, 7))
    hits = [replace(hit, score=score) for hit, score in zip(ranked, (1, 9, 5), strict=True)]
    assert document_run(hits, "uri") == {"a": 1.0, "b": 0.5}


def test_answers_are_scored_as_squad_does() -> None:
    contains = choose_objective(None, _dataset([]), answers=True)
    asked = Question("q", "When?", ("1973",))
    assert contains.name == "contains"
    assert score_text(contains, asked, "It began in 1973.") == 1
    assert score_text(contains, asked, "") == 0
    unanswerable = Question("q", "When?", answerable=False)
    assert score_text(contains, unanswerable, "") == 1
    assert score_text(contains, unanswerable, "It began in 1973.") == 0


def test_the_measure_suits_the_test_set() -> None:
    spans = Question("q", "?", ("a",), documents=("d",), spans=(Span("d", 0, 1),))
    assert choose_objective(None, _dataset([spans]), answers=False).name == "Span@512"
    assert choose_objective(None, _dataset([replace(spans, spans=())]), answers=False).name == "nDCG@10"
    assert choose_objective("span@30", _dataset([]), answers=False).words == 30
    assert choose_objective("R@100", _dataset([]), answers=False).depth == 200
    for name, answers in (("nDCG@10", True), ("contains", False), ("nonsense", False), ("AP RR", False)):
        with pytest.raises(EvaluationError):
            choose_objective(name, _dataset([]), answers=answers)


def _dataset(questions: Sequence[Question]) -> Dataset:
    return Dataset("d", None, {}, {}, tuple(questions), "uri", {})


# -- the split ---------------------------------------------------------------------------------------------------------


def _cases(*documents: tuple[str, ...]) -> list[Case]:
    return [Case(Question(f"q{n}", "?", documents=names), {}) for n, names in enumerate(documents)]


@given(
    st.lists(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=3).map(tuple), min_size=4, max_size=30),
    st.integers(0, 5),
)
def test_halves_share_no_document_and_lose_no_question(documents: list[tuple[str, ...]], seed: int) -> None:
    cases = _cases(*documents)
    try:
        first, second = split(cases, share=0.5, seed=seed)
    except EvaluationError:
        return
    assert sorted(case.id for case in (*first, *second)) == sorted(case.id for case in cases)
    assert not {d for case in first for d in case.documents} & {d for case in second for d in case.documents}
    assert split(cases, share=0.5, seed=seed) == (first, second)


def test_a_split_is_near_the_share_and_decided_by_the_seed() -> None:
    cases = _cases(*((str(n // 2),) for n in range(100)))
    first, second = split(cases, share=0.3, seed=1)
    assert (len(first), len(second)) == (30, 70)
    assert split(cases, share=0.3, seed=2) != (first, second)


def test_questions_about_one_document_cannot_be_split() -> None:
    with pytest.raises(EvaluationError, match="all are about the same documents"):
        split(_cases(*[("a", "b"), ("b", "c"), ("c", "d")]), share=0.5, seed=0)


def test_what_can_be_told() -> None:
    # (1.959964 + 0.841621) * 0.3 / sqrt(100), and with alpha / 3: (2.393980 + 0.841621) * 0.3 / 10
    assert detectable(0.3, 100, alpha=0.05) == pytest.approx(0.0840476, abs=1e-6)
    assert detectable(0.3, 100, alpha=0.05, comparisons=3) == pytest.approx(0.0970680, abs=1e-6)
    # 2 / 2^n <= .05 / 3 from n = 7 on
    check_enough(7, alpha=0.05, comparisons=3)
    with pytest.raises(EvaluationError, match=r"6 questions are left .* p = 0\.0312, and 7 are needed"):
        check_enough(6, alpha=0.05, comparisons=3)


# -- recipes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["default", "bm25", "dense", "extractive", "hybrid-rerank"])
def test_a_recipe_written_is_read_back(name: str) -> None:
    recipe = load_recipe(name)
    assert parse_recipe(recipe_toml(recipe, comments=["how", "two\nlines \x1b[2J"])) == recipe


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0, 1e6))
def test_any_text_and_number_survives(text: str, k1: float) -> None:
    recipe = Recipe(description=text, bm25=Bm25Config(k1=k1))
    assert parse_recipe(recipe_toml(recipe)) == recipe


def test_changes_are_named_by_their_key() -> None:
    other = Recipe(retrieval=RetrievalConfig(arms=["sparse"]), bm25=Bm25Config(b=0.5), description="other")
    assert changes(other, Recipe()) == {"bm25.b": 0.5, "retrieval.arms": ("sparse",)}
    assert changes(Recipe(), Recipe()) == {}


def test_a_stage_less_is_less_work() -> None:
    hybrid, sparse = Recipe(), Recipe(retrieval=RetrievalConfig(arms=["sparse"]))
    reranked = Recipe(retrieval=sparse.retrieval, reranker=RerankerConfig(model="m", depth=10))
    assert does_less(sparse, hybrid, answers=False)
    assert not does_less(hybrid, sparse, answers=False)
    assert not does_less(hybrid, hybrid, answers=False)
    assert not does_less(reranked, hybrid, answers=False), "neither: a reranker more, an embedding less"
    assert does_less(Recipe(retrieval=RetrievalConfig(k=2)), hybrid, answers=True)


def test_ways_of_cutting_fit_the_embedder_and_begin_with_the_current_one() -> None:
    current = ChunkerConfig(kind="sentences", max_tokens=100)
    found = chunkers(current, 256)
    assert found[0] == current
    assert max(chunker.max_tokens for chunker in found) == 256
    assert len({chunker.model_dump_json() for chunker in found}) == len(found)


def test_a_reranker_that_is_not_installed_is_left_out_and_said_so() -> None:
    installed, missing = rerankers("", ["no/such-model"])
    assert installed[0] == ""
    assert any("no/such-model is left out" in note for note in missing)
    with pytest.raises(ModelError):
        rerankers("no/such-model")


# -- the search --------------------------------------------------------------------------------------------------------


def _space(current: Recipe | None = None) -> Space:
    current = current or load_recipe("bm25")
    return Space(current, frozenset(["bm25"]), (current.chunker,), ("",), answers=False)


def _evaluate(recipe: Recipe) -> Iterator[list[Asked]]:
    """Questions whose scores are best at k1 = 0.9, b = 0.4."""
    noise = random.Random(0)
    peak = 1 - abs(recipe.bm25.k1 - 0.9) / 3 - abs(recipe.bm25.b - 0.4)
    for _ in range(12):
        yield [Asked(min(1.0, max(0.0, peak + noise.gauss(0, 0.1))), 0.001) for _ in range(10)]


def _search(journal: Path, trials: int = 20, seed: int = 0, evaluate=_evaluate) -> list[Trial]:
    found, failed = search(
        _space(), evaluate, journal=journal, trials=trials, seed=seed, deadline=None, progress=lambda _: None
    )
    assert not failed
    return found


def test_the_search_comes_near_what_is_best_and_ends_what_falls_behind(tmp_path: Path) -> None:
    found = _search(tmp_path / "log", trials=40)
    assert len(found) == 40
    best = max((trial for trial in found if not trial.pruned), key=lambda trial: trial.quality)
    assert abs(best.recipe.bm25.k1 - 0.9) <= 0.5
    assert abs(best.recipe.bm25.b - 0.4) <= 0.1
    assert {trial.asked for trial in found if not trial.pruned} == {120}
    assert {trial.asked for trial in found if trial.pruned} <= {40, 80}
    assert any(trial.pruned for trial in found)
    assert all(trial.quality <= best.quality for trial in found if trial.pruned)


def test_a_seed_decides_what_is_tried(tmp_path: Path) -> None:
    first, again = _search(tmp_path / "a"), _search(tmp_path / "b")
    assert first == again
    other = _search(tmp_path / "c", seed=1)
    assert [trial.recipe for trial in other] != [trial.recipe for trial in first]
    assert other[0].recipe == first[0].recipe == load_recipe("bm25"), "the current recipe is the first"


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = _search(tmp_path / "whole")
    asked: list[Recipe] = []

    def stops(recipe: Recipe) -> Iterator[list[Asked]]:
        for number, block in enumerate(_evaluate(recipe)):
            if len(asked) == 7 and number == 6:
                raise KeyboardInterrupt
            yield block
        asked.append(recipe)

    with pytest.raises(KeyboardInterrupt):
        _search(tmp_path / "log", evaluate=stops)
    with (tmp_path / "log").open("ab") as file:
        file.write(b'{"half a line')  # as a kill may leave it
    asked.clear()

    def counts(recipe: Recipe) -> Iterator[list[Asked]]:
        asked.append(recipe)
        return _evaluate(recipe)

    assert _search(tmp_path / "log", evaluate=counts) == whole
    assert 0 < len(asked) < len(whole)
    asked.clear()
    assert _search(tmp_path / "log", evaluate=counts) == whole
    assert not asked


def test_a_recipe_that_cannot_be_is_told_and_left(tmp_path: Path) -> None:
    def fails(recipe: Recipe) -> Iterator[list[Asked]]:
        if recipe.bm25.b > 0.5:
            raise ChunkError("no room for text")
        yield from _evaluate(recipe)

    found, failed = search(
        _space(), fails, journal=tmp_path / "log", trials=6, seed=0, deadline=None, progress=lambda _: None
    )
    assert failed == ["no room for text"]
    assert found
    assert all(trial.recipe.bm25.b <= 0.5 for trial in found)


def test_a_deadline_ends_the_search_after_one_recipe(tmp_path: Path) -> None:
    found, _ = search(
        _space(), _evaluate, journal=tmp_path / "log", trials=20, seed=0, deadline=0.0, progress=lambda _: None
    )
    assert len(found) == 1


# -- trial indexes -----------------------------------------------------------------------------------------------------


class LetterEmbedder:
    """Counts of letters as vectors: what is embedded how often is counted. An Embedder."""

    dim, fingerprint, max_tokens = 26, "letters", 1024

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self.fail_after = math.inf

    @property
    def tokenizer(self) -> Tokenizer:
        return WordTokenizer()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if len(self.embedded) >= self.fail_after:
            raise KeyboardInterrupt
        self.embedded += texts
        return self.embed_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        rows = np.array([[1 + text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


NAMES = ["ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "willow", "yew"]


@pytest.fixture
def forest(tmp_path: Path) -> Path:
    """Forty documents of some hundred words, each with one fact in its midst."""
    folder = tmp_path / "forest"
    folder.mkdir()
    rng = random.Random(3)
    for number in range(40):
        sentences = [f"The {' '.join(rng.choices(NAMES, k=7))} stands by the water." for _ in range(14)]
        sentences.insert(7, f"Lot {number} was sold to Bidder{number}x for {1000 + number} crowns.")
        (folder / f"{number:02}.txt").write_text(" ".join(sentences), encoding="utf-8")
    return folder


@pytest.fixture
def index(forest: Path) -> Path:
    path = forest.parent / "built"
    with Pipeline(path, "bm25") as pipeline:
        pipeline.add(forest)
    return path


@pytest.fixture
def testset(index: Path, tmp_path: Path) -> Path:
    """A question about each document's fact."""
    path = tmp_path / "testset.jsonl"
    rows = []
    with Snapshot.open(index) as snapshot:
        for number, summary in enumerate(snapshot.documents()):
            text, answer = snapshot.document(summary.uri).text, f"{1000 + number} crowns"
            start = text.index(answer)
            rows.append(
                Question(
                    id=f"q{number}",
                    text=f"For how many crowns was lot {number} sold to Bidder{number}x?",
                    answers=(answer,),
                    documents=(summary.uri,),
                    spans=(Span(summary.uri, start, start + len(answer)),),
                )
            )
    path.write_text("".join(json.dumps(question_row(row)) + "\n" for row in rows))
    return path


def _recipe(size: int, kind: str = "sentences") -> Recipe:
    return parse_recipe(f'[chunker]\nkind = "{kind}"\nmax_tokens = {size}\n[embedder]\nmodel = "letters"\n')


def _indexed(forest: Path, embedder: LetterEmbedder) -> Path:
    """An index with vectors of the letter embedder."""
    path = forest.parent / "letters"
    pipeline = Pipeline(path, _recipe(60))
    pipeline.__dict__["embedder"] = embedder
    with pipeline:
        pipeline.add(forest)
    return path


def test_the_same_cut_embeds_nothing_and_finds_the_same(forest: Path, tmp_path: Path) -> None:
    embedder = LetterEmbedder()
    path = _indexed(forest, embedder)
    embedder.embedded.clear()
    with Snapshot.open(path) as source:
        indexes = TrialIndexes(source, embedder, tmp_path / "work", watch=lambda done, total: None)
        cut = indexes.cut(_recipe(60))
        assert (cut.passages, cut.embedded, embedder.embedded) == (len(source), 0, [])
        query = embedder.embed_queries(["maple and oak"])[0]
        with indexes.open(_recipe(60)) as trial:
            for found in ("dense", "sparse"):
                rankings = [
                    snapshot.dense(query, 5) if found == "dense" else snapshot.sparse(["mapl", "oak"], 5)
                    for snapshot in (source, trial)
                ]
                ids = [
                    [chunk.id for chunk in snapshot.chunks(ranking.refs.tolist())]
                    for snapshot, ranking in zip((source, trial), rankings, strict=True)
                ]
                assert ids[0] == ids[1]
                assert rankings[0].scores.tolist() == rankings[1].scores.tolist()


def test_another_cut_embeds_what_is_new_and_is_kept(forest: Path, tmp_path: Path) -> None:
    embedder = LetterEmbedder()
    with Snapshot.open(_indexed(forest, embedder)) as source:
        indexes = TrialIndexes(source, embedder, tmp_path / "work", watch=lambda done, total: None)
        embedder.embedded.clear()
        small = indexes.cut(_recipe(30))
        assert small.passages > len(source)
        assert small.embedded == len(embedder.embedded) == len(set(embedder.embedded)) > 0
        embedder.embedded.clear()
        assert indexes.cut(_recipe(30)) == small
        same = indexes.cut(_recipe(30, "structure"))  # without blocks or blank lines, one paragraph cut by sentences
        assert same.embedded == len(embedder.embedded) == 0, "every passage is known from an earlier trial"
        with indexes.open(_recipe(30)) as trial:
            for summary in source.documents():
                document = source.document(summary.uri)
                assert trial.document(summary.uri) == document
                assert all(document.text[c.start : c.end] == c.text for c in trial.chunks_of(summary.uri))


def test_no_vector_of_another_embedder_is_taken(forest: Path, tmp_path: Path) -> None:
    other = LetterEmbedder()
    other.fingerprint = "other letters"
    with Snapshot.open(_indexed(forest, LetterEmbedder())) as source:
        cut = TrialIndexes(source, other, tmp_path / "work", watch=lambda done, total: None).cut(_recipe(60))
    assert cut.embedded == len(other.embedded) == cut.passages > 0


def test_a_cut_that_was_interrupted_goes_on(forest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.evaluation.tuning.index.BATCH", 16)
    monkeypatch.setattr("rag.evaluation.tuning.index.COMMIT", 32)
    embedder = LetterEmbedder()
    with Snapshot.open(_indexed(forest, embedder)) as source:
        indexes = TrialIndexes(source, embedder, tmp_path / "work", watch=lambda done, total: None)
        embedder.embedded.clear()
        embedder.fail_after = 80
        with pytest.raises(KeyboardInterrupt):
            indexes.cut(_recipe(30))
        embedder.fail_after = math.inf
        cut = indexes.cut(_recipe(30))
        assert len(embedder.embedded) < cut.passages + 32 + 16, "at most a commit was embedded twice"
        assert cut.embedded < cut.passages
        fresh = TrialIndexes(source, embedder, tmp_path / "fresh", watch=lambda done, total: None).cut(_recipe(30))
        assert fresh.passages == cut.passages


def test_bm25_settings_take_effect_without_cutting_again(index: Path, tmp_path: Path) -> None:
    recipe = load_recipe("bm25")
    with Snapshot.open(index) as source:
        indexes = TrialIndexes(source, None, tmp_path / "work", watch=lambda done, total: None)
        flat = recipe.model_copy(update={"bm25": Bm25Config(k1=0.0, b=0.0)})
        with indexes.open(recipe) as normal, indexes.open(flat) as changed:
            assert (normal.settings.k1, changed.settings.k1) == (1.2, 0.0)
            assert normal.sparse(["mapl"], 5).scores.tolist() != changed.sparse(["mapl"], 5).scores.tolist()
        assert len(list((tmp_path / "work").glob("cut-*"))) == 1


def test_clearing_leaves_what_is_not_its_own(index: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    with Snapshot.open(index) as source:
        TrialIndexes(source, None, work, watch=lambda done, total: None).cut(load_recipe("bm25"))
    (work / "mine.txt").write_text("keep")
    clear(work)
    assert [path.name for path in work.iterdir()] == ["mine.txt"]
    (work / "mine.txt").unlink()
    clear(work)
    assert not work.exists()


# -- the decision ------------------------------------------------------------------------------------------------------


def _candidate(name: str, held_out: float, ms: float, low: float, high: float, p: float, losses: int = 5) -> Candidate:
    difference = held_out - 0.8
    comparison = Comparison(
        "m", "current", name, 100, 0.8, held_out, difference, low, high, 0.1, 9, 86, losses, p, p, p
    )
    return Candidate(name, Recipe(), {"bm25.b": 0.1}, 0.9, held_out, ms / 1000, Cut(1, 0, 0.0, 1), comparison)


CURRENT = Candidate("current", Recipe(), {}, 0.8, 0.8, 0.02, Cut(1, 0, 0.0, 1))


@pytest.mark.parametrize(
    ("candidates", "advice", "chosen"),
    [
        ([], "keep", "current"),
        ([_candidate("a", 0.9, 20, 0.05, 0.15, 0.001)], "better", "a"),
        ([_candidate("a", 0.9, 20, 0.05, 0.15, 0.001), _candidate("b", 0.95, 90, 0.1, 0.2, 0.001)], "better", "b"),
        ([_candidate("a", 0.85, 20, -0.01, 0.1, 0.2)], "keep", "current"),  # as slow as the current one
        ([_candidate("a", 0.85, 5, -0.01, 0.1, 0.2)], "cheaper", "a"),
        ([_candidate("a", 0.79, 5, -0.04, 0.02, 0.4)], "cheaper", "a"),
        ([_candidate("a", 0.79, 5, -0.06, 0.04, 0.4)], "keep", "current"),  # may lose more than the margin
        ([_candidate("a", 0.7, 5, -0.15, -0.05, 0.001)], "keep", "current"),  # measurably worse
        ([_candidate("a", 0.8, 19, -0.01, 0.01, 1)], "keep", "current"),  # 5% faster is noise
        ([_candidate("a", 0.8, 5, 0.0, 0.0, 1, losses=0)], "cheaper", "a"),
    ],
)
def test_the_advice(candidates: list[Candidate], advice: str, chosen: str) -> None:
    found = decide(CURRENT, candidates, measure="m", count=100, margin=0.05, detectable=0.1)
    assert (found.advice, found.chosen.name) == (advice, chosen)
    start = "Measurably better" if advice == "better" else "No measurable difference: keep the "
    assert found.text.startswith(start)


def test_no_loss_in_few_questions_proves_little() -> None:
    few = _candidate("a", 0.8, 5, 0.0, 0.0, 1, losses=0)
    assert few.comparison is not None
    few = replace(few, comparison=replace(few.comparison, n=40))  # up to 3 / 40 may be lost
    assert decide(CURRENT, [few], measure="m", count=40, margin=0.05, detectable=0.1).advice == "keep"


def test_microseconds_are_no_saving() -> None:
    quick = replace(CURRENT, seconds=0.0005)
    found = decide(quick, [_candidate("a", 0.8, 0.1, -0.01, 0.01, 1)], measure="m", count=9, margin=0.05, detectable=1)
    assert found.advice == "keep"


def test_the_front_is_what_nothing_beats() -> None:
    assert front([(0.5, 1.0), (0.9, 3.0), (0.4, 0.5), (0.45, 2.0), (0.9, 4.0), (0.5, 1.5)]) == [2, 0, 1]


# -- all of it ---------------------------------------------------------------------------------------------------------


def _tune(index: Path, dataset: Dataset, work: Path, recipe: Recipe | None = None, **options: object) -> Tuning:
    with Pipeline(index, recipe) as pipeline:
        return tune(pipeline, dataset, folder=work, options=TuneOptions(**options))  # type: ignore[arg-type]


def test_a_cut_through_the_answers_is_found_out(index: Path, testset: Path, tmp_path: Path) -> None:
    """A whole document puts its answer behind the words that are read; any smaller passage is better."""
    bad = load_recipe("bm25").model_copy(update={"chunker": ChunkerConfig(kind="document", max_tokens=1024)})
    found = _tune(index, read_testset(testset), tmp_path / "work", bad, trials=12, measure="Span@40")
    assert found.current.held_out == 0.0, "the fact is beyond the first 40 words of a whole document"
    assert found.advice == "better"
    assert "chunker.max_tokens" in found.changes
    best = next(one for one in found.candidates if one.recipe == found.recipe)
    assert best.held_out > 0.8
    assert best.comparison is not None
    assert best.comparison.n == found.held_out == 20
    again = _tune(index, read_testset(testset), tmp_path / "again", bad, trials=12, measure="Span@40")
    assert [(one.recipe, one.held_out, one.comparison) for one in again.candidates] == [
        (one.recipe, one.held_out, one.comparison) for one in found.candidates
    ]


def test_the_recipe_against_itself_differs_in_nothing(index: Path, testset: Path, tmp_path: Path) -> None:
    fixed = frozenset(["chunker", "retrieval", "bm25", "reranker", "generator"])
    found = _tune(index, read_testset(testset), tmp_path / "work", trials=3, fixed=fixed)
    assert (found.advice, found.changes, found.candidates) == ("keep", {}, ())
    assert found.recipe == load_recipe("bm25")
    assert found.text.startswith("No measurable difference: keep the current recipe.")


def test_answers_are_tuned_with_their_generator(index: Path, testset: Path, tmp_path: Path) -> None:
    found = _tune(index, read_testset(testset), tmp_path / "work", trials=3, limit=24, answers=True)
    assert found.measure == "contains"
    assert found.current.held_out > 0.5
    assert found.advice in ("keep", "cheaper")


def test_the_index_is_left_as_it_was(index: Path, testset: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in index.rglob("*") if path.is_file() and "-shm" not in path.name}
    _tune(index, read_testset(testset), tmp_path / "work", trials=2)
    after = {path: path.read_bytes() for path in index.rglob("*") if path.is_file() and "-shm" not in path.name}
    assert {path.name for path in before} <= {path.name for path in after}
    assert all(after[path] == data for path, data in before.items())


def test_a_test_set_of_another_index_is_refused(index: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    row = {"_id": "q", "question": "?x", "answers": ["a"], "passages": ["file:///elsewhere"]}
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(EvaluationError, match=r"1 of the 1 gold documents of other are not in the index: file:///else"):
        _tune(index, read_testset(path), tmp_path / "work")


def test_a_document_that_has_changed_is_named(index: Path, testset: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in testset.read_text().splitlines()]
    rows[0]["spans"][0]["end"] = 10**6
    testset.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(EvaluationError, match="changed since the test set was made"):
        _tune(index, read_testset(testset), tmp_path / "work")


def test_too_few_questions_to_tell_anything(index: Path, testset: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="5 questions are left to confirm by, too few to tell anything"):
        _tune(index, read_testset(testset), tmp_path / "work", limit=10)
    assert not (tmp_path / "work").exists()


def test_without_optuna_the_extra_is_named(
    index: Path, testset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"ragstone\[eval\]"):
        _tune(index, read_testset(testset), tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_one_search_at_a_time(index: Path, testset: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / "work").mkdir()
    with (
        FileLock(tmp_path / "work" / ".lock"),
        pytest.raises(EvaluationError, match="another search is running here"),
    ):
        _tune(index, read_testset(testset), tmp_path / "work")


@pytest.mark.parametrize(
    "options", [{"trials": 0}, {"share": 1.0}, {"alpha": 0.0}, {"limit": 1}, {"minutes": 0}, {"fixed": {"nothing"}}]
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(EvaluationError, match="options: "):
        TuneOptions(**options)  # type: ignore[arg-type]


@pytest.mark.collections
def test_a_bad_bm25_is_found_measurably_improvable(collections_dir: Path, tmp_path: Path) -> None:
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(collections_dir / "squad2" / "corpus.jsonl")
    bad = load_recipe("bm25").model_copy(update={"bm25": Bm25Config(k1=0.0, b=0.0)})
    dataset = read_dataset(collections_dir / "squad2")
    found = _tune(
        tmp_path / "index",
        dataset,
        tmp_path / "work",
        bad,
        measure="nDCG@10",
        trials=8,
        limit=300,
        fixed=frozenset({"chunker"}),
    )
    assert found.advice == "better"
    assert found.recipe.bm25.k1 > 0
    assert found.candidates[0].comparison is not None
    assert found.candidates[0].comparison.p_corrected <= 0.05


@pytest.mark.models
def test_a_hybrid_is_tuned_and_its_stages_are_weighed(forest: Path, tmp_path: Path, testset: Path) -> None:
    path = tmp_path / "hybrid"
    with Pipeline(path, "extractive") as pipeline:
        pipeline.add(forest)
    found = _tune(path, read_testset(testset), tmp_path / "work", trials=6, fixed=frozenset(["chunker"]), limit=24)
    tried_less = [one for one in found.candidates if does_less(one.recipe, found.current.recipe, answers=False)]
    assert tried_less, "BM25 alone is among what is confirmed"
    assert tried_less[0].seconds < found.current.seconds
    assert found.current.cut.embedded == 0
