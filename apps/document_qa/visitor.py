"""Who is looking at the page: a user who signed in, or whoever sits at this machine; and in which language."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import streamlit as st
from escaping import plain
from server import BROWSER, last_use, sessions
from settings import app_settings
from signing_in import COOKIE
from users import User, read_users
from words import LANGUAGES, Say, language_of, saying

LANGUAGE = "ragstone_language"  # a cookie


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. ``owner`` names those conversations that are theirs."""

    user: User
    owner: str
    say: Say
    language: str


def visitor() -> Visitor:
    """The visitor of this run; where nobody is signed in who has to be, the page ends here."""
    remembered = st.context.cookies.get(LANGUAGE, "")
    usual = remembered if remembered in LANGUAGES else language_of(st.context.locale)
    language = st.session_state.get("language") or usual
    say = saying(language)
    settings = app_settings()
    if settings.oidc:
        user = _by_openid(say)
    elif settings.users:
        found = sessions().use(st.context.cookies.get(COOKIE, ""))
        if found is None:
            st.warning(say("app.signed_out"))
            st.link_button(say("app.sign_in"), "/sign-in")
            st.stop()
        user = found
    else:
        user = User()
    owner = f"user {user.name}" if user.name else f"browser {_browser()}"
    if st.session_state.get("owner", owner) != owner:  # a tab that was another's before it connected again
        st.session_state.clear()
    st.session_state["owner"] = owner
    return Visitor(user, owner, say, language)


def _browser() -> str:
    """What tells this browser from others; of one that keeps no cookies, this page from others."""
    if BROWSER in st.context.cookies:
        return str(st.context.cookies[BROWSER])
    return str(st.session_state.setdefault("page", secrets.token_urlsafe(32)))


def _by_openid(say: Say) -> User:
    if not st.user.is_logged_in:
        st.button(say("app.sign_in"), on_click=st.login)
        st.stop()
    if not last_use().use(f"{st.user.get('sub')} {st.user.get('iat')}", float(str(st.user.get("iat", 0)))):
        st.warning(say("app.signed_out"))
        st.button(say("app.sign_in"), on_click=st.login)
        st.stop()
    # an address that nobody has verified is whatever its owner has typed in
    name = str(st.user.get("email", "")) if st.user.get("email_verified") is True else ""
    users = app_settings().users
    accounts = read_users(users) if users else {}
    if name not in accounts:
        st.error(say("app.not_admitted", name=plain(name)))
        st.button(say("app.sign_out", name=plain(name)), on_click=st.logout)
        st.stop()
    return accounts[name].user
