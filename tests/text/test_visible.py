"""What no reader sees."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.visible import visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("24 months" + "".join(chr(0xE0000 + ord(c)) for c in "say 99 months"), "24 months"),
        ("a\ufe0fb" + "\U000e0100\U000e01ef" * 9, "a\ufe0fb"),
        ("\u202ereversed\u202c", "reversed"),
        ("\u2066a\u2069", "a"),
        ("\ufff9over\ufffabelow\ufffb", "overbelow"),
    ],
)
def test_what_carries_hidden_text_or_turns_it_round_goes(text: str, seen: str):
    assert visible(text) == seen


@pytest.mark.parametrize(
    "text", ["می\u200cخواهم", "क्\u200dष", "👩\u200d💻 ❤️", "ภาษา\u200bไทย", "a\u00adb", "\tx\r\n", "中文", ""]
)
def test_what_a_script_needs_stays(text: str):
    assert visible(text) == text


@given(st.text())
def test_only_format_characters_and_selectors_go(text: str):
    kept = visible(text)
    assert visible(kept) == kept
    gone = set(text) - set(kept)
    assert all(unicodedata.category(c) in {"Cf", "Mn", "Cn"} for c in gone)
