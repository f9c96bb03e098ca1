"""How texts and numbers look on a page. No text from a document brings a control character along."""

from __future__ import annotations

import math
import re
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

NOTHING = "–"

# Control characters but tab and newline; lone surrogates; non-characters; and what reorders or hides text. The
# joiners and the plain direction marks stay: Persian, Hindi, Hebrew and emoji are written with them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u180e\u202a-\u202e\u2061-\u206f\ufeff\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """``text`` with every control character replaced by its code point: ⟨U+0000⟩ for NUL."""
    return _UNSEEN.sub(_sign, text.replace("\r\n", "\n"))


def _sign(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def shorten(text: str, length: int) -> str:
    """``text`` on one line, cut to ``length`` characters with an ellipsis."""
    line = " ".join(text[: 4 * length].split())
    return line if len(line) <= length and len(text) <= 4 * length else f"{line[: length - 1].rstrip()}…"


def number(value: float | None, digits: int = 4) -> str:
    """``value`` with so many decimals and a true minus sign."""
    if value is None:
        return NOTHING
    # Decimal, so that what is shown is the float rounded, never a float's product rounded
    text = str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN))
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def signed(value: float | None, digits: int = 4) -> str:
    """As ``number``, with a plus sign where it is positive."""
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and float(text) != 0 else text


def p_value(value: float) -> str:
    """A p-value with three decimals; a smaller one only as a bound."""
    return "< 0.001" if value < 0.001 else number(value, 3)


def percent(share: float) -> str:
    """A share in percent with one decimal; only nothing is 0%, and only everything 100%."""
    if share in (0, 1):
        return f"{share:.0%}"
    text = f"{share:.1%}"
    return {"0.0%": "< 0.1%", "100.0%": "> 99.9%"}.get(text, text)


def duration(seconds: float | None) -> str:
    """Seconds in the unit that suits them, with three digits: 8.42 ms, 1.30 s, 2 min 05 s, 1 h 02 min."""
    if seconds is None:
        return NOTHING
    if seconds < 59.95:
        amount, unit = (seconds * 1000, "ms") if seconds < 0.9995 else (seconds, "s")
        digits = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
        return f"{amount:.{digits}f} {unit}"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def moment(text: str) -> str:
    """An ISO 8601 date and time as one reads it: 2026-05-14 09:12:47 UTC. Other texts as they are."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{read:%Y-%m-%d %H:%M:%S %Z}".rstrip()


def percentile(values: list[float], q: float) -> float:
    """The ``q``-th percentile, 0 to 100, interpolated between neighbours (Hyndman and Fan 1996, definition 7)."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * q / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
