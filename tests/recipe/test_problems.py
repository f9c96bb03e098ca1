"""All that is wrong with a recipe is told at once, each with its key and line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import RecipeError
from rag.recipe import Problem, find_problems, parse_recipe

BROKEN = '''description = """
[retrieval]
kk = 1
"""

[retrieval]
k = 0          # one is the least
armss = ["dense"]
arms = [
  "dense",
  "weight = 3",
]

[ generator ]
kind = "magic"
'chunker.kind' = 3

[nonsense]
'''


def test_every_problem_has_its_key_and_line():
    found = {problem.key: problem for problem in find_problems(BROKEN)}
    lines = {key: problem.line for key, problem in found.items()}
    assert lines == {
        "retrieval.k": 7,
        "retrieval.armss": 8,
        "retrieval.arms.1": 9,
        "generator.kind": 15,
        "generator.chunker.kind": 16,
        "nonsense": 18,
    }
    assert "did you mean 'arms'?" in found["retrieval.armss"].text
    assert "not 'magic'" in found["generator.kind"].text


def test_text_that_is_no_toml_has_its_line():
    (problem,) = find_problems('[generator]\nkind = "openai\n')
    assert (problem.key, problem.line) == ("", 2)
    assert "not TOML" in problem.text
    (problem,) = find_problems("[generator]\nkind =")
    assert problem.line == 2


def test_dotted_keys_are_found():
    assert find_problems("\nretrieval . k = 0\n")[0].line == 2
    assert find_problems("generator = { kind = 'openai', modell = 'x' }")[0].line == 1


def test_a_recipe_has_no_problems():
    assert find_problems("") == []
    assert find_problems('[generator]\nkind = "extractive"') == []


@given(st.text(alphabet=' abk[]{}"=\n#.3', max_size=60))
def test_there_is_a_problem_exactly_where_a_text_is_refused(text):
    found = find_problems(text)
    assert all(isinstance(problem, Problem) and 0 <= problem.line <= len(text.splitlines()) + 1 for problem in found)
    if found:
        with pytest.raises(RecipeError):
            parse_recipe(text)
    else:
        parse_recipe(text)
