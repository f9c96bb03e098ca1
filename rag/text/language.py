"""Which language a text is written in: by its script where that decides, else by naive Bayes (py3langid)."""

from __future__ import annotations

import copy
import re
import tempfile
from collections import Counter
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.text._scripts import LANGUAGES, script_of
from rag.text.stop_words import STOP_WORDS

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

MIN_LETTERS = 12
MIN_PROBABILITY = 0.5
# Three windows, because the first lines of a file are often a licence or a masthead in another language.
_WINDOW = 120
# Chinese holds no kana; Japanese of any register holds more than this share.
_KANA_SHARE = 0.05
# Function words decide for English before naive Bayes, which takes an English passage with three foreign
# names for their language, and is fifty times as slow.
_ENGLISH_SHARE = 0.2
_ENGLISH_LEAD = 1.5
_WORD = re.compile(r"[^\W\d_]+")

_lock = Lock()


def detect_language(text: str) -> str:
    """The ISO 639-1 code of the text's language, "" if it cannot be told.

    At most 360 characters are looked at: the beginning, the middle and the end. Scripts that one
    language uses are decided by the script; the others need 12 letters and a probability of one
    half among the languages written in the script.
    """
    sample = _sample(text)
    script, letters = _main_script(sample)
    candidates = LANGUAGES.get(script, ())
    if script == "Han" or len(candidates) == 1:
        return candidates[0]
    if letters < MIN_LETTERS:
        return ""
    if script == "Latin" and _is_english(sample):
        return "en"
    with _lock:
        identifier = _identifier(script)
    language, probability = identifier.classify(sample)
    if probability < MIN_PROBABILITY:
        return ""
    # One Norwegian: the stemmer and the stop words do not tell Bokmål from Nynorsk.
    return "no" if language in {"nb", "nn"} else str(language)


def _sample(text: str) -> str:
    if len(text) <= 3 * _WINDOW:
        return text
    middle = len(text) // 2
    return " ".join((text[:_WINDOW], text[middle : middle + _WINDOW], text[-_WINDOW:]))


def _main_script(sample: str) -> tuple[str, int]:
    """The script of most letters, and how many they are; Japanese counts as Kana."""
    if sample.isascii():
        return "Latin", sum(map(str.isalpha, sample))
    scripts = Counter(map(script_of, sample))
    del scripts[""]
    japanese = scripts["Kana"] + scripts["Han"]
    if scripts["Kana"] > _KANA_SHARE * japanese:
        scripts["Kana"], scripts["Han"] = japanese, 0
    # max() takes the first of equals and Counter keeps the order of the text, so this is settled.
    return max(scripts.items(), key=lambda item: item[1], default=("", 0))


def _is_english(sample: str) -> bool:
    languages = _languages_of_function_words()
    words = _WORD.findall(sample.lower())
    found = Counter(code for word in words for code in languages.get(word, ()))
    others = max((count for code, count in found.items() if code != "en"), default=0)
    return found["en"] >= max(3, _ENGLISH_SHARE * len(words), _ENGLISH_LEAD * others)


@cache
def _languages_of_function_words() -> dict[str, tuple[str, ...]]:
    codes: dict[str, tuple[str, ...]] = {}
    for code, listed in STOP_WORDS.items():
        for word in listed.split():
            codes[word] = (*codes.get(word, ()), code)
    return codes


@cache
def _identifier(script: str) -> LanguageIdentifier:
    identifier = copy.copy(_model())
    known = set(identifier.labels)
    identifier.set_languages([code for code in LANGUAGES[script] if code in known])
    return identifier


@cache
def _model() -> LanguageIdentifier:
    # Half a second and 60 MB, so only when a text needs it.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    try:
        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    except OSError as error:
        raise ModelError(
            f"the language model could not be unpacked: {error.strerror or error}",
            where=str(error.filename or tempfile.gettempdir()),
            hint="free some space there, or set TMPDIR",
        ) from error
