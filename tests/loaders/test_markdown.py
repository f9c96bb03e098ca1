"""Markdown: raw source, exact block offsets, front matter."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.loaders import load_bytes
from rag.types import Document

SOURCE = """# The *HX-200* `meter`

First line
second line

- one
- two

  still two

> quoted

```python
x = 1

```

    indented code

| a | b |
|---|---|
| 1 | 2 |

[ref]: https://example.org

---

Setext heading
--------------
<p>html</p>
"""
BLOCKS = [
    ("heading", 1, "# The *HX-200* `meter`"),
    ("paragraph", 0, "First line\nsecond line"),
    ("list", 0, "- one\n- two\n\n  still two"),
    ("paragraph", 0, "> quoted"),
    ("code", 0, "```python\nx = 1\n\n```"),
    ("code", 0, "    indented code"),
    ("table", 0, "| a | b |\n|---|---|\n| 1 | 2 |"),
    ("paragraph", 0, "[ref]: https://example.org"),
    ("paragraph", 0, "---"),
    ("heading", 2, "Setext heading\n--------------"),
    ("paragraph", 0, "<p>html</p>"),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_blocks_are_the_source_lines_at_exact_offsets(newline: str, load_one) -> None:
    source = SOURCE.replace("\n", newline)
    document = load_one(source.encode(), "a.md")
    assert document.text == source
    shown = [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]
    assert shown == [(kind, level, text.replace("\n", newline)) for kind, level, text in BLOCKS]
    assert document.title == "The HX-200 meter"
    assert document.media_type == "text/markdown"


def test_lines_end_at_no_other_separators(load_one) -> None:
    document = load_one("one\u2028two\x0bthree\x85four\n\n# Five\n".encode(), "a.md")
    assert [document.text[b.start : b.end] for b in document.blocks] == [
        "one\u2028two\x0bthree\x85four",
        "# Five",
    ]


def test_front_matter_becomes_metadata_and_leaves_the_text(load_one) -> None:
    source = (
        "---\ntitle: Release notes\ndate: 2024-03-01\ntags: [a, b]\nversion: 2.4\n"
        "draft: false\nauthor: {name: Ada}\n---\n\n# Other title\n"
    )
    document = load_one(source.encode(), "a.md")
    assert document.title == "Release notes"
    assert document.text == "\n# Other title\n"
    assert document.metadata == {
        "title": "Release notes",
        "date": "2024-03-01",
        "tags": ("a", "b"),
        "version": 2.4,
        "draft": False,
        "author.name": "Ada",
    }


@pytest.mark.parametrize(
    "source",
    [
        "---\nnot a mapping\n---\ntext",
        "---\na: [unclosed\n---\ntext",
        "---\na: 1\nno end\n",
        "---\nwhen: 2024-13-45\n---\ntext",
        "text\n---\na: 1\n---\n",
        "---\na: &x [1, 1]\nb: [*x, *x]\n---\ntext",
        "---\na: !!python/object/apply:os.getcwd []\n---\ntext",
    ],
)
def test_what_is_no_plain_yaml_mapping_stays_text(source: str, load_one) -> None:
    document = load_one(source.encode(), "notes.md")
    assert (document.text, document.title, dict(document.metadata)) == (source, "notes", {})


def test_front_matter_alone_is_refused(refusal) -> None:
    assert "nothing follows the front matter" in refusal(b"---\na: 1\n---\n\n", "a.md").message


def test_the_title_falls_back_to_the_stem(load_one) -> None:
    assert load_one(b"## Only level two\n", "release notes.md").title == "release notes"


PIECES = st.sampled_from(
    ["# h", "para *x*", "- item", "  - nested", "1. one", "```", "~~~py", "    code", "> q", "|a|b|", "|-|-|",
     "", " ", "===", "---", "<div>", "</div>", "[r]: /u", "\t- tab", "é 漢字 𝄞", "\\# no", "***", "text\x0cmore"]
)  # fmt: skip


@given(st.lists(PIECES, min_size=1, max_size=25), st.sampled_from(["\n", "\r\n", "\r"]))
def test_every_character_is_in_exactly_one_block(pieces: list[str], newline: str) -> None:
    source = newline.join(pieces)
    try:
        (document,) = load_bytes(source.encode(), uri="u", name="a.md")
    except LoadError:
        assert not source.strip()
        return
    assert isinstance(document, Document)
    position = 0
    for block in document.blocks:
        assert position <= block.start < block.end
        assert not document.text[position : block.start].strip()
        assert block.level in (range(1, 7) if block.kind == "heading" else (0,))
        position = block.end
    assert not document.text[position:].strip()


def test_deep_nesting_is_no_error(load_one) -> None:
    assert load_one(b">" * 5000 + b" deep", "a.md").blocks
    assert load_one(b"[" * 20000 + b"x", "a.md").blocks


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a <!-- b --> c", "a  c"),
        ("a\n\n<!-- b\n\nb -->\n\nc", "a\n\n\n\nc"),
        ("a\n\n<!-- never closed\n\nb", "a\n\n"),
        ("`<!-- b -->` is a comment", "`<!-- b -->` is a comment"),
        ("``<!-- ` -->`` too", "``<!-- ` -->`` too"),
        ("write <!-- and go on\n\nb --> c", "write <!-- and go on\n\nb --> c"),
        ("a ` b\n<!-- hidden ` -->\nc", "a ` b\n\nc"),
        ("```html\n<!-- b -->\n```\nc", "```html\n<!-- b -->\n```\nc"),
        ("a\n\n    <!-- code -->\n", "a\n\n    <!-- code -->\n"),
        ("<!--> a <!---> b", " a  b"),
        ("a\r\n\r\n<!-- b -->\r\nc", "a\r\n\r\n\r\nc"),
        ("<!-- one --><!-- two -->three", "three"),
        ("a <!-- b\r\nc --> d", "a  d"),
        ("a `b\r\n c <!-- d -->` e", "a `b\r\n c <!-- d -->` e"),
        ("```\n<!-- open\n```\n\n<!-- hidden --> b", "```\n<!-- open\n```\n\n b"),
        ("```\na\n\nb\n```\nc <!-- hidden --> ``` d", "```\na\n\nb\n```\nc  ``` d"),
        ("a <!-- b\n\nc --> <!-- d --> e", "a <!-- b\n\nc -->  e"),
        ("a <!----> b <!-- never", "a  b <!-- never"),
    ],
)
def test_comments_are_no_text_but_in_code(source: str, text: str, load_one) -> None:
    document = load_one(source.encode(), "a.md")
    assert document.text == text
    assert all(document.text[block.start : block.end].strip() for block in document.blocks)


def test_comments_that_never_close_are_found_in_time(load_one) -> None:
    """One search for each took half an hour."""
    source = "a " + "<!-- " * 100_000
    started = time.monotonic()
    assert load_one(source.encode(), "a.md").text == source
    assert time.monotonic() - started < 20


def test_nothing_but_a_comment_is_no_document() -> None:
    with pytest.raises(LoadError, match="nothing follows"):
        list(load_bytes(b"<!-- a -->\n", uri="file:///a.md", name="a.md"))
