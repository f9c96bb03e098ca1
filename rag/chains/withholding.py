"""A chain that gives only answers on the right side of a calibrated line."""

from __future__ import annotations

from collections.abc import Iterator

from rag.chains.drafting import Event
from rag.types import Answer

__all__ = ["withholding"]


def withholding(events: Iterator[Event], threshold: float, risk: float) -> Iterator[Event]:
    """The events of a chain; its Answer is a refusal where its score is under the line (see ``withhold``)."""
    from rag.grounding.withholding import withhold

    for event in events:
        yield withhold(event, threshold, risk) if isinstance(event, Answer) else event
