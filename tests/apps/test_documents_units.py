"""What the documents page does, without a browser: a real index by BM25, real files, real jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("streamlit")
from adding import dismiss, take_in
from again import index_again
from chosen import delete_documents
from contents import kind_of, size_of
from folders import forget_folder, own_files, read_folders, synchronised, watch_folder
from hypothesis import given
from hypothesis import strategies as st
from indexing import IndexJob, begin_indexing, go_on
from labels import shortened, told_apart
from library import Library
from original import original
from preview import cut_at
from results import results_table
from settings import AppSettings
from streamlit.testing.v1 import AppTest
from uploads import Upload
from users import User
from visitor import Visitor
from watched import drop_folder, may_watch, synchronise, told
from words import saying

from rag.chains.planning import IndexPlan
from rag.errors import StorageError
from rag.index import Place
from rag.loaders import file_uri, uri_path
from rag.pipeline import Pipeline

FOLDER = ("folder/a.txt", "folder/sub/a.txt")


def visitor(language: str = "en", **user: object) -> Visitor:
    return Visitor(User(**user), "browser one", saying(language), language)  # type: ignore[arg-type]


@pytest.fixture
def held(tmp_path: Path) -> Library:
    return Library(AppSettings(tmp_path / "ix"), Pipeline(tmp_path / "ix", "bm25"))


def taken(held: Library, files: dict[str, bytes], who: Visitor | None = None) -> IndexJob:
    """Files as a browser sends them, indexed."""
    take_in(held, who or visitor(), [Upload(name, data) for name, data in files.items()])
    return done(held)


def done(held: Library) -> IndexJob:
    assert held.job is not None
    assert held.job.done.wait(60)
    if held.job.error and not held.job.stopped:
        raise held.job.error
    return held.job


def paths(held: Library) -> list[str]:
    return sorted(str(one.metadata["path"]) for one in held.pipeline.snapshot.documents())


def on_disk(held: Library) -> list[str]:
    return sorted(path.name for path in held.settings.uploads.glob("*/*"))


def rows(job: IndexJob, who: Visitor | None = None) -> list[tuple[str, ...]]:
    return list(zip(*results_table(job, who or visitor()).values(), strict=True))


# -- files that are sent ---------------------------------------------------------------------------


def test_files_of_one_name_in_two_folders_are_both_kept_and_told_apart(held: Library) -> None:
    taken(held, dict(zip(FOLDER, (b"The first.", b"The second."), strict=True)))
    assert paths(held) == list(FOLDER)
    assert on_disk(held) == ["a.txt", "a.txt"]
    taken(held, {FOLDER[1]: b"The second, anew."})
    assert paths(held) == list(FOLDER)
    texts = {str(one.metadata["path"]): held.pipeline.snapshot.excerpt(one.id, 0, 99) for one in documents(held)}
    assert texts == {FOLDER[0]: "The first.", FOLDER[1]: "The second, anew."}


def documents(held: Library, where: str | None = None) -> list:
    return list(held.pipeline.snapshot.documents(where))


def test_two_files_of_one_name_sent_together_are_both_kept(held: Library) -> None:
    take_in(held, visitor(), [Upload("a.txt", b"one"), Upload("a.txt", b"two")])
    assert [row[:2] for row in rows(done(held))] == [("a.txt", "added"), ("a.txt (2)", "added")]
    assert paths(held) == ["a.txt", "a.txt (2)"]


def test_what_cannot_be_read_is_told_first_and_leaves_no_file_behind(held: Library) -> None:
    job = taken(held, {"good.txt": b"Good.", "broken.pdf": b"%PDF-1.7\nnothing more", "none.txt": b""})
    assert [row[:2] for row in rows(job)] == [
        ("none.txt", "left out"),
        ("broken.pdf", "left out"),
        ("good.txt", "added"),
    ]
    assert rows(job)[0][2] == "empty"
    assert "PDF" in rows(job)[1][2]
    assert on_disk(held) == ["good.txt"]


def test_reasons_are_in_the_language_of_the_page(held: Library) -> None:
    job = taken(held, {"a.pdf": b"MZ"}, visitor("zh"))
    assert rows(job, visitor("zh")) == [("a.pdf", "已略过", "名为 PDF，实际不是 PDF 文件")]


def test_a_record_that_cannot_be_read_is_told_and_the_others_are_indexed(held: Library) -> None:
    (row,) = rows(taken(held, {"a.jsonl": b'{"_id": "1", "text": "One."}\nno JSON\n{"_id": "2", "text": "Two."}'}))
    assert row[1] == "partly left out, added (2)"
    assert row[2]


def test_the_same_content_under_another_name_is_said(held: Library) -> None:
    taken(held, {"a.txt": b"The same."})
    ((_, result, said),) = rows(taken(held, {"b.txt": b"The same."}))
    assert (result, said) == ("added", "has the same content as a.txt; both are kept")
    assert rows(taken(held, {"a.txt": b"The same."}))[0][1:] == (
        "unchanged",
        "has the same content as b.txt; both are kept",
    )
    assert paths(held) == ["a.txt", "b.txt"]


def test_nobody_is_told_of_the_same_content_in_what_they_may_not_see(held: Library) -> None:
    taken(held, {"secret.txt": b"The same."})
    job = taken(held, {"b.txt": b"The same."}, visitor(name="bob", where="path != 'secret.txt'"))
    assert rows(job) == [("b.txt", "added", "")]


def test_what_the_recipe_leaves_out_is_said(tmp_path: Path) -> None:
    from rag.recipe import parse_recipe

    recipe = parse_recipe('[embedder]\nbackend = "none"\n[sources]\ninclude = ["*.md"]')
    held = Library(AppSettings(tmp_path / "ix"), Pipeline(tmp_path / "ix", recipe))
    job = taken(held, {"a.txt": b"One.", "b.md": b"Two."})
    assert [row[:2] for row in rows(job)] == [("a.txt", "left out"), ("b.md", "added")]
    assert "sources.include" in rows(job)[0][2]


# -- stopped, gone on, indexed again, deleted ------------------------------------------------------


def test_a_run_that_was_stopped_goes_on_with_what_is_left(held: Library, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for file in files:
        file.write_text(f"This is {file.name}.")

    class StopsAfterOne(IndexJob):
        def tell(self, progress: object) -> None:
            if progress.files == 1:  # type: ignore[attr-defined]
                self.stop.set()
            super().tell(progress)  # type: ignore[arg-type]

    names = {file_uri(file): f"shown/{file.name}" for file in files}
    held.job = begin_indexing(held.pipeline, files, StopsAfterOne("browser one", names=names))
    job = done(held)
    assert job.stopped
    assert rows(job) == [("shown/a.txt", "added", "")]
    assert paths(held) == ["shown/a.txt"]
    held.job = go_on(held.pipeline, job)
    assert rows(done(held)) == [(f"shown/{file.name}", "added", "") for file in files]
    assert paths(held) == ["shown/a.txt", "shown/b.txt", "shown/c.txt"]


def test_documents_are_indexed_again_under_their_names_and_what_is_gone_stays(held: Library, tmp_path: Path) -> None:
    docs = tmp_path / "docs" / "sub"
    docs.mkdir(parents=True)
    (docs / "a.md").write_text("This is a.")
    (docs / "b.md").write_text("This is b.")
    held.pipeline.add(docs.parent)
    before = {one.uri: one.indexed for one in documents(held)}
    (docs / "b.md").unlink()
    index_again(held, visitor(), documents(held))
    assert rows(done(held)) == [
        ("sub/b.md", "left out", "its file is no longer there, so it stays as it was indexed"),
        ("sub/a.md", "updated", ""),
    ]
    assert paths(held) == ["sub/a.md", "sub/b.md"]
    assert before.keys() == {one.uri for one in documents(held)}


def test_an_upload_leaves_the_disk_with_the_last_of_its_documents_and_a_servers_file_stays(
    held: Library, tmp_path: Path
) -> None:
    taken(held, {"a.jsonl": b'{"_id": "1", "text": "One."}\n{"_id": "2", "text": "Two."}'})
    (tmp_path / "mine.txt").write_text("Mine.")
    held.pipeline.add(tmp_path / "mine.txt")
    mine, first, second = sorted(documents(held), key=lambda one: ("#" in one.uri, one.uri))
    assert delete_documents(held, [first, mine]) == 2
    assert on_disk(held) == ["a.jsonl"]
    assert (tmp_path / "mine.txt").exists()
    assert delete_documents(held, [second]) == 1
    assert on_disk(held) == []
    assert documents(held) == []


def test_what_is_called_the_same_is_told_apart() -> None:
    assert told_apart(["a", "b", "a", "a (2)", "a"]) == ["a", "b", "a (2)", "a (2) (2)", "a (3)"]


def test_a_run_is_dismissed_once_and_no_other_in_its_place(held: Library) -> None:
    before = taken(held, {"a.txt": b"One."})
    after = taken(held, {"b.txt": b"Two."})
    dismiss(held, before)
    assert held.job is after
    dismiss(held, after)
    assert held.job is None
    assert on_disk(held) == ["a.txt", "b.txt"]


# -- watched folders -------------------------------------------------------------------------------


def test_watched_folders_are_kept_noted_and_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "ix.folders.json"
    assert read_folders(file) == []
    names = ("one", "two 文件 %#", "\udcff")
    for name in names:
        (tmp_path / name).mkdir()
        watch_folder(file, tmp_path / name)
    assert {one.path for one in read_folders(file)} == {tmp_path / name for name in names}
    one = watch_folder(file, tmp_path / "one")
    assert len(read_folders(file)) == 3
    synchronised(file, [one], 1000.0)
    assert {each.since for each in read_folders(file)} == {None, 998.0}
    forget_folder(file, one.uri)
    assert tmp_path / "one" not in {each.path for each in read_folders(file)}


def test_a_folder_within_a_watched_one_or_around_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "docs" / "sub")
    watch_folder(tmp_path / "list", tmp_path / "docs")
    for other in (tmp_path / "docs" / "sub", tmp_path, tmp_path / "link"):
        with pytest.raises(StorageError, match="one within the other"):
            watch_folder(tmp_path / "list", other)
    assert len(read_folders(tmp_path / "list")) == 1


@pytest.mark.parametrize("damage", ["", "{}", '[{"uri": 1}]', "[", "\udcff"])
def test_a_damaged_list_is_an_error_and_is_not_written_over(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "list"
    file.write_text(damage, "utf-8", "surrogateescape")
    for call in (read_folders, lambda file: watch_folder(file, tmp_path), lambda file: forget_folder(file, "x")):
        with pytest.raises(StorageError, match="remove the file"):
            call(file)
    assert file.read_text("utf-8", "surrogateescape") == damage


@pytest.mark.parametrize("name", ["ix", "i[x]*"])
def test_what_the_app_keeps_beside_its_index_is_no_document_of_a_watched_folder(tmp_path: Path, name: str) -> None:
    index = tmp_path / "built" / name
    pipeline = Pipeline(index, "bm25")
    index.parent.mkdir()
    for other in ("questions.jsonl", "folders.json", "md"):
        index.with_name(f"{name}.{other}").write_text(json.dumps({"_id": "1", "text": "What?"}))
    (tmp_path / "built" / f"{name}.files" / "0").mkdir(parents=True)
    (tmp_path / "built" / f"{name}.files" / "0" / "a.txt").write_text("Sent.")
    pipeline.add(tmp_path, exclude=own_files(index, tmp_path))
    assert [one.metadata["path"] for one in pipeline.snapshot.documents()] == [f"built/{name}.md"]
    assert own_files(index, tmp_path / "elsewhere") == []


def test_uploads_are_no_part_of_a_watched_folder_that_holds_them(held: Library, tmp_path: Path) -> None:
    taken(held, {"sent.txt": b"Sent."})
    (tmp_path / "mine.txt").write_text("Mine.")
    watched = watch_folder(held.settings.folders, tmp_path)
    synchronise(held, visitor(), [watched])
    done(held)
    assert paths(held) == ["mine.txt", "sent.txt"]
    (tmp_path / "mine.txt").write_text("Mine, and another.")
    synchronise(held, visitor(), [watched])
    assert sum(one.updated for one in done(held).results) == 1
    drop_folder(held, watched)
    assert paths(held) == on_disk(held) == ["sent.txt"]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (IndexPlan(unchanged=5), "Nothing has changed."),
        (IndexPlan(new=2, changed=1, unchanged=5, removed=3), "2 new · 1 changed · 3 removed"),
        (IndexPlan(failed=1, unreadable=2), "1 still unreadable · 2 may not be opened"),
        (IndexPlan(removed=4), "The folder holds no file any more, as if its disk were not mounted."),
    ],
)
def test_what_has_changed_in_a_folder_is_said(plan: IndexPlan, said: str) -> None:
    assert told(plan, visitor()).startswith(said)


def test_folders_of_the_server_are_for_those_who_may_see_and_change_everything() -> None:
    assert may_watch(visitor())
    assert not may_watch(visitor(manages=False))
    assert not may_watch(visitor(where="tenant = 'acme'"))


# -- reading ---------------------------------------------------------------------------------------


def test_a_text_is_divided_where_passages_begin_and_end() -> None:
    places = [Place(0, 4, 2, ()), Place(3, 8, 3, ()), Place(10, 12, 1, ())]
    pieces = [(one.text, one.starts, one.passages) for one in cut_at("abcdefghijklmn", 0, places)]
    assert pieces == [
        ("abc", ("1 · 2",), 1),
        ("d", ("2 · 3",), 2),
        ("efgh", (), 1),
        ("ij", (), 0),
        ("kl", ("3 · 1",), 1),
        ("mn", (), 0),
    ]
    assert [(one.text, one.starts) for one in cut_at("fghijk", 5, places)] == [
        ("fgh", ()),
        ("ij", ()),
        ("k", ("3 · 1",)),
    ]


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=8)


@given(st.text(max_size=50), st.integers(0, 30), spans)
def test_no_character_is_lost_between_passages(text: str, start: int, found: list[tuple[int, int]]) -> None:
    places = [Place(first, first + length, 1, ()) for first, length in sorted(found)]
    assert "".join(one.text for one in cut_at(text, start, places)) == text


def test_an_original_is_given_as_it_was_indexed_and_to_those_alone_who_may_see_all_of_it(held: Library) -> None:
    data = b'{"_id": "1", "text": "One.", "tenant": "a"}\n{"_id": "2", "text": "Two.", "tenant": "b"}'
    taken(held, {"a.jsonl": data})
    one, other = documents(held)
    snapshot = held.pipeline.snapshot
    assert original(snapshot, one, None) == data
    assert original(snapshot, one, "tenant = 'a'") is None
    held.pipeline.delete(other.uri)  # it is in the file all the same
    snapshot = held.pipeline.snapshot
    assert original(snapshot, one, "tenant = 'a'") is None
    assert original(snapshot, one, None) == data
    uri_path(one.source).write_bytes(data.replace(b"Two", b"TWO"))
    assert original(snapshot, one, None) is None
    uri_path(one.source).unlink()
    assert original(snapshot, one, None) is None


def test_sizes_and_kinds_are_told_in_words(held: Library) -> None:
    sizes = {0: "0 B", 1023: "1023 B", 1536: "1.5 KB", 200 << 20: "200 MB", 3 << 40: "3.0 TB"}
    assert {size: size_of(size) for size in sizes} == sizes
    taken(held, {"a.md": b"A", "b.py": b"b = 1", "c.txt": b"C"})
    assert [kind_of(one) for one in sorted(documents(held), key=lambda one: one.title)] == ["Markdown", "python", "TXT"]


# -- the page --------------------------------------------------------------------------------------


def _page(held, who):
    from documents import documents_page

    documents_page(held, who)


@pytest.fixture
def shown(held: Library) -> Callable[[Visitor], AppTest]:
    taken(
        held, {"a.jsonl": b'{"_id": "1", "text": "One.", "tenant": "a"}\n{"_id": "2", "text": "Two.", "tenant": "b"}'}
    )
    held.job = None

    def show(who: Visitor) -> AppTest:
        return AppTest.from_function(_page, kwargs={"held": held, "who": who}, default_timeout=30).run()

    return show


def test_a_user_with_a_filter_is_told_of_nothing_else(shown: Callable[[Visitor], AppTest]) -> None:
    every, limited = shown(visitor()), shown(visitor(where="tenant = 'a'", manages=False))
    assert {one.label: one.value for one in every.metric}["Documents"] == "2"
    assert {one.label: one.value for one in limited.metric} == {"Documents": "1", "Passages": "1"}
    assert {one.label for one in every.metric} == {"Documents", "Passages", "Tokens", "On disk"}
    said = " ".join(one.value for one in [*limited.text, *limited.caption])
    assert "Folder:" not in said
    assert "1 documents, 1 passages" in said
    assert "compact" in {one.key for one in every.button}
    assert not {"compact", "look"} & {one.key for one in limited.button}


def test_a_filter_that_is_none_is_said_in_a_sentence_and_the_page_stays(shown: Callable[[Visitor], AppTest]) -> None:
    page = shown(visitor())
    page.text_input(key="filter").set_value("tenant is a").run()
    assert [one.value.startswith("This is no filter") for one in page.error] == [True]
    page.text_input(key="filter").set_value("tenant = 'a'").run()
    assert not page.error
    assert "1 documents, 1 passages" in [one.value for one in page.caption]


def test_a_search_cannot_widen_a_users_filter(shown: Callable[[Visitor], AppTest]) -> None:
    page = shown(visitor(where="tenant = 'a'"))
    page.text_input(key="filter").set_value("tenant = 'b' or tenant = 'a'").run()
    assert "1 documents, 1 passages" in [one.value for one in page.caption]


def test_another_users_run_is_shown_without_its_names_and_counts(held: Library) -> None:
    job = IndexJob("browser two", names={"file:///x": "secret.txt"}, refused=[("secret.pdf", "empty")])
    job.done.set()
    held.job = job
    page = AppTest.from_function(_page, kwargs={"held": held, "who": visitor()}, default_timeout=30).run()
    assert not page.exception
    assert not page.dataframe
    assert not {"dismiss", "go on"} & {one.key for one in page.button}


def test_a_long_label_says_that_it_goes_on():
    assert shortened("x" * 60, 60) == "x" * 60
    assert shortened("保" * 61, 60) == "保" * 59 + "…"
    assert shortened("ferry to Aran", 7) == "ferry…"
