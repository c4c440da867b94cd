"""What the Dockerfile leaves out of the libraries is imported by nothing."""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.image.container import ROOT, Container

DOCKERFILE = (ROOT / "Dockerfile").read_text()
#: Distributions, and folders below site-packages.
PACKAGES, FOLDERS = (
    re.findall(rf'unused_{what}="(.+?)"', DOCKERFILE.replace("\\\n", ""), re.DOTALL)[0].split()
    for what in ("packages", "folders")
)
LOCKED = re.findall(r"^(\S+)==\S+(?! ; .*win32)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)

#: Imports every module of both programs, and names those of the libraries that this loaded.
IMPORTS = """
import importlib, pkgutil, sys
import webhook, certs
for package in (webhook, certs):
    for one in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)
import webhook.__main__, certs.__main__, kubernetes.client
print(len(sys.modules))
"""


def _modules(package: str) -> list[str]:
    """The top-level modules of a distribution."""
    files = distribution(package).files or []
    return sorted({one.parts[0].removesuffix(".py") for one in files if one.suffix == ".py" and one.parts[0] != ".."})


LEFT_OUT = {module for package in PACKAGES for module in _modules(package)} | {one.replace("/", ".") for one in FOLDERS}


def _is_left_out(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in LEFT_OUT)


def imports(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """Every module that `source` may import as the module of this name, also within functions."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{one.name}" for one in node.names)


def _sources() -> Iterator[tuple[str, Path]]:
    """The name and file of every module that stays in the image."""
    for name in LOCKED:
        if name in PACKAGES or name == "colorama":
            continue
        for file in distribution(name).files or []:
            if file.suffix == ".py" and file.parts[0] != "..":
                module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
                if not _is_left_out(module):
                    yield module, Path(str(file.locate()))
    for folder in ("webhook", "certs"):
        for path in (ROOT / folder).rglob("*.py"):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def test_nothing_that_stays_imports_what_is_left_out() -> None:
    words = re.compile("|".join(rf"\b{one.rpartition('.')[2]}\b" for one in sorted(LEFT_OUT)))
    found = {}
    read = 0
    for module, path in _sources():
        read += 1
        source = path.read_text(encoding="utf-8")
        if words.search(source):
            wanted = sorted(set(filter(_is_left_out, imports(source, module, is_package=path.name == "__init__.py"))))
            if wanted:
                found[module] = wanted
    assert found == {}
    assert read > 1000


def test_what_is_left_out_is_locked() -> None:
    assert set(PACKAGES) <= set(LOCKED)


@pytest.mark.parametrize(
    ("source", "module", "file"),
    [
        ("import aiohttp", "x", "module.py"),
        ("def f():\n    from aiohttp.web import run_app", "x", "module.py"),
        ("from kubernetes import aio", "x", "module.py"),
        ("from . import aio", "kubernetes", "__init__.py"),
        ("from .aio.client import ApiClient", "kubernetes", "__init__.py"),
        ("from ..aio import client", "kubernetes.utils.create", "module.py"),
        ("from ..aio import client", "kubernetes.utils.deep", "module.py"),
        ("from .. import aio", "kubernetes.utils.create", "module.py"),
    ],
)
def test_an_import_is_noticed(source: str, module: str, file: str) -> None:
    assert any(map(_is_left_out, imports(source, module, is_package=file == "__init__.py")))


@pytest.mark.needs("buildah")
def test_every_module_can_be_imported_in_the_image(container: Container) -> None:
    done = container.run("python", "-c", IMPORTS)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 1000


@pytest.mark.needs("buildah")
def test_it_is_not_in_the_image(container: Container) -> None:
    libraries = next((container.root / "opt/venv/lib").glob("python3*/site-packages"))
    assert [one for one in sorted(LEFT_OUT) if (libraries / one.replace(".", "/")).exists()] == []
    client = list((libraries / "kubernetes/client").rglob("*.py*"))
    assert {path.suffix for path in client} == {".pyc"}
