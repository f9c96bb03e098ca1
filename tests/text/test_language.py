"""Language detection."""

import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ModelError
from rag.text import detect_language, language

SENTENCES = {
    "en": "The museum was opened in 1905 and it is one of the largest in the country.",
    "de": "Das Museum wurde 1905 eröffnet und ist eines der größten des Landes.",
    "fr": "Le musée a été ouvert en 1905 et il est l'un des plus grands du pays.",
    "es": "El museo se inauguró en 1905 y es uno de los más grandes del país.",
    "it": "Il museo fu aperto nel 1905 ed è uno dei più grandi del paese.",
    "pt": "O museu foi inaugurado em 1905 e é um dos maiores do país.",
    "nl": "Het museum werd in 1905 geopend en is een van de grootste van het land.",
    "ro": "Muzeul a fost deschis în 1905 și este unul dintre cele mai mari din țară.",
    "tr": "Müze 1905 yılında açıldı ve ülkenin en büyük müzelerinden biridir.",
    "vi": "Bảo tàng được mở cửa vào năm 1905 và là một trong những bảo tàng lớn nhất.",
    "pl": "Muzeum zostało otwarte w 1905 roku i jest jednym z największych w kraju.",
    "fi": "Museo avattiin vuonna 1905 ja se on yksi maan suurimmista.",
    "no": "Museet ble åpnet i 1905 og er et av de største i landet.",
    "ru": "Музей был открыт в 1905 году и является одним из крупнейших в стране.",
    "uk": "Музей було відкрито в 1905 році, і він є одним із найбільших у країні.",
    "ar": "افتتح المتحف عام 1905 وهو من أكبر المتاحف في البلاد.",
    "fa": "این موزه در سال ۱۹۰۵ افتتاح شد و یکی از بزرگترین موزه‌های کشور است.",
    "hi": "संग्रहालय 1905 में खोला गया था और यह देश के सबसे बड़े संग्रहालयों में से एक है।",
    "el": "Το μουσείο άνοιξε το 1905 και είναι ένα από τα μεγαλύτερα της χώρας.",
    "he": "המוזיאון נפתח בשנת 1905 והוא אחד הגדולים במדינה.",
    "th": "พิพิธภัณฑ์เปิดในปี 1905",
    "zh": "博物馆于1905年开放，是全国最大的博物馆之一。",
    "ja": "博物館は1905年に開館し、国内最大級である。",
    "ko": "박물관은 1905년에 개관했으며 국내 최대 규모이다.",
    "ta": "அருங்காட்சியகம் 1905 இல் திறக்கப்பட்டது.",
}


@pytest.mark.parametrize(("language", "sentence"), SENTENCES.items())
def test_a_sentence_is_enough(language, sentence):
    assert detect_language(sentence) == language


@pytest.mark.parametrize("text", ["", "  \n", "12345 67", "HX-200", "Это", "?!…", "\U0001f600"])
def test_what_cannot_be_told_is_said_to_be_unknown(text):
    assert detect_language(text) == ""


def test_foreign_names_do_not_make_an_english_passage_foreign():
    text = "Rhiryd ap Bleddyn (1049-1088) was a Welsh king of Powys. He was a son of Bleddyn ap Cynfyn."
    assert detect_language(text) == "en"


def test_a_foreign_masthead_does_not_decide_for_a_long_text():
    assert detect_language(SENTENCES["de"] + "\n" + SENTENCES["en"] * 40) == "en"


def test_japanese_with_few_kana_and_chinese_with_none():
    assert detect_language("東京都知事選挙は日曜日") == "ja"
    assert detect_language("東京都知事選舉日曜日") == "zh"


@given(st.text())
def test_any_text_gives_a_code_or_nothing(text):
    code = detect_language(text)
    assert code == "" or (len(code) == 2 and code.isalpha())


def test_a_full_temporary_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(ModelError, match=r"gone.*TMPDIR"):
        language._model.__wrapped__()
