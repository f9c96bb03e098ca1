"""Texts and numbers on a page."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation.report.display import duration, number, p_value, percent, percentile, shorten, signed, visible


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.41923, 4, "0.4192"),
        (-0.5, 2, "−0.50"),
        (-0.00001, 4, "0.0000"),
        (0.00005, 4, "0.0001"),  # the float is a little above
        (0.28125, 4, "0.2812"),  # exactly between: to the even digit
        (39.5, 4, "39.5000"),
        (None, 4, "–"),
    ],
)
def test_number(value: float | None, digits: int, text: str) -> None:
    assert number(value, digits) == text


@given(st.floats(-1e6, 1e6))
def test_number_is_the_float_rounded(value: float) -> None:
    assert float(number(value).replace("−", "-")) == pytest.approx(value, abs=0.5001e-4)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "+0.0123"), (-0.0123, "−0.0123"), (0.0, "0.0000"), (0.00001, "0.0000"), (None, "–")]
)
def test_signed(value: float | None, text: str) -> None:
    assert signed(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0001, "< 0.001"), (0.001, "0.001"), (0.0496, "0.050"), (1.0, "1.000")])
def test_p_value(value: float, text: str) -> None:
    assert p_value(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1, "100%"), (0.95, "95.0%"), (0.0001, "< 0.1%"), (0.9999, "> 99.9%"), (1 / 3, "33.3%")],
)
def test_percent_says_all_only_of_all_and_nothing_only_of_nothing(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00842, "8.42 ms"),
        (0.0133, "13.3 ms"),
        (0.646, "646 ms"),
        (0.9996, "1.00 s"),
        (12.34, "12.3 s"),
        (59.97, "1 min 00 s"),
        (437.2, "7 min 17 s"),
        (3599.7, "1 h 00 min"),
        (7320, "2 h 02 min"),
        (0.0, "0.00 ms"),
        (None, "–"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=50), st.floats(0, 100))
def test_percentile_is_numpys(values: list[float], q: float) -> None:
    assert percentile(values, q) == pytest.approx(float(np.percentile(values, q)), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[31m\x7f\x85", "a⟨U+0000⟩b⟨U+001B⟩[31m⟨U+007F⟩⟨U+0085⟩"),
        ("\ud800\u202egnp\u2066\U000e0041", "⟨U+D800⟩⟨U+202E⟩gnp⟨U+2066⟩⟨U+E0041⟩"),
        ("one\r\ntwo\tthree\rfour", "one\ntwo\tthree⟨U+000D⟩four"),
        ("می\u200cخواهم 👩\u200d🔬 שלום\u200f 北京", "می\u200cخواهم 👩\u200d🔬 שלום\u200f 北京"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_visible_text_has_no_control_character_and_can_be_written(text: str) -> None:
    shown = visible(text)
    assert not [one for one in shown if unicodedata.category(one) in {"Cc", "Cs"} and one not in "\n\t"]
    shown.encode("utf-8")
    assert visible(shown) == shown


@given(st.text(max_size=500), st.integers(5, 60))
def test_shorten(text: str, length: int) -> None:
    short = shorten(text, length)
    assert len(short) <= length
    assert "\n" not in short
    words = " ".join(text.split())
    assert short == words or (short.endswith("…") and words.startswith(short[:-1]))
