"""Files of judgements and runs: what is read, what is refused, and what other tools make of what is written."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import ir_measures
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import EvaluationError
from rag.evaluation.ranking.judgements import ranking, read_qrels, read_run, write_qrels, write_run

# Any text that UTF-8 can hold: white space of every kind, NUL, "%", a BOM, quotes.
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | st.sampled_from(
    [
        "a b",
        "%20",
        "a%20b",
        " ",
        "\t",
        "\u3000",
        "\x85x",
        "\ufeff",
        "Audrey Williams",
        "%",
        "a\nb",
        "+percent-encoded",
        "#",
    ]
)
SCORES = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.floats(-1e30, 1e30)


def _write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_trec_judgements(tmp_path: Path) -> None:
    path = _write(tmp_path / "j.trec", "q1 0 d1 2\nq1\t0  d2 -1\r\n\n  q2 Q0 d1 +1 \n")
    assert read_qrels(path) == {"q1": {"d1": 2, "d2": -1}, "q2": {"d1": 1}}


def test_beir_judgements_may_have_spaces_in_ids(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "test.tsv", "\ufeffquery-id\tcorpus-id\tscore\r\nq1\tAudrey Williams\t1\r\nq1\t Dear Brother \t0\r\n"
    )
    assert read_qrels(path) == {"q1": {"Audrey Williams": 1, " Dear Brother ": 0}}


def test_beir_judgements_without_a_header_lose_no_line(tmp_path: Path) -> None:
    assert read_qrels(_write(tmp_path / "test.tsv", "q1\td 1\t1\nq2\td2\t0\n")) == {"q1": {"d 1": 1}, "q2": {"d2": 0}}


def test_runs(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.run", "q1 Q0 d1 7 1.5 tag\nq2 Q0 d1 1 -2e3 tag\nq1\tQ0\td2\t1\t.5\ttag\n")
    assert read_run(path) == {"q1": {"d1": 1.5, "d2": 0.5}, "q2": {"d1": -2000.0}}


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    assert read_qrels(_write(tmp_path / "j.gz", gzip.compress(b"q 0 d 1\n", mtime=0))) == {"q": {"d": 1}}
    assert read_run(_write(tmp_path / "r.run.gz", gzip.compress(b"q Q0 d 1 2 t\n", mtime=0))) == {"q": {"d": 2.0}}


def test_a_foreign_run_is_not_decoded(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.run", "q Q0 file:///a%20b.txt 1 2 anserini\n")
    assert read_run(path) == {"q": {"file:///a%20b.txt": 2.0}}


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("q 0 d 1\nq 0 d\n", ":2", "3 columns, not 4"),
        ("q 0 d 1\nq 0 Audrey Williams 1\n", ":2", "5 columns, not 4"),
        ("q 0 d 1\n\nq 0 e 1.5\n", ":3", "'1.5' is no integer"),
        ("q 0 d high\n", ":1", "'high' is no integer"),
        ("q 0 d nan\n", ":1", "'nan' is no integer"),
        ("q 0 d 1_0\n", ":1", "'1_0' is no integer"),
        ("q 0 d 1000000\n", ":1", "from -1000 to 1000"),
        ("q 0 d 1\nq 0 e 0\nq 1 d 1\n", ":3", "document 'd' is there twice for query 'q'"),
        ("", "", "there are no judgements"),
        ("\n  \n", "", "there are no judgements"),
        ("query-id\tcorpus-id\tscore\n", "", "there are no judgements"),
        ("query-id\tcorpus-id\tscore\nq\td\n", ":2", "split at tabs"),
        ("query-id\tcorpus-id\tscore\nq\t\t1\n", ":2", "split at tabs"),
        ("query-id\tcorpus-id\tscore\nq\td\t1\nq\td\t2\n", ":3", "twice"),
        ("qid\tdocid\trel\nq\td\t1\n", ":1", "'rel' is no integer"),
        (b"q 0 d 1\nq 0 caf\xe9 1\n", ":2", "not UTF-8"),
        (b"q\tcaf\xe9\t1\n", ":1", "not UTF-8"),
        (gzip.compress(b"q 0 d 1\n" * 99, mtime=0)[:-9], "", "cannot be read"),
        ("q percent-encoded a%FF 1\n", ":1", "not percent-encoded UTF-8"),
    ],
)
def test_bad_judgements_name_file_and_line(tmp_path: Path, text: str | bytes, where: str, message: str) -> None:
    path = _write(tmp_path / "bad.trec", text)
    with pytest.raises(EvaluationError, match=r"bad\.trec") as raised:
        read_qrels(path)
    assert raised.value.where == f"{path}{where}"
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("q Q0 d 1 2.5\n", ":1", "5 columns, not 6"),
        ("q Q0 d 1 2.5 t\nq Q0 Audrey Williams 2 2 t\n", ":2", "7 columns, not 6"),
        ("q Q0 d 1 high t\n", ":1", "'high' is no number"),
        ("q Q0 d 1 1_0 t\n", ":1", "'1_0' is no number"),
        ("q Q0 d 1 2 t\nq Q0 e 1 nan t\n", ":2", "no finite number"),
        ("q Q0 d 1 -inf t\n", ":1", "no finite number"),
        ("q Q0 d 1 1e999 t\n", ":1", "no finite number"),
        ("q Q0 d 1 1e39 t\n", ":1", "32-bit"),
        ("q Q0 d 1 2 t\nq Q0 d 2 1 t\n", ":2", "document 'd' is there twice for query 'q'"),
        ("", "", "the run is empty"),
        (b"q Q0 \xff 1 2 t\n", ":1", "not UTF-8"),
    ],
)
def test_bad_runs_name_file_and_line(tmp_path: Path, text: str | bytes, where: str, message: str) -> None:
    path = _write(tmp_path / "bad.run", text)
    with pytest.raises(EvaluationError, match=r"bad\.run") as raised:
        read_run(path)
    assert raised.value.where == f"{path}{where}"
    assert message in str(raised.value)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    for read in (read_qrels, read_run):
        with pytest.raises(EvaluationError, match="nowhere: cannot be read: No such file"):
            read(tmp_path / "nowhere")
        with pytest.raises(EvaluationError, match="Is a directory"):
            read(tmp_path)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(IDS, st.dictionaries(IDS, SCORES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_run_comes_back_as_it_was_and_best_first(
    tmp_path_factory: pytest.TempPathFactory, run: dict[str, dict[str, float]]
) -> None:
    path = tmp_path_factory.mktemp("run") / "x.run"
    write_run(path, run, "mine")
    back = read_run(path)
    assert back == run
    assert list(back) == list(run)
    for query, scores in back.items():
        assert list(scores) == ranking(run[query])


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-9, 9), min_size=1, max_size=4), min_size=1, max_size=4),
    st.sampled_from(["x.trec", "x.tsv"]),
)
def test_judgements_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, qrels: dict[str, dict[str, int]], name: str
) -> None:
    path = tmp_path_factory.mktemp("qrels") / name
    if name == "x.tsv" and any(set("\t\r\n") & set(key) for query, row in qrels.items() for key in (query, *row)):
        with pytest.raises(EvaluationError, match="does not fit into a table"):
            write_qrels(path, qrels)
        assert not path.exists()
        return
    write_qrels(path, qrels)
    back = read_qrels(path)
    assert back == qrels
    assert [list(row) for row in back.values()] == [list(row) for row in qrels.values()]


def test_what_is_written_is_what_other_tools_read(tmp_path: Path) -> None:
    qrels = {"q 1": {"Audrey Williams": 1, "Foo": 0}, "q2": {"a%20b": 2}}
    run = {"q 1": {"Foo": 0.1, "Audrey Williams": 0.3}, "q2": {"a%20b": 1.0, "a b": 2.0}}
    write_qrels(tmp_path / "q", qrels)
    write_run(tmp_path / "r", run, "mine")
    assert (tmp_path / "r").read_text().splitlines()[0] == "q%201 Q0 Audrey%20Williams 1 0.3 mine+percent-encoded"
    found = {
        metric.query_id: metric.value
        for metric in ir_measures.iter_calc(
            [ir_measures.RR],
            ir_measures.read_trec_qrels(str(tmp_path / "q")),
            ir_measures.read_trec_run(str(tmp_path / "r")),
        )
    }
    assert found == {"q%201": 1.0, "q2": 0.5}


def test_ids_without_white_space_are_written_as_they_are(tmp_path: Path) -> None:
    write_run(tmp_path / "r", {"q": {"a%20b": 1.0, "#1": 2.0}}, "mine")
    assert (tmp_path / "r").read_text() == "q Q0 #1 1 2.0 mine\nq Q0 a%20b 2 1.0 mine\n"
    write_qrels(tmp_path / "q", {"q": {"a%20b": 1}})
    assert (tmp_path / "q").read_text() == "q 0 a%20b 1\n"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.characters(max_codepoint=0x7E), min_size=1, max_size=4), min_size=2, unique=True))
def test_ties_fall_alike_for_encoded_ids(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> None:
    """Another tool breaks ties by the ids as they stand in the file."""
    path = tmp_path_factory.mktemp("ties") / "x.run"
    write_run(path, {"q": dict.fromkeys([*ids, "a b"], 1.0)}, "t")
    written = [line.split()[2] for line in path.read_text().splitlines()]
    assert written == sorted(written, reverse=True)


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=3),
        st.sampled_from([0.1, 0.1 + 1e-9, 0.2, -0.0, 0.0, 1e-46, -5.0, 16777216.0, 16777217.0]),
        min_size=1,
    )
)
def test_the_order_is_that_of_trec_eval(scores: dict[str, float]) -> None:
    """The reciprocal rank of each document, judged alone, is where trec_eval puts it."""
    order = ranking(scores)
    for rank, document in enumerate(order, 1):
        found = pytrec_eval.RelevanceEvaluator({"q": {document: 1}}, {"recip_rank"}).evaluate({"q": scores})
        assert found["q"]["recip_rank"] == 1 / rank


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 1e39])
def test_scores_that_trec_eval_cannot_order_are_refused(tmp_path: Path, score: float) -> None:
    with pytest.raises(EvaluationError, match="document 'd'"):
        write_run(tmp_path / "r", {"q": {"d": score}}, "t")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tag", ["", "two words", "x+percent-encoded"])
def test_a_tag_is_one_word(tmp_path: Path, tag: str) -> None:
    with pytest.raises(EvaluationError, match="cannot be the tag"):
        write_run(tmp_path / "r", {"q": {"d": 1.0}}, tag)


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "r"
    write_run(path, {"q": {"d": 1.0}}, "t")
    before = path.read_bytes()
    for run in ({"q": {"": 1.0}}, {"q": {"ok": 1.0, "\ud800": 1.0}}):
        with pytest.raises(EvaluationError):
            write_run(path, run, "t")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_run(tmp_path / "no" / "r", {"q": {"d": 1.0}}, "t")


@pytest.mark.collections
def test_the_judgements_of_the_collections(collections_dir: Path) -> None:
    counts = {
        name: sum(len(grades) for grades in read_qrels(collections_dir / name / "qrels" / "test.tsv").values())
        for name in ("cranfield", "hotpotqa-100", "squad2")
    }
    assert counts == {"cranfield": 1612, "hotpotqa-100": 200, "squad2": 1440}
