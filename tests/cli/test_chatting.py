"""rag chat: through a pipe, in a terminal, and what becomes of sessions."""

from __future__ import annotations

import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
RAG = Path(sys.executable).with_name("rag")
QUESTIONS = "When was Trim Castle built?\n\nHow high is its keep?\nWhen does the ferry to Aran leave?\n"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    (folder / "trim.md").write_text(
        "# Trim Castle\n\nTrim Castle was built in 1174. The keep of Trim Castle is 25 metres high.\n"
    )
    (folder / "ferry.txt").write_text("The ferry to Aran leaves at noon.\n")
    subprocess.run(
        [RAG, "index", "trim.md", "ferry.txt", "--recipe", "bm25", "--index", "built"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "built"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "RAGSTONE_SESSIONS": str(tmp_path / "sessions.sqlite"), "TERM": "dumb", "COLUMNS": "200"}


@pytest.fixture
def chat(index: Path, environment: dict[str, str], tmp_path: Path) -> Run:
    def run(*arguments: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [RAG, "chat", "--index", index, *arguments],
            cwd=tmp_path,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return run


def _schema(name: str) -> dict[str, object]:
    done = subprocess.run([RAG, "schema", name], capture_output=True, text=True, check=True)
    schema: dict[str, object] = json.loads(done.stdout)
    return schema


def test_a_pipe_gets_an_answer_a_line_and_nothing_is_kept(chat: Run, tmp_path: Path) -> None:
    out = chat(stdin=QUESTIONS).stdout
    answers = ("Trim Castle was built in 1174. [1]", "The keep of Trim Castle is 25 metres high. [1]", "at noon. [2]")
    places = [out.find(answer) for answer in answers]
    assert -1 not in places
    assert places == sorted(places)
    assert not (tmp_path / "sessions.sqlite").exists()


def test_json_is_a_record_a_line(chat: Run) -> None:
    turns = [json.loads(line) for line in chat("--json", stdin=QUESTIONS).stdout.splitlines()]
    schema = _schema("chat")
    for turn in turns:
        jsonschema.validate(turn, schema)
    assert [(turn["number"], turn["parent"]) for turn in turns] == [(1, None), (2, 1), (3, 2)]
    assert turns[1]["question"] == "How high is its keep?"
    assert turns[1]["standalone"] == "How high is Trim Castle's keep?"


def test_a_session_goes_on_is_listed_exported_and_deleted(chat: Run, index: Path, tmp_path: Path) -> None:
    chat("--session", "castles", stdin="When was Trim Castle built?\n")
    again = json.loads(chat("-s", "castles", "--json", stdin="How high is its keep?\n").stdout)
    assert (again["number"], again["parent"], again["standalone"]) == (2, 1, "How high is Trim Castle's keep?")
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "sessions.sqlite").stat().st_mode) == 0o600
    assert chat("--list").stdout.startswith("castles  2 turns, ")
    (listed,) = json.loads(chat("--list", "--json").stdout)["sessions"]
    jsonschema.validate({"sessions": [listed]}, _schema("chat-list"))
    assert (listed["name"], listed["index"], listed["opening"]) == (
        "castles",
        str(index),
        "When was Trim Castle built?",
    )
    text = chat("-s", "castles", "--export").stdout
    assert text.startswith("# castles\n\n## 1. When was Trim Castle built?\n\nTrim Castle was built in 1174. [1]\n")
    assert "## Sources\n\n[1] Trim Castle" in text
    exported = json.loads(chat("-s", "castles", "--export", "--json").stdout)
    jsonschema.validate(exported, _schema("chat-export"))
    assert (exported["head"], len(exported["turns"]), len(exported["sources"])) == (2, 2, 1)
    chat("-s", "castles", "--export", "--delete", code=2)  # which is not to delete what was to be exported
    chat("-s", "castles", "--delete")
    assert chat("--list").stdout == ""
    assert "no session 'castles'" in chat("-s", "castles", "--export", code=1).stderr


