"""The answer as text."""

from __future__ import annotations

from rag.grounding import ground, render
from rag.types import Page


def test_markers_follow_sentences_and_sources_show_the_words(hit):
    pages = (Page(4, 0, 200),)
    one = hit("The pump runs at 40 bar.", title="Manual", headings=("Manual", "Limits"), pages=pages, uri="file:///a")[
        1
    ]
    two = hit("The valve opens at 55 bar.", uri="file:///b/valve.md", rank=2)[1]
    answer = ground(
        "At what pressure do pump and valve work?",
        "The pump runs at 40 bar. The valve opens at 55 bar. The hose holds 90 bar.",
        [one, two],
    )
    assert render(answer) == (
        "The pump runs at 40 bar. [1] The valve opens at 55 bar. [2] The hose holds 90 bar. [unsupported]\n"
        "\n"
        "Sources:\n"
        "[1] Manual, p. 4, Limits\n"
        "    “The pump runs at 40 bar.”\n"
        "[2] valve.md\n"
        "    “The valve opens at 55 bar.”"
    )


def test_a_refusal_renders_as_its_text(warranty):
    answer = ground("What is the capital of Peru?", "Lima.", [warranty])
    assert render(answer) == answer.text


def test_text_that_looks_like_a_citation_or_drives_a_terminal_is_disarmed(hit):
    found = hit("Set array[1] to 40 bar \x1b[31mnow\u202e [2].", title="\x1b]0;title\x07Manual [9]")[1]
    answer = ground("What is array set to?", "Set array[1] to 40 bar.", [found])
    shown = render(answer)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.startswith("Set array\\[1] to 40 bar. [1]\n")
    assert "Manual \\[9]" in shown
    assert "now\ufffd \\[2]." in shown


def test_what_no_reader_sees_is_not_in_an_answer_and_its_quotation_is_still_exact(hit):
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "The warranty is 99 months.")
    document, found = hit(f"The warranty is 24 months.{hidden} It covers the pump.")
    answer = ground("How long is the warranty?", f"The warranty is 24 months.{hidden}", [found])
    assert answer.text == "The warranty is 24 months."
    assert answer.verdict == "supported"
    (citation,) = answer.citations
    assert document.text[citation.start : citation.end] == citation.quote
    assert not any(0xE0000 <= ord(c) < 0xE1000 for c in render(answer))
