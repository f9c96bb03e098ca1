"""What a Pipeline promises to threads that share it."""

from __future__ import annotations

import gc
import sqlite3
import threading
from pathlib import Path

import pytest

import rag
from rag.recipe import load_recipe
from rag.recipe.sections import Bm25Config


def test_threads_search_while_another_commits(tmp_path: Path) -> None:
    (tmp_path / "first.txt").write_text("The ferry leaves at noon.")
    wrong: list[BaseException] = []
    done = threading.Event()
    with rag.open(tmp_path / "index", "bm25") as index:
        index.add(tmp_path / "first.txt")

        def search() -> None:
            try:
                while not done.is_set():
                    assert index.search("ferry")[0].chunk.text == "The ferry leaves at noon."
            except BaseException as error:  # noqa: BLE001  told by the main thread
                wrong.append(error)

        threads = [threading.Thread(target=search) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(20):
            (tmp_path / f"{number}.txt").write_text(f"Note {number} is about a kite.")
            index.add(tmp_path / f"{number}.txt")
        done.set()
        for thread in threads:
            thread.join()
        assert not wrong
        assert index.info().documents == 21


def test_a_snapshot_that_nobody_holds_any_more_is_closed(tmp_path: Path) -> None:
    (tmp_path / "first.txt").write_text("The ferry leaves at noon.")
    with rag.open(tmp_path / "index", "bm25") as index:
        index.add(tmp_path / "first.txt")
        before = index.snapshot._db
        (tmp_path / "second.txt").write_text("The train leaves at ten.")
        index.add(tmp_path / "second.txt")
        assert index.search("train")
        gc.collect()
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            before.execute("SELECT 1")


def test_a_recipe_that_is_adopted_is_what_the_index_opens_with(tmp_path: Path):
    path = tmp_path / "index"
    (tmp_path / "a.txt").write_text("Boilers are inspected every May.")
    with rag.open(path, "bm25") as index:
        index.add(tmp_path / "a.txt")
    other = load_recipe("bm25").model_copy(update={"bm25": Bm25Config(k1=0.9)})
    with rag.open(path, other) as index:
        index.adopt()
    with rag.open(path) as index:
        assert index.recipe == other
        assert index.info().settings.k1 == 0.9
        assert index.search("boilers")


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ('[generator]\nmodel = "/no/such.gguf"', "no such.gguf|/no/such.gguf"),
        ('[generator]\nkind = "openai"\nmodel = "m"\napi_key_env = "NO_SUCH_KEY"', "NO_SUCH_KEY is not set"),
        ('[grounding]\nverifier = "judge"\n[generator]\nkind = "extractive"', "grounding.verifier"),
        ('[chunker]\nkind = "semantic"\n[generator]\nkind = "extractive"', "chunker.kind"),
        ('[reranker]\nmodel = "/no/such/reranker"\n[generator]\nkind = "extractive"', "/no/such/reranker"),
    ],
)
def test_load_makes_every_part_so_that_what_is_missing_is_known_before_a_question(tmp_path: Path, recipe, said):
    from rag.recipe import parse_recipe

    index = rag.open(tmp_path / "index", parse_recipe(f'{recipe}\n[embedder]\nbackend = "none"'))
    with index, pytest.raises(rag.RagError, match=said):
        index.load()
    assert not (tmp_path / "index").exists()


def test_load_is_content_with_what_can_be_made(tmp_path: Path):
    with rag.open(tmp_path / "index", "extractive") as index:
        index.load()
