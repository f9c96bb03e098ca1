"""The app's pages, and what stands beside all of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st
from ask import ask_page
from documents import documents_page
from escaping import plain
from evaluate import evaluate_page
from inside import inside_page
from language import language_box, remember_language
from library import library
from mapping import map_page
from preferences import settings_page
from settings import app_settings
from streamlit.navigation.page import StreamlitPage
from visitor import Visitor, visitor
from welcome import welcome_page

from rag.errors import RagError

# an icon of Streamlit's own would be fetched from another origin
ICON = Path(__file__).with_name("icon.png")


def _beside(who: Visitor, page: StreamlitPage) -> None:
    with st.sidebar:
        if page.url_path != "settings":  # it has the box itself
            language_box(who, key="language box")
        remember_language(who)
        if who.user.name:
            told = who.say("app.sign_out", name=plain(who.user.name))
            if app_settings().oidc:
                st.button(told, on_click=st.logout, icon=":material/logout:")
            else:
                st.link_button(told, "/sign-out", icon=":material/logout:")


def main() -> None:
    """Choose the page, and show it."""
    st.set_page_config(page_title="Ragstone", page_icon=str(ICON), layout="wide")
    who = visitor()
    try:
        held = library()
        first = welcome_page if held.empty else ask_page
    except RagError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    shown = [
        ("app.ask", ":material/chat:", first),
        ("app.documents", ":material/folder_open:", documents_page),
        ("app.inside", ":material/search:", inside_page),
        ("app.map", ":material/scatter_plot:", map_page),
        ("app.evaluate", ":material/analytics:", evaluate_page),
        ("app.settings", ":material/settings:", settings_page),
    ]
    pages = [
        st.Page(
            partial(page, held, who),
            title=who.say(key),
            icon=icon,
            url_path=key.removeprefix("app."),
            default=place == 0,
        )
        for place, (key, icon, page) in enumerate(shown)
    ]
    page = st.navigation(pages)
    _beside(who, page)
    try:
        page.run()
    except RagError as error:
        st.error(plain(str(error)), icon=":material/error:")


main()
