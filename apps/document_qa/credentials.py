"""Which keys of the server a recipe may use: that of its environment goes only where it went before.

Keys that are typed into the app are held by ``rag.keys``: in memory, each for one address.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from settings import AppSettings
from users import AccessError

from rag.keys import address_of
from rag.recipe import Recipe

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_keys(settings: AppSettings, current: Recipe, wanted: Recipe) -> None:
    """Raises AccessError where users sign in and a key of the server's environment would go to another address.

    Whoever may change the recipe could otherwise have any variable of the server sent anywhere.
    """
    if settings.users is None:
        return
    for variable, address in _uses(wanted) - _uses(current):
        if os.environ.get(variable):  # also where a key is held: it can be forgotten, and the recipe stays
            raise AccessError(
                f"the server's own {variable} is not sent there",
                where=address,
                hint="name no variable and give a key for this address in the settings, "
                "or have the app started with this recipe",
            )


def _uses(recipe: Recipe) -> set[tuple[str, str]]:
    """(variable, address) of all sections that may name one, whether in use or not."""
    return {(part.api_key_env, address_of(part.base_url)) for part in (recipe.generator, recipe.embedder)}


def is_address(base_url: str) -> bool:
    """Whether it can be the base of an API: http or https, a host, and no name or password of anybody."""
    try:
        parts = urlsplit(base_url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:  # such as brackets that are no IPv6 address
        return False


def is_variable(name: str) -> bool:
    """Whether an environment variable can have that name; "" is none."""
    return not name or _VARIABLE.fullmatch(name) is not None


def is_open(base_url: str) -> bool:
    """Whether what is sent there can be read on the way: no https, and not this machine."""
    parts = urlsplit(address_of(base_url))
    if parts.scheme == "https":
        return False
    try:
        return not ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname != "localhost"
