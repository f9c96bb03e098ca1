"""Where the app may be started, and what its interface says."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("streamlit")
from settings import AppSettings, check
from users import AccessError
from words import language_of, saying

APP = Path(__file__).parents[2] / "apps" / "document_qa"
INDEX = Path("index")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_needs_no_users(host):
    assert check(AppSettings(INDEX, host=host)).loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.example.org", ""])
def test_any_other_address_does(host):
    with pytest.raises(AccessError, match="nobody would have to sign in"):
        check(AppSettings(INDEX, host=host))
    assert check(AppSettings(INDEX, host=host, users=Path("users.toml"))).host == host
    with pytest.raises(AccessError, match="everybody with an account"):
        check(AppSettings(INDEX, host=host, oidc=True))
    assert check(AppSettings(INDEX, host=host, oidc=True, users=Path("users.toml"))).host == host


def test_a_certificate_goes_with_its_key():
    with pytest.raises(AccessError, match="together"):
        check(AppSettings(INDEX, certificate=Path("a.pem")))


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_everything_with_the_same_gaps():
    sections = tomllib.loads((APP / "words.toml").read_text("utf-8"))
    for room, keys in sections.items():
        for key, words in keys.items():
            assert set(words) == {"en", "zh"}, (room, key)
            assert fields(words["en"]) == fields(words["zh"]), (room, key)
            assert re.search(r"[\u4e00-\u9fff]", words["zh"]), (room, key)


def test_every_word_that_a_page_says_is_there_and_every_one_there_is_said():
    sections = tomllib.loads((APP / "words.toml").read_text("utf-8"))
    known = {f"{room}.{key}" for room, keys in sections.items() for key in keys}
    texts = {
        node.value
        for file in APP.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    rooms = "|".join(sections)
    assert {text for text in texts if re.fullmatch(rf"(?:{rooms})\.[a-z_0-9]+", text)} <= known
    # some are put together: "ask." and what was clicked on
    assert {key for key in known if key not in texts and key.removeprefix("ask.") not in texts} == set()


def test_words():
    assert saying("en")("ask.page", page=3) == "page 3"
    assert saying("zh")("ask.page", page=3) == "第 3 页"
    assert [language_of(locale) for locale in ("zh-CN", "ZH", "en-GB", "de", None)] == ["zh", "zh", "en", "en", "en"]
