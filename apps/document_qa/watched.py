"""Folders of the server that are watched: what has changed in them, and their documents brought up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from escaping import plain
from folders import Watched, forget_folder, own_files, read_folders, synchronised, watch_folder
from indexing import IndexJob, begin_indexing
from library import Library
from streamlit.delta_generator import DeltaGenerator
from visitor import Visitor

from rag.chains.planning import IndexPlan
from rag.errors import NotAnIndexError, StorageError
from rag.index import SourceState
from rag.loaders import uri_prefix


def may_watch(who: Visitor) -> bool:
    """Whether they may read folders of the server: only who may see, and change, all that is indexed."""
    return who.user.manages and not who.user.where


def watched_folders(held: Library, who: Visitor) -> Callable[[], None]:
    """The list, and a form that adds to it; what then looks for changes in those that nobody has looked at yet."""
    say = who.say
    folders = read_folders(held.settings.folders)
    with st.expander(say("watched.title", count=len(folders)), icon=":material/folder_eye:", expanded=bool(folders)):
        places = [(one, _row(held, who, one)) for one in folders]
        if folders:
            with st.container(horizontal=True):
                if len(folders) > 1 and st.button(
                    say("watched.all"), icon=":material/sync:", disabled=held.busy, key="synchronise all"
                ):
                    synchronise(held, who, folders)
                if st.button(say("watched.look"), icon=":material/visibility:", key="look"):
                    st.session_state.pop("looked", None)
        with st.form("folder", border=False, clear_on_submit=True):
            named = st.text_input(say("watched.name"), key="folder", help=say("watched.hint"))
            if st.form_submit_button(say("watched.add"), disabled=held.busy) and named.strip():
                _add(held, who, Path(named.strip()).expanduser())
    return lambda: _look_at(held, who, places)


def _look_at(held: Library, who: Visitor, places: Sequence[tuple[Watched, DeltaGenerator]]) -> None:
    looked = st.session_state.setdefault("looked", {})
    for one, place in places:
        if not one.path.is_dir():
            place.warning(who.say("watched.vanished"), icon=":material/folder_off:")
            continue
        if not held.busy and looked.get(one.uri, (None,))[0] != one:  # it has been synchronised since
            with place, st.spinner(who.say("watched.looking")):
                looked[one.uri] = (one, _look(held, one))
        plan = looked.get(one.uri, (None, None))[1]
        if plan is not None:
            place.text(told(plan, who))


def _add(held: Library, who: Visitor, folder: Path) -> None:
    if not folder.is_dir():
        st.error(who.say("watched.none", path=plain(str(folder))))
        return
    if folder.resolve().is_relative_to(held.settings.uploads):
        st.error(who.say("watched.own", path=plain(str(folder))))
        return
    try:
        new = watch_folder(held.settings.folders, folder)
    except StorageError as error:
        st.error(plain(str(error)))
        return
    synchronise(held, who, [new])


def _row(held: Library, who: Visitor, one: Watched) -> DeltaGenerator:
    """A folder; the place for what has changed in it."""
    say = who.say
    documents = _documents(held, one)
    with st.container(border=True):
        st.text(str(one.path))
        when = f"{datetime.fromtimestamp(one.since, UTC):%Y-%m-%d %H:%M} UTC" if one.since else ""
        st.caption(
            say("watched.holds", documents=documents, when=when) if when else say("watched.never", documents=documents)
        )
        place = st.empty()
        with st.container(horizontal=True):
            if st.button(
                say("watched.sync"),
                icon=":material/sync:",
                disabled=held.busy or not one.path.is_dir(),
                key=f"sync {one.uri}",
            ):
                synchronise(held, who, [one])
            with st.popover(say("watched.forget"), icon=":material/visibility_off:"):
                st.text(say("watched.sure", documents=documents))
                if st.button(say("watched.keep"), key=f"keep {one.uri}"):
                    forget_folder(held.settings.folders, one.uri)
                    st.rerun()
                if documents and st.button(
                    say("watched.drop", documents=documents), key=f"drop {one.uri}", disabled=held.busy
                ):
                    drop_folder(held, one)
                    st.rerun()
    return place


def told(plan: IndexPlan, who: Visitor) -> str:
    """What has changed in a folder, in a sentence."""
    say = who.say
    if not plan.files and plan.removed:
        return say("watched.emptied")
    counts = {
        "watched.new": plan.new,
        "watched.changed": plan.changed,
        "watched.removed": plan.removed,
        "watched.failed": plan.failed,
        "watched.unreadable": plan.unreadable,
    }
    parts = [say(key, count=count) for key, count in counts.items() if count]
    return " · ".join(parts) if parts else say("watched.same")


def synchronise(held: Library, who: Visitor, folders: Sequence[Watched]) -> None:
    """Begin to bring the documents of folders up to date; not of those that have vanished, or were emptied."""
    wanted = []
    for one in folders:
        if not one.path.is_dir():
            continue
        plan = _look(held, one)
        # as a disk looks that is not mounted
        if plan is not None and not plan.files and plan.removed:
            st.warning(f"{plain(str(one.path))}: {who.say('watched.emptied')}")
        else:
            wanted.append(one)
    if not wanted or held.busy:
        return
    began = time.time()

    def then() -> None:
        synchronised(held.settings.folders, wanted, began)

    paths = [one.path for one in wanted]
    exclude = [glob for path in paths for glob in own_files(held.settings.index, path)]
    held.job = IndexJob(who.owner, then=then)
    begin_indexing(held.pipeline, paths, held.job, sync=True, exclude=exclude, apart=[held.settings.uploads])
    st.session_state.pop("looked", None)
    st.rerun()


def _look(held: Library, one: Watched) -> IndexPlan | None:
    """What has changed; None where nothing is indexed yet."""
    try:
        return held.pipeline.plan(
            one.path,
            exclude=own_files(held.settings.index, one.path),
            apart=[held.settings.uploads],
            since=one.since,
        )
    except NotAnIndexError:
        return None


def _documents(held: Library, one: Watched) -> int:
    try:
        return sum(state.documents for state in _sources(held, one))
    except NotAnIndexError:
        return 0


def _sources(held: Library, one: Watched) -> list[SourceState]:
    """The files of the folder that the index knows; uploads, which it may hold as well, are none of its own."""
    uploads = uri_prefix(held.settings.uploads)
    return [each for each in held.pipeline.snapshot.sources(one.prefix) if not each.source.startswith(uploads)]


def drop_folder(held: Library, one: Watched) -> None:
    """Forget the folder and take its documents out of the index; its files stay."""
    sources = {each.source for each in _sources(held, one)}
    held.pipeline.delete(*(each.uri for each in held.pipeline.snapshot.documents() if each.source in sources))
    forget_folder(held.settings.folders, one.uri)
