"""Passwords, what each may see, and the file that holds both."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest

pytest.importorskip("streamlit")
from users import User, hash_password, read_users, signs_in, write_user

from rag.errors import FilterError, RagError

RAG = Path(sys.executable).with_name("rag")
PASSWORD = "correct horse battery"


def test_names_and_filters_of_any_script_come_back(tmp_path):
    for name in ("𠮷田", "a\x7fb", "tab\tnew\nline", "😀"):
        write_user(tmp_path / "users.toml", name, PASSWORD, where=f"team = '{'𠮷'}'")
    accounts = read_users(tmp_path / "users.toml")
    assert set(accounts) == {"𠮷田", "a\x7fb", "tab\tnew\nline", "😀"}
    assert accounts["😀"].user.where == "team = '𠮷'"


@pytest.fixture
def file(tmp_path):
    write_user(tmp_path / "users.toml", "ann", PASSWORD, where="tenant = 'acme'", manages=False)
    write_user(tmp_path / "users.toml", 'o\'neil "q"', "another password")
    return tmp_path / "users.toml"


def test_who_signs_in_with_what(file):
    accounts = read_users(file)
    assert signs_in(accounts, "ann", PASSWORD) == User("ann", "tenant = 'acme'", manages=False)
    assert signs_in(accounts, 'o\'neil "q"', "another password") == User('o\'neil "q"')
    for name, password in (("ann", "another password"), ("ann", ""), ("bob", PASSWORD), ("", "")):
        assert signs_in(accounts, name, password) is None


def test_one_who_signs_in_elsewhere_has_no_password_to_guess(tmp_path):
    (tmp_path / "users.toml").write_text('[users."a@b.c"]\nwhere = "x = 1"\n')
    accounts = read_users(tmp_path / "users.toml")
    assert accounts["a@b.c"].user.where == "x = 1"
    assert signs_in(accounts, "a@b.c", "") is None


def test_the_hash_is_scrypt_and_salted():
    one, other = hash_password(PASSWORD), hash_password(PASSWORD)
    assert one != other
    _, n, r, p, salt, digest = one.split("$")
    assert (int(n), int(r), int(p)) == (32768, 8, 1)
    expected = hashlib.scrypt(PASSWORD.encode(), salt=b64decode(salt), n=32768, r=8, p=1, maxmem=1 << 26, dklen=32)
    assert b64decode(digest) == expected


def test_the_file_is_for_its_owner_alone(file):
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("users = 3", "cannot be read"),
        ("[users]\n", "names nobody"),
        ('[users.a]\npasword = "x"', "pasword"),
        ('[users.a]\npassword = "secret"', "no scrypt hash"),
        ('[users.a]\npassword = "scrypt$2$8$1$AAAA$AAAA"', "weaker"),
        ('[users.a]\nwhere = "tenant ="', "found the end"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path, text, says):
    (tmp_path / "users.toml").write_text(text)
    with pytest.raises(RagError, match=says):
        read_users(tmp_path / "users.toml")


def test_a_filter_of_ones_own_stays_within_what_one_may_see():
    ann = User("ann", "tenant = 'acme'")
    assert ann.limited(None) == "tenant = 'acme'"
    assert ann.limited("year > 2 or year < 1") == "(tenant = 'acme') and (year > 2 or year < 1)"
    assert User().limited(None) is None
    for outside in ("path = 'x') or (path != 'x'", "x = 1) or (1 = 1", "x = 1 or", "(", "x = 1) -- "):
        with pytest.raises(FilterError):
            ann.limited(outside)


def test_the_command_writes_the_file(tmp_path):
    def run(*arguments, password=PASSWORD):
        return subprocess.run(
            [RAG, "app-user", *arguments],
            input=f"{password}\n",
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("ann", "--where", "tenant = 'acme'", "--read-only")
    assert done.returncode == 0, done.stderr
    assert signs_in(read_users(tmp_path / "users.toml"), "ann", PASSWORD) == User(
        "ann", "tenant = 'acme'", manages=False
    )
    for given, says in ((("bob", "--where", "tenant ="), "found the end"), (("bob",), "10 characters")):
        done = run(*given, password="short")
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    assert list(read_users(tmp_path / "users.toml")) == ["ann"]
