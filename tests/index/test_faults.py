"""Crashes, full disks and damage, by causing them: in a child process whose system calls fail or kill it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from rag.errors import CorruptIndexError, StorageError
from rag.index import Snapshot, Writer, verify
from rag.index.files import INCOMING

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/stat.h>
#include <unistd.h>

/* Counts the system calls that change files below a folder; at a given number kills the process, or, with an
   errno, lets that call and every later write fail. */
static long calls, at;
static int error;
static char under[4096];

void fault_arm(const char *folder, long number, int code) {
    strncpy(under, folder, sizeof under - 1);
    at = number; error = code; calls = 0;
}
long fault_calls(void) { return calls; }
static int below(const char *path) { return *under && path && strncmp(path, under, strlen(under)) == 0; }
static int ours(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}
static int fault(int applies) {
    if (!applies) return 0;
    calls++;
    if (!at || calls < at) return 0;
    if (!error) { if (calls == at) kill(getpid(), SIGKILL); return 0; }
    errno = error;
    return 1;
}
#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
ssize_t write(int fd, const void *b, size_t n) { REAL(write); return fault(ours(fd)) ? -1 : real(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) {
    REAL(pwrite); return fault(ours(fd)) ? -1 : real(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) {
    REAL(pwrite64); return fault(ours(fd)) ? -1 : real(fd, b, n, o); }
int fsync(int fd) { REAL(fsync); return fault(ours(fd)) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return fault(ours(fd)) ? -1 : real(fd); }
int ftruncate(int fd, off_t n) { REAL(ftruncate); return fault(ours(fd)) ? -1 : real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); return fault(ours(fd)) ? -1 : real(fd, n); }
int rename(const char *a, const char *b) { REAL(rename); return fault(below(a)) && !error ? -1 : real(a, b); }
int unlink(const char *p) { REAL(unlink); fault(below(p) && !error); return real(p); }
"""

