"""Who may use the app: a TOML file of people, what each may see, and the scrypt hash of a password.

    [users.ann]
    password = "scrypt$32768$8$1$<salt>$<hash>"      # `rag app-user ann` writes it
    where = "tenant = 'acme'"                        # all that she searches, lists and reads; everything if left out
    manages = false                                  # may she add and delete documents; true if left out

With sign-in by OpenID Connect, a name is an e-mail address, and ``password`` is left out.
"""

from __future__ import annotations

import argparse
import hmac
import json
import secrets
import sys
import tomllib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from getpass import getpass
from hashlib import scrypt
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import RagError
from rag.index.filters import narrowed, parse

# RFC 7914's N, r, p: 32 MB and about a tenth of a second a guess
_N, _R, _P = 1 << 15, 8, 1
_MEMORY = 1 << 26
LEAST = 10  # characters of a password


class AccessError(RagError):
    """The app may not be started, or used, in this way."""


@dataclass(frozen=True, slots=True)
class User:
    """A person, the filter that all of their searches are under, and whether they may change the index."""

    name: str = ""
    where: str = ""
    manages: bool = True

    def limited(self, where: str | None) -> str | None:
        """A filter of the user's own choice, within what they may see. Raises FilterError."""
        return narrowed(self.where, where)


@dataclass(frozen=True, slots=True)
class Account:
    """A user and the hash of their password, "" where they sign in elsewhere."""

    user: User
    password: str = ""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    password: str = ""
    where: str = ""
    manages: bool = True


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    users: dict[str, _Entry]


def read_users(path: Path) -> dict[str, Account]:
    """The accounts of a file by name. Raises AccessError."""
    try:
        entries = _File.model_validate(tomllib.loads(path.read_text("utf-8"))).users
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise AccessError(f"the users cannot be read: {error}", where=str(path)) from error
    if not entries:
        raise AccessError("it names nobody", where=str(path), hint="add somebody with `rag app-user NAME`")
    for name, entry in entries.items():
        if entry.where:
            parse(entry.where)
        if entry.password:
            _parts(entry.password, where=f"{path}: {name}")
    return {name: Account(User(name, entry.where, entry.manages), entry.password) for name, entry in entries.items()}


def hash_password(password: str) -> str:
    """What to keep of a password. Raises AccessError for one that is too short."""
    if len(password) < LEAST:
        raise AccessError(f"the password has fewer than {LEAST} characters")
    salt = secrets.token_bytes(16)
    return "$".join(["scrypt", str(_N), str(_R), str(_P), _text(salt), _text(_derive(password, salt, _N, _R, _P))])


def signs_in(accounts: Mapping[str, Account], name: str, password: str) -> User | None:
    """The user of that name, if that is the password. A name nobody has takes as long as a wrong password."""
    account = accounts.get(name)
    stored = account.password if account and account.password else _NOBODY
    n, r, p, salt, expected = _parts(stored, where=name)
    right = hmac.compare_digest(_derive(password, salt, n, r, p), expected)
    return account.user if right and account and account.password else None


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return scrypt(password.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)


def _parts(stored: str, *, where: str) -> tuple[int, int, int, bytes, bytes]:
    try:
        scheme, n, r, p, salt, digest = stored.split("$")
        found = int(n), int(r), int(p), b64decode(salt, validate=True), b64decode(digest, validate=True)
    except ValueError as error:
        raise AccessError("this is no scrypt hash", where=where, hint="make one with `rag app-user NAME`") from error
    if scheme != "scrypt" or len(found[4]) != 32 or found[:3] < (_N, _R, _P):
        raise AccessError("the hash is weaker than it may be", where=where, hint="make one with `rag app-user NAME`")
    return found


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


_NOBODY = "$".join(["scrypt", str(_N), str(_R), str(_P), _text(bytes(16)), _text(bytes(32))])


def write_user(path: Path, name: str, password: str, *, where: str = "", manages: bool = True) -> None:
    """Put an account into a file of users, in the place of one of that name; others stay. Raises AccessError."""
    accounts = read_users(path) if path.exists() else {}
    accounts[name] = Account(User(name, where, manages), hash_password(password))
    lines = []
    for each, account in sorted(accounts.items()):
        lines += [f"[users.{_quoted(each)}]", f"password = {_quoted(account.password)}"]
        lines += [f"where = {_quoted(account.user.where)}"] if account.user.where else []
        lines += ["manages = false"] if not account.user.manages else []
        lines += [""]
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    new.write_text("\n".join(lines), "utf-8")
    read_users(new)
    new.replace(path)


def _quoted(text: str) -> str:
    """A TOML string, which escapes as JSON does, but for DEL, and has no surrogates."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def main() -> int:
    """Ask for a password, and keep its hash."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("users", type=Path)
    parser.add_argument("--where", default="")
    parser.add_argument("--read-only", action="store_true")
    given = parser.parse_args()
    ask = getpass if sys.stdin.isatty() else lambda _: sys.stdin.readline().rstrip("\n")
    try:
        if given.where:
            parse(given.where)
        password = ask(f"Password for {given.name}: ")
        if sys.stdin.isatty() and ask("The same again: ") != password:
            raise AccessError("the two differ")
        write_user(given.users, given.name, password, where=given.where, manages=not given.read_only)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{given.name} may sign in: rag app --users {given.users}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
