"""Which script a character belongs to, and which languages are written in it."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

# (first, last, script); blocks of letters only, in order. Anything else belongs to no script.
_BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x005A, "Latin"),
    (0x0061, 0x007A, "Latin"),
    (0x00AA, 0x00AA, "Latin"),
    (0x00BA, 0x00BA, "Latin"),
    (0x00C0, 0x00D6, "Latin"),
    (0x00D8, 0x00F6, "Latin"),
    (0x00F8, 0x02AF, "Latin"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0531, 0x0587, "Armenian"),
    (0x05D0, 0x05F2, "Hebrew"),
    (0x0620, 0x06FF, "Arabic"),
    (0x0750, 0x077F, "Arabic"),
    (0x0870, 0x08FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0980, 0x09FF, "Bengali"),
    (0x0A00, 0x0A7F, "Gurmukhi"),
    (0x0A80, 0x0AFF, "Gujarati"),
    (0x0B00, 0x0B7F, "Oriya"),
    (0x0B80, 0x0BFF, "Tamil"),
    (0x0C00, 0x0C7F, "Telugu"),
    (0x0C80, 0x0CFF, "Kannada"),
    (0x0D00, 0x0D7F, "Malayalam"),
    (0x0D80, 0x0DFF, "Sinhala"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Lao"),
    (0x0F00, 0x0FFF, "Tibetan"),
    (0x1000, 0x109F, "Myanmar"),
    (0x10A0, 0x10FF, "Georgian"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1200, 0x139F, "Ethiopic"),
    (0x1780, 0x17FF, "Khmer"),
    (0x1800, 0x18AF, "Mongolian"),
    (0x1C80, 0x1C8F, "Cyrillic"),
    (0x1C90, 0x1CBF, "Georgian"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x1F00, 0x1FFF, "Greek"),
    (0x2C60, 0x2C7F, "Latin"),
    (0x2D00, 0x2D2F, "Georgian"),
    (0x2DE0, 0x2DFF, "Cyrillic"),
    (0x3005, 0x3007, "Han"),
    (0x3021, 0x3029, "Han"),
    (0x3041, 0x30FF, "Kana"),
    (0x3131, 0x318E, "Hangul"),
    (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xA640, 0xA69F, "Cyrillic"),
    (0xA720, 0xA7FF, "Latin"),
    (0xA960, 0xA97F, "Hangul"),
    (0xAA60, 0xAA7F, "Myanmar"),
    (0xAB30, 0xAB6F, "Latin"),
    (0xAC00, 0xD7FB, "Hangul"),
    (0xF900, 0xFAFF, "Han"),
    (0xFB00, 0xFB06, "Latin"),
    (0xFB1D, 0xFB4F, "Hebrew"),
    (0xFB50, 0xFDFF, "Arabic"),
    (0xFE70, 0xFEFC, "Arabic"),
    (0xFF21, 0xFF3A, "Latin"),
    (0xFF41, 0xFF5A, "Latin"),
    (0xFF66, 0xFF9D, "Kana"),
    (0x1B000, 0x1B16F, "Kana"),
    (0x20000, 0x323AF, "Han"),
)
_STARTS = [block[0] for block in _BLOCKS]

_LATIN = (
    "en",
    "de",
    "fr",
    "es",
    "it",
    "pt",
    "ca",
    "nl",
    "sv",
    "da",
    "no",
    "nb",
    "nn",
    "fi",
    "pl",
    "cs",
    "ro",
    "hu",
    "tr",
    "vi",
    "id",
    "et",
    "lt",
    "eu",
    "ga",
    "sk",
    "sl",
    "hr",
    "lv",
    "sq",
    "af",
    "ms",
    "sw",
    "tl",
    "cy",
    "is",
    "mt",
    "az",
    "gl",
    "sr",
)  # fmt: skip
# ISO 639-1 codes, the one to assume for a script first. Languages outside these tables keep their
# own code and are analysed without stems or stop words.
LANGUAGES: dict[str, tuple[str, ...]] = {
    "Latin": _LATIN,
    "Cyrillic": ("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tt", "ba"),
    "Arabic": ("ar", "fa", "ur", "ps", "ug"),
    "Devanagari": ("hi", "mr", "ne"),
    "Bengali": ("bn", "as"),
    "Hebrew": ("he",),
    "Greek": ("el",),
    "Armenian": ("hy",),
    "Georgian": ("ka",),
    "Gurmukhi": ("pa",),
    "Gujarati": ("gu",),
    "Oriya": ("or",),
    "Tamil": ("ta",),
    "Telugu": ("te",),
    "Kannada": ("kn",),
    "Malayalam": ("ml",),
    "Sinhala": ("si",),
    "Ethiopic": ("am",),
    "Mongolian": ("mn",),
    "Tibetan": ("bo",),
    "Thai": ("th",),
    "Lao": ("lo",),
    "Myanmar": ("my",),
    "Khmer": ("km",),
    "Hangul": ("ko",),
    "Kana": ("ja",),
    "Han": ("zh", "ja", "ko"),
}
_SCRIPTS_OF: dict[str, frozenset[str]] = {
    code: frozenset(script for script, codes in LANGUAGES.items() if code in codes)
    for codes in LANGUAGES.values()
    for code in codes
}


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """The script of one letter or mark, "" for digits, punctuation and scripts without a table."""
    code = ord(character)
    index = bisect_right(_STARTS, code) - 1
    if index >= 0 and code <= _BLOCKS[index][1]:
        return _BLOCKS[index][2]
    return ""


def word_script(word: str) -> str:
    """The script of the first character that has one, "" if none has."""
    for character in word:
        script = script_of(character)
        if script:
            return script
    return ""


def language_of(script: str, language: str) -> str:
    """The language to analyse a word of ``script`` by, in a text of ``language``.

    A language applies to the scripts it is written in; a word in another script (a Latin name in a
    Chinese text), and any word of a text whose language is unknown, takes the script's first
    language. A code without a table applies to every script.
    """
    if not script or (language and script in _SCRIPTS_OF.get(language, (script,))):
        return language
    return LANGUAGES[script][0]
