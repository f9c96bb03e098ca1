"""Judgements (qrels) and rankings (runs), as mappings and as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

Qrels: TypeAlias = Mapping[str, Mapping[str, int]]
Run: TypeAlias = Mapping[str, Mapping[str, float]]


def read_qrels(path: Path) -> Qrels:
    """Grades by query and document."""
    raise NotImplementedError