# A process that for each line [folder, at, errno] forks a child which makes a history of commits in that folder, while
# the shim counts; it says beforehand what it is about to commit, and afterwards what is now acknowledged.
SERVER = """
import ctypes, json, os, sys, traceback
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from rag.index import Writer, IndexSettings
from rag.types import Document, Chunk
from rag.text import terms
import numpy as np
terms("warm up", "en")

shim = ctypes.CDLL(sys.argv[2])
shim.fault_calls.restype = ctypes.c_long
held = {}

def say(now):
    with (folder / "said").open("a") as stream:
        stream.write(json.dumps(now) + "\\n")

def put(writer, key, text):
    document = Document(uri=key, text=text)
    chunk = Chunk(document.id, key, 0, len(text), text)
    writer.put(document, [chunk], np.eye(1, 4, len(text) % 4, dtype=np.float32), source="s", state=text)
    held[key] = text

def commit(writer, call="commit"):
    say(["try", held])
    getattr(writer, call)()
    say(["done", held])

def history(path):
    with Writer.open(path, IndexSettings("e", "f", 4)) as writer:
        commit(writer)
        for turn in range(3):
            put(writer, f"a{turn}", f"first text {turn} " * 3)
            put(writer, "same", f"changing text {turn}")
            commit(writer)
        writer.delete(["a0"]); del held["a0"]
        commit(writer)
    with Writer.open(path) as writer:
        put(writer, "late", "late text")
        commit(writer, "compact")

for line in sys.stdin:
    folder, at, errno = json.loads(line)
    folder = Path(folder)
    child = os.fork()
    if child == 0:
        try:
            shim.fault_arm(os.fsencode(folder / "i"), at, errno)
            history(folder / "i")
            (folder / "calls").write_text(str(shim.fault_calls()))
            code = 0
        except BaseException:
            (folder / "error").write_text(traceback.format_exc())
            code = 1
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    compiler = os.environ.get("CC", "cc")
    command = [compiler, "-shared", "-fPIC", "-O1", "-w", "-o", "shim.so", "shim.c", "-ldl"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "shim.so"


@dataclass
class Outcome:
    """How a child ended: its exit code, and what it wrote."""

    folder: Path
    code: int

    @property
    def path(self) -> Path:
        return self.folder / "i"

    @property
    def error(self) -> str:
        file = self.folder / "error"
        return file.read_text() if file.exists() else ""

    @property
    def calls(self) -> int:
        return int((self.folder / "calls").read_text())

    @property
    def said(self) -> list:
        file = self.folder / "said"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture(scope="module")
def run(shim, root, tmp_path_factory):
    """Make the history in a new folder, with a fault at a system call."""
    command = [sys.executable, "-c", SERVER, str(root), str(shim)]
    environment = {**os.environ, "LD_PRELOAD": str(shim)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:

        def one(at: int = 0, code: int = 0) -> Outcome:
            folder = tmp_path_factory.mktemp("run")
            server.stdin.write(json.dumps([str(folder), at, code]) + "\n")
            server.stdin.flush()
            return Outcome(folder, int(server.stdout.readline()))

        yield one
        server.stdin.close()


def check(kit, path: Path, said: list) -> None:
    """All that was acknowledged is there and nothing half; and the index can be written on."""
    done = [held for word, held in said if word == "done"]
    possible = [done[-1] if done else {}] + ([said[-1][1]] if said and said[-1][0] == "try" else [])
    if (path / "catalogue.sqlite").exists() and not is_unborn(path):
        assert verify(path) == []
        assert {uri: text for uri, (text, _) in kit.contents(path).items()} in possible
    else:
        assert not done
    with Writer.open(path, kit_settings()) as writer:
        before = {uri for uri in possible[0] if writer.document_state(uri)}
        put_one(writer)
        writer.commit()
    assert "after" in kit.contents(path)
    assert before <= set(kit.contents(path))
    assert verify(path) == []
    with Snapshot.open(path) as snapshot:
        named = {row[0] + ".npy" for row in snapshot._db.execute("SELECT sha256 FROM files")}
    assert {entry.name for entry in (path / "segments").iterdir()} == named


def is_unborn(path: Path) -> bool:
    from rag.index.catalogue import is_new

    return is_new(path)


def kit_settings():
    from rag.index import IndexSettings

    return IndexSettings("e", "f", 4)


def put_one(writer: Writer) -> None:
    import numpy as np

    from rag.types import Chunk, Document

    document = Document(uri="after", text="after the crash")
    chunk = Chunk(document.id, "after", 0, 15, document.text)
    writer.put(document, [chunk], np.eye(1, 4, dtype=np.float32), source="s", state="1")


def test_a_kill_at_any_system_call_loses_nothing_acknowledged(kit, run):
    whole = run()
    assert whole.code == 0, whole.error
    assert whole.calls > 100
    assert len(whole.said) == 12
    step = 1 if os.environ.get("RAG_EVERY_FAULT") else whole.calls // 30
    for at in range(1, whole.calls + 1, step):
        killed = run(at)
        assert killed.code == -signal.SIGKILL, killed.error
        check(kit, killed.path, killed.said)
        shutil.rmtree(killed.folder)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_is_an_error_and_leaves_the_last_commit(kit, run, code):
    calls = run().calls
    step = 1 if os.environ.get("RAG_EVERY_FAULT") else calls // 12
    for at in range(3, calls + 1, step):
        failed = run(at, code)
        if failed.code == 0:  # only tidying up after the last commit failed
            assert [word for word, _ in failed.said] == ["try", "done"] * 6
        else:
            assert "\nrag.errors.StorageError: " in failed.error, failed.error
        check(kit, failed.path, failed.said)
        shutil.rmtree(failed.folder)


def test_a_full_disk_in_this_process_and_then_room_again(kit, tmp_path, monkeypatch):
    path = kit.build(tmp_path / "i", [kit.document("a", "one two")])
    with Writer.open(path) as writer:
        kit.put(writer, kit.document("b", "three"))

        def full(handle: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            writer.commit()
        monkeypatch.undo()
        assert writer.document_state("file:///b") is None
        assert set(kit.contents(path)) == {"file:///a"}
        kit.put(writer, kit.document("b", "three"))
        assert writer.commit() == 2
    assert set(kit.contents(path)) == {"file:///a", "file:///b"}
    assert verify(path) == []


def test_a_really_full_disk(kit, root, tmp_path):
    """RLIMIT_FSIZE makes writes past a size fail, in SQLite's own files too."""
    program = textwrap.dedent("""
        import resource, signal, sys
        sys.path[:0] = [sys.argv[2], sys.argv[2] + "/tests/index"]
        from conftest import Kit
        from rag.errors import StorageError
        from rag.index import Writer
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        kit = Kit()
        with Writer.open(sys.argv[1], kit.settings) as writer:
            kit.put(writer, kit.document("a", "one two"))
            writer.commit()
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
            try:
                kit.put(writer, kit.document("big", "word " * 60_000))
                writer.commit()
            except StorageError as error:
                print(error)
            else:
                sys.exit("no error")
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            kit.put(writer, kit.document("b", "three"))
            writer.commit()
    """)
    command = [sys.executable, "-c", program, str(tmp_path / "i"), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(kit.contents(tmp_path / "i")) == {"file:///a", "file:///b"}
    assert verify(tmp_path / "i") == []


def test_verify_names_the_file_of_a_flipped_byte(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "one two three"), kit.document("b", "four")])
    assert verify(path) == []
    files = sorted((path / "segments").iterdir())
    assert len(files) == 6
    for file in files:
        data = file.read_bytes()
        for at in (0, len(data) // 2, len(data) - 1):
            file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            [problem] = verify(path)
            assert file.name in problem
        file.write_bytes(data)
    assert verify(path) == []


def test_truncated_missing_and_foreign_files_are_refused_on_opening(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "one two three")])
    for file in sorted((path / "segments").iterdir()):
        data = file.read_bytes()
        file.write_bytes(data[:-1])
        with pytest.raises(CorruptIndexError, match=file.name):
            Snapshot.open(path)
        file.write_bytes(b"x" * len(data))
        with pytest.raises(CorruptIndexError, match=file.name):
            Snapshot.open(path)
        file.unlink()
        with pytest.raises(CorruptIndexError, match=file.name):
            Snapshot.open(path)
        file.write_bytes(data)
    Snapshot.open(path).close()


