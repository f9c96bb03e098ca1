"""JSON Lines and BEIR corpora."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.loaders import load_bytes
from rag.types import Document

URI = "file:///mail.jsonl"


def load(source: str | bytes) -> list[Document | LoadError]:
    data = source if isinstance(source, bytes) else source.encode()
    return list(load_bytes(data, uri=URI, name="mail.jsonl"))


def documents(source: str | bytes) -> Iterator[Document]:
    for item in load(source):
        assert isinstance(item, Document)
        yield item


def test_a_record_becomes_a_document_of_its_own() -> None:
    record = {
        "_id": "m 1#a",
        "title": "Repair",
        "text": "It is broken.\nPlease help.",
        "metadata": {"from": "ada", "tags": ["x", 2], "header": {"date": "2024-03-01", "deep": {"n": 1.5}}},
        "score": 3,
    }
    (document,) = documents(json.dumps(record))
    assert document.uri == "file:///mail.jsonl#m 1%23a"
    assert (document.title, document.text) == ("Repair", "It is broken.\nPlease help.")
    assert document.metadata == {
        "_id": "m 1#a",
        "score": 3,
        "from": "ada",
        "tags": ("x", 2),
        "header.date": "2024-03-01",
        "header.deep.n": 1.5,
    }


def test_lists_of_objects_are_numbered_and_odd_numbers_named() -> None:
    (document,) = documents(
        '{"_id": 7, "text": "t", "metadata": {"to": [{"n": "a"}, {"n": "b"}], "big": 1e999, "e": []}}'
    )
    assert document.metadata == {"_id": "7", "to.0.n": "a", "to.1.n": "b", "big": "inf", "e": ()}


def test_a_mark_crlf_and_blank_lines_are_let_be() -> None:
    source = '\ufeff{"_id": "1", "text": "a"}\r\n\r\n{"_id": "2", "text": "b"}\r\n'
    assert [document.text for document in documents(source)] == ["a", "b"]
    assert [document.text for document in documents(source.removeprefix("\ufeff").encode("utf-16"))] == ["a", "b"]


def test_a_record_without_an_id_is_named_by_its_line() -> None:
    assert [d.uri for d in documents('{"text": "a"}\n\n{"text": "b"}')] == [f"{URI}#line-1", f"{URI}#line-3"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nope", "not JSON: Expecting value at column 1"),
        ('{"_id": "x", "text": "cut', "not JSON: Unterminated string"),
        ("[1]", "not an object but list"),
        ('"text"', "not an object but str"),
        ('{"_id": "x"}', 'no "text"'),
        ('{"_id": "x", "text": " "}', 'no "text"'),
        ('{"_id": "x", "text": 5}', 'no "text"'),
        ('{"_id": "x", "text": "a\\u0000b"}', "holds no NUL"),
        ('{"_id": "", "text": "a"}', '"_id" must be'),
        ('{"_id": true, "text": "a"}', '"_id" must be'),
        ('{"_id": null, "text": "a"}', '"_id" must be'),
        ('{"_id": "x", "text": "a", "title": 3}', '"title" must be'),
        ('{"_id": "x", "text": "a", "metadata": "m"}', '"metadata" an object'),
        ('{"_id": "x", "text": "a", "v": NaN}', "not JSON: NaN"),
        ('{"_id": "first", "text": "a"}', "duplicate _id 'first', first on line 1"),
        ("[" * 100_000, "nested too deeply"),
        ('{"_id": "x", "text": "a", "n": ' + "9" * 5000 + "}", "4300"),
        (b'{"_id": "x", "text": "\xff"}', "not valid UTF-8"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_goes_on(line: str | bytes, message: str) -> None:
    bad = line if isinstance(line, bytes) else line.encode()
    items = load(b'{"_id": "first", "text": "a"}\n\n' + bad + b'\n{"_id": "last", "text": "z"}')
    first, error, last = items
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(error, LoadError)
    assert error.where == f"{URI} line 3"
    assert message in error.message


def test_halves_of_surrogate_pairs_never_come_out() -> None:
    (document,) = documents(r'{"_id": "\ud800", "title": "\udfff", "text": "\ud83d\ude00 \ud83d", "\ud800": "\udc00"}')
    assert (document.text, document.title) == ("😀 \ufffd", "\ufffd")
    assert document.metadata == {"_id": "\ufffd", "\ufffd": "\ufffd"}
    assert document.uri == f"{URI}#\ufffd"


def test_lines_are_parsed_as_they_are_asked_for() -> None:
    stream = load_bytes(b'{"_id": "1", "text": "a"}\n' * 1_000_000, uri=URI, name="a.jsonl")
    assert isinstance(next(stream), Document)
    assert isinstance(next(stream), LoadError)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first use of st.text() is slow
@given(st.lists(st.dictionaries(st.sampled_from(["_id", "text", "title", "metadata", "x"]), JSON), max_size=5))
def test_every_line_gives_one_document_or_one_error(records: list[dict[str, object]]) -> None:
    source = "\n".join(map(json.dumps, records))
    if not source:
        return
    items = load(source)
    assert len(items) == len(records)
    found = [item for item in items if isinstance(item, Document)]
    assert len({document.uri for document in found}) == len(found)
    for document in found:
        for value in (document.text, document.title, document.uri, repr(document.metadata)):
            value.encode()
        for value in document.metadata.values():
            assert isinstance(value, (str, int, float, bool, tuple, type(None)))


@pytest.mark.collections
@pytest.mark.parametrize(
    ("name", "count"), [("cranfield", 1400), ("squad2", 320), ("hotpotqa-100", 994), ("xquad-zh", 240)]
)
def test_beir_corpora_load_whole(collections_dir: Path, name: str, count: int) -> None:
    data = (collections_dir / name / "corpus.jsonl").read_bytes()
    items = load(data)
    expected = {record["_id"]: record for record in map(json.loads, data.decode().splitlines())}
    assert len(expected) == count
    loaded = {d.metadata["_id"]: (d.title, d.text) for d in items if isinstance(d, Document)}
    blank = {key for key, record in expected.items() if not record["text"].strip()}
    assert len(items) == count
    assert set(loaded) == set(expected) - blank
    for key, (title, text) in loaded.items():
        assert text == expected[str(key)]["text"]
        assert title == " ".join(expected[str(key)]["title"].split())
