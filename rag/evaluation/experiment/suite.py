"""Suites: evaluations as data. TOML that names data set, recipes, measures, and the scores expected of each recipe."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import EvaluationError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Expectation(_Section):
    """What a mean should be: ``value`` give or take ``tolerance``, over ``coverage`` of the questions at least.

    Without a ``coverage`` it is that of every other mean.
    """

    value: float | None = None
    tolerance: float = Field(default=0.01, ge=0)
    coverage: float | None = Field(default=None, ge=0, le=1)


class Suite(_Section):
    """An evaluation that can be repeated.

    ``dataset`` is a folder or a test set, below the folder given with --data or beside the suite. Of several
    ``recipes`` the first is the baseline of the others. ``expect`` has a table of measures for each recipe.
    ``split`` names the judgements.
    """

    description: str = ""
    dataset: str
    split: str = "test"
    recipes: list[str] = Field(default=["default"], min_length=1)
    measures: list[str] = []
    answers: bool = False
    explain_misses: bool = False
    limit: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)
    judge: str = ""
    expect: dict[str, dict[str, Expectation]] = {}


def load_suite(path: Path) -> Suite:
    """A suite from a TOML file. Raises EvaluationError naming the line, or the key and the nearest valid one."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"the suite cannot be read: {error}", where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise EvaluationError(f"this is not TOML: {error}", where=str(path)) from error
    try:
        suite = Suite.model_validate(data)
    except ValidationError as error:
        raise EvaluationError(
            "; ".join(_problem(one["loc"], one["type"], one["msg"]) for one in error.errors()), where=str(path)
        ) from error
    if unknown := sorted(set(suite.expect) - set(suite.recipes)):
        raise EvaluationError(
            f"expect.{unknown[0]} is for no recipe of this suite",
            where=str(path),
            hint=f"recipes: {', '.join(suite.recipes)}",
        )
    return suite


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ".".join(str(part) for part in location)
    if kind != "extra_forbidden":
        return f"{path}: {message}"
    valid = list(Suite.model_fields) if len(location) == 1 else list(Expectation.model_fields)
    near = difflib.get_close_matches(str(location[-1]), valid, 1)
    return f"unknown key {path!r}; " + (f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(valid)}")
