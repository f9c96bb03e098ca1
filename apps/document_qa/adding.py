"""Files and folders that are dropped on the page: kept by the app, and indexed."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable

import streamlit as st
from indexing import IndexJob, begin_indexing
from labels import unlike
from library import Library
from uploads import Upload, keep, place_of, problem, shown_name, tidy
from visitor import Visitor

from rag.errors import NotAnIndexError
from rag.loaders import file_uri, uri_path, uri_prefix

_taking = threading.Lock()  # what one has kept and not yet begun to index, another would tidy away


def add_documents(held: Library, who: Visitor) -> None:
    """Choose files, or a folder of this computer's, and index them."""
    say = who.say
    st.subheader(say("documents.add"))
    kinds = {"files": say("documents.files"), "directory": say("documents.directory")}
    kind = st.radio(
        say("documents.add"),
        list(kinds),
        horizontal=True,
        format_func=kinds.__getitem__,
        key="kind",
        label_visibility="collapsed",
    )
    with st.form("uploads", clear_on_submit=True, border=False):
        sent = st.file_uploader(
            say("documents.drop_directory" if kind == "directory" else "documents.drop", limit=held.settings.upload_mb),
            accept_multiple_files="directory" if kind == "directory" else True,
            key=f"uploaded {kind}",
        )
        pressed = st.form_submit_button(say("documents.index"), type="primary", disabled=held.busy)
    if pressed and not sent:
        st.info(say("documents.nothing"))
    elif pressed:
        with _taking:
            if not held.busy:
                take_in(held, who, (Upload(file.name, file.getvalue()) for file in sent))


def take_in(held: Library, who: Visitor, uploads: Iterable[Upload]) -> None:
    """Keep what can be kept, and begin to index it: ``held.job``, which also tells what was refused."""
    say = who.say
    settings = held.settings
    known = _known(held, who)
    names: dict[str, str] = {}
    notes: dict[str, str] = {}
    refused: list[tuple[str, str]] = []
    sent: Counter[str] = Counter()
    taken: set[str] = set()
    for upload in uploads:
        shown = shown_name(upload.name)
        why = problem(upload, settings.upload_mb)
        if why:
            refused.append((shown, say(why, limit=settings.upload_mb)))
            continue
        place = place_of(upload, settings.uploads, owner=who.user.name, copy=sent[upload.name])
        sent[upload.name] += 1
        try:
            keep(upload, place)
        except OSError as error:
            refused.append((shown, say("uploads.not_kept", reason=error.strerror or type(error).__name__)))
            continue
        uri = file_uri(place)
        names[uri] = unlike(shown, taken)
        taken.add(names[uri])
        sha256 = hashlib.sha256(upload.data).hexdigest()
        twin = next((other for other_uri, other in known.get(sha256, {}).items() if other_uri != uri), None)
        if twin is not None:
            notes[uri] = say("documents.twin", other=twin)
        known.setdefault(sha256, {})[uri] = names[uri]
    held.job = IndexJob(who.owner, names=names, notes=notes, refused=refused, then=lambda: forget_unheld(held, names))
    if names:
        begin_indexing(held.pipeline, [uri_path(uri) for uri in names], held.job)
    else:
        held.job.done.set()


def dismiss(held: Library, job: IndexJob) -> None:
    """Show a run that has ended no more, unless another has taken its place."""
    with _taking:
        if held.job is job:
            held.job = None
            job.then()


def forget_unheld(held: Library, sent: Iterable[str]) -> None:
    """Remove those of the files just sent, by uri, of which the index holds nothing: no list shows them.

    Others stay, as one that was indexed and cannot be read this time. Raises OSError.
    """
    uploads = held.settings.uploads
    try:
        states = held.pipeline.snapshot.sources(uri_prefix(uploads))
    except NotAnIndexError:
        states = []
    tidy(uploads, set(sent) - {state.source for state in states if state.documents})


def _known(held: Library, who: Visitor) -> dict[str, dict[str, str]]:
    """The files that the user may see, as they are shown, by the hash of what they hold and by uri."""
    try:
        snapshot = held.pipeline.snapshot
    except NotAnIndexError:
        return {}
    shown = {one.source: str(one.metadata.get("path", "")) for one in snapshot.documents(who.user.limited(None))}
    found: dict[str, dict[str, str]] = {}
    for state in snapshot.sources():
        if state.source in shown:
            found.setdefault(state.sha256, {})[state.source] = shown[state.source]
    return found
