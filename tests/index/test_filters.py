"""The ``where`` language: what it means, by a second evaluator; and what it refuses."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rag.index.filter_sql
from rag.errors import FilterError
from rag.index import IndexSettings, Snapshot, Writer
from rag.index.filters import And, Compare, In, Key, Not, Or, metadata_keys, narrowed, parse
from rag.types import Document

KEYS = ("n", "tag", "a.b", "x-y", "odd key", "uri", "title", "and")
BUILTINS = ("uri", "title", "media_type", "language")
STRINGS = ("", "a", "b", "ab", "1", "A", "é", "漢", '"', "\\", "'; DROP TABLE documents; --", "\x00", "\ud800")
NUMBERS = (0, 1, -1, 2, 1.0, 1.5, -0.0, 2**53, 2**53 + 1, 2**63, 2**70, 1e300)

scalars = st.one_of(
    st.sampled_from(STRINGS),
    st.sampled_from(NUMBERS),
    st.booleans(),
    st.none(),
    st.integers(-3, 3),
    st.text(max_size=3),
)
values = st.one_of(scalars, st.lists(scalars, max_size=3).map(tuple))
documents = st.lists(
    st.tuples(st.sampled_from(STRINGS), st.dictionaries(st.sampled_from(KEYS), values, max_size=4)),
    min_size=1,
    max_size=5,
)
keys = st.one_of(st.sampled_from(BUILTINS).map(lambda name: Key(name, builtin=True)), st.sampled_from(KEYS).map(Key))
leaves = st.one_of(
    st.builds(In, keys, st.lists(scalars, min_size=1, max_size=3).map(tuple)),
    st.builds(
        Compare,
        keys,
        st.sampled_from(["<", "<=", ">", ">="]),
        st.one_of(st.sampled_from(STRINGS), st.sampled_from(NUMBERS)),
    ),
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


def holds(part, document: Document) -> bool:
    """The meaning of a filter, in plain Python."""
    match part:
        case And(parts):
            return all(holds(each, document) for each in parts)
        case Or(parts):
            return any(holds(each, document) for each in parts)
        case Not(inner):
            return not holds(inner, document)
        case In(key, wanted):
            held = elements(key, document)
            return any(any(same(h, w) for h in held) or (w is None and not held) for w in wanted)
        case Compare(key, order, bound):
            return any(ordered(value, order, bound) for value in elements(key, document))


def elements(key: Key, document: Document) -> list:
    if key.builtin:
        return [getattr(document, key.name)]
    value = document.metadata.get(key.name, ())
    return list(value) if isinstance(value, tuple) else [value]


def kind(value) -> str:
    if isinstance(value, bool) or value is None:
        return repr(type(value))
    return "string" if isinstance(value, str) else "number"


def number(value):
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def same(one, other) -> bool:
    return kind(one) == kind(other) and (number(one) == number(other) if kind(one) == "number" else one == other)


def ordered(value, order: str, bound) -> bool:
    if kind(value) != kind(bound):
        return False
    one, other = (number(value), number(bound)) if kind(bound) == "number" else (value, bound)
    return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[order]


def written(part) -> str:
    """A filter as text, with every construct of the language."""
    match part:
        case And(parts):
            return "(" + " AND ".join(map(written, parts)) + ")"
        case Or(parts):
            return "( " + "\nor ".join(map(written, parts)) + ")"
        case Not(In(key, (value,))):
            return f"{name(key)}!={literal(value)}"
        case Not(In(key, values)):
            return f"{name(key)} not in ({', '.join(map(literal, values))})"
        case Not(inner):
            return f"not ({written(inner)})"
        case In(key, (value,)):
            return f"{name(key)} = {literal(value)}"
        case In(key, values):
            return f"{name(key)} IN ({','.join(map(literal, values))},)"
        case Compare(key, order, bound):
            return f"{name(key)}{order}{literal(bound)}"


def name(key: Key) -> str:
    plain = key.builtin or (key.name not in BUILTINS and key.name.replace(".", "").replace("-", "").isalpha())
    return key.name if plain and key.name != "and" else json.dumps(key.name)


def literal(value) -> str:
    return json.dumps(value) if value != "'; DROP TABLE documents; --" else r"'\'; DROP TABLE documents; --'"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents=documents, wheres=st.lists(filters, min_size=1, max_size=8))
def test_sql_means_what_the_language_says(documents, wheres):
    made = [
        Document(uri=f"u{i}", text="", title=title, media_type="text/plain", metadata=metadata, language="en")
        for i, (title, metadata) in enumerate(documents)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "i"
        with Writer.open(path, IndexSettings()) as writer:
            for document in made:
                writer.put(document, [], None, source="s", state="1")
            writer.commit()
        with Snapshot.open(path) as snapshot:
            for where in wheres:
                found = [summary.uri for summary in snapshot.documents(written(where))]
                assert found == [document.uri for document in made if holds(where, document)], written(where)


@settings(max_examples=200, deadline=None)
@given(filters)
def test_what_is_written_is_what_is_parsed(where):
    def flat(part):
        match part:
            case And(parts):
                return And(tuple(map(flat, parts)))
            case Or(parts):
                return Or(tuple(map(flat, parts)))
            case Not(inner):
                return Not(flat(inner))
        return part

    assert parse(written(where)) == flat(where)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("year >= 2020", Compare(Key("year"), ">=", 2020)),
        ("a = 1 or b = 2 and not c = 3", Or((In(Key("a"), (1,)), And((In(Key("b"), (2,)), Not(In(Key("c"), (3,)))))))),
        ("lang in ('de', \"en\")", In(Key("lang"), ("de", "en"))),
        ("a.b.c != null", Not(In(Key("a.b.c"), (None,)))),
        ('"title" = "x"', In(Key("title"), ("x",))),
        ("title = 'x'", In(Key("title", builtin=True), ("x",))),
        ("android = TRUE", In(Key("android"), (True,))),
        (r"""a = 'it\'s "q" é'""", In(Key("a"), ('it\'s "q" é',))),
        ("größe = -1.5e3", In(Key("größe"), (-1500.0,))),
        ("in_stock not in (true, false)", Not(In(Key("in_stock"), (True, False)))),
    ],
)
def test_parse(where, expected):
    assert parse(where) == expected


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("", r"found the end at character 1, expected .*a key"),
        ("a", r"found the end at character 2, expected .*="),
        ("a =", r"found the end at character 4, expected .*a number"),
        ("a = b", r"found 'b' at character 5, expected .*a quoted string"),
        ("a == 1", r"found '=' at character 4"),
        ("a < true", r"found 'true' at character 5, expected .*a number"),
        ("a = 1 b = 2", r"found 'b' at character 7, expected .*and"),
        ("(a = 1", r"found the end at character 7, expected .*\)"),
        ("a in ()", r"found '\)' at character 7"),
        ("a = 'x", r"at character 5"),
        ("a = 1; drop table documents", r"found '; drop table' at character 6"),
        (r"a = '\q'", "wrong escape"),
        ("a = 12abc", "at character 5"),
        ("a = " + "9" * 5000, "cannot be read"),
        ("a = 1 and " * 200_000, "characters, more than"),
    ],
)
def test_what_does_not_parse_says_where_and_what_was_expected(where, says):
    with pytest.raises(FilterError, match=says):
        parse(where)


def test_large_filters(tmp_path, monkeypatch):
    with Writer.open(tmp_path / "i", IndexSettings()) as writer:
        writer.put(Document(uri="u", text="", metadata={"n": 7}), [], None, source="s", state="1")
        writer.commit()
    with Snapshot.open(tmp_path / "i") as snapshot:
        long = " or ".join(f"n = {i}" for i in range(2000))
        assert len(list(snapshot.documents(long))) == 1
        assert len(list(snapshot.documents("(" * 5000 + "n = 7" + ")" * 5000))) == 1
        assert len(list(snapshot.documents(f"n in ({', '.join(map(str, range(8000)))})"))) == 1
        monkeypatch.setattr(rag.index.filter_sql, "MAX_VALUES", 100)
        with pytest.raises(FilterError, match="101 values, more than 100"):
            list(snapshot.documents(f"n in ({', '.join(map(str, range(99)))})"))
        with pytest.raises(FilterError, match="deep"):
            list(snapshot.documents("not " * 500 + "n = 7"))


def test_a_further_filter_only_narrows():
    assert narrowed(None, None) is None
    assert narrowed("a = 1", " ") == "a = 1"
    assert narrowed(None, "b = 2") == "b = 2"
    assert parse(str(narrowed("a = 1", "b = 2 or c = 3"))) == And((parse("a = 1"), parse("b = 2 or c = 3")))
    for where, further in (("a = 1", "b = 2) or (b != 2"), ("a = 1) or (a != 1", "b = 2"), ("a = 1", "b =")):
        with pytest.raises(FilterError):
            narrowed(where, further)


def test_the_metadata_keys_of_a_filter():
    where = "a.b = 1 and not (tag in ('x') or n > 2) and title != 'y' and \"title\" = 'z'"
    assert metadata_keys(parse(where)) == {"a.b", "tag", "n", "title"}
    assert metadata_keys(parse("title = 'y' or language = 'en'")) == set()
