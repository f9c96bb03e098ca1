"""StructureChunker: sections, blocks, and how large ones are cut."""

from rag.chunkers import AutoChunker, StructureChunker
from rag.text import WordTokenizer
from rag.types import Block, Document, Page


def document(*pieces, **fields):
    """A document from (kind or heading level, text) pieces, blank lines between."""
    text = ""
    blocks = []
    for kind, piece in pieces:
        if isinstance(kind, int):
            blocks.append(Block("heading", len(text), len(text) + len(piece), kind))
        elif kind:
            blocks.append(Block(kind, len(text), len(text) + len(piece)))
        text += piece + "\n\n"
    return Document("u", text, blocks=tuple(blocks), language="en", **fields)


def cut(doc, max_tokens=40):
    return [(c.headings, c.text) for c in StructureChunker(tokenizer=WordTokenizer(), max_tokens=max_tokens).chunk(doc)]


def test_small_blocks_under_a_heading_are_packed_and_headings_part():
    doc = document(
        ("paragraph", "Before."),
        (1, "Care"),
        ("paragraph", "Keep it dry."),
        ("list", "- wipe\n- oil"),
        (2, "Oil"),
        ("paragraph", "Use little."),
        (1, "Repair"),
        ("paragraph", "Call us."),
    )
    assert cut(doc) == [
        ((), "Before."),
        (("Care",), "Care\n\nKeep it dry.\n\n- wipe\n- oil"),
        (("Care", "Oil"), "Oil\n\nUse little."),
        (("Repair",), "Repair\n\nCall us."),
    ]


def test_a_heading_without_a_body_joins_the_deeper_one_after_it():
    doc = document((1, "Part"), (2, "Chapter"), ("paragraph", "Text."), (2, "Empty"), (2, "Last"))
    assert cut(doc) == [
        (("Part", "Chapter"), "Part\n\nChapter\n\nText."),
        (("Part", "Empty"), "Empty"),
        (("Part", "Last"), "Last"),
    ]


def test_markdown_headings_lose_their_marks_in_the_path_only():
    doc = document(
        (2, "## The `rag` *command* [here](http://x) ##"), ("paragraph", "Text."), media_type="text/markdown"
    )
    assert cut(doc) == [(("The rag command here",), "## The `rag` *command* [here](http://x) ##\n\nText.")]


def test_a_block_is_kept_whole_if_a_passage_can_hold_it():
    five = "One two three four five."
    doc = document(("paragraph", five), ("paragraph", f"{five} {five}"), ("paragraph", five))
    assert [text for _, text in cut(doc, 12)] == [five, f"{five} {five}", five]


def test_a_paragraph_over_the_budget_is_cut_by_sentences():
    doc = document((1, "Head"), ("paragraph", "One two three four. Five six seven eight. Nine ten."))
    assert [text for _, text in cut(doc, 7)] == ["Head\n\nOne two three four.", "Five six seven eight. Nine ten."]


def test_code_and_tables_are_cut_by_lines():
    lines = [f"    x{i} = f(y{i}). Z" for i in range(6)]
    for kind in ("code", "table"):
        assert [text for _, text in cut(document((kind, "\n".join(lines))), 8)] == [
            "\n".join(lines[i : i + 2]).strip() for i in (0, 2, 4)
        ]


def test_text_between_blocks_is_not_lost():
    doc = Document("u", "---\nkey: value\n---\nBody here.", blocks=(Block("paragraph", 19, 29),), language="en")
    assert cut(doc) == [((), doc.text)]


def test_without_blocks_blank_lines_part_paragraphs():
    doc = Document("u", "One two three.\r\n\r\nFour five\r\nsix.\r\n \r\nSeven.", language="en")
    assert [text for _, text in cut(doc, 3)] == ["One two three.", "Four five\r\nsix.", "Seven."]


def test_pages_are_those_the_passage_touches():
    doc = document(("paragraph", "One two."), ("paragraph", "Three four."), ("paragraph", "Five six."))
    doc = Document(
        "u", doc.text, blocks=doc.blocks, pages=(Page(1, 0, 5), Page(2, 5, 21), Page(3, 21, 34)), language="en"
    )
    chunks = list(StructureChunker(tokenizer=WordTokenizer(), max_tokens=2).chunk(doc))
    assert [[page.number for page in chunk.pages] for chunk in chunks] == [[1, 2], [2], [3]]
    assert chunks[0].page_at(6) == 2


def test_a_long_path_loses_its_outer_headings_first():
    doc = document((1, "one two three four"), (2, "five six"), (3, "seven"), ("paragraph", "Text."), title="T")
    (chunk,) = StructureChunker(tokenizer=WordTokenizer(), max_tokens=13).chunk(doc)
    assert (chunk.title, chunk.headings) == ("T", ("five six", "seven"))


def test_auto_cuts_by_structure_where_there_is_some_and_by_sentences_elsewhere():
    text = " ".join(f"Sentence {i}." for i in range(9))
    auto = AutoChunker(tokenizer=WordTokenizer(), max_tokens=100)
    assert len(list(auto.chunk(Document("u", text)))) == 2
    assert len(list(auto.chunk(Document("u", text, blocks=(Block("paragraph", 0, len(text)),))))) == 1
