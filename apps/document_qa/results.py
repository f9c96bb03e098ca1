"""What became of the files of the last run of indexing: shown while it goes on, and until it is dismissed."""

from __future__ import annotations

import streamlit as st
from adding import dismiss
from indexing import IndexJob, go_on, watch_indexing
from library import Library
from visitor import Visitor

from rag.chains.ingest import FileResult
from rag.errors import NotAnIndexError

_REASONS = 3  # of a file whose records could not be read, as many reasons are shown


def show_indexing(held: Library, who: Visitor) -> None:
    """How far the run is; when it is done, its results to whom it is. While it goes on, this does not return."""
    job = held.job
    if job is None:
        return
    watch_indexing(job, who)
    if job.owner != who.owner:
        return
    _summary(job, who)
    rows = results_table(job, who)
    if any(rows.values()):
        widths = dict(zip(rows, (200, 120, 500), strict=True))  # pixels
        columns = {name: st.column_config.TextColumn(width=width) for name, width in widths.items()}
        st.dataframe(rows, column_config=columns, hide_index=True, width="stretch")
    if _unseen(held, job, who):
        st.caption(who.say("documents.unseen"))
    with st.container(horizontal=True):
        if st.button(who.say("documents.dismiss"), icon=":material/close:", key="dismiss"):
            dismiss(held, job)
            st.rerun()
        if (
            job.error is not None
            and job.request.paths
            and st.button(who.say("documents.go_on"), icon=":material/play_arrow:", type="primary", key="go on")
        ):
            held.job = go_on(held.pipeline, job)
            st.rerun()


def _summary(job: IndexJob, who: Visitor) -> None:
    left_out = len(job.refused) + sum(bool(one.skipped) for one in job.results)
    if job.result is not None:
        st.success(
            who.say(
                "documents.done",
                added=sum(one.added for one in job.results),
                updated=sum(one.updated for one in job.results),
                unchanged=sum(one.unchanged for one in job.results),
                removed=sum(one.removed for one in job.results),
                seconds=f"{job.result.seconds:.1f}",
            )
        )
    if left_out:
        st.warning(who.say("documents.left", files=left_out))


def results_table(job: IndexJob, who: Visitor) -> dict[str, list[str]]:
    """Columns: the file, what became of it, and why or what else there is to say; what was left out comes first."""
    say = who.say
    told = {one.uri for one in job.results}
    rows = [(name, say("documents.was_refused"), why) for name, why in job.refused]
    if job.result is not None:
        missed = [name for uri, name in job.names.items() if uri not in told]
        rows += [(name, say("documents.was_refused"), say("documents.unselected")) for name in missed]
    results = sorted(job.results, key=lambda one: not one.skipped)
    rows += [(one.path, _outcome(one, who), _said(one, job, who)) for one in results]
    names = (say("documents.file"), say("documents.result"), say("documents.why"))
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _outcome(one: FileResult, who: Visitor) -> str:
    counts = {
        "documents.was_added": one.added,
        "documents.was_updated": one.updated,
        "documents.was_unchanged": one.unchanged,
        "documents.was_removed": one.removed,
    }
    several = sum(counts.values()) > 1
    words = [f"{who.say(key)} ({count})" if several else who.say(key) for key, count in counts.items() if count]
    if one.skipped:
        words.insert(0, who.say("documents.was_partly" if words else "documents.was_refused"))
    return ", ".join(words) or who.say("documents.was_empty")


def _said(one: FileResult, job: IndexJob, who: Visitor) -> str:
    reasons = [each.reason for each in one.skipped[:_REASONS]]
    if len(one.skipped) > _REASONS:
        reasons.append(who.say("documents.more", count=len(one.skipped) - _REASONS))
    if one.uri in job.notes:
        reasons.append(job.notes[one.uri])
    return "; ".join(reasons)


def _unseen(held: Library, job: IndexJob, who: Visitor) -> bool:
    """Whether the user's filter hides documents that this run has added for them."""
    if not who.user.where or not any(one.added or one.updated for one in job.results):
        return False
    try:
        seen = {one.source for one in held.pipeline.snapshot.documents(who.user.limited(None))}
    except NotAnIndexError:
        return False
    return any(one.uri not in seen for one in job.results if one.added or one.updated)
