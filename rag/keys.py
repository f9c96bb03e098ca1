"""The keys of APIs: from the environment, or held for one address in the memory of this process alone.

A held key is in no file, no environment and no child process, and no other address is sent it, whatever a recipe says.
"""

from __future__ import annotations

import os
import threading

from rag.errors import CredentialError

__all__ = ["OPENAI_URL", "address_of", "forget_key", "has_key", "hold_key", "read_key", "without_key"]

OPENAI_URL = "https://api.openai.com/v1"

_held: dict[str, str] = {}
_changing = threading.Lock()


def address_of(base_url: str) -> str:
    """The address by which a key is held: "" is OpenAI's own."""
    return (base_url or OPENAI_URL).rstrip("/")


def hold_key(base_url: str, key: str) -> None:
    """Hold a key for an address until it is forgotten or the process ends. Raises CredentialError."""
    address = address_of(base_url)
    usable = _usable(key, where=address)
    if not usable:
        raise CredentialError("the API key is empty", where=address)
    with _changing:
        _held[address] = usable


def forget_key(base_url: str) -> None:
    """Hold no key for the address any longer."""
    with _changing:
        _held.pop(address_of(base_url), None)


def has_key(base_url: str) -> bool:
    """Whether a key is held for the address."""
    return address_of(base_url) in _held


def read_key(variable: str, base_url: str) -> str:
    """The key held for the address, else that in the environment variable; "" without either.

    Raises CredentialError for one that no HTTP header can carry.
    """
    held = _held.get(address_of(base_url))
    return held or _usable(os.environ.get(variable, "") if variable else "", where=variable)


def without_key(text: str, key: str) -> str:
    """The text with stars for the key, which servers and HTTP libraries repeat in their errors."""
    return text.replace(key, "***") if key else text


def _usable(key: str, *, where: str) -> str:
    """Without blanks around it."""
    key = key.strip()
    if not all("!" <= each <= "~" for each in key):
        raise CredentialError(
            "this is no API key: it holds blanks or characters beyond ASCII", where=where, hint="copy it again"
        )
    return key
