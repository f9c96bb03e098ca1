"""``--routes``: which index a question is asked of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.cli.output import RouteRecord

__all__ = ["routed"]


def routed(question: str, index: Path, routes: Path | None) -> tuple[Path, RouteRecord | None]:
    """``index``; or with ``routes`` the one that they choose, which is said on stderr."""
    if routes is None:
        return index, None
    from rag.cli.output import RouteRecord
    from rag.cli.render import printable
    from rag.recipe.routes import choose_index

    found = choose_index(question, routes)
    best = found.choice
    sys.stderr.write(printable(f"index {best.name} ({best.probability:.0%}): {best.reason}") + "\n")
    return found.index, RouteRecord(best.name, str(found.index), best.probability, best.reason)
