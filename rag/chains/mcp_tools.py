"""The tools of Model Context Protocol servers: a program on this machine, or an address.

The SDK is asynchronous; here a thread runs it, so that everything else stays plain calls.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
import shlex
import threading
from collections.abc import Coroutine, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from rag.chains.tools import Arguments, Tool, ToolResult, bounded_schema, said_by
from rag.errors import MissingExtraError, ToolError

if TYPE_CHECKING:
    import mcp

__all__ = ["McpServer"]

T = TypeVar("T")
MAX_DESCRIPTION = 400  # characters
MAX_PAGES = 20
CLOSING = 10.0  # seconds; the SDK takes up to six to end a server that will not go


class McpServer:
    """A server's tools, as they were when it was asked first; a context manager.

    The names and descriptions of its tools are read by the model that decides an agent's steps, so name only a server
    you would let speak there, or only some of its tools. What its tools answer is treated as a document is.
    """

    def __init__(
        self,
        server: str,
        *,
        only: Iterable[str] = (),
        from_documents: Mapping[str, Iterable[str]] | None = None,
        seconds: float = 30.0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Connect.

        Args:
            server: A command line, which is run without a shell, or an http(s) address (streamable HTTP).
            only: The names of the tools to take; all if empty.
            from_documents: For tools by name, the arguments that may be written from retrieved text (see ``tool``).
            seconds: How long connecting, and each call, may take.
            env: Environment variables for the command, beside HOME, PATH and the like; no others are passed on.

        Raises MissingExtraError, and ToolError where there is no such server.
        """
        self._where = _short(server)
        self._seconds = seconds
        self._only = tuple(only)
        self._from_documents = {name: frozenset(names) for name, names in (from_documents or {}).items()}
        target = _target(server, env)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"mcp {self._where}", daemon=True)
        self._thread.start()
        self._client: mcp.Client | None = None
        self._closing: asyncio.Event | None = None
        self._holding: asyncio.Task[None] | None = None
        self._ended: concurrent.futures.Future[None] | None = None
        try:
            self._open(target)
            self._tools = self._listed()
        except BaseException:
            self.close()
            raise

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools, fixed when the connection was made: a server cannot change one behind the user's back."""
        return self._tools

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and the program if it was a command; calling it again does nothing."""
        if self._loop.is_closed():
            return
        if self._closing is not None:
            self._loop.call_soon_threadsafe(self._closing.set)
        if self._holding is not None and self._client is None:  # while it connects, it waits for no event
            self._loop.call_soon_threadsafe(self._holding.cancel)
        if self._ended is not None:
            concurrent.futures.wait([self._ended], timeout=CLOSING)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSING)
        if not self._thread.is_alive():
            self._loop.close()

    def _open(self, target: str | mcp.StdioServerParameters) -> None:
        opened: concurrent.futures.Future[None] = concurrent.futures.Future()

        async def hold() -> None:
            # entered and left in one task, as the SDK's cancel scopes need
            from mcp import Client

            self._closing, self._holding = asyncio.Event(), asyncio.current_task()
            try:
                async with Client(target, read_timeout_seconds=self._seconds) as client:
                    self._client = client
                    opened.set_result(None)
                    await self._closing.wait()
            except BaseException as error:
                if opened.done():
                    raise
                opened.set_exception(error if isinstance(error, Exception) else ToolError("the connection broke"))
            finally:
                self._client = None

        self._ended = asyncio.run_coroutine_threadsafe(hold(), self._loop)
        self._wait(opened, "it did not answer")

    def _listed(self) -> tuple[Tool, ...]:
        found: dict[str, mcp.Tool] = {}
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = self._call(self._live().list_tools(cursor=cursor), self._seconds, "its tools could not be listed")
            found |= {one.name: one for one in page.tools}
            cursor = page.next_cursor
            if not cursor:
                break
        if missing := (set(self._only) | set(self._from_documents)) - set(found):
            raise ToolError(
                f"it has no tool {min(missing)!r}", where=self._where, hint=f"it has {', '.join(sorted(found))}"
            )
        return tuple(self._tool(one) for name, one in found.items() if not self._only or name in self._only)

    def _tool(self, offered: mcp.Tool) -> Tool:
        from rag.generators.structured import check_schema

        name = re.sub(r"\W", "_", offered.name)
        name = name if name.isidentifier() else f"tool_{name}"
        schema = bounded_schema(offered.input_schema)
        check_schema(schema)

        def run(arguments: Arguments, left: float) -> ToolResult:
            _check(arguments, offered.input_schema, name)
            seconds = min(self._seconds, left)
            if seconds <= 0:
                raise ToolError("no time is left", where=name)
            result = self._call(
                self._live().call_tool(offered.name, dict(arguments), read_timeout_seconds=seconds),
                seconds,
                "the call failed",
                where=name,
            )
            text = "\n".join(part.text for part in result.content if part.type == "text")
            if result.is_error:
                raise ToolError(_short(text) or "the tool reports an error", where=name)
            if not text and result.content:
                raise ToolError(f"it answered with {result.content[0].type}, not with text", where=name)
            return said_by(name, arguments, text)

        said = " ".join((offered.description or offered.title or offered.name).split())
        may = self._from_documents.get(offered.name, frozenset())
        return Tool(name, said[:MAX_DESCRIPTION], schema, run, may)

    def _live(self) -> mcp.Client:
        if self._client is None:
            raise ToolError("the connection has ended", where=self._where, hint="connect again")
        return self._client

    def _call(self, work: Coroutine[Any, Any, T], seconds: float, problem: str, *, where: str = "") -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return self._wait(future, problem, seconds=seconds, where=where)

    def _wait(self, future: concurrent.futures.Future[T], problem: str, *, seconds: float = 0, where: str = "") -> T:
        """What a future comes to; the SDK's own limit comes first, this one holds where it does not."""
        limit = seconds or self._seconds
        try:
            return future.result(limit + 1)
        except TimeoutError as error:
            future.cancel()
            raise ToolError(f"it took longer than {limit:.3g} seconds", where=where or self._where) from error
        except ToolError:
            raise
        except Exception as error:  # whatever transport, protocol or server raised
            raise ToolError(f"{problem}: {_first(error)}", where=where or self._where) from error


def _target(server: str, env: Mapping[str, str] | None) -> str | mcp.StdioServerParameters:
    try:
        from mcp import Client, StdioServerParameters  # noqa: F401  version 1 had no Client
    except ImportError as error:
        raise MissingExtraError(f"mcp cannot be imported: {error}", hint="pip install 'ragstone[mcp]'") from error
    if re.match(r"https?://", server):
        return server
    try:
        command = shlex.split(server)
    except ValueError as error:
        raise ToolError(f"the command does not parse: {error}", where=_short(server)) from error
    if not command:
        raise ToolError("the command is empty", where="mcp", hint="give a command line or an http(s) address")
    return StdioServerParameters(command=command[0], args=command[1:], env=dict(env or {}))


def _check(arguments: Arguments, schema: Mapping[str, Any], name: str) -> None:
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    problem = next(iter(Draft202012Validator(dict(schema)).iter_errors(dict(arguments))), None)
    if problem is not None:
        raise ToolError(f"{problem.json_path}: {_short(problem.message)}", where=name)


def _first(error: BaseException) -> str:
    """A message for what was raised; of a group, of the first in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return _short(str(error)) or type(error).__name__


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_DESCRIPTION else f"{line[:MAX_DESCRIPTION]}…"
