"""The editor that is committed is what the packages in page/package-lock.json make."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.live_service import ROOT

PAGE = ROOT / "page"
STATIC = ROOT / "webhook/page/static"
MADE = ("THIRD-PARTY-LICENSES.txt", "editor.js")


def _packages(lock: Path) -> dict[str, dict[str, Any]]:
    """What a lock file of npm pins, by folder."""
    packages: dict[str, dict[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    packages.pop("", None)
    return packages


@pytest.mark.needs("npm")
def test_the_editor_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    installed, locked = (_packages(PAGE / name) for name in ("node_modules/.package-lock.json", "package-lock.json"))
    stale = {
        name for name, one in installed.items() if one.get("integrity") != locked.get(name, {}).get("integrity", one)
    }
    assert not stale, "page/node_modules differs from page/package-lock.json: run make npm"
    subprocess.run(["node", str(PAGE / "build.js"), str(tmp_path)], cwd=tmp_path, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(MADE)
    differ = [name for name in MADE if (tmp_path / name).read_bytes() != (STATIC / name).read_bytes()]
    assert not differ, "run make page"


@pytest.mark.parametrize("folder", ["page", "docs"])
def test_the_lock_names_no_registry_and_hashes_everything(folder: str) -> None:
    packages = _packages(ROOT / folder / "package-lock.json")
    assert packages
    assert [name for name, one in packages.items() if not one["integrity"].startswith("sha512-")] == []
    assert [name for name, one in packages.items() if "resolved" in one] == []


@pytest.mark.parametrize("folder", ["page", "docs"])
def test_every_package_is_pinned_to_one_version(folder: str) -> None:
    wanted = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))
    pinned = wanted.get("dependencies", {}) | wanted["devDependencies"]
    packages = _packages(ROOT / folder / "package-lock.json")
    assert pinned == {name: packages[f"node_modules/{name}"]["version"] for name in pinned}
