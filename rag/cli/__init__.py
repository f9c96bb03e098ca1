"""The ``rag`` command. Only this package prints or exits."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run a command; a RagError becomes one line on stderr and an exit code."""
    from rag.cli.commands import FAILED, INTERRUPTED, USAGE, app
    from rag.errors import QueryError, RagError, RecipeError

    try:
        app()
    except RagError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(USAGE if isinstance(error, QueryError | RecipeError) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
