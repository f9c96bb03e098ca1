"""compose(): functions one after the other, each call a step."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chains.compose import compose
from rag.errors import QueryError
from rag.tracing import recording


def double(number: int) -> int:
    return 2 * number


def spelled(number: int) -> str:
    return f"<{number}>"


def letters(text: str) -> list[str]:
    return list(text)


def test_one_after_the_other_with_a_step_each():
    with recording("chain") as run:
        assert compose(double, spelled, letters)(21) == ["<", "4", "2", ">"]
    assert [(one.name, dict(one.inputs), dict(one.outputs)) for one in run.trace.steps] == [
        ("double", {"argument 1": 21}, {"result": 42}),
        ("spelled", {"argument 1": 42}, {"result": "<42>"}),
        ("letters", {"argument 1": "<42>"}, {"result": "4 × str"}),
    ]


def test_the_first_takes_any_arguments():
    def search(query: str, k: int, *, where: str | None = None) -> list[str]:
        return [f"{query} {where}"] * k

    with recording("chain") as run:
        assert compose(search, len)("warranty", 3, where="year = 2020") == 3
    assert run.trace.steps[0].inputs == {"argument 1": "warranty", "argument 2": 3, "where": "year = 2020"}


@given(st.integers(), st.lists(st.sampled_from([double, abs, lambda n: n + 1]), min_size=1, max_size=5))
def test_equals_the_nested_calls(start, functions):
    expected = start
    for function in functions:
        expected = function(expected)
    assert compose(*functions)(start) == expected


def test_composed_functions_compose():
    inner = compose(double, double)
    with recording("chain") as run:
        assert compose(inner, spelled)(1) == "<4>"
    assert [one.name for one in run.trace.walk()] == ["double | double", "double", "double", "spelled"]


def test_names_of_what_is_no_plain_function():
    class Adder:
        def __call__(self, number: int) -> int:
            return number + 1

    with recording("chain") as run:
        compose(partial(double), Adder(), lambda n: [])(1)
    assert [one.name for one in run.trace.steps] == ["double", "Adder", "<lambda>"]
    assert run.trace.steps[-1].outputs == {"result": "empty list"}


def test_an_error_ends_the_chain_and_is_in_its_step():
    def fail(number: int) -> int:
        raise QueryError(f"no {number}")

    with recording("chain") as run, pytest.raises(QueryError):
        compose(double, fail, double)(1)
    assert [(one.name, one.error) for one in run.trace.steps] == [("double", ""), ("fail", "no 2")]


def test_the_example_in_the_docs_runs(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    text = (root / "docs" / "chains.md").read_text(encoding="utf-8")
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "compose(" in code]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "warranty.md").write_text("# Warranty\n\nThe warranty lasts 24 months.\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    exec(compile(example, "docs/chains.md", "exec"), {"print": lambda *parts: said.append(" ".join(map(str, parts)))})
    assert any("24 months" in line for line in said)