def test_wrong_usage_is_told(chat: Run, index: Path, tmp_path: Path) -> None:
    assert "--session NAME" in chat("--export", code=1).stderr
    chat("-s", "one", stdin="When was Trim Castle built?\n")
    other = tmp_path / "other"
    assert f"about another index: {index}" in chat("-s", "one", "--index", str(other), stdin="x\n", code=1).stderr


def test_a_line_that_cannot_be_answered_is_passed_over(chat: Run) -> None:
    done = chat("--where", "no such (", stdin=QUESTIONS, code=3)
    assert done.stderr.count("error: line") == 3
    assert "error: line 3:" in done.stderr


class Terminal:
    """A command that runs in a terminal; ``until`` reads what it prints."""

    def __init__(self, command: list[str | Path], environment: dict[str, str]) -> None:
        self.child, self.descriptor = pty.fork()
        if not self.child:  # pragma: no cover  the other process
            os.execvpe(command[0], [str(part) for part in command], environment)
        self.seen = ""

    def until(self, text: str, seconds: float = 60) -> str:
        """What was printed up to a text since the last time."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.descriptor], [], [], max(end - time.monotonic(), 0))
            assert ready, f"no {text!r} in {self.seen!r}"
            try:
                self.seen += os.read(self.descriptor, 65536).decode(errors="replace").replace("\r", "")
            except OSError as error:  # Linux says so at the end of a terminal
                raise AssertionError(f"it ended: {self.seen!r}") from error
        before, _, self.seen = self.seen.partition(text)
        return before

    def say(self, line: str, expected: str) -> str:
        """Type a line, and read on to what is expected, and to the prompt after it."""
        os.write(self.descriptor, f"{line}\n".encode())
        before = self.until(expected) + expected if expected else ""
        return before + self.until("\n> ")

    def end(self) -> int:
        """Press Ctrl-D; the exit code."""
        os.write(self.descriptor, b"\x04")
        _, status = os.waitpid(self.child, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.skipif(os.name != "posix", reason="terminals are POSIX")
def test_the_commands_of_a_terminal(index: Path, environment: dict[str, str], tmp_path: Path) -> None:
    terminal = Terminal([RAG, "chat", "--index", index, "--session", "t"], environment)
    terminal.until("> ")
    terminal.say("When was Trim Castle built?", "built in 1174. [1]")
    terminal.say("How high is its keep?", "25 metres high. [1]")
    terminal.say("/history", "2. How high is its keep?")
    terminal.say("/edit 2 When does the ferry to Aran leave?", "at noon. [2]")
    terminal.say("/branch", "* 3. When does the ferry to Aran leave?")
    terminal.say("/branch 2", "2. How high is its keep?")
    terminal.say("/regenerate", "25 metres high. [1]")
    shown = terminal.say("/sources", "“Trim Castle was built in 1174.”")
    assert "[1] Trim Castle" in shown
    terminal.say("/branch 9", "error: session 't': there is no turn 9")
    terminal.say("/edit x", "is no turn's number")
    terminal.say("/nothing", "there is no command '/nothing'")
    terminal.say("/help", "/quit")
    exported = tmp_path / "talk.md"
    terminal.say(f"/export {exported}", "")
    assert exported.read_text().startswith("# t\n")
    terminal.say(f"/export {exported}", "File exists")
    printed = tmp_path / "talk.PDF"
    terminal.say(f"/export {printed}", "")
    assert printed.read_bytes().startswith(b"%PDF-")
    assert printed.stat().st_mode & 0o777 == 0o600
    assert terminal.end() == 0


@pytest.mark.skipif(os.name != "posix", reason="terminals are POSIX")
def test_ctrl_c_at_the_prompt_ends(index: Path, environment: dict[str, str]) -> None:
    terminal = Terminal([RAG, "chat", "--index", index], environment)
    terminal.until("> ")
    # one that comes between the prompt's print and its wait is seen by Python only at the next key: press again
    for _ in range(120):
        os.write(terminal.descriptor, b"\x03")
        time.sleep(0.5)
        ended, status = os.waitpid(terminal.child, os.WNOHANG)
        if ended:
            break
    os.close(terminal.descriptor)
    assert ended
    assert os.waitstatus_to_exitcode(status) == 130
