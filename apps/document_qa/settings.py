"""How the app was started: the options of `rag app`, handed over in the environment."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from users import AccessError

VARIABLE = "RAGSTONE_APP"


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Options of `rag app`.

    ``users`` is a file of people and password hashes (``users.py``), ``oidc`` says that people sign in by OpenID
    Connect as ``.streamlit/secrets.toml`` has it; a file of users then says who may. ``public_host`` is the name by
    which browsers know the app where a proxy stands before it. ``idle`` is in minutes.
    """

    index: Path
    recipe: str | None = None
    host: str = "127.0.0.1"
    port: int = 8501
    users: Path | None = None
    oidc: bool = False
    public_host: str = ""
    idle: float = 30.0
    upload_mb: int = 50
    certificate: Path | None = None
    key: Path | None = None
    browser: bool = True

    @property
    def uploads(self) -> Path:
        """Where files that were dropped on the app are kept: beside the index, under names of the app's choice."""
        return self.index.with_name(f"{self.index.name}.files")

    @property
    def recipes(self) -> Path:
        """Where recipes are kept that people have written in the app: beside the index."""
        return self.index.with_name(f"{self.index.name}.recipes")

    @property
    def folders(self) -> Path:
        """Where the watched folders are listed: beside the index."""
        return self.index.with_name(f"{self.index.name}.folders.json")

    @property
    def rated(self) -> Path:
        """Where questions are kept that people have rated the answers of: a test set beside the index."""
        return self.index.with_name(f"{self.index.name}.questions.jsonl")

    @property
    def testsets(self) -> Path:
        """Where test sets are kept that were made here, or uploaded: beside the index."""
        return self.index.with_name(f"{self.index.name}.testsets")

    @property
    def evaluations(self) -> Path:
        """Where the results of evaluations are kept: beside the index."""
        return self.index.with_name(f"{self.index.name}.evaluations")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the app."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def check(settings: AppSettings) -> AppSettings:
    """The same, where it is safe to start so. Raises AccessError."""
    if settings.oidc and settings.users is None:
        raise AccessError(
            "everybody with an account there could sign in",
            where="--oidc",
            hint="name a file with --users that says who may: [users.'ann@example.org']",
        )
    if not settings.loopback and not settings.users:
        raise AccessError(
            f"at {settings.host} others could reach the app, and nobody would have to sign in",
            where="--host",
            hint="name a file of users with --users, or leave --host out",
        )
    if (settings.certificate is None) != (settings.key is None):
        raise AccessError("a certificate and its key go together", where="--certificate, --key")
    return settings


@cache
def app_settings() -> AppSettings:
    """The settings of this process. Raises AccessError where it was not started by `rag app`."""
    try:
        return check(TypeAdapter(AppSettings).validate_json(os.environ.get(VARIABLE, "")))
    except ValidationError as error:
        raise AccessError("the app has no settings", where=VARIABLE, hint="start it with `rag app`") from error
