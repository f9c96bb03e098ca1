"""The conversational question set: what its description says of it is so."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def rows(root: Path) -> list[dict[str, object]]:
    text = (root / "eval" / "data" / "followups.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_turns_follow_each_other_and_halves_share_no_article(rows: list[dict[str, object]]) -> None:
    turns: dict[object, list[dict[str, object]]] = defaultdict(list)
    halves: dict[object, set[object]] = defaultdict(set)
    for row in rows:
        assert row["turn"] == len(turns[row["conversation"]])
        assert row["history"] == [[before["question"], before["answer"]] for before in turns[row["conversation"]]]
        assert (row["kind"] == "opening") == (row["turn"] == 0)
        turns[row["conversation"]].append(row)
        halves[row["split"]].add(row["article"])
    assert set(halves) == {"dev", "held"}
    assert not halves["dev"] & halves["held"]
    assert all(2 <= len(each) <= 5 for each in turns.values())
    assert sum(bool(row["turn"]) for row in rows if row["split"] == "held") >= 60


@pytest.mark.collections
def test_its_questions_are_its_own_and_its_passages_exist(rows: list[dict[str, object]], collections_dir: Path) -> None:
    folder = collections_dir / "squad2"

    def read(name: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]

    passages = {row["_id"] for row in read("corpus.jsonl")}
    theirs = {row["text"].casefold() for row in read("queries.jsonl")}
    for row in rows:
        found = row["passages"]
        assert isinstance(found, list)
        assert found
        assert passages.issuperset(found)
        assert str(row["question"]).casefold() not in theirs
