"""``rag chat``: a conversation in the terminal, or line by line through a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import DEFAULT_INDEX, IndexOption, RecipeOption, TopOption

if TYPE_CHECKING:
    from rag.chains.conversation import Conversation
    from rag.chains.drafting import Event
    from rag.chains.sessions import SessionStore

__all__ = ["chat"]

SKIPPED, INTERRUPTED = 3, 130
HELP = """\
/history            the turns of this branch, with their numbers
/edit N QUESTION    ask something else in the place of turn N: a new branch
/regenerate [N]     answer turn N (the last one) anew: a new branch
/branch             the branches
/branch N           go on from turn N
/sources            all that this branch cites
/export FILE        write this branch as Markdown, or as PDF where the file is named .pdf
/help               this
/quit               end (or Ctrl-D)
"""


def chat(
    index: IndexOption = DEFAULT_INDEX,
    top: TopOption = None,
    where: Annotated[str | None, typer.Option("--where", "-w", help="A filter on metadata, for all questions.")] = None,
    recipe: RecipeOption = None,
    session: Annotated[
        str | None, typer.Option("--session", "-s", help="Keep the conversation by this name, or go on with it.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the sessions that are kept, and end.")] = False,
    export: Annotated[
        bool, typer.Option("--export", help="Print the session as Markdown, or all of it with --json, and end.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the session, and end.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line for each turn; `rag schema` describes it.")
    ] = False,
) -> None:
    """Ask one question after another; follow-ups are understood from what was said before.

    In a terminal, /help lists the commands. Through a pipe, each line is a question; the exit code is 3 if one of
    them could not be answered. Without --session nothing is kept.
    """
    from rag.chains.sessions import SessionStore
    from rag.errors import ConversationError

    if listed + export + delete > 1:
        raise typer.BadParameter("one at a time", param_hint="--list, --export, --delete")
    if (export or delete) and session is None:
        raise ConversationError("which session is it?", hint="name it: --session NAME; --list lists them")
    with ExitStack() as open_things:
        keeps = session is not None or listed
        store = open_things.enter_context(SessionStore() if keeps else SessionStore.in_memory())
        if listed:
            _print_sessions(store, json=json)
        elif session is not None and delete:
            store.delete(session)
        elif session is not None and export:
            _print_session(store, session, json=json)
        else:
            from rag.pipeline import Pipeline
            from rag.recipe.conversing import build_conversation

            pipeline = open_things.enter_context(Pipeline(index, recipe))
            held = store.open(session or "this conversation", str(index.resolve()))
            conversation = build_conversation(pipeline, held)
            if sys.stdin.isatty() and not json:
                _Terminal(conversation, top, where).run()
            else:
                _answer_lines(conversation, top, where, json=json)


def _answer_lines(conversation: Conversation, top: int | None, where: str | None, *, json: bool) -> None:
    """Each line of stdin is a question; one that cannot be answered is told and passed over."""
    from rag.errors import GenerationError, QueryError

    skipped = False
    for number, line in enumerate(sys.stdin, 1):
        if not (question := line.strip()):
            continue
        try:
            _show(conversation, conversation.say_stream(question, top, where=where), json=json)
        except (QueryError, GenerationError) as error:
            sys.stderr.write(f"error: line {number}: {error}\n")
            skipped = True
    if skipped:
        raise typer.Exit(SKIPPED)


def _show(conversation: Conversation, events: Iterator[Event], *, json: bool = False) -> None:
    """Print the answer that the events end with."""
    started = time.monotonic()
    if not json:
        from rag.cli.render import print_answer, stream_answer

        print_answer(stream_answer(events), time.monotonic() - started)
        return
    for _ in events:
        pass
    from rag.cli.chat_records import turn_record
    from rag.cli.output import print_json_line

    print_json_line(turn_record(conversation.path()[-1]))


class _Terminal:
    """Questions and slash commands of someone at a terminal."""

    def __init__(self, conversation: Conversation, top: int | None, where: str | None) -> None:
        self.conversation = conversation
        self.top = top
        self.where = where

    def run(self) -> None:
        """Go on until /quit or Ctrl-D; Ctrl-C stops an answer, and at the prompt it ends."""
        import importlib.util

        from rag.cli.render import console
        from rag.errors import RagError

        if importlib.util.find_spec("readline"):
            import readline  # noqa: F401  input() then edits lines and knows the earlier ones
        turns = len(self.conversation.path())
        console().print(f"{turns} turns so far. Ask; /help lists the commands." if turns else "Ask; /help helps.")
        while (line := _prompt()) is not None:
            if line in {"/quit", "/exit"}:
                return
            try:
                if line.startswith("/"):
                    self.command(line)
                elif line:
                    _show(self.conversation, self.conversation.say_stream(line, self.top, where=self.where))
            except KeyboardInterrupt:
                sys.stderr.write("\ninterrupted: this answer is not kept\n")
            except RagError as error:
                sys.stderr.write(f"error: {error}\n")

    def command(self, line: str) -> None:
        """Do what a line that begins with a slash says."""
        name, _, rest = line.partition(" ")
        rest = rest.strip()
        match name:
            case "/help":
                sys.stdout.write(HELP)
            case "/history":
                self._history()
            case "/edit":
                number, _, question = rest.partition(" ")
                events = self.conversation.edit(_number(number, "/edit"), question, self.top, where=self.where)
                _show(self.conversation, events)
            case "/regenerate":
                number_of = _number(rest, "/regenerate") if rest else None
                _show(self.conversation, self.conversation.regenerate(number_of, self.top))
            case "/branch":
                if rest:
                    self.conversation.switch(_number(rest, "/branch"))
                    self._history()
                else:
                    self._branches()
            case "/sources":
                self._sources()
            case "/export":
                self._export(rest)
            case _:
                sys.stderr.write(f"error: there is no command {name!r} (/help lists them)\n")

    def _history(self) -> None:
        from rag.cli.render import console, printable

        for turn in self.conversation.path():
            console().print(f"{turn.number}. {printable(turn.question)}", markup=False)
            console().print(f"   {printable(turn.answer.text)}", markup=False, style="dim")

    def _branches(self) -> None:
        from rag.cli.render import console, printable

        path = self.conversation.path()
        here = path[-1].number if path else None
        for turn in self.conversation.tips():
            mark = "*" if turn.number == here else " "
            console().print(f"{mark} {turn.number}. {printable(turn.question)}", markup=False)

    def _sources(self) -> None:
        from rag.chains.exporting import sources
        from rag.cli.render import console, printable

        for source in sources(self.conversation.path()):
            place = " > ".join([source.title or source.uri, *source.headings])
            console().print(f"[{source.number}] {printable(place)} ({printable(source.uri)})", markup=False)
            for quote in source.quotes:
                console().print(f"    “{printable(quote)}”", markup=False, style="dim")

    def _export(self, name: str) -> None:
        from rag.chains.exporting import to_markdown
        from rag.errors import ConversationError

        if not name:
            raise ConversationError("which file?", hint="/export FILE")
        path = Path(name).expanduser()
        name, turns = self.conversation.session.name, self.conversation.path()
        if path.suffix.lower() == ".pdf":
            from rag.chains.exporting_pdf import to_pdf

            content = to_pdf(name, turns)
        else:
            content = to_markdown(name, turns).encode("utf-8")
        try:
            with open(path, "xb", opener=_private) as file:  # Path.open has no opener
                file.write(content)
        except OSError as error:
            raise ConversationError(
                f"not written: {error.strerror or error}", where=str(path), hint="name another file"
            ) from error


def _private(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)


def _number(text: str, command: str) -> int:
    from rag.errors import ConversationError

    if not text.isdecimal():
        raise ConversationError(f"{text!r} is no turn's number", hint=f"{command} N; /history shows the numbers")
    return int(text)


def _prompt() -> str | None:
    """A line from the terminal; None at its end."""
    try:
        return input("> ").strip()
    except EOFError:
        sys.stdout.write("\n")
        return None


def _print_sessions(store: SessionStore, *, json: bool) -> None:
    infos = store.infos()
    if json:
        from rag.cli.chat_records import sessions_record
        from rag.cli.output import print_json

        print_json(sessions_record(infos))
        return
    from rag.cli.render import console, printable

    for info in infos:
        turns = f"{info.turns} turn{'' if info.turns == 1 else 's'}"
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.changed))
        line = f"{printable(info.name)}  {turns}, {when}, {printable(info.source)}: {printable(info.opening)}"
        console().print(line, markup=False)


def _print_session(store: SessionStore, name: str, *, json: bool) -> None:
    from rag.chains.exporting import sources, to_markdown
    from rag.chains.turns import branch

    held = store.find(name)
    turns, head = held.turns(), held.head
    if not json:
        sys.stdout.write(to_markdown(name, branch(turns, head)))
        return
    from rag.cli.chat_records import SessionRecord, source_records, turn_record
    from rag.cli.output import print_json

    every = tuple(turns.values())
    print_json(SessionRecord(name, head, tuple(map(turn_record, every)), source_records(sources(every))))
