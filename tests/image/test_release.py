"""What `make release` builds: the image with the same bytes again, and a bill of what is in it."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.image.container import BUILDAH, Container, buildah
from tests.release.clone import build, clone, files
from tools.release.image import architecture
from webhook import __version__

pytestmark = [pytest.mark.needs("buildah"), pytest.mark.needs("git")]
NAME = f"spark-eci-webhook-{__version__}-{architecture()}"


def test_two_builds_of_a_commit_have_the_same_bytes(released: Path, checkout: Path, tmp_path: Path) -> None:
    other = clone(checkout, tmp_path / "elsewhere", mask=0o077)
    done = build(other, "--to", "out", buildah=shlex.join(BUILDAH))
    assert done.returncode == 0, done.stderr
    one, two = files(released), files(other / "out")
    assert sorted(one) == sorted(two)
    assert {f"{NAME}.oci.tar", f"{NAME}.cdx.json"} <= set(one)
    assert [name for name in one if one[name] != two[name]] == []


def test_the_bill_of_the_image_lists_what_its_own_tools_list(released: Path, container: Container) -> None:
    text = (released / f"{NAME}.cdx.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = json.loads(text)["components"]
    urls = {one.get("purl", "") for one in parts}
    debian = _printed(container, "dpkg-query", "--show", "--showformat", "${Package} ${Version}\n")
    listed = [f"{one['name']} {one['version']}" for one in parts if one.get("purl", "").startswith("pkg:deb/")]
    assert sorted(listed) == sorted(debian) != []
    python = _printed(
        container,
        "/opt/venv/bin/python",
        "-c",
        "from importlib.metadata import distributions\n"
        "import re\n"
        "for one in distributions(): print(re.sub('[-_.]+', '-', one.name).lower(), one.version)",
    )
    assert {one.removeprefix("pkg:pypi/") for one in urls if one.startswith("pkg:pypi/")} >= {
        one.replace(" ", "@") for one in python
    }
    assert "pkg:npm/%40codemirror/state@6.7.6" in urls


def _printed(container: Container, *command: str) -> list[str]:
    chroot = ["chroot", str(container.root), *command]
    return subprocess.run(chroot, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_provenance_names_the_base_image(released: Path) -> None:
    statement = json.loads((released / "provenance.intoto.json").read_text(encoding="utf-8"))
    *_, base = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    name = os.environ["BASE_IMAGE"]
    digest = buildah("images", "--no-trunc", "--format", "{{.Digest}}", "--filter", f"reference={name}")
    assert base == {"name": f"base image {name}", "digest": {"sha256": digest.splitlines()[0].removeprefix("sha256:")}}
    assert f"{NAME}.oci.tar" in {one["name"] for one in statement["subject"]}
