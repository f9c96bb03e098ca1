"""Markdown: the raw source, its front matter taken off into metadata, and its block structure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rag.errors import LoadError
from rag.loaders.encoding import decode
from rag.loaders.metadata import flatten
from rag.loaders.uris import uri_stem
from rag.types import Block, BlockKind, Document, Metadata

__all__ = ["MarkdownLoader"]

_NEWLINE = re.compile(r"\r\n|\r|\n")
_FRONT_MATTER = re.compile(r"---[ \t]*(?:\r\n|\r|\n)(.*?)^(?:---|\.\.\.)[ \t]*(?:\r\n|\r|\n|\Z)", re.S | re.M)
# As CommonMark has it: a comment that opens a line is a block, which may hold blank lines and ends with the text if it
# is never closed; one within a paragraph ends there or is none; and a code span shows what it holds.
_COMMENT_OR_CODE = re.compile(
    r"(?:\A|(?<=[\r\n])) {0,3}<!--(?:-?>|.*?(?:-->|\Z))"
    r"|<!--(?:-?>|(?P<open>))"
    r"|(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!(?>\r\n|\r|\n)(?:[ \t]*[\r\n]| {0,3}<!--)).)+?(?<!`)(?P=ticks)(?!`))",
    re.S,
)
_BLANK_LINE = re.compile(r"(?>\r\n|\r|\n)[ \t]*[\r\n]|\Z")
_MAX_FRONT_MATTER = 64 * 1024
_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
}


@dataclass(frozen=True, slots=True)
class MarkdownLoader:
    """One document whose text is the Markdown source after its YAML front matter, without HTML comments.

    Blocks are whole source lines, markers included (``## Scope``, ``- item``), trimmed of blank lines;
    every non-blank character lies in exactly one. The title is the front matter's, else the
    first level-1 heading's, else the file's stem. A leading ``---`` block that is no YAML mapping is text. Comments
    are taken out because no reader sees them: what they say could be meant for a model alone.
    """

    def load(self, data: bytes, *, uri: str) -> Iterator[Document | LoadError]:
        """See Loader. Raises LoadError as ``decode`` does, or when nothing follows the front matter."""
        source = decode(data, uri=uri)
        metadata, text = _front_matter(source)
        text = _without_comments(text)
        if not text.strip():
            raise LoadError("nothing follows the front matter", where=uri, hint="write some text below it")
        blocks, heading = _blocks(text)
        title = metadata.get("title")
        yield Document(
            uri=uri,
            text=text,
            title=title if isinstance(title, str) and title.strip() else heading or uri_stem(uri),
            media_type="text/markdown",
            metadata=metadata,
            blocks=blocks,
        )


def _front_matter(source: str) -> tuple[Metadata, str]:
    match = _FRONT_MATTER.match(source)
    if match is None or len(match[1]) > _MAX_FRONT_MATTER:
        return {}, source
    import yaml

    class Plain(yaml.SafeLoader):
        """YAML without aliases, which a few lines can blow up to gigabytes."""

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise yaml.composer.ComposerError(None, None, "aliases are not read")
            return super().compose_node(parent, index)

    try:
        values = yaml.load(match[1], Plain)  # noqa: S506 (Plain is a SafeLoader)
        if not isinstance(values, Mapping):
            return {}, source
        return flatten(values), source[match.end() :]
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date such as 2024-13-45
        return {}, source


def _without_comments(text: str) -> str:
    """The text without HTML comments, but for those that stand in code."""
    if "<!--" not in text:
        return text
    from markdown_it import MarkdownIt

    starts = [0, *(match.end() for match in _NEWLINE.finditer(text)), len(text)]
    code = deque(
        (starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)])
        for token in MarkdownIt("commonmark").disable("inline").parse(text)
        if token.type in {"fence", "code_block"} and token.map is not None
    )
    kept: list[str] = []
    position = start = 0
    closed = paragraph = -1  # where the next comment and paragraph end, looked for once
    while match := _COMMENT_OR_CODE.search(text, start):
        while code and code[0][1] <= match.start():
            code.popleft()
        if code and code[0][0] <= match.start():
            start = code[0][1]
            continue
        start = match.end()
        if match["code"] is not None:
            continue
        if match["open"] is not None:
            if closed < start:
                found = text.find("-->", start)
                closed = found if found >= 0 else len(text)
            if paragraph < start and (blank := _BLANK_LINE.search(text, start)):
                paragraph = blank.start()
            if closed >= paragraph:
                continue
            start = closed + len("-->")
        kept.append(text[position : match.start()])
        position = start
    return "".join((*kept, text[position:]))


def _blocks(text: str) -> tuple[tuple[Block, ...], str]:
    """Blocks by line, and the text of the first level-1 heading."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.disable("inline").parse(text)
    # Not splitlines(): Markdown's lines end at CR, LF and CRLF only.
    starts = [0, *(match.end() for match in _NEWLINE.finditer(text)), len(text)]
    blocks: list[Block] = []
    heading = ""
    position = 0
    for index, token in enumerate(tokens):
        if token.level or token.map is None or token.nesting < 0 or token.type == "inline":
            continue
        start, end = starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)]
        blocks += _trimmed("paragraph", text, position, start)  # link definitions, which make no token
        level = int(token.tag[1]) if token.type == "heading_open" else 0
        blocks += _trimmed(_KINDS.get(token.type, "paragraph"), text, start, end, level)
        position = end
        if level == 1 and not heading:
            heading = _plain(tokens[index + 1].content)
    blocks += _trimmed("paragraph", text, position, len(text))
    return tuple(blocks), heading


def _trimmed(kind: BlockKind, text: str, start: int, end: int, level: int = 0) -> list[Block]:
    """The block without blank lines around it and white space at its end, or nothing."""
    piece = text[start:end]
    if not piece.strip():
        return []
    lead = len(piece) - len(piece.lstrip())
    if kind == "code":  # the first line's indentation is code
        newline = max(piece.rfind("\n", 0, lead), piece.rfind("\r", 0, lead))
        lead = newline + 1
    return [Block(kind, start + lead, start + len(piece.rstrip()), level)]


def _plain(inline: str) -> str:
    """Inline Markdown without its markers."""
    from markdown_it import MarkdownIt

    children = MarkdownIt("commonmark").parseInline(inline)[0].children or []
    shown = (child.content or " " for child in children if child.type in ("text", "code_inline", "softbreak"))
    return " ".join("".join(shown).split())
