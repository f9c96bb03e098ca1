"""Folders on a real file system: order, links, globs, odd names, and what cannot be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.loaders import SourceFile, file_uri, read_file, record_uri, uri_path, uri_prefix, walk
from rag.loaders.globs import compile_globs


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def relatives(*paths: Path, **globs: list[str]) -> list[str]:
    found = list(walk(paths, **globs))
    assert not [item for item in found if isinstance(item, LoadError)]
    return [item.relative for item in found if isinstance(item, SourceFile)]


def test_files_come_sorted_and_hidden_ones_are_skipped(tmp_path: Path) -> None:
    make(tmp_path, "b.txt", "a/z.txt", "a/b/c.txt", "a.txt", "B.txt", ".hidden", ".git/config", "a/.x/y", "ä.txt")
    assert relatives(tmp_path) == ["B.txt", "a/b/c.txt", "a/z.txt", "a.txt", "b.txt", "ä.txt"]
    assert relatives(tmp_path / ".git") == ["config"]


def test_a_source_file_says_where_it_is(tmp_path: Path) -> None:
    make(tmp_path, "a/b.txt")
    (found,) = walk([tmp_path])
    assert found == SourceFile(tmp_path / "a/b.txt", tmp_path, f"file://{tmp_path}/a/b.txt", "a/b.txt")
    (direct,) = walk([tmp_path / "a" / ".." / "a" / "b.txt"])
    assert direct == SourceFile(tmp_path / "a/b.txt", tmp_path / "a", f"file://{tmp_path}/a/b.txt", "b.txt")


def test_relative_paths_are_made_absolute(tmp_path: Path, monkeypatch) -> None:
    make(tmp_path, "a/b.txt")
    monkeypatch.chdir(tmp_path)
    (found,) = walk([Path("a")])
    assert isinstance(found, SourceFile)
    assert found.path == tmp_path / "a/b.txt"


def test_no_file_comes_twice(tmp_path: Path) -> None:
    make(tmp_path, "a/b.txt", "c.txt")
    assert relatives(tmp_path, tmp_path / "a", tmp_path / "c.txt") == ["a/b.txt", "c.txt"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.md"], [], ["a/b/c.md", "a/d.md", "e.md"]),
        (["*.md", "*.txt"], ["d.*"], ["a/b/c.md", "a/f.txt", "e.md"]),
        (["a/*.md"], [], ["a/d.md"]),
        (["a/**/*.md"], [], ["a/b/c.md", "a/d.md"]),
        (["**/b/**"], [], ["a/b/c.md", "a/b/x.py"]),
        ([], ["a"], ["e.md"]),
        ([], ["b/"], ["a/d.md", "a/f.txt", "e.md"]),
        ([], ["a/b/**", "a/[df].*"], ["e.md"]),
        (["[!a-d].*"], [], ["a/f.txt", "e.md", "a/b/x.py"]),
        (["?.md"], ["**/c.md"], ["a/d.md", "e.md"]),
        (["A/*"], [], []),
        (["*.m[d"], [], []),
    ],
)
def test_globs_match_the_relative_path_or_the_name(
    tmp_path: Path, include: list[str], exclude: list[str], expected: list[str]
) -> None:
    make(tmp_path, "a/b/c.md", "a/b/x.py", "a/d.md", "a/f.txt", "e.md")
    assert relatives(tmp_path, include=include, exclude=exclude) == sorted(expected)


def test_globs_hold_for_files_given_directly(tmp_path: Path) -> None:
    make(tmp_path, "a.md", "b.txt")
    assert relatives(tmp_path / "a.md", tmp_path / "b.txt", exclude=["*.txt"]) == ["a.md"]


@given(st.text("ab*?/[]!-.{}()+^$|\\", max_size=12), st.text("ab/-.", max_size=10))
def test_any_glob_compiles_and_a_plain_one_matches_itself(glob: str, path: str) -> None:
    try:
        pattern = compile_globs([glob])
    except LoadError as error:
        assert "bad character range" in error.message
        pattern = re.compile("")
    assert pattern is not None
    pattern.fullmatch(path)
    plain = "".join(character for character in glob if character not in "*?[").removeprefix("./").rstrip("/")
    own = compile_globs([plain])
    assert own is not None
    assert own.fullmatch(plain.removeprefix("./"))


def test_links_do_not_lead_out_of_the_root(tmp_path: Path) -> None:
    make(tmp_path, "root/a.txt", "outside/secret.txt", "rootless/near.txt")
    root = tmp_path / "root"
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "file.txt").symlink_to(tmp_path / "outside/secret.txt")
    (root / "up").symlink_to("..")
    (root / "near").symlink_to("../rootless")
    (root / "slash").symlink_to("/")
    assert relatives(root) == ["a.txt"]


def test_links_inside_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "real/a.txt", ".store/x.txt", ".store/deep/y.txt")
    (tmp_path / "again").symlink_to("real")
    (tmp_path / "real/loop").symlink_to("..")
    (tmp_path / "real/self").symlink_to("self")
    (tmp_path / "here").symlink_to(".")
    (tmp_path / "one").symlink_to(".store")
    (tmp_path / "two").symlink_to(".store")
    (tmp_path / ".store/deep/back").symlink_to("../../.store")
    (tmp_path / "x.txt").symlink_to(".store/x.txt")
    found = list(walk([tmp_path]))
    assert [f.relative for f in found if isinstance(f, SourceFile)] == [
        "one/deep/y.txt",
        "one/x.txt",
        "real/a.txt",
        "x.txt",
    ]
    assert [e.where for e in found if isinstance(e, LoadError)] == [f"file://{tmp_path}/real/self"]


def test_a_link_counts_where_its_target_s_own_name_is_not_selected(tmp_path: Path) -> None:
    make(tmp_path, "data.bin")
    (tmp_path / "notes.md").symlink_to("data.bin")
    assert relatives(tmp_path) == ["data.bin"]
    assert relatives(tmp_path, include=["*.md"]) == ["notes.md"]


def test_a_root_that_is_a_link_is_entered(tmp_path: Path) -> None:
    make(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to("real")
    (found,) = walk([tmp_path / "link"])
    assert isinstance(found, SourceFile)
    assert found.uri == f"file://{tmp_path}/link/a.txt"


def test_what_is_missing_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    (tmp_path / "dangling").symlink_to("nowhere")
    first, second, third = walk([tmp_path / "none", tmp_path])
    assert isinstance(first, LoadError)
    assert "no such file" in first.message
    assert isinstance(second, SourceFile)
    assert isinstance(third, LoadError)
    assert (third.message, third.where) == ("a link to nothing", f"file://{tmp_path}/dangling")


AWKWARD = [
    "new\nline.txt",
    "tab\t.txt",
    "100%.txt",
    "a#b?.txt",
    "Größe 漢字.txt",
    "\u2028.txt",
    "\x85.txt",
    " x ",
    "%41",
]


@pytest.mark.parametrize("name", [name.encode() for name in AWKWARD] + [b"latin-\xe9\xff.txt", b"\xed\xa0\x80"])
def test_awkward_names_round_trip(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_text("content")
    (found,) = walk([tmp_path])
    assert isinstance(found, SourceFile)
    assert found.uri.isprintable()
    found.relative.encode()
    assert os.fsencode(uri_path(found.uri)) == os.fsencode(path)
    assert read_file(found) == b"content"


@given(st.binary(min_size=1, max_size=30).filter(lambda b: b"\0" not in b and b"/" not in b and b.strip(b".")))
def test_uris_are_valid_unicode_and_give_the_path_back(name: bytes) -> None:
    path = Path("/root") / os.fsdecode(name)
    uri = file_uri(path)
    uri.encode("utf-8")
    assert len(uri.splitlines()) == 1
    assert uri_path(uri) == path
    assert uri_path(record_uri(uri, "r#1\n")) == path
    assert uri.startswith(uri_prefix(Path("/root")))


def test_uris_stay_readable() -> None:
    assert file_uri(Path("/a b/Größe 漢字 (1)&.md")) == "file:///a b/Größe 漢字 (1)&.md"
    assert file_uri(Path("/100%/a#b?")) == "file:///100%25/a%23b%3F"
    assert uri_prefix(Path("/")) == "file:///"
    with pytest.raises(LoadError, match="not a file uri"):
        uri_path("https://example.org/a")


def source(path: Path) -> SourceFile:
    return SourceFile(path, path.parent, file_uri(path), path.name)


def test_a_file_is_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 1000)
    assert read_file(source(path), max_bytes=1000) == b"x" * 1000
    with pytest.raises(LoadError, match="too large: 1000 bytes, the limit is 999"):
        read_file(source(path), max_bytes=999)


def test_a_huge_sparse_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(LoadError, match="too large"):
        read_file(source(path))


def test_a_vanished_file_is_reported(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    (found,) = walk([tmp_path])
    (tmp_path / "a.txt").unlink()
    assert isinstance(found, SourceFile)
    with pytest.raises(LoadError, match="vanished"):
        read_file(found)


def test_a_file_that_shrinks_while_it_is_read_is_reported(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 1000)
    fstat = os.fstat

    def then_truncate(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        os.truncate(path, 10)
        return status

    monkeypatch.setattr(os, "fstat", then_truncate)
    with pytest.raises(LoadError, match="shrank"):
        read_file(source(path))


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in (
        (tmp_path / "pipe", "a pipe"),
        (tmp_path, "a folder"),
        (Path("/dev/zero"), "a character device"),
    ):
        with pytest.raises(LoadError, match=f"not a regular file but {kind}"):
            read_file(source(path))


def test_a_folder_too_deep_for_its_path_is_walked_as_far_as_it_goes(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    (error,) = walk([tmp_path])
    assert isinstance(error, LoadError)
    assert "File name too long" in error.message


UNREADABLE = """
import os, sys
from pathlib import Path
from rag.errors import LoadError
from rag.loaders import read_file, walk

if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for item in walk([Path(sys.argv[1])]):
    if isinstance(item, LoadError):
        print("walk", item.where.rpartition("/")[2], item.message)
        continue
    try:
        print("read", item.relative, read_file(item).decode())
    except LoadError as error:
        print("file", item.relative, error.message)
"""


def test_what_may_not_be_read_is_reported(root: Path) -> None:
    """In a process of its own that is not root, whom modes do not stop."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        make(folder, "a.txt", "locked.txt", "closed/b.txt", "z.txt")
        (folder / "locked.txt").chmod(0)
        (folder / "closed").chmod(0)
        result = subprocess.run(
            [sys.executable, "-c", UNREADABLE, name], cwd=root, capture_output=True, text=True, check=False
        )
        (folder / "closed").chmod(0o755)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "read a.txt a.txt",
        "walk closed permission denied",
        "file locked.txt permission denied",
        "read z.txt z.txt",
    ]
