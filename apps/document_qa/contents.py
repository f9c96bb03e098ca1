"""What is in the index, by numbers; to a user with a filter, of what they may see alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st
from escaping import plain
from library import Library
from visitor import Visitor

from rag.index import DocumentSummary

_KINDS = {
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/jsonl": "JSONL",
    "application/json": "JSON",
    "text/csv": "CSV",
    "text/tab-separated-values": "TSV",
    "text/html": "HTML",
    "text/markdown": "Markdown",
    "text/plain": "TXT",
}


def kind_of(document: DocumentSummary) -> str:
    """What kind of file it came from, in a word."""
    kind = document.media_type
    return _KINDS.get(kind, kind.rpartition("/")[2].removeprefix("x-"))


def show_contents(held: Library, who: Visitor, documents: Sequence[DocumentSummary]) -> None:
    """Counts of the documents that the user may see; and of the whole index to those under no filter."""
    say = who.say
    with st.expander(say("contents.title"), icon=":material/database:"):
        metrics = {
            say("contents.documents"): f"{len(documents):,}",
            say("contents.passages"): f"{sum(one.chunks for one in documents):,}",
        }
        if not who.user.where:
            info = held.pipeline.snapshot.info()
            metrics[say("contents.tokens")] = f"{info.tokens:,}"
            metrics[say("contents.size")] = size_of(info.bytes)
        with st.container(horizontal=True):
            for name, value in metrics.items():
                st.metric(name, value, width="content")
        left, right = st.columns(2)
        with left:
            _bars(say("documents.language"), Counter(one.language or "—" for one in documents), who)
        with right:
            _bars(say("documents.kind"), Counter(kind_of(one) for one in documents), who)
        if not who.user.where:
            _whole(held, who)


def _bars(name: str, counts: Counter[str], who: Visitor) -> None:
    rows = counts.most_common()
    told = who.say("contents.documents")
    bars = st.column_config.ProgressColumn(told, format="%d", min_value=0, max_value=max(counts.values(), default=1))
    st.dataframe(
        {name: [row[0] for row in rows], told: [row[1] for row in rows]},
        column_config={told: bars},
        hide_index=True,
        width="stretch",
        height="content" if len(rows) <= 8 else 320,
    )


def _whole(held: Library, who: Visitor) -> None:
    say = who.say
    info = held.pipeline.snapshot.info()
    st.text(say("contents.changed", when=info.modified.replace("T", " ")[:16]))
    st.text(say("contents.embedder", embedder=info.settings.embedder or "—", dim=info.settings.dim))
    if who.user.manages:
        st.text(say("contents.path", path=info.path))
        st.text(say("contents.dead", dead=f"{info.dead:,}", segments=info.segments))
        if st.button(
            say("contents.compact"),
            icon=":material/compress:",
            help=say("contents.compact_hint"),
            disabled=held.busy or (info.dead == 0 and info.segments <= 1),
            key="compact",
        ):
            with st.spinner(say("contents.compacting")):
                after = held.pipeline.compact()
            st.toast(plain(say("contents.compacted", before=size_of(info.bytes), after=size_of(after.bytes))))
            st.rerun()


def size_of(count: int) -> str:
    """Bytes as people read them, in powers of 1024: "1.5 MB"."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
