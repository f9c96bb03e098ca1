"""The folder of an evaluation: finished questions as they come, so that it can go on, and last its results."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping, Set
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from rag.errors import EvaluationError
from rag.evaluation.results import QueryResult

STATE, FINISHED, INDEX = "state.json", "finished.jsonl", "index"
RUN, SCORES, SUMMARY, REPORT = "run.trec", "scores.jsonl", "summary.json", "report.html"
MISSES = "misses.jsonl"

_RESULT: TypeAdapter[QueryResult] = TypeAdapter(QueryResult)


class EvaluationFolder:
    """Where an evaluation is kept; one process at a time. A context manager.

    ``finished.jsonl`` has a line for each question that was answered, written and flushed as it comes.
    ``state.json`` holds what the lines depend on: another recipe, model or data set needs another folder.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, object],
        later: Mapping[str, object] | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        """Open the folder, or make it. ``fresh`` drops what another evaluation left in it.

        ``settings`` must be those of the folder; of ``later``, what is empty on either side may come to it, or be left
        out for once: a generator comes to an evaluation that only searched.

        Raises EvaluationError where it belongs to another evaluation or process, or holds other files.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path / ".lock", timeout=0)
            self._lock.acquire()
        except Timeout as error:
            raise EvaluationError(
                "another process is evaluating into this folder",
                where=str(path),
                hint="wait for it, or give another --out",
            ) from error
        except OSError as error:
            raise EvaluationError(f"the folder cannot be used: {error.strerror}", where=str(path)) from error
        try:
            self._claim(json.loads(json.dumps({**settings, **(later or {})})), set(later or ()), fresh=fresh)
            self.finished = self._read()
            self._file = (path / FINISHED).open("a", encoding="utf-8")
        except OSError as error:
            self._lock.release()
            raise EvaluationError(f"the folder cannot be used: {error.strerror}", where=str(path)) from error
        except BaseException:
            self._lock.release()
            raise

    def _claim(self, settings: dict[str, object], later: Set[str], *, fresh: bool) -> None:
        state = self.path / STATE
        others = sorted(path.name for path in self.path.iterdir() if path.name not in (".lock", f".{STATE}.tmp"))
        if kept := _load(state):
            differ = {key for key in {*kept, *settings} if kept.get(key) != settings.get(key)}
            changed = sorted(key for key in differ if key not in later or (kept.get(key) and settings.get(key)))
            if not fresh:
                settings |= {key: settings[key] or kept.get(key) for key in later}
            if changed and not fresh:
                raise EvaluationError(
                    f"the folder holds another evaluation: {', '.join(changed)} differ",
                    where=str(self.path),
                    hint="give another --out, or --fresh to start over in this one",
                )
            if fresh:
                for name in (FINISHED, RUN, SCORES, SUMMARY, REPORT, MISSES):
                    (self.path / name).unlink(missing_ok=True)
                shutil.rmtree(self.path / INDEX, ignore_errors=True)
        elif others:
            raise EvaluationError(
                f"the folder holds other files ({others[0]}), and no evaluation",
                where=str(self.path),
                hint="give an empty or a new folder with --out",
            )
        write_atomically(state, json.dumps(settings, ensure_ascii=False, indent=2) + "\n")

    def _read(self) -> dict[str, QueryResult]:
        file = self.path / FINISHED
        if not file.is_file():
            return {}
        data = file.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):  # the line that a kill tore
            os.truncate(file, whole)
        return read_finished(file)

    def save(self, result: QueryResult) -> None:
        """Keep a finished question."""
        try:
            self._file.write(_RESULT.dump_json(result).decode() + "\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self.path / FINISHED, error) from error

    def close(self) -> None:
        """Let another process in."""
        with contextlib.suppress(OSError):  # of what could not be written, which ``save`` has told
            self._file.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_finished(file: Path) -> dict[str, QueryResult]:
    """The finished questions by id, each as it was last kept. Raises EvaluationError, naming the line; OSError."""
    finished = {}
    for number, line in enumerate(file.read_bytes().split(b"\n")[:-1], 1):  # a last line without an end was torn
        try:
            result = _RESULT.validate_json(line)
        except ValidationError as error:
            raise EvaluationError(
                "a finished question cannot be read", where=f"{file}:{number}", hint="--fresh starts over"
            ) from error
        finished[result.id] = result
    return finished


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all. Raises EvaluationError."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> EvaluationError:
    return EvaluationError(
        f"cannot be written: {error.strerror}",
        where=str(path),
        hint="finished questions are kept; the same command goes on from there",
    )


def _load(path: Path) -> dict[str, object] | None:
    """What an evaluation wrote; None where nothing or another program did, so that its folder is not taken for ours."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, ValueError):
        return None
    return state if isinstance(state, dict) and "ragstone" in state else None
