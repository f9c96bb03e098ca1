"""Tools of real MCP servers, made with the SDK and run as programs of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.chains.mcp_tools import McpServer
from rag.errors import MissingExtraError, ToolError

pytest.importorskip("mcp")

SERVER = '''
import os
import sys
import time

from mcp.server.mcpserver import MCPServer

server = MCPServer("stock", log_level="CRITICAL")


@server.tool()
def stock(item: str, warehouse: int = 1) -> str:
    """How many pieces of an item
    are in stock."""
    return f"There are 7 pieces of {item} in warehouse {warehouse}."


@server.tool(name="odd-name.x")
def odd() -> dict[str, int]:
    """Numbers."""
    return {"a": 1}


@server.tool()
def slow() -> str:
    """Takes its time."""
    time.sleep(2)
    return "done"


@server.tool()
def process() -> int:
    """The server's process id."""
    return os.getpid()


@server.tool()
def leave() -> str:
    """Ends the server."""
    os._exit(3)


@server.tool()
def environment(name: str) -> str:
    """An environment variable."""
    return os.environ.get(name, "(none)")


if len(sys.argv) > 1:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
else:
    server.run()
'''


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mcp") / "server.py"
    path.write_text(SERVER, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def server(script: Path) -> Iterator[McpServer]:
    with McpServer(f"{sys.executable} {script}", env={"GIVEN": "yes"}) as connected:
        yield connected


def test_its_tools_are_typed_and_answer(server: McpServer):
    tools = {one.name: one for one in server.tools}
    assert set(tools) == {"stock", "odd_name_x", "slow", "process", "leave", "environment"}
    stock = tools["stock"]
    assert stock.description == "How many pieces of an item are in stock."
    assert stock.schema["properties"]["item"] == {"type": "string", "maxLength": 200}
    assert stock.from_documents == frozenset()
    result = stock.run({"item": "HX", "warehouse": 2}, 20)
    assert result.document.text == "There are 7 pieces of HX in warehouse 2."
    assert result.hits[0].chunk.document_id == result.document.id
    assert '"a": 1' in tools["odd_name_x"].run({}, 20).document.text


def test_wrong_arguments_are_not_sent(server: McpServer):
    stock = next(one for one in server.tools if one.name == "stock")
    for arguments, says in (({}, "item"), ({"item": 3}, "item"), ({"item": "x", "warehouse": "north"}, "warehouse")):
        with pytest.raises(ToolError, match=says):
            stock.run(arguments, 20)


def test_a_call_that_takes_too_long_is_an_error_and_the_next_is_answered(server: McpServer):
    tools = {one.name: one for one in server.tools}
    began = time.monotonic()
    with pytest.raises(ToolError, match=r"slow: .*timed out"):
        tools["slow"].run({}, 0.3)
    assert time.monotonic() - began < 2
    assert tools["stock"].run({"item": "HX"}, 20).document.text.startswith("There are 7")


def test_a_server_is_given_no_variables_but_those_named(server: McpServer, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "x")
    environment = next(one for one in server.tools if one.name == "environment")
    assert environment.run({"name": "GIVEN"}, 20).document.text == "yes"
    assert environment.run({"name": "SECRET_KEY"}, 20).document.text == "(none)"


def test_only_some_tools_what_may_come_from_documents_and_the_end(script: Path):
    given, before = {"stock": ["item"]}, threading.active_count()
    server = McpServer(f"{sys.executable} {script}", only=["stock", "process"], from_documents=given)
    stock, process = server.tools
    assert stock.from_documents == {"item"}
    pid = int(process.run({}, 20).document.text)
    os.kill(pid, 0)
    server.close()
    server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert threading.active_count() <= before
    with pytest.raises(ToolError, match="has ended"):
        stock.run({"item": "x"}, 5)


def test_one_that_is_interrupted_while_it_connects_leaves_no_program(tmp_path: Path, monkeypatch):
    silent = tmp_path / "silent.py"
    silent.write_text(
        "import os, pathlib, time\npathlib.Path(__file__).with_name('pid').write_text(str(os.getpid()))\ntime.sleep(99)"
    )

    def interrupted(*_: object, **__: object) -> None:
        while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(McpServer, "_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        McpServer(f"{sys.executable} {silent}")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_server_that_dies_is_an_error(script: Path):
    with McpServer(f"{sys.executable} {script}") as server:
        tools = {one.name: one for one in server.tools}
        with pytest.raises(ToolError, match="leave"):
            tools["leave"].run({}, 10)
        with pytest.raises(ToolError):
            tools["stock"].run({"item": "x"}, 5)
    with pytest.raises(ToolError, match="no tool 'gone'"):
        McpServer(f"{sys.executable} {script}", only=["gone"])


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("/nonexistent/program", "No such file"),
        (f"{sys.executable} -c pass", "did not answer"),
        ("http://127.0.0.1:9/mcp", "did not answer"),
        ("", "empty"),
        ("'unclosed", "does not parse"),
    ],
)
def test_what_is_no_server_is_an_error(server: str, says: str):
    before = threading.active_count()
    with pytest.raises(ToolError, match=says):
        McpServer(server, seconds=5)
    assert threading.active_count() == before


def test_over_http(script: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([sys.executable, script, str(port)], stderr=subprocess.DEVNULL) as program:
        try:
            for _ in range(150):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            with McpServer(f"http://127.0.0.1:{port}/mcp", only=["stock"]) as server:
                assert server.tools[0].run({"item": "HX"}, 10).document.text.endswith("of HX in warehouse 1.")
        finally:
            program.kill()


def test_without_the_sdk_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(MissingExtraError, match=r"ragstone\[mcp\]"):
        McpServer("x")