def test_verify_sees_a_changed_catalogue(kit, tmp_path):
    import sqlite3

    for change in (
        "UPDATE texts SET text = CAST(replace(text, 'two', 'TWO') AS BLOB)",
        "UPDATE texts SET text = CAST(text || 'x' AS BLOB)",
        "UPDATE chunks SET stop = stop - 1",
        "UPDATE documents SET chunks = 5",
        "DELETE FROM chunks",
        "UPDATE placements SET dead = 1",
        "UPDATE segments SET rows = 2",
    ):
        path = kit.build(tmp_path / str(abs(hash(change))), [kit.document("a", "one two three")])
        db = sqlite3.connect(path / "catalogue.sqlite")
        db.execute(change)
        db.commit()
        db.close()
        assert verify(path) != [], change
    path = kit.build(tmp_path / "bytes", [kit.document(str(i), "one two three " * 50) for i in range(50)])
    file = path / "catalogue.sqlite"
    data = bytearray(file.read_bytes())
    data[4096 * 3 : 4096 * 9] = b"\x55" * 4096 * 6
    file.write_bytes(data)
    assert verify(path) != []


def test_left_overs_are_removed_by_the_next_writer(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "one")])
    (path / "segments" / INCOMING).write_bytes(b"half")
    (path / "segments" / ("0" * 64 + ".npy")).write_bytes(b"orphan")
    assert verify(path) == []
    Writer.open(path).close()
    assert len(list((path / "segments").iterdir())) == 6
    assert set(kit.contents(path)) == {"file:///a"}


def test_readers_need_no_leave_to_write(kit, root, tmp_path):
    """As another user, or in a folder without write permission."""
    path = kit.build(tmp_path / "i", [kit.document("a", "one")])
    for folder in (path, path / "segments"):
        for entry in folder.iterdir():
            if entry.is_file():
                entry.chmod(0o444)
        folder.chmod(0o555)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o055)
    program = textwrap.dedent("""
        import os, sys
        sys.path.insert(0, sys.argv[2])
        from rag.errors import StorageError
        from rag.index import Snapshot, Writer, verify
        import filelock, rag.index.writer  # what is loaded later may not be readable to the other user
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        with Snapshot.open(sys.argv[1]) as snapshot:
            assert [s.uri for s in snapshot.documents()] == ["file:///a"]
            assert snapshot.is_current()
        assert verify(sys.argv[1]) == []
        try:
            Writer.open(sys.argv[1])
        except StorageError as error:
            assert "ermission" in str(error) or "read" in str(error), error
        else:
            sys.exit("a writer got in")
    """)
    command = [sys.executable, "-c", program, str(path), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
