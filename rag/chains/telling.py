"""Answers that tell where documents disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.chains.drafting import Event
from rag.types import Answer

if TYPE_CHECKING:
    from rag.grounding import Preference


def telling_conflicts(events: Iterator[Event], preference: Preference) -> Iterator[Event]:
    """The events of any chain, an Answer with the conflicts among its documents."""
    from rag.grounding import report_conflicts

    for event in events:
        yield report_conflicts(event, preference) if isinstance(event, Answer) else event
