"""Judgements (qrels) and rankings (runs), as mappings and as files of TREC's or BEIR's layout.

A TREC line is split at ASCII white space, as trec_eval splits it. Ids that hold white space are therefore written
percent-encoded, the whole file over, and the file says so in a column that trec_eval does not read: the run's tag
ends in ``+percent-encoded``, the judgements' second column is ``percent-encoded``. Reading decodes such files and
takes every other one as it stands.
"""

from __future__ import annotations

import gzip
import math
import os
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import quote, unquote

from rag.errors import EvaluationError

__all__ = ["Qrels", "Run", "ranking", "read_qrels", "read_run", "write_qrels", "write_run"]

Qrels: TypeAlias = Mapping[str, Mapping[str, int]]
Run: TypeAlias = Mapping[str, Mapping[str, float]]

MAX_GRADE = 1_000  # trec_eval keeps an array as long as the highest grade, for every query
MAX_SCORE = 3.4028234663852886e38  # the largest 32-bit float, which is what trec_eval keeps scores as
ENCODED = "percent-encoded"
BEIR_HEADER = ["query-id", "corpus-id", "score"]
# Every character up to "%", so that encoded ids sort as the ids do, and ties fall alike.
_TO_ENCODE = re.compile(r"[\x00-%\ufeff]|\s")
_SPLITTING = re.compile(r"\s|\ufeff")  # a byte order mark could open the file
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
LAYOUTS = "TREC's columns are query, iteration, document, grade; BEIR's, split at tabs, are query, document, grade"
RUN_LAYOUT = "TREC's columns of a run are query, Q0, document, rank, score, tag"
V = TypeVar("V", int, float)


def ranking(scores: Mapping[str, float]) -> list[str]:
    """Documents in trec_eval's order: by score as a 32-bit float, descending; ties by id, descending.

    Raises EvaluationError for a score that is NaN, infinite or beyond 32 bits.
    """
    for document, score in scores.items():
        _check_score(score, f"document {document!r}")
    # trec_eval's comp_sim_docno (form_res_rels.c). Code points sort as their UTF-8 bytes do.
    return [document for _, document in sorted(zip(array("f", scores.values()), scores, strict=True), reverse=True)]


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Grades by query and document, from TREC's four columns or BEIR's three, also gzipped.

    BEIR's columns (query-id, corpus-id, score; the header may be missing) are split at tabs, so that ids may hold
    spaces. Raises EvaluationError, naming file and line.
    """
    qrels: dict[str, dict[str, int]] = {}
    beir: bool | None = None
    for number, line in _lines(path):
        where = f"{path}:{number}"
        if beir is None:
            beir = line.count(b"\t") == 2
            if beir and _decoded(line, where).split("\t") == BEIR_HEADER:
                continue
        query, document, grade = _beir_row(line, where) if beir else _trec_judgement(line, where)
        if not _INTEGER.fullmatch(grade) or abs(int(grade)) > MAX_GRADE:
            raise EvaluationError(
                f"the grade {grade!r} is no integer from -{MAX_GRADE} to {MAX_GRADE}", where=where, hint=LAYOUTS
            )
        _add(qrels, query, document, int(grade), where)
    if not qrels:
        raise EvaluationError("there are no judgements", where=str(path), hint=LAYOUTS)
    return qrels


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """Scores by query and document, from TREC's six columns, also gzipped; ranks are not read, as in trec_eval.

    Raises EvaluationError, naming file and line.
    """
    run: dict[str, dict[str, float]] = {}
    for number, line in _lines(path):
        where = f"{path}:{number}"
        columns = [_decoded(column, where) for column in line.split()]
        if len(columns) != 6:
            raise EvaluationError(f"there are {len(columns)} columns, not 6", where=where, hint=RUN_LAYOUT)
        query, _, document, _, text, tag = columns
        if tag.endswith(f"+{ENCODED}"):
            query, document = _unquoted(query, where), _unquoted(document, where)
        try:
            score = float(text.replace("_", "?"))  # Python alone reads 1_0 as ten
        except ValueError as error:
            raise EvaluationError(f"the score {text!r} is no number", where=where, hint=RUN_LAYOUT) from error
        _check_score(score, where)
        _add(run, query, document, score, where)
    if not run:
        raise EvaluationError("the run is empty", where=str(path), hint=RUN_LAYOUT)
    return run


def write_run(path: Path, run: Run, tag: str) -> None:
    """Write a run in TREC's layout, best first, in one step: the file is whole or as it was.

    ``tag`` names the system. A query without documents leaves no line. Raises EvaluationError for a score that is no
    finite 32-bit float, an empty id, or a tag with white space.
    """
    if not tag or re.search(r"\s", tag) or tag.endswith(ENCODED):
        raise EvaluationError(f"{tag!r} cannot be the tag of a run", hint="a tag is one word, such as a recipe's name")
    encoded = _must_encode(run)
    tag = f"{tag}+{ENCODED}" if encoded else tag
    _write(
        path,
        (
            f"{_written(query, encoded)} Q0 {_written(document, encoded)} {rank} {float(scores[document])!r} {tag}\n"
            for query, scores in run.items()
            for rank, document in enumerate(ranking(scores), 1)
        ),
    )


def write_qrels(path: Path, qrels: Qrels) -> None:
    """Write judgements in one step: in BEIR's layout where the name ends in .tsv, else in TREC's.

    Raises EvaluationError for an id that is empty, or that BEIR's layout cannot hold.
    """
    rows = [(query, document, grade) for query, grades in qrels.items() for document, grade in grades.items()]
    if path.suffix == ".tsv":
        for query, document, _ in rows:
            if bad := next((name for name in (query, document) if not name or re.search(r"[\t\r\n]", name)), None):
                raise EvaluationError(f"the id {bad!r} does not fit into a table split at tabs", where=str(path))
        _write(path, ("\t".join(map(str, row)) + "\n" for row in (BEIR_HEADER, *rows)))
        return
    encoded = _must_encode(qrels)
    iteration = ENCODED if encoded else "0"
    _write(
        path,
        (
            f"{_written(query, encoded)} {iteration} {_written(document, encoded)} {grade}\n"
            for query, document, grade in rows
        ),
    )


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers."""
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise EvaluationError(f"cannot be read: {_reason(error)}", where=str(path)) from error
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            yield number, line.removesuffix(b"\r")


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise EvaluationError(f"this is not UTF-8: {error}", where=where) from error


