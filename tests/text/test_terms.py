"""Index terms: values by language, and that a query finds a passage whatever its language was taken for."""

import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import ANALYZER_VERSION, is_stop_word, query_terms, stem, terms
from rag.text.stop_words import STOP_WORDS
from rag.text.terms import _SIMPLE, _SIMPLE_WORD, _icu_units


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "The companies' runners weren't running", ["compani", "runner", "run"]),
        ("en", "Café RÉSUMÉ naïve cafe", ["cafe", "resum", "naiv", "cafe"]),
        ("en", "the U.S. and the U.S.A.", ["us", "usa"]),
        ("en", "see example.com/foo_bar", ["see", "exampl", "com", "foo", "bar"]),
        ("en", "note:this sentence.Next", ["note", "sentenc", "next"]),
        ("en", "ﬁne Ｆｕｌｌ ½", ["fine", "full", "1", "2"]),
        ("de", "Die Größe der Häuser, Straßen", ["gross", "haus", "strass"]),
        ("fr", "l'amour qu'il aujourd’hui", ["amour", "aujourd", "hui"]),
        ("it", "dell'università", ["univers"]),
        ("es", "las canciones", ["cancion"]),
        ("tr", "İstanbul'da KIZ", ["istanbul", "kız"]),
        ("el", "ΛΌΓΟΣ λόγος λόγου", ["λογ", "λογ", "λογ"]),
        ("ru", "Ёлка ёлки за́мок", ["елк", "елк", "замок"]),
        ("ro", "orașul oraşul", ["oras", "oras"]),
        ("vi", "Việt Nam", ["việt", "nam"]),
        ("sv", "Malmö", ["malmö"]),
        ("", "running", ["run"]),
        ("xx", "the running", ["the", "running"]),
    ],
)
def test_spaced_languages(language, text, expected):
    assert terms(text, language) == expected


def test_arabic_forms_of_a_word_meet():
    assert terms("المدرسة مَدْرَسَةٌ مـدرسة والمدرسة بالمدرسة", "ar") == [stem("مدرسة", "ar")] * 5
    assert terms("فريق للفريق الفريق", "ar") == ["فريق"] * 3
    assert terms("أحمد احمد", "ar") == ["احمد"] * 2


def test_hindi_spellings_meet_and_matras_stay():
    assert len(set(terms("हिन्दी हिंदी", "hi"))) == 1
    assert terms("किताब", "hi") != terms("कतब", "hi")
    assert len(set(terms("लड़का लड़के लड़कियों", "hi"))) == 1


def test_scripts_without_spaces_are_bigrams_of_characters_with_their_marks():
    assert terms("我喜欢北京", "zh") == ["我喜", "喜欢", "欢北", "北京"]
    assert terms("我 爱", "zh") == ["我", "爱"]
    assert terms("カタカナとﾊﾝｶｸ", "ja") == ["カタ", "タカ", "カナ", "ナと", "とハ", "ハン", "ンカ", "カク"]
    assert terms("한국어는 말", "ko") == ["한국", "국어", "어는", "말"]
    assert terms("สวัสดี", "th") == ["สวั", "วัส", "สดี"]
    assert terms("购买HX-200型", "zh") == ["购买", "hx", "200", "hx200", "型"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "1,000 1,234,567.50 3.5 1.000 1,2", ["1000", "1234567.50", "3.5", "1.000", "1", "2"]),
        ("de", "1.000 1.234.567,50 3,5", ["1000", "1234567.50", "3.5"]),
        ("en", "1.234.567 1'000'000", ["1234567", "1000000"]),
        ("fr", "1\u202f000 maisons", ["1000", "maison"]),
        ("ar", "١٢٣", ["123"]),
        ("en", "v1.2.3 10.0.0.1", ["v1.2.3", "10.0.0.1"]),
    ],
)
def test_numbers_are_kept_whole_and_without_separators(language, text, expected):
    assert terms(text, language) == expected


def test_an_identifier_is_found_by_part_and_in_any_spelling():
    assert terms("HX-200", "en") == ["hx", "200", "hx200"]
    assert set(terms("HX200", "en")) < set(terms("HX-200", "en"))
    assert terms("10-year-old", "en") == ["10", "year", "old"]


def test_words_of_another_script_are_analysed_by_its_own_language():
    assert terms("the engines", "zh") == terms("the engines", "ru") == ["engin"]
    assert terms("книги the books", "en") == ["книг", "book"]


@pytest.mark.parametrize("language", STOP_WORDS)
def test_every_listed_stop_word_is_dropped(language):
    for word in STOP_WORDS[language].split():
        assert is_stop_word(word, language), word
        assert terms(word, language) == [] or "'" in word, word


TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "The",
                "running",
                "houses",
                "die",
                "Häuser",
                "книги",
                "أحمد",
                "लड़के",
                "我喜欢",
                "สวัสดี",
                "l'eau",
                "HX-200",
                "1,000",
                "foo_bar",
                "ß",
                "İ",
            ]
        )
    ).map(" ".join),
)
LANGUAGES = st.sampled_from(["", "en", "de", "fr", "tr", "ru", "ar", "hi", "zh", "th", "xx"])


@given(TEXTS, LANGUAGES)
def test_with_one_language_a_query_is_analysed_as_a_text(text, language):
    assert query_terms(text, [language]) == terms(text, language)


@given(
    st.sampled_from(["running", "houses", "Häuser", "книги", "أحمد", "लड़के", "我喜欢", "สวัสดี", "HX-200", "1,000"]),
    st.lists(LANGUAGES, min_size=1),
)
def test_a_word_is_found_under_whichever_language_its_passage_was_taken_for(word, languages):
    found = query_terms(word, languages)
    for language in languages:
        assert set(terms(word, language)) <= set(found)
    assert query_terms(word, [*reversed(languages), *languages]) == found


def test_stop_words_of_the_querys_own_language_are_dropped():
    assert query_terms("What is the capital of the country?", ["de", "en"]) == [
        "capital",
        "capit",
        "country",
        "countri",
    ]
    assert query_terms("die hard", ["de", "en"]) == ["die", "hard"]
    assert query_terms("running", []) == ["run"]


@given(st.text(st.sampled_from("aZé ßΩλжЯ_-‐.,;:'’‘·!12\n\u00bd€œſ") | st.characters(max_codepoint=0x52F)))
def test_the_fast_path_finds_the_words_that_icu_finds(text):
    text = unicodedata.normalize("NFKC", text)
    if _SIMPLE.fullmatch(text):
        assert _SIMPLE_WORD.findall(text) == list(_icu_units(text))


@given(st.text(), LANGUAGES)
def test_terms_are_never_empty_nor_blank(text, language):
    assert all(term and not any(map(str.isspace, term)) for term in terms(text, language))


def test_terms_do_not_depend_on_the_hash_seed():
    code = (
        "from rag.text import terms, query_terms; text = 'The HX-200 und die Häuser 我喜欢';"
        "print(terms(text), query_terms(text, ['fr', 'en', 'de', '']))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_the_version_names_what_terms_depend_on():
    assert ANALYZER_VERSION.startswith("1+snowball")
    assert "+icu" in ANALYZER_VERSION
