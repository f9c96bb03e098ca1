"""What this app is: its version and licence; for those who manage it, where things are and what room they take."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from escaping import plain
from library import Library
from recipes import name_of
from users import User
from visitor import Visitor

import rag
from rag.errors import NotAnIndexError
from rag.models import cache_dir


def manages_all(user: User) -> bool:
    """Whether somebody may change the index and see all of it, which its recipe is for."""
    return user.manages and not user.where


def about(held: Library, who: Visitor) -> None:
    """A line for each fact."""
    say = who.say
    rows = {
        say("preferences.version"): f"Ragstone {rag.__version__}",
        say("preferences.licence"): "Apache-2.0",
    }
    if manages_all(who.user):
        rows |= {
            say("preferences.recipe_used"): name_of(held.pipeline.recipe, held.settings.recipes)
            or say("preferences.unnamed"),
            say("preferences.index"): str(held.settings.index.resolve()),
            say("preferences.index_room"): size(_index_bytes(held)),
            say("preferences.models_folder"): str(cache_dir()),
            say("preferences.models_room"): size(folder_bytes(cache_dir())),
        }
    for name, value in rows.items():
        st.text(f"{name}: {value}")
    if manages_all(who.user) and held.settings.recipe:
        st.info(say("preferences.started_with", recipe=plain(held.settings.recipe)))


def _index_bytes(held: Library) -> int:
    try:
        return held.pipeline.info().bytes
    except NotAnIndexError:
        return 0


def folder_bytes(folder: Path) -> int:
    """Bytes of the files in a folder and below; 0 where there is none."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def size(count: int) -> str:
    """Bytes for people, in units of 1000, as in "98.4 MB"."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.95 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
