"""CSV and TSV."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.loaders import load_bytes
from rag.text import sentences
from rag.types import Document


def rows(document: Document) -> list[str]:
    assert all(block.kind == "row" for block in document.blocks)
    return [document.text[block.start : block.end] for block in document.blocks]


@pytest.mark.parametrize(
    "source",
    [
        'Model,Price,Note\nHX-200,"1,200",new\nHX-210,900,"two\nlines"\n',
        'Model;Price;Note\r\nHX-200;1,200;new\r\nHX-210;900;"two\r\nlines"\r\n',
        "Model\tPrice\tNote\nHX-200\t1,200\tnew\nHX-210\t900\ttwo lines",
        "Model|Price|Note\nHX-200|1,200|new\nHX-210|900|two lines\n",
        '\ufeffModel,Price,Note\n\nHX-200,"1,200",new\n,,\nHX-210,900,two  lines\n',
    ],
)
def test_each_row_stands_alone(source: str, load_one) -> None:
    document = load_one(source.encode(), "prices.csv")
    assert rows(document) == ["Model: HX-200; Price: 1,200; Note: new", "Model: HX-210; Price: 900; Note: two lines"]
    assert document.text == "\n\n".join(rows(document))
    assert [document.text[start:end] for start, end in sentences(document.text)] == rows(document)
    assert document.metadata == {"columns": ("Model", "Price", "Note"), "rows": 2}
    assert document.title == "prices"


def test_tsv_is_cut_at_tabs_whatever_else_it_holds(load_one) -> None:
    document = load_one(b"a\tb\nx,y,z\tp,q,r\n", "a.tsv")
    assert rows(document) == ["a: x,y,z; b: p,q,r"]
    assert document.media_type == "text/tab-separated-values"


def test_a_single_column_and_unnamed_columns_work(load_one) -> None:
    assert rows(load_one(b"name\nAda\nBo\n", "a.csv")) == ["name: Ada", "name: Bo"]
    assert rows(load_one(b"a,,c\n1,2,3\n", "a.csv")) == ["a: 1; column 2: 2; c: 3"]


def test_empty_cells_are_left_out(load_one) -> None:
    assert rows(load_one(b"a,b,c\n1,,3\n", "a.csv")) == ["a: 1; c: 3"]


def test_ragged_rows_are_reported_with_their_line_and_the_rest_goes_on() -> None:
    source = b'a,b\n1,2\n3\n"4\n5",6\n7,8,9\n10,11\n'
    *errors, document = load_bytes(source, uri="file:///x.csv", name="x.csv")
    assert [str(e.where) for e in errors if isinstance(e, LoadError)] == [
        "file:///x.csv line 3",
        "file:///x.csv line 6",
    ]
    assert [e.message[:23] for e in errors if isinstance(e, LoadError)] == [
        "1 cells but 2 columns; ",
        "3 cells but 2 columns; ",
    ]
    assert isinstance(document, Document)
    assert rows(document) == ["a: 1; b: 2", "a: 4 5; b: 6", "a: 10; b: 11"]


def test_a_quote_that_never_ends_is_reported_where_it_starts() -> None:
    error, document = load_bytes(b'a,b\n1,2\n"3,4\n5,6\n', uri="u", name="x.csv")
    assert isinstance(error, LoadError)
    assert (error.where, "unexpected end" in error.message) == ("u line 3", True)
    assert isinstance(document, Document)
    assert rows(document) == ["a: 1; b: 2"]


def test_a_cell_over_the_parser_s_limit_is_reported() -> None:
    error, document = load_bytes(b"a,b\n" + b"x" * 200_000 + b",1\n2,3\n", uri="u", name="x.csv")
    assert isinstance(error, LoadError)
    assert "field larger" in error.message
    assert isinstance(document, Document)
    assert rows(document) == ["a: 2; b: 3"]


def test_a_table_without_rows_is_refused(refusal) -> None:
    assert "no rows" in refusal(b"a,b\n", "a.csv").message
    assert "3 cells" in refusal(b"a,b\n1,2,3\n", "a.csv").message
    assert "binary" in refusal(b"a,b\n1,\x00\n", "a.csv").message


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=8)


@given(
    st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=2, max_size=6)),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_back(table: list[list[str]], newline: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator=newline).writerows(table)
    (document,) = load_bytes(buffer.getvalue().encode(), uri="u", name="a.csv")
    assert isinstance(document, Document)
    header, *body = table
    expected = ["; ".join(f"{name}: {cell}" for name, cell in zip(header, row, strict=True)) for row in body]
    assert rows(document) == expected
