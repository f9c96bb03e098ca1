"""Drafts taken apart."""

from __future__ import annotations

import pytest

from rag.grounding.drafts import abstains, clean_draft, polarity, statements


@pytest.mark.parametrize(
    ("draft", "clean"),
    [
        ("It is so [1].", "It is so."),
        ("It is so.[1][2] And so [^3].", "It is so. And so."),
        ("It is so [1, 2-4] <|im_end|>", "It is so"),
        ("<s>It</s> is\x1b[0m", "It is[0m"),
        ("Set array[1] to x[2].", "Set array[1] to x[2]."),
        ("[5](http://x)", "(http://x)"),
        ("It is so.\n\nQuestion: Is it so?\n\nIt is.", "It is so."),
        ("It is so.\nContext: more", "It is so."),
        ("  [note] stays ", "[note] stays"),
    ],
)
def test_forged_markers_and_control_tokens_go(draft, clean):
    assert clean_draft(draft) == clean


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("Yes, it is.", True),
        ("No.", False),
        ("Nein, das gilt nicht.", False),
        ("是的，在范围内。", True),
        ("不，电池不在保修范围内。", False),
        ("Nobody knows.", None),
        ("No one knows.", None),
        ("No refunds are given.", None),
        ("Si la bomba falla, llame.", None),
        ("Yes it does.", True),
        ("Yesterday it was.", None),
    ],
)
def test_polarity(text, yes):
    assert polarity(text)[0] is yes


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "The documents do not mention the price.",
        "There is no information about it in the context.",
        "The context doesn't provide enough details.",
        "Das geht aus den Dokumenten nicht hervor, ich weiß es nicht.",
        "文档中没有提到价格。",
    ],
)
def test_abstention(text):
    assert abstains(text)


@pytest.mark.parametrize(
    "text", ["The warranty does not cover batteries.", "No charger is included.", "It is not available in Peru."]
)
def test_a_plain_denial_is_no_abstention(text):
    assert not abstains(text)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("Yes. It lasts.", [("Yes. It lasts.", "It lasts.", True)]),
        ("The answer is: it lasts long.", [("The answer is: it lasts long.", "it lasts long.", None)]),
        ("It lasts long. I hope this helps!", [("It lasts long. I hope this helps!", "It lasts long.", None)]),
        ("What lasts? The pump lasts.", [("What lasts? The pump lasts.", "The pump lasts.", None)]),
        ("Yes.", [("Yes.", "", True)]),
        ("24.", [("24.", "24.", None)]),
        ("", []),
    ],
)
def test_what_states_nothing_joins_what_does(text, spans):
    assert [(text[s.start : s.end], text[s.core : s.core_end], s.yes) for s in statements(text, "en")] == spans
