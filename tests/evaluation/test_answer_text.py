"""SQuAD's measures on values worked by hand, and whether an answer holds a gold one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation.answers.text import contains, exact_match, f1

# answer, golds, exact match, F1; F1 worked by hand from the official definition
SQUAD = [
    ("October 1973", ["October 1973", "October", "1973"], 1, 1),
    ("The  Beatles!", ["beatles"], 1, 1),  # case, article, punctuation, white space
    ("an apple a day", ["apple day"], 1, 1),
    ("in October", ["October 1973"], 0, 1 / 2),  # P 1/2, R 1/2
    ("it began in October 1973", ["October 1973"], 0, 4 / 7),  # P 2/5, R 1
    ("cat cat dog", ["cat dog dog"], 0, 2 / 3),  # counts, not sets: 2 of 3 and 2 of 3
    ("dog", ["cat"], 0, 0),
    ("cat dog", ["bird", "dog"], 0, 2 / 3),  # the best gold
    ("U.S.", ["US"], 1, 1),  # punctuation joins
    ("well-known", ["well known"], 0, 0),
    ("24–10", ["2410"], 0, 0),  # the official script knows ASCII punctuation only
    ("24-10", ["2410"], 1, 1),
    ("theatre", ["atre"], 0, 0),  # an article is a whole word
    ("", [], 1, 1),  # refused, unanswerable
    ("something", [], 0, 0),
    ("", ["gold"], 0, 0),
    ("the", [], 1, 1),  # normalises to nothing
    ("", ["the", "."], 1, 1),  # golds that normalise to nothing are no golds
    ("the", ["the", "cat"], 0, 0),
]


@pytest.mark.parametrize(("answer", "golds", "exact", "overlap"), SQUAD)
def test_squad_by_hand(answer: str, golds: list[str], exact: float, overlap: float) -> None:
    assert exact_match(answer, golds) == exact
    assert f1(answer, golds) == pytest.approx(overlap, abs=1e-12)


# answer, golds, exact match, F1
MIXED = [
    ("三十六个月", ["三年"], 0, 2 / 7),  # P 1/5, R 1/2
    ("保修三年", ["三年"], 0, 2 / 3),  # P 2/4, R 1
    ("《三国演义》。", ["三国演义"], 1, 1),  # CJK punctuation
    ("136次", ["136 次"], 1, 1),  # white space between scripts
    ("１３６次", ["136 次"], 1, 1),  # full width
    ("使用 OpenVINO 加速", ["使用OpenVINO加速"], 1, 1),
    ("比分是24–10", ["24–10"], 0, 2 / 5),  # 比 分 是 2410 against 2410
    ("東京タワー", ["東京"], 0, 4 / 7),  # P 2/5, R 1
    ("서울특별시", ["서울"], 0, 4 / 7),
    ("กรุงเทพ", ["กรุงเทพ"], 1, 1),
]


@pytest.mark.parametrize(("answer", "golds", "exact", "overlap"), MIXED)
def test_scripts_without_spaces_are_compared_by_character(
    answer: str, golds: list[str], exact: float, overlap: float
) -> None:
    assert exact_match(answer, golds) == exact
    assert f1(answer, golds) == pytest.approx(overlap, abs=1e-12)


CONTAINED = [
    ("It was proclaimed by OAPEC in October 1973.", "October 1973"),
    ("The price was nearly $12.", "$12"),
    ("from 1973–1974 on", "1974"),
    ("no match for Kissinger's dominance", "Kissinger"),
    ("used as a restaurant—see above", "a restaurant"),
    ("It is in the U.S. now", "US"),
    ("3,600 Frenchmen", "3600"),
    ("“Der Mond” heißt es", "Der Mond"),
    ("保修期为三年，自购买之日起计算。", "三年"),
    ("他共有136次擒杀。", "136 次"),
    ("他加入了The Beatles乐队", "The Beatles"),
]


@pytest.mark.parametrize(("answer", "gold"), CONTAINED)
def test_contained(answer: str, gold: str) -> None:
    assert contains(answer, ["something else", gold]) == 1


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("Japanese imports", "Japan"),
        ("October, in 1973", "October 1973"),
        ("3,600 Frenchmen", "600"),
        ("It costs $12.50.", "12"),
        ("", "October"),
        ("October", "October 1973"),
        ("维生素b1", "维生素a"),
    ],
)
def test_not_contained(answer: str, gold: str) -> None:
    assert contains(answer, [gold]) == 0


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("Yes, both are film directors.", "yes", True),
        ("Yes", "yes", True),
        ("yes both are", "yes", True),
        ("No. They are in two states.", "no", True),
        ("No, both are.", "yes", False),
        ("The answer is yes.", "yes", True),
        ("The answer to the question is: No.", "no", True),
        ("The answer is no longer known.", "no", False),
        ("There is no reason to think so.", "no", False),
        ("No one knows.", "no", False),
        ("Both are film directors.", "yes", False),
        ("", "no", False),
    ],
)
def test_yes_and_no_must_be_said_as_the_answer(answer: str, gold: str, right: bool) -> None:
    assert contains(answer, [gold]) == right


def test_a_refusal_is_right_where_there_is_no_answer() -> None:
    assert contains("", []) == 1
    assert contains("Something.", []) == 0
    assert contains("the", ["."]) == 1


@given(answer=st.text(max_size=40), golds=st.lists(st.text(max_size=12), max_size=3))
def test_what_holds_between_the_three(answer: str, golds: list[str]) -> None:
    exact, overlap, held = exact_match(answer, golds), f1(answer, golds), contains(answer, golds)
    assert 0 <= exact <= overlap <= 1
    assert held in {0, 1}
    for gold in golds:
        if any(c.isalnum() for c in gold) and not exact_match("", [gold]):
            assert exact_match(gold, golds) == f1(gold, golds) == 1


@given(
    gold=st.from_regex(r"[b-z]{2,6}( [b-z]{2,6}){0,2}", fullmatch=True),
    around=st.sampled_from(["{}", "x {}.", "“{}”—y"]),
)
def test_a_gold_in_its_own_sentence_is_found(gold: str, around: str) -> None:
    assert contains(around.format(gold), [gold]) == (gold not in {"yes", "no"} or around == "{}")


@pytest.mark.collections
def test_nearly_every_gold_of_squad_stands_in_its_passage(collections_dir: Path) -> None:
    folder = collections_dir / "squad2"
    corpus, qa = (
        [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for name in ("corpus.jsonl", "qa.jsonl")
    )
    texts = {row["_id"]: row["text"] for row in corpus}
    pairs = [(texts[row["passages"][0]], gold) for row in qa for gold in row["answers"]][:500]
    held = sum(contains(text, [gold]) for text, gold in pairs)
    assert len(pairs) == 500
    assert held / len(pairs) > 0.98
