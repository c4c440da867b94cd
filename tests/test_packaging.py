"""The built packages contain everything that the service needs, and no local files."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_service import ROOT, issue
from tests.wheel import build, install
from webhook import __version__

#: What `kubectl spark-eci` runs (kubernetes/kubectl, pkg/cmd: HandlePluginCommand and DefaultPluginHandler): dashes within an
#: argument become underscores. tests/e2e/test_kubectl.py asks kubectl itself.
PLUGIN = f"kubectl-{'spark-eci'.replace('-', '_')}"


@contextlib.contextmanager
def _a_package_of_npm(installed: str) -> Iterator[None]:
    """A file where npm installs packages, while the block lasts."""
    file = ROOT / installed / "node_modules/of-the-tests/index.js"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    try:
        yield
    finally:
        file.unlink()
        file.parent.rmdir()
        # It is not empty if `make page` has run.
        with contextlib.suppress(OSError):
            file.parent.parent.rmdir()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist, built while a local certificate and packages of npm exist."""
    issue(ROOT / ".local" / "tls")
    folder = tmp_path_factory.mktemp("dist")
    with _a_package_of_npm("page"), _a_package_of_npm("docs"):
        build(folder)
    return folder


def test_the_wheel_holds_the_two_packages_and_no_key(built: Path) -> None:
    with zipfile.ZipFile(built / f"spark_eci_webhook-{__version__}-py3-none-any.whl") as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names} == {
        "webhook",
        "certs",
        f"spark_eci_webhook-{__version__}.dist-info",
    }
    modules = {
        str(path.relative_to(ROOT)) for package in ("webhook", "certs") for path in (ROOT / package).rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == modules
    assert "webhook/spark/crd_fields.json" in names
    assert {name for name in names if name.startswith("webhook/chart/") and not name.endswith(".py")} == {
        "webhook/chart/values.yaml",
        "webhook/chart/values.schema.json",
    }
    assert not any(".local" in name or name.endswith((".key", ".crt")) for name in names)


def test_the_wheel_holds_the_defaults_of_the_chart(built: Path) -> None:
    with zipfile.ZipFile(built / f"spark_eci_webhook-{__version__}-py3-none-any.whl") as wheel:
        for name in ("values.yaml", "values.schema.json"):
            assert wheel.read(f"webhook/chart/{name}") == (ROOT / "charts/spark-eci-webhook" / name).read_bytes()


def test_the_wheel_holds_the_page_and_the_licences_of_what_is_in_it(built: Path) -> None:
    static = {str(path.relative_to(ROOT)) for path in (ROOT / "webhook/page/static").iterdir()}
    with zipfile.ZipFile(built / f"spark_eci_webhook-{__version__}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        folder = f"spark_eci_webhook-{__version__}.dist-info"
        metadata = wheel.read(f"{folder}/METADATA").decode()
    licences = {line.split(": ")[1] for line in metadata.splitlines() if line.startswith("License-File: ")}
    assert {name for name in names if name.startswith("webhook/page/static/")} == static
    assert licences == {"LICENSE", "webhook/page/static/THIRD-PARTY-LICENSES.txt"}
    assert {f"{folder}/licenses/{name}" for name in licences} <= names


def test_the_sdist_holds_no_key_and_no_package_of_npm(built: Path) -> None:
    with tarfile.open(built / f"spark_eci_webhook-{__version__}.tar.gz") as sdist:
        names = sdist.getnames()
    assert any(name.endswith("/README.md") for name in names)
    assert any(name.endswith("/page/package-lock.json") for name in names)
    assert not any("node_modules" in name for name in names)
    assert not any(".local" in name or name.endswith((".key", ".crt")) for name in names)


def test_the_commands_of_an_installed_wheel_run(built: Path, tmp_path: Path) -> None:
    scripts = install(built / f"spark_eci_webhook-{__version__}-py3-none-any.whl", tmp_path)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for command, argument in (("spark-eci-webhook", "--version"), ("spark-eci-certs", "--help"), (PLUGIN, "--version")):
        script = shutil.which(command, path=scripts)
        assert script is not None, f"{command} is not installed, or cannot be run"
        done = subprocess.run(
            [script, argument], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert argument == "--help" or done.stdout == f"{__version__}\n"
    values = tmp_path / "mine.yaml"
    values.write_text("policy: {profiles: {mine: {}, default: null}}")
    validate = [f"{scripts}/spark-eci-webhook", "validate", "--values", str(values)]
    done = subprocess.run(validate, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "mine" in done.stdout
    assert "resource-policy" in done.stdout


def test_lock_files_name_no_registry_and_hash_everything() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-spark.lock", "requirements-spark-4.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "http" not in text.replace("httptools", "").replace("httpcore", "").replace("httpx", "").replace(
            "aiohttp", ""
        )
        entries = text.replace("\\\n", " ").splitlines()
        pinned = [entry for entry in entries if entry and not entry.startswith("#")]
        assert all("==" in entry and "--hash=sha256:" in entry for entry in pinned)


def test_the_packages_of_the_tests_do_not_slow_down_every_process() -> None:
    """`make lock` leaves one of them out, which jsonschema imports wherever it finds it."""
    lines = (ROOT / "requirements-dev.overrides").read_text(encoding="utf-8").splitlines()
    (left_out,) = [line.partition(";")[0] for line in lines if line and not line.startswith("#")]
    assert importlib.util.find_spec(left_out.replace("-", "_")) is None
