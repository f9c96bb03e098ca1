"""``rag app``: the document-QA app in the browser; ``rag app-user``: who may use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from rag.cli.options import DEFAULT_INDEX, IndexOption, RecipeOption

__all__ = ["app_user", "serve"]

_INTERRUPTED = 130
_PATIENCE = 10.0  # seconds that a program has to end

UsersOption = Annotated[
    Path | None, typer.Option("--users", help="A file of people and password hashes; `rag app-user` writes it.")
]


def serve(
    index: IndexOption = DEFAULT_INDEX,
    recipe: RecipeOption = None,
    host: Annotated[
        str, typer.Option(help="The address to listen at. Any but this machine's own needs --users.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = 8501,
    users: UsersOption = None,
    oidc: Annotated[
        bool,
        typer.Option(
            "--oidc", help="Sign in by OpenID Connect, as .streamlit/secrets.toml has it; --users says who may."
        ),
    ] = False,
    public_host: Annotated[
        str, typer.Option(help="The host name (and port) that browsers use, where a proxy stands before the app.")
    ] = "",
    idle: Annotated[
        float, typer.Option(min=0.1, help="Minutes without a click after which a user is signed out.")
    ] = 30,
    upload_mb: Annotated[int, typer.Option(min=1, help="Megabytes that an uploaded file may have.")] = 50,
    certificate: Annotated[Path | None, typer.Option(help="A TLS certificate, to serve https.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's key.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:
    """Start the document-QA app: ask, add documents, and look inside, in the browser.

    It listens on this machine alone. Where others can reach it they sign in, or it does not start.
    """
    settings = {
        "index": str(index.resolve()),
        "recipe": recipe,
        "host": host,
        "port": port,
        "users": str(users.resolve()) if users else None,
        "oidc": oidc,
        "public_host": public_host,
        "idle": idle,
        "upload_mb": upload_mb,
        "certificate": str(certificate.resolve()) if certificate else None,
        "key": str(key.resolve()) if key else None,
        "browser": browser,
    }
    _start("server.py", RAGSTONE_APP=json.dumps(settings))


def app_user(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    users: UsersOption = None,
    where: Annotated[str, typer.Option("--where", "-w", help="A filter that all they search and read is under.")] = "",
    reads: Annotated[bool, typer.Option("--read-only", help="They may ask and read, not add or delete.")] = False,
) -> None:
    """Add somebody to the app's users, or give them a new password, which is asked for or read from stdin."""
    arguments = [name, str((users or Path("users.toml")).resolve()), "--where", where]
    _start("users.py", *arguments, *(["--read-only"] if reads else []))


def _start(program: str, *arguments: str, **environment: str) -> None:
    """Run a program of the app, and end as it ends."""
    from importlib.util import find_spec

    from rag.errors import MissingExtraError

    if find_spec("streamlit") is None:
        raise MissingExtraError("the app needs streamlit", hint="pip install 'ragstone[app]'")
    command = [sys.executable, str(_folder() / program), *arguments]
    started = subprocess.Popen(command, env={**os.environ, **environment})  # noqa: S603  our own program
    # whoever stops this process means that one, which holds the port
    signal.signal(signal.SIGTERM, lambda *_: started.terminate())
    try:
        code = started.wait()
    except KeyboardInterrupt:  # which a terminal has sent the program, too
        try:
            started.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        raise typer.Exit(_INTERRUPTED) from None
    raise typer.Exit(code if code >= 0 else 128 - code)


def _folder() -> Path:
    from rag.errors import MissingExtraError

    package = Path(__file__).resolve().parent.parent
    for folder in (package / "apps" / "document_qa", package.parent / "apps" / "document_qa"):  # a wheel, a checkout
        if (folder / "server.py").is_file():
            return folder
    raise MissingExtraError("this installation has no app", hint="reinstall ragstone from its wheel or a checkout")
