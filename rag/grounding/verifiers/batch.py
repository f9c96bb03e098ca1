"""Many pairs at once, where a verifier gains by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from rag.protocols import Verifier

Pair: TypeAlias = tuple[str, str]  # claim, evidence


@runtime_checkable
class BatchVerifier(Verifier, Protocol):
    """A Verifier that reads many pairs in less time than one by one."""

    def supports(self, pairs: Sequence[Pair]) -> list[float]:
        """``support`` of each (claim, evidence), in their order."""
        ...


def supports(verifier: Verifier, pairs: Sequence[Pair]) -> list[float]:
    """The support of each (claim, evidence): in one batch where the verifier offers that."""
    if isinstance(verifier, BatchVerifier):
        return verifier.supports(pairs) if pairs else []
    return [verifier.support(claim, evidence) for claim, evidence in pairs]
