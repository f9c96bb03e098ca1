"""Another recipe into use: first what changes is shown, and what has to be indexed again for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import streamlit as st
from again import HeldFiles, held_files
from credentials import check_keys
from escaping import plain
from indexing import IndexJob, begin_indexing, watch_indexing
from jobs import begin
from library import Library, adopt, exchange
from visitor import Visitor

from rag.chains.ingest import IndexProgress, IndexReport
from rag.errors import RagError, RecipeError
from rag.index import Snapshot
from rag.loaders import uri_path
from rag.pipeline import Pipeline
from rag.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Proposal:
    """A recipe of which all parts could be made.

    ``embeds``: the index's vectors were made by another embedder. ``cuts``: documents would be cut otherwise.
    """

    recipe: Recipe
    embeds: bool
    cuts: bool


def propose(held: Library, recipe: Recipe) -> Proposal:
    """Make the parts, and see what the recipe asks of the index. Raises RagError where one cannot be made."""
    check_keys(held.settings, held.pipeline.recipe, recipe)
    with Pipeline(held.settings.index, recipe) as fresh:
        fresh.load()
        fingerprint = fresh.embedder.fingerprint if fresh.embedder else ""
    if held.empty:
        return Proposal(recipe, embeds=False, cuts=False)
    return Proposal(
        recipe,
        embeds=fingerprint != held.pipeline.info().settings.fingerprint,
        cuts=recipe.chunk_settings != held.pipeline.recipe.chunk_settings,
    )


def _files(held: Library) -> HeldFiles:
    """Where all documents came from, also of an index that the recipe in use cannot open."""
    with Snapshot.open(held.settings.index) as snapshot:
        return held_files(snapshot.documents())


def differences(wanted: Recipe, current: Recipe) -> list[tuple[str, str, str]]:
    """(key, value now, value wanted) of each key in which two recipes differ, the values as TOML."""
    new, old = _keys(wanted), _keys(current)
    return [(key, _toml(old[key]), _toml(value)) for key, value in new.items() if value != old[key]]


def _keys(recipe: Recipe) -> dict[str, object]:
    found: dict[str, object] = {}
    for section, value in recipe.model_dump().items():
        found |= (
            {f"{section}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {section: value}
        )
    return found


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def begin_rebuild(held: Library, proposal: Proposal, job: IndexJob) -> IndexJob:
    """Use the recipe, and index all files anew by it, as a job. Raises RagError, and then nothing has changed.

    With ``embeds`` answers go on from the old vectors until all the new ones are there, also where the job is stopped
    or fails; what has no file any more then leaves the index.
    """
    check_keys(held.settings, held.pipeline.recipe, proposal.recipe)
    names = _files(held).names
    job.names, paths = names, [uri_path(uri) for uri in names]
    if not proposal.embeds:
        adopt(held, proposal.recipe)
        return begin_indexing(held.pipeline, paths, job)
    _check_sources(held, proposal.recipe, paths)

    def work(tell: Callable[[IndexProgress], None]) -> IndexReport:
        fresh = Pipeline(held.settings.index, proposal.recipe)
        try:
            report = fresh.add(*paths, reembed=True, isolated=True, names=names, progress=tell, told=job.results.append)
        except BaseException:
            fresh.close()
            raise
        exchange(held, fresh)
        return report

    begin(job, work)
    return job


def _check_sources(held: Library, recipe: Recipe, paths: Sequence[Path]) -> None:
    """Raises RecipeError where the recipe leaves out files that the index holds: built anew, it would lose them."""
    with Pipeline(held.settings.index, recipe) as fresh:
        plan = fresh.plan(*paths, since=inf)  # which looks at the files, and reads none of the size that it had
    left_out = len(paths) - plan.files - plan.unreadable
    if left_out:
        raise RecipeError(
            f"these globs leave out {left_out} of {len(paths)} files that the index holds, given file by file",
            where="sources",
            hint="let their names in, or delete their documents first",
        )


def offer(held: Library, who: Visitor, *, key: str) -> None:
    """Show what is proposed under ``key`` of the session, and use it or not."""
    say = who.say
    proposal: Proposal | None = st.session_state.get(key)
    if proposal is None:
        return
    with st.container(border=True):
        changed = differences(proposal.recipe, held.pipeline.recipe)
        if not changed and not proposal.embeds:
            st.info(say("preferences.same"))
            return
        st.subheader(say("preferences.changes"))
        for name, now, then in changed:
            st.text(f"{name}: {now} → {then}")
        if proposal.embeds:
            st.warning(say("preferences.embeds"))
            gone = _files(held).gone
            if gone:
                st.warning(say("preferences.gone", count=len(gone)))
                with st.expander(say("preferences.which")):
                    st.text("\n".join(gone))
        elif proposal.cuts:
            st.info(say("preferences.cuts"))
        with st.container(horizontal=True):
            _choices(held, who, proposal, key)


def _choices(held: Library, who: Visitor, proposal: Proposal, key: str) -> None:
    say = who.say
    rebuilds = proposal.embeds or proposal.cuts
    take = not proposal.embeds and st.button(
        say("preferences.take"), type="primary", key=f"take {key}", disabled=held.busy
    )
    rebuild = rebuilds and st.button(say("preferences.take_and_index"), key=f"rebuild {key}", disabled=held.busy)
    if st.button(say("preferences.leave"), key=f"leave {key}"):
        del st.session_state[key]
        st.rerun()
    if not (take or rebuild):
        return
    try:
        with st.spinner(say("preferences.taking")):
            if take:
                adopt(held, proposal.recipe)
            else:
                held.job = begin_rebuild(held, proposal, IndexJob(who.owner))
                st.session_state["rebuild"] = held.job, proposal.embeds
    except RagError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    del st.session_state[key]
    st.toast(say("preferences.taken") if take else say("preferences.rebuilding"))
    st.rerun()


def tell_rebuild(held: Library, who: Visitor) -> None:
    """Show how far indexing is, whoever began it, and what came of it where it was begun in this session."""
    job = held.job
    begun, embeds = st.session_state.get("rebuild", (None, False))
    if job is None or not (job.busy or job is begun):
        return
    watch_indexing(job, who)
    if job.result is not None:
        counts = job.result
        st.success(
            who.say(
                "preferences.rebuilt",
                documents=counts.added + counts.updated + counts.unchanged,
                skipped=len(counts.skipped),
            )
        )
    elif embeds:
        st.info(who.say("preferences.not_rebuilt"))
