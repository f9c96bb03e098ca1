"""Documents that the index holds, read and cut again from their files: after a change of the recipe, say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from indexing import IndexJob, begin_indexing
from library import Library
from visitor import Visitor

from rag.errors import LoadError
from rag.index import DocumentSummary
from rag.loaders import uri_path


@dataclass(slots=True)
class HeldFiles:
    """The files that documents came from: those that are there, by uri, as they are shown; and those that are gone."""

    names: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


def held_files(documents: Iterable[DocumentSummary]) -> HeldFiles:
    """Where the documents came from."""
    found = HeldFiles()
    seen: set[str] = set()
    for one in documents:
        if one.source in seen:
            continue
        seen.add(one.source)
        shown = str(one.metadata.get("path", "")) or one.title
        if _is_there(one.source):
            found.names[one.source] = shown
        else:
            found.gone.append(shown)
    return found


def _is_there(source: str) -> bool:
    try:
        return uri_path(source).is_file()
    except (LoadError, OSError):  # of no file, or of one that may not be looked at
        return False


def index_again(held: Library, who: Visitor, documents: Iterable[DocumentSummary], *, reembed: bool = False) -> None:
    """Begin to read the documents' files again: ``held.job``. What came from a file that is gone stays as it is.

    With ``reembed`` the index is built anew of these files alone, so what came from others is dropped.
    """
    files = held_files(documents)
    said = who.say("documents.lost" if reembed else "documents.gone")
    refused = [(name, said) for name in files.gone]
    held.job = IndexJob(who.owner, names=files.names, refused=refused)
    if files.names:
        begin_indexing(held.pipeline, [uri_path(uri) for uri in files.names], held.job, reread=True, reembed=reembed)
    else:
        held.job.done.set()
