"""CSV and TSV: one document whose blocks are rows, each row's text repeating the column names."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.loaders.encoding import decode
from rag.loaders.structure import Piece, assemble
from rag.loaders.uris import uri_stem
from rag.types import Document

__all__ = ["TableLoader"]

_DELIMITERS = ",\t;|"
_SNIFFED_ROWS = 50


@dataclass(frozen=True, slots=True)
class TableLoader:
    """One document for the file; the first record names the columns.

    A row is a paragraph and a ``row`` block, ``column: value; column: value``, so that it stands alone when
    cut out; empty cells are left out, line breaks inside a cell become spaces. A row with more or
    fewer cells than columns is yielded as a LoadError that names its line, and left out.
    """

    def load(self, data: bytes, *, uri: str) -> Iterator[Document | LoadError]:
        """See Loader. Raises LoadError as ``decode`` does, or when there is no row below the header."""
        text = decode(data, uri=uri)
        tab = PurePosixPath(uri).suffix.lower() in (".tsv", ".tab")
        delimiter = "\t" if tab else _delimiter(text)
        columns: list[str] = []
        errors: list[LoadError] = []
        pieces: list[Piece] = []
        for record in _records(text, delimiter, uri=uri):
            if isinstance(record, LoadError):
                errors.append(record)
            elif not columns:
                columns = [_cell(name) or f"column {n}" for n, name in enumerate(record.cells, 1)]
            elif len(record.cells) == len(columns):
                pieces.append(Piece("row", _row(columns, record.cells)))
            else:
                errors.append(_ragged(record, columns, uri=uri))
        body, blocks = assemble(pieces)
        if not blocks:
            if errors:
                raise errors[0]
            raise LoadError("a header and no rows", where=uri, hint="the first record names the columns")
        yield from errors
        yield Document(
            uri=uri,
            text=body,
            title=uri_stem(uri),
            media_type="text/tab-separated-values" if delimiter == "\t" else "text/csv",
            metadata={"columns": tuple(columns), "rows": len(blocks)},
            blocks=blocks,
        )


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    cells: list[str]


def _delimiter(text: str) -> str:
    """The one that cuts most of the first records into the same number of cells, two at least.

    Python's csv.Sniffer guesses by letter frequencies and takes letters for delimiters.
    """

    def agreement(delimiter: str) -> tuple[float, int]:
        rows = islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), _SNIFFED_ROWS)
        try:
            widths = Counter(len(row) for row in rows if row)
        except csv.Error:
            return (0.0, 0)
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        return (count / widths.total() if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=agreement)


def _records(text: str, delimiter: str, *, uri: str) -> Iterator[_Record | LoadError]:
    """The records that are not blank, with the line each starts at."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield LoadError(
                f"not a record: {error}",
                where=f"{uri} line {line}",
                hint='quote a cell as "..." and double the quotes inside',
            )
            continue
        if any(cell.strip() for cell in cells):
            yield _Record(line, cells)


def _ragged(record: _Record, columns: list[str], *, uri: str) -> LoadError:
    return LoadError(
        f"{len(record.cells)} cells but {len(columns)} columns; the row is left out",
        where=f"{uri} line {record.line}",
        hint="quote cells that hold the delimiter, or fill the row up",
    )


def _cell(value: str) -> str:
    return " ".join(value.split())


def _row(columns: list[str], cells: list[str]) -> str:
    pairs = ((column, _cell(value)) for column, value in zip(columns, cells, strict=True))
    return "; ".join(f"{column}: {value}" for column, value in pairs if value)
