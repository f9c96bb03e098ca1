"""The wheel: what is in it, what it needs, and that it works outside the checkout."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root)],
        check=True,
        capture_output=True,
    )
    [built] = folder.glob("*.whl")
    return built


def test_rag_is_the_only_top_level_name(wheel: Path) -> None:
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"rag"}


def test_the_wheel_holds_the_recipes_the_type_marker_and_the_licence(wheel: Path, root: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "rag/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    for recipe in (root / "indexes").glob("*.toml"):
        assert f"rag/recipes/{recipe.name}" in names


def test_the_wheel_holds_the_app_and_its_samples(wheel: Path, root: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("document_qa", "samples"):
        for file in (root / "apps" / folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and ".mypy_cache" not in file.parts:
                assert f"rag/{file.relative_to(root).as_posix()}" in names
    assert not any("_cache" in name for name in names)


def test_an_installed_wheel_indexes_and_searches_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """The new venv borrows the dependencies, not the package: of this venv only its site-packages are seen."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    site = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    borrowed = Path(pytest.__file__).parent.parent
    (site / "dependencies.pth").write_text(f"{borrowed}\n")
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "kite.md").write_text("# Kites\n\nThe red kite is a bird of prey.\n")
    (docs / "boat.txt").write_text("The ferry leaves at noon.\n")
    rag = [str(home / "bin" / "rag")]

    def run(*arguments: str) -> str:
        done = subprocess.run([*rag, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [str(python), "-c", "import rag; print(rag.__file__)"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).is_relative_to(site)
    assert "2 added" in run("index", "docs", "--index", "built", "--recipe", "bm25")
    assert run("search", "ferry", "--index", "built").startswith("1. boat.txt")


def test_every_third_party_import_is_a_declared_dependency(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    evaluation = {canonicalize_name(Requirement(line).name) for line in [*extras["eval"], *extras["ragas"]]}
    core = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    others = {
        canonicalize_name(Requirement(line).name)
        for line in [*extras["maps"], *extras["mcp"], *extras["otel"], *extras["pdf"]]
    }
    homes = packages_distributions()
    for file in (root / "rag").rglob("*.py"):
        # jinja2 comes with the extra llama-cpp-python.
        optional = evaluation if "evaluation" in file.parts else {"llama-cpp-python", "jinja2", *others}
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            ours = {"rag", "llama_cpp", *sys.stdlib_module_names}
            for module in {name.split(".")[0] for name in modules} - ours:
                owners = {canonicalize_name(name) for name in homes.get(module, [])}
                assert owners & (core | optional), f"{file}: {module} is not a declared dependency"


def test_constraints_pin_every_declared_dependency(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    compiled = {"gpu", "llama-cpp-python"}
    wanted = [*project["dependencies"], *(line for extra in extras.keys() - compiled for line in extras[extra])]
    pinned = {
        canonicalize_name(line.split("==")[0])
        for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    assert {canonicalize_name(Requirement(line).name) for line in wanted} - {"ragstone"} <= pinned  # its other extras
    assert "torch==2.13.0" in (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
