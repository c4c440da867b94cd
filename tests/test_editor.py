"""The editor of the page is what `make page` makes of page/package-lock.json, and its licences are told."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.live_service import ROOT

STATIC = ROOT / "webhook" / "page" / "static"
MADE = ("editor.js", "THIRD-PARTY-LICENSES.txt")
LOCK = ROOT / "page" / "package-lock.json"


@pytest.mark.needs("npm")
def test_the_bundle_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    subprocess.run(["node", ROOT / "page" / "build.js", tmp_path], check=True, cwd=tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(MADE)
    assert [name for name in MADE if (tmp_path / name).read_bytes() != (STATIC / name).read_bytes()] == []


def test_the_lock_file_hashes_every_package_and_names_no_registry() -> None:
    text = LOCK.read_text(encoding="utf-8")
    packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
    assert packages
    assert [name for name, one in packages.items() if not one.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, one in packages.items() if "resolved" in one] == []
    funding = {url for one in packages.values() for url in _urls(one.get("funding"))}
    assert text.count("://") == sum(text.count(f'"{url}"') for url in funding)


def _urls(funding: object) -> list[str]:
    entries = funding if isinstance(funding, list) else [funding] if funding else []
    return [one if isinstance(one, str) else one["url"] for one in entries]


def test_what_is_pinned_is_pinned_to_one_version() -> None:
    package = json.loads((ROOT / "page" / "package.json").read_text(encoding="utf-8"))
    locked = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    direct = package["dependencies"] | package["devDependencies"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in direct} == direct
