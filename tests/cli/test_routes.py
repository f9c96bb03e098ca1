"""``--routes``: the file chooses the index, and what it chose is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rag.cli.commands import app
from rag.errors import QueryError, RecipeError
from rag.pipeline import Pipeline
from rag.recipe.routes import choose_index

RECIPE = '[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[generator]\nkind = "extractive"\n'
TEXTS = {
    "laws": "Article 5 says that a lease ends after 3 months.",
    "manuals": "Error E7 means that the pump of the machine is blocked.",
}
ROUTES = """
[[routes]]
index = "laws"
description = "Statutes and court decisions"
patterns = ['article \\d+']
[[routes]]
index = "built/manuals"
description = "Manuals of machines: operation, errors, maintenance"
patterns = ['error E\\d']
"""
RULES = '[embedder]\nbackend = "none"\n'
Write = Callable[[str], Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two indexes, one of them a folder deeper."""
    folder = tmp_path_factory.mktemp("routes")
    (folder / "rules.toml").write_text(RECIPE)
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text)
        path = folder / name if name == "laws" else folder / "built" / name
        with Pipeline(path, folder / "rules.toml") as pipeline:
            pipeline.add(folder / f"{name}.txt")
    return folder


@pytest.fixture
def write(folder: Path) -> Write:
    def routes(text: str) -> Path:
        (folder / "routes.toml").write_text(text)
        return folder / "routes.toml"

    return routes


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize(
    ("question", "name", "says"),
    [("What does ARTICLE 5 say?", "laws", "3 months"), ("What does error E7 mean?", "manuals", "blocked")],
)
def test_a_pattern_chooses_from_any_folder(write: Write, folder: Path, question: str, name: str, says: str) -> None:
    result = run("ask", question, "--routes", write(ROUTES + RULES), "--json")
    record = json.loads(result.stdout)
    assert says in record["text"]
    assert record["route"]["name"] == name
    assert Path(record["route"]["index"]).relative_to(folder).name == name
    assert record["route"]["probability"] == 1
    assert result.stderr.startswith(f"index {name} (100%): rule ")
    found = json.loads(run("search", question, "--routes", folder / "routes.toml", "--json").stdout)
    assert found["route"] == record["route"]
    assert says in found["hits"][0]["text"]


def test_without_routes_there_is_no_route(folder: Path) -> None:
    assert json.loads(run("search", "lease", "-i", folder / "laws", "--json").stdout)["route"] is None


@pytest.mark.models
def test_descriptions_choose_where_no_pattern_does(write: Write) -> None:
    found = choose_index("How do I maintain the coffee machine?", write(ROUTES))
    assert found.choice.name == "manuals"
    assert found.choice.reason.startswith("similarity")
    assert 0.5 < found.choice.probability < 1


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("routes = []", RecipeError, "at least 1"),
        ("[[routes]]\nindex = 'a'\npattern = ['x']", RecipeError, "did you mean 'patterns'"),
        ("[[routes]]\nindex = 'x/a'\n[[routes]]\nindex = 'y/a'\n" + RULES, RecipeError, "one name"),
        ("[[routes]]\nindex = 'a'\npatterns = ['(']\n" + RULES, QueryError, "no regular expression"),
        ("[[routes]]\nindex = 'a'\n", QueryError, "no description of 'a'"),
        (
            "ask_model = true\n[[routes]]\nindex = 'a'\ndescription = 'b'\n[generator]\nkind = 'extractive'\n" + RULES,
            RecipeError,
            "cannot choose",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_said(write: Write, text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        choose_index("What?", write(text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot be read") as caught:
        choose_index("What?", tmp_path / "none.toml")
    assert caught.value.where == str(tmp_path / "none.toml")
