"""Texts of structural pieces -> one text and the blocks that point into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rag.types import Block, BlockKind

__all__ = ["Piece", "assemble", "first_heading"]


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of a block before it has a place. ``level`` is 1 to 6 for headings, else 0."""

    kind: BlockKind
    text: str
    level: int = 0


def assemble(pieces: Iterable[Piece], *, separator: str = "\n\n") -> tuple[str, tuple[Block, ...]]:
    """Join the non-blank pieces; every non-blank character of the text lies in exactly one block."""
    parts: list[str] = []
    blocks: list[Block] = []
    position = 0
    for piece in pieces:
        text = piece.text.strip("\n") if piece.kind == "code" else piece.text.strip()
        if not text or text.isspace():
            continue
        if parts:
            parts.append(separator)
            position += len(separator)
        blocks.append(Block(piece.kind, position, position + len(text), piece.level))
        parts.append(text)
        position += len(text)
    return "".join(parts), tuple(blocks)


def first_heading(pieces: Iterable[Piece]) -> str:
    """The first heading of level 1, on one line; "" if there is none."""
    heading = next((p.text for p in pieces if p.kind == "heading" and p.level == 1), "")
    return " ".join(heading.split())