def _unquoted(name: str, where: str) -> str:
    try:
        return unquote(name, errors="strict")
    except UnicodeDecodeError as error:
        raise EvaluationError(f"the id {name!r} is not percent-encoded UTF-8: {error}", where=where) from error


def _beir_row(line: bytes, where: str) -> tuple[str, str, str]:
    columns = _decoded(line, where).split("\t")
    if len(columns) != 3 or not columns[0] or not columns[1]:
        raise EvaluationError("this is no line of query, document and grade, split at tabs", where=where, hint=LAYOUTS)
    return columns[0], columns[1], columns[2].strip()


def _trec_judgement(line: bytes, where: str) -> tuple[str, str, str]:
    columns = [_decoded(column, where) for column in line.split()]
    if len(columns) != 4:
        raise EvaluationError(f"there are {len(columns)} columns, not 4", where=where, hint=LAYOUTS)
    query, iteration, document, grade = columns
    if iteration == ENCODED:
        query, document = _unquoted(query, where), _unquoted(document, where)
    return query, document, grade


def _add(table: dict[str, dict[str, V]], query: str, document: str, value: V, where: str) -> None:
    row = table.setdefault(query, {})
    if document in row:
        raise EvaluationError(f"document {document!r} is there twice for query {query!r}", where=where)
    row[document] = value


def _check_score(score: float, where: str) -> None:
    if not abs(score) <= MAX_SCORE:  # so that NaN is caught too
        known = "no finite number" if not math.isfinite(score) else "beyond the 32-bit floats of trec_eval"
        raise EvaluationError(f"the score {score} is {known}", where=where)


def _must_encode(table: Mapping[str, Mapping[str, object]]) -> bool:
    return any(_SPLITTING.search(name) for query, row in table.items() for name in (query, *row))


def _written(name: str, encoded: bool) -> str:
    if not name:
        raise EvaluationError("an id is empty", hint="a file of TREC's layout cannot hold it")
    return _TO_ENCODE.sub(lambda match: quote(match[0], safe=""), name) if encoded else name


def _write(path: Path, lines: Iterable[str]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except UnicodeEncodeError as error:
        raise EvaluationError(f"an id cannot be written as UTF-8: {error}", where=str(path)) from error
    except OSError as error:
        raise EvaluationError(f"cannot be written: {_reason(error)}", where=str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    """Without the file's name, which stands before it already."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
