"""The `rag` command as its users start it: output, exit codes, JSON, bad input."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from rag.errors import NotAnIndexError
from rag.index import Snapshot, read_note

Run = Callable[..., subprocess.CompletedProcess[str]]
RAG = Path(sys.executable).with_name("rag")


@pytest.fixture
def rag(tmp_path: Path) -> Run:
    def run(*arguments: str | Path, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [RAG, *arguments], cwd=tmp_path, capture_output=True, text=True, input=stdin, check=False, timeout=120
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "kite.md").write_text("# Kites\n\nThe red kite is a bird of prey. Its wingspan is 180 centimetres.\n")
    (folder / "ferry.txt").write_text("The ferry to Aran leaves at noon. A ticket costs 12 euros.\n")
    (folder / "log.jsonl").write_text(
        '{"_id": "a", "text": "The harbour closed in 2021.", "metadata": {"year": 2021}}\n'
    )
    return folder


@pytest.fixture
def index(rag: Run, docs: Path) -> Path:
    rag("index", docs, "--recipe", "bm25", "--index", "built")
    return docs.parent / "built"


def _json(done: subprocess.CompletedProcess[str], command: str, rag: Run) -> dict[str, object]:
    """The output parsed, and valid by the schema that the tool itself prints."""
    schema = json.loads(rag("schema", command).stdout)
    value = json.loads(done.stdout)
    jsonschema.validate(value, schema)
    assert isinstance(value, dict)
    return value


def test_index_says_what_it_did(rag: Run, docs: Path) -> None:
    first = rag("index", docs, "--recipe", "bm25", "--index", "built").stdout
    assert first.startswith("built: 3 added, 0 unchanged (3 files, 3 passages written, 0 embedded,")
    again = rag("index", docs, "--index", "built").stdout
    assert again.startswith("built: 3 unchanged (3 files, 0 passages written, 0 embedded,")


def test_index_json(rag: Run, docs: Path) -> None:
    report = _json(rag("index", docs, "--recipe", "bm25", "--index", "built", "--json"), "index", rag)
    assert (report["added"], report["files"], report["skipped"]) == (3, 3, [])


def test_search_finds_and_explains(rag: Run, index: Path) -> None:
    out = rag("search", "red kite wingspan", "--index", index, "--explain").stdout
    lines = out.splitlines()
    assert lines[0].startswith("1. kite.md, Kites  ")
    assert lines[1].strip().startswith("sparse: rank 1, score ")
    assert "Its wingspan is 180 centimetres." in out


def test_search_json(rag: Run, index: Path) -> None:
    found = _json(rag("search", "harbour", "--index", index, "--json", "--where", "year = 2021"), "search", rag)
    [hit] = found["hits"]  # type: ignore[misc]
    assert hit["metadata"]["_id"] == "a"
    assert hit["text"] == "The harbour closed in 2021."
    assert hit["arms"]["sparse"]["rank"] == 1


def test_search_that_finds_nothing_says_so(rag: Run, index: Path) -> None:
    assert rag("search", "xylophone", "--index", index).stdout == "nothing found\n"


def test_ask_answers_with_the_words_that_prove_it(rag: Run, index: Path) -> None:
    out = rag("ask", "What does a ticket for the ferry cost?", "--index", index).stdout
    assert "A ticket costs 12 euros. [1]" in out
    assert "“A ticket costs 12 euros.”" in out
    assert "\nsupported · " in out


def test_ask_refuses_what_is_not_in_the_documents(rag: Run, index: Path) -> None:
    answer = _json(rag("ask", "What is the capital of Peru?", "--index", index, "--json"), "ask", rag)
    assert answer["verdict"] == "not in the documents"
    assert answer["sentences"] == []


def test_ask_json_quotes_exactly(rag: Run, index: Path, docs: Path) -> None:
    answer = _json(rag("ask", "What is the wingspan of the red kite?", "--index", index, "--json"), "ask", rag)
    citations = [citation for sentence in answer["sentences"] for citation in sentence["citations"]]  # type: ignore[attr-defined]
    assert citations
    text = (docs / "kite.md").read_text()
    for citation in citations:
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_chat_answers_line_by_line_until_an_empty_one(rag: Run, index: Path) -> None:
    out = rag("chat", "--index", index, stdin="When does the ferry to Aran leave?\n\n").stdout
    assert "The ferry to Aran leaves at noon. [1]" in out


def test_info_verify_compact_delete(rag: Run, index: Path, docs: Path) -> None:
    assert _json(rag("info", "--index", index, "--json"), "info", rag)["documents"] == 3
    assert rag("delete", docs / "ferry.txt", "--index", index).stdout == "removed 1 document\n"
    assert "not in the index: nowhere.txt" in rag("delete", "nowhere.txt", "--index", index, code=1).stderr
    assert _json(rag("compact", "--index", index, "--json"), "compact", rag)["documents"] == 2
    assert rag("verify", "--index", index).stdout == f"{index} is sound\n"
    assert "documents  2" in rag("info", "--index", index).stdout
    assert rag("search", "ferry", "--index", index).stdout == "nothing found\n"
    assert "1 added" in rag("index", docs, "--index", index).stdout, "deleting leaves the file to be indexed again"


def test_verify_names_a_damaged_file(rag: Run, index: Path) -> None:
    segment = next(index.glob("segments/*"))
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(data)
    done = rag("verify", "--index", index, code=4)
    assert segment.stem[:16] in done.stdout
    record = _json(rag("verify", "--index", index, "--json", code=4), "verify", rag)
    assert record["problems"]


def test_models_and_recipes_are_listed(rag: Run) -> None:
    names = [model["name"] for model in _json(rag("models", "list", "--json"), "models", rag)["models"]]  # type: ignore[attr-defined]
    assert "all-MiniLM-L6-v2" in names
    recipes = _json(rag("recipes", "--json"), "recipes", rag)["recipes"]
    shipped = ["best-local", "bm25", "default", "dense", "extractive", "hybrid-rerank", "multihop"]
    assert [recipe["name"] for recipe in recipes] == shipped  # type: ignore[attr-defined]


def test_pulling_an_unknown_model_suggests(rag: Run) -> None:
    assert "did you mean 'minilm'" in rag("models", "pull", "minilmm", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["search", "x", "--index", "nowhere"], 1, "there is no such folder"),
        (["search", "x", "--index", "docs"], 1, "holds no index"),
        (["search", "x", "--index", "built", "--top", "0"], 2, "k is 0"),
        (["search", " ", "--index", "built"], 2, "the question is empty"),
        (["ask", "", "--index", "built"], 2, "the question is empty"),
        (["ask", "x", "--index", "built", "--where", "year >"], 2, "character 7"),
        (["ask", "x", "--index", "built", "--recipe", "nothing"], 2, "there is no recipe 'nothing'"),
        (["search", "x", "--index", "built", "--recipe", "default"], 1, "embedder"),
        (["index", "docs", "--index", "docs"], 1, "new or empty"),
        (["index", "docs", "--index", "docs/ferry.txt"], 1, "this is a file"),
        (["schema", "nothing"], 2, "one of: index"),
        (["info", "--index", "docs"], 1, "rag index PATH"),
        (["search"], 2, "Usage: rag search"),
    ],
)
def test_wrong_use_gets_a_clear_error(rag: Run, index: Path, arguments: list[str], code: int, message: str) -> None:
    done = rag(*arguments, code=code)
    assert message in done.stderr
    assert done.stdout == ""


def test_an_index_of_a_newer_format_is_refused(rag: Run, index: Path) -> None:
    with sqlite3.connect(index / "catalogue.sqlite") as catalogue:
        catalogue.execute("PRAGMA user_version = 99")
    assert "format 99" in rag("search", "x", "--index", index, code=1).stderr


def test_an_index_of_another_analyzer_is_built_anew_as_its_error_says(rag: Run, index: Path, docs: Path) -> None:
    with sqlite3.connect(index / "catalogue.sqlite") as catalogue:
        catalogue.execute("UPDATE meta SET value = 'older' WHERE key = 'analyzer'")
    for arguments in (["search", "ferry"], ["index", docs]):
        stderr = rag(*arguments, "--index", index, code=1).stderr
        assert "text analyzer older" in stderr
        assert "--reembed" in stderr
    assert rag("index", docs, "--index", index, "--reembed").stdout.startswith(f"{index}: 3 added")
    assert "bm25" in json.loads(read_note(index, "recipe"))["description"].lower(), "by the recipe it had"
    assert "1. ferry.txt" in rag("search", "ferry", "--index", index).stdout


def test_an_index_built_by_a_newer_recipe_asks_for_another(rag: Run, index: Path) -> None:
    with sqlite3.connect(index / "catalogue.sqlite") as catalogue:
        catalogue.execute("""UPDATE meta SET value = '{"chunker": {"max_token": 9}}' WHERE key = 'note:recipe'""")
    stderr = rag("search", "ferry", "--index", index, code=2).stderr
    assert "unknown key 'chunker.max_token'; did you mean 'max_tokens'?" in stderr
    assert "--recipe" in stderr
    assert "1. ferry.txt" in rag("search", "ferry", "--index", index, "--recipe", "bm25").stdout


def test_a_file_of_records_is_deleted_with_all_of_them(rag: Run, index: Path, docs: Path) -> None:
    (docs / "log.jsonl").write_text('{"_id": "a", "text": "The harbour."}\n{"_id": "b", "text": "The quay."}\n')
    rag("index", docs, "--index", index)
    assert rag("delete", docs / "log.jsonl", "--index", index).stdout == "removed 2 documents\n"
    assert "2 added" in rag("index", docs, "--index", index).stdout


def test_tables_are_not_cut_where_there_is_no_terminal(rag: Run, index: Path) -> None:
    lines = [line.rstrip() for line in rag("info", "--index", index).stdout.splitlines()]
    assert [line.split()[0] for line in lines] == [
        "index",
        "documents",
        "passages",
        "languages",
        "embedder",
        "BM25",
        "size",
        "commits",
    ]


def test_a_reranker_that_is_not_there_is_an_error_and_not_a_skip(rag: Run, index: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        '[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[reranker]\nmodel = "nobody/no-such-model"\n'
    )
    assert "no-such-model" in rag("search", "ferry", "--index", index, "--recipe", recipe, code=1).stderr


def test_a_misspelt_recipe_key_is_named(rag: Run, docs: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[chunker]\nmax_token = 100\n")
    done = rag("index", docs, "--recipe", recipe, "--index", "built", code=2)
    assert "unknown key 'chunker.max_token'; did you mean 'max_tokens'?" in done.stderr


def test_bad_files_are_skipped_with_their_reasons_and_the_others_are_indexed(
    rag: Run, docs: Path, tmp_path: Path
) -> None:
    (docs / "empty.txt").touch()
    (docs / "binary.txt").write_bytes(bytes(range(256)) * 8)
    (docs / "broken.docx").write_bytes(b"PK\x03\x04 not really")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7\ntruncated")
    (docs / "half.jsonl").write_text('{"_id": "1", "text": "The good line."}\n{oops\n')
    (docs / "new\nline.txt").write_text("A name with a newline.\n")
    (Path(os.fsdecode(os.fsencode(docs) + b"/caf\xe9.txt"))).write_text("A name that is not UTF-8.\n")
    done = rag("index", docs, "--recipe", "bm25", "--index", "built", code=3)
    skipped = done.stdout.split("5 skipped:\n")[1]
    for name in ("empty.txt", "binary.txt", "broken.docx", "broken.pdf", "half.jsonl line 2"):
        assert name in skipped
    assert "6 added" in done.stdout
    for words in ("good line", "newline", "UTF-8"):
        assert rag("search", words, "--index", "built").stdout.startswith("1. ")
    record = _json(rag("index", docs, "--index", "built", "--json", code=3), "index", rag)
    assert len(record["skipped"]) == 5  # type: ignore[arg-type]


def test_a_second_writer_is_refused_at_once(rag: Run, docs: Path, index: Path) -> None:
    from rag.index import Writer

    with Writer.open(index):
        started = time.monotonic()
        assert "writing" in rag("index", docs, "--index", index, code=1).stderr
        assert time.monotonic() - started < 30


def _documents(index: Path) -> int:
    """How many are committed; 0 where there is no index yet."""
    try:
        with Snapshot.open(index) as snapshot:
            return snapshot.info().documents
    except NotAnIndexError:
        return 0


def test_ctrl_c_while_indexing_keeps_what_was_committed(rag: Run, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    line = "The lighthouse keeper writes down the wind and the height of the waves every morning at six. "
    for number in range(400):
        (many / f"{number:03}.txt").write_text(f"Entry {number}. {line * 60}")
    process = subprocess.Popen(
        [RAG, "index", many, "--recipe", "bm25", "--index", "built"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if _documents(tmp_path / "built"):
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "what was committed stays" in stderr
    assert rag("verify", "--index", "built").stdout == "built is sound\n"
    held = json.loads(rag("info", "--index", "built", "--json").stdout)["documents"]
    assert 0 < held < 400
    report = json.loads(rag("index", many, "--index", "built", "--json").stdout)
    assert (report["added"], report["unchanged"]) == (400 - held, held)


def test_every_command_and_option_has_help(rag: Run) -> None:
    top = rag("--help").stdout
    for command in (
        "index",
        "search",
        "ask",
        "chat",
        "info",
        "verify",
        "compact",
        "delete",
        "recipes",
        "schema",
        "models",
    ):
        assert command in top
        assert "Usage: rag" in rag(command, "--help").stdout
    assert "130 interrupted" in " ".join(top.split())


def test_the_version_is_printed(rag: Run) -> None:
    import rag as package

    assert rag("--version").stdout == f"ragstone {package.__version__}\n"
