"""The documents of the index: add, list, find, read, delete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from escaping import plain
from indexing import IndexJob, begin_indexing, watch_indexing
from library import Library
from uploads import Upload, drop, keep, problem, safe_name
from visitor import Visitor

from rag.chains.ingest import IndexReport
from rag.errors import LoadError
from rag.index import DocumentSummary
from rag.loaders import file_uri, uri_path
from rag.types import content_hash

READ = 200_000  # characters shown of a document at once


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file."""

    file: str
    result: str


def documents_page(held: Library, who: Visitor) -> None:
    """The page."""
    say = who.say
    st.title(say("app.documents"))
    if who.user.manages:
        add_documents(held, who)
    else:
        st.caption(say("documents.reader"))
    if not held.empty:
        _listing(held, who)


def add_documents(held: Library, who: Visitor) -> None:
    """Files dropped on the page, or a folder of the server."""
    say = who.say
    st.subheader(say("documents.add"))
    limit = held.settings.upload_mb
    with st.form("uploads", clear_on_submit=True, border=False):
        sent = st.file_uploader(say("documents.drop", limit=limit), accept_multiple_files=True, key="files")
        if st.form_submit_button(say("documents.index"), type="primary", disabled=held.busy) and sent:
            _take_in(held, who, [Upload(file.name, file.getvalue()) for file in sent])
    with st.form("folder", border=False):
        folder = st.text_input(say("documents.folder"), key="folder", help=say("documents.folder_hint"))
        if st.form_submit_button(say("documents.sync"), disabled=held.busy) and folder:
            path = Path(folder).expanduser()
            if path.is_dir():
                st.session_state["refused"] = []
                held.job = begin_indexing(held.pipeline, [path], IndexJob(who.owner), sync=True)
            else:
                st.error(say("documents.no_folder", path=plain(folder)))
    if held.job is not None:
        watch_indexing(held.job, who)
        if held.job.result is not None and held.job.owner == who.owner:
            st.success(_summary(who, held.job.result))
    _show_results(held, who)


def _take_in(held: Library, who: Visitor, uploads: Sequence[Upload]) -> None:
    names: dict[str, str] = {}
    refused: list[FileResult] = []
    copies: Counter[str] = Counter()
    for upload in uploads:
        why = problem(upload, held.settings.upload_mb)
        if why:
            refused.append(FileResult(upload.name, why))
            continue
        name = safe_name(upload.name)
        place = keep(upload, held.settings.uploads, owner=who.user.name, copy=copies[name])
        names[file_uri(place)] = upload.name
        copies[name] += 1
    st.session_state["refused"] = refused
    if names:
        held.job = begin_indexing(held.pipeline, [uri_path(uri) for uri in names], IndexJob(who.owner, names=names))


def _summary(who: Visitor, report: IndexReport) -> str:
    return who.say(
        "documents.done",
        added=report.added,
        updated=report.updated,
        unchanged=report.unchanged,
        removed=report.removed,
        seconds=f"{report.seconds:.1f}",
    )


def _show_results(held: Library, who: Visitor) -> None:
    results: list[FileResult] = []
    job = held.job
    if job is not None and job.result is not None and job.owner == who.owner:
        why = {one.uri.partition("#")[0]: one.reason for one in job.result.skipped}
        said = who.say("documents.indexed")
        results += [FileResult(name, why.pop(uri, said)) for uri, name in job.names.items()]
        results += [FileResult(uri, reason) for uri, reason in why.items()]
    results += st.session_state.get("refused", [])
    if results:
        say = who.say
        rows = {
            say("documents.file"): [one.file for one in results],
            say("documents.result"): [one.result for one in results],
        }
        st.dataframe(rows, hide_index=True, width="stretch")


def _listing(held: Library, who: Visitor) -> None:
    say = who.say
    left, right = st.columns(2)
    wanted = left.text_input(say("documents.search"), key="find").casefold()
    own = right.text_input(say("documents.filter"), key="filter")
    found = [
        one
        for one in held.pipeline.snapshot.documents(who.user.limited(own or None))
        if wanted in f"{one.title}\n{one.metadata.get('path', '')}".casefold()
    ]
    st.caption(say("documents.holds", documents=len(found), passages=sum(one.chunks for one in found)))
    if not found:
        st.info(say("documents.none"))
        return
    rows = {
        say("documents.title"): [one.title for one in found],
        say("documents.path"): [str(one.metadata.get("path", "")) for one in found],
        say("documents.language"): [one.language for one in found],
        say("documents.passages"): [one.chunks for one in found],
        say("documents.characters"): [one.characters for one in found],
    }
    # what is chosen are rows: of another list they would be other documents
    listed = content_hash(*(one.id for one in found))
    table = st.dataframe(
        rows, hide_index=True, width="stretch", on_select="rerun", selection_mode="multi-row", key=f"listed {listed}"
    )
    chosen = [found[row] for row in table["selection"]["rows"] if row < len(found)]
    if chosen:
        _chosen(held, who, chosen)


def _chosen(held: Library, who: Visitor, chosen: Sequence[DocumentSummary]) -> None:
    say = who.say
    if who.user.manages:
        with st.popover(say("documents.delete"), icon=":material/delete:"):
            st.text(say("documents.sure", count=len(chosen)))
            if st.button(say("documents.delete"), type="primary", key="delete", disabled=held.busy):
                _delete(held, chosen)
                st.rerun()
    with st.container(height=500):
        st.text(held.pipeline.snapshot.excerpt(chosen[0].uri, 0, READ))


def _delete(held: Library, chosen: Sequence[DocumentSummary]) -> None:
    held.pipeline.delete(*(one.uri for one in chosen))
    for one in chosen:
        source = held.pipeline.snapshot.source(one.source)
        if source is None or source.documents == 0:
            try:
                drop(uri_path(one.source), held.settings.uploads)
            except LoadError:  # it came from no file
                continue
