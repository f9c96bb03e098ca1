"""A key is held for one address, in memory alone, and no message, file or child process has it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rag.errors import CredentialError
from rag.keys import address_of, forget_key, has_key, hold_key, read_key, without_key

HERE = "https://one.example/v1"
KEY = "sk-held-4711-very-secret"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    forget_key(HERE)
    forget_key("")


def test_a_held_key_is_for_its_address_alone(monkeypatch):
    monkeypatch.setenv("SOME_KEY", "sk-of-the-environment")
    hold_key(f"{HERE}/", f" {KEY}\n")
    assert has_key(HERE)
    assert read_key("SOME_KEY", HERE) == read_key("", f"{HERE}/") == KEY
    for other in ("https://two.example/v1", "http://one.example/v1", "https://one.example", f"{HERE}/more", ""):
        assert not has_key(other)
        assert read_key("SOME_KEY", other) == "sk-of-the-environment"
    forget_key(HERE)
    assert read_key("", HERE) == ""


def test_no_address_is_openais():
    hold_key("", KEY)
    assert address_of("") == "https://api.openai.com/v1"
    assert has_key("https://api.openai.com/v1/")


@pytest.mark.parametrize("key", ["", "  \n", "sk-two words", "sk-\nnewline", "sk-é", "sk-\x00"])
def test_what_is_no_key_is_refused_and_not_repeated(key, monkeypatch):
    with pytest.raises(CredentialError) as caught:
        hold_key(HERE, key)
    assert not has_key(HERE)
    assert "sk-" not in str(caught.value) + repr(caught.value)
    if key.strip() and "\x00" not in key:
        monkeypatch.setenv("SOME_KEY", key)
        with pytest.raises(CredentialError, match="SOME_KEY") as caught:
            read_key("SOME_KEY", HERE)
        assert "sk-" not in str(caught.value)


def test_no_child_process_has_it():
    hold_key(HERE, KEY)
    assert KEY not in os.environ.values()
    child = [sys.executable, "-c", "import os; print(dict(os.environ))"]
    assert KEY not in subprocess.run(child, capture_output=True, text=True, check=True).stdout


def test_a_text_without_its_key():
    assert without_key(f"Illegal header value b'Bearer {KEY}'", KEY) == "Illegal header value b'Bearer ***'"
    assert without_key("none at all", "") == "none at all"
