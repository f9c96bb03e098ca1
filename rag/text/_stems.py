"""One word -> its index form in one language: case, marks and spelling folded, then stemmed."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from threading import Lock

import Stemmer

SNOWBALL = {
    "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french",
    "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip

# Languages whose writers and readers treat a letter with a mark as the same letter: a query typed
# without marks should match. In the others (Swedish å, Vietnamese tones, Turkish ş) it is another letter.
_MARKS_FOLDED = frozenset({"ca", "de", "es", "fr", "it", "nl", "pt", "ro"})
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_ARABIC_MARKS = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
_HEBREW_MARKS = re.compile("[\u0591-\u05c7]")
_ARABIC_LETTERS = str.maketrans("أإآٱىة", "اااايه")
_PERSIAN_LETTERS = str.maketrans("يىكةۀ", "ییکهه")
_ROMANIAN_CEDILLA = str.maketrans("şţ", "șț")
_HINDI_NUKTA = str.maketrans({"\u093c": None, "\u0901": "\u0902"})
_HINDI_NASAL = re.compile("[ङञणनम]\u094d(?=[क-ह])")

# light10 (Larkey, Ballesteros and Connell, Light Stemming for Arabic Information Retrieval, 2007).
_ARABIC_ARTICLES = ("وال", "بال", "كال", "فال", "ال", "لل")
_ARABIC_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")

_lock = Lock()


def fold(word: str, language: str) -> str:
    """Spelling variants of a word (NFKC) become one: case, invisible characters, optional marks."""
    if language in {"tr", "az"}:
        word = word.replace("İ", "i").replace("I", "ı")
    word = word.casefold()
    if word.isascii():
        return word
    word = _INVISIBLE.sub("", word).replace("i\u0307", "i").replace("\u2019", "'").replace("\u2018", "'")
    return _fold_spelling(word, language)


def _fold_spelling(word: str, language: str) -> str:
    if language in {"", "en"}:
        # English stems know no marks: "résumé" has to become "resume" before it is stemmed.
        word = _without_marks(word).translate(_LIGATURES)
    elif language == "ar":
        word = _ARABIC_MARKS.sub("", word).translate(_ARABIC_LETTERS)
    elif language in {"fa", "ur", "ps", "ug"}:
        word = _ARABIC_MARKS.sub("", word).translate(_PERSIAN_LETTERS)
    elif language == "he":
        word = _HEBREW_MARKS.sub("", word)
    elif language == "el":
        word = _without_marks(word)
    elif language in {"hi", "mr", "ne"}:
        word = _HINDI_NASAL.sub("\u0902", word.translate(_HINDI_NUKTA))
    elif language in {"ru", "uk", "be", "bg"}:
        # A stress mark is a combining acute; й and ї are composed by NFKC and stay.
        word = word.replace("\u0301", "").replace("ё", "е")
    elif language == "ro":
        word = word.translate(_ROMANIAN_CEDILLA)
    return word


def stem_folded(word: str, language: str) -> str:
    """The stem of a folded word; itself in a language without a stemmer."""
    if language == "ar":
        return _light10(word)
    algorithm = SNOWBALL.get(language)
    if algorithm:
        with _lock:  # a Snowball stemmer keeps its working word in itself
            word = _stemmer(algorithm).stemWord(word)
    if language in _MARKS_FOLDED and not word.isascii():
        word = _without_marks(word).translate(_LIGATURES)
    return word


@cache
def _stemmer(algorithm: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(algorithm, 0)


def _without_marks(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


def _light10(word: str) -> str:
    # Snowball's Arabic stemmer takes any leading "f" for a conjunction: فريق (team) and للفريق (to the team)
    # come out different.
    if word.startswith("و") and len(word) > 3:
        word = word[1:]
    for article in _ARABIC_ARTICLES:
        if word.startswith(article) and len(word) >= len(article) + 2:
            word = word[len(article) :]
            break
    for suffix in _ARABIC_SUFFIXES:
        if word.endswith(suffix) and len(word) >= len(suffix) + 2:
            word = word[: -len(suffix)]
    return word
