"""What `make packages` builds: the same bytes for a commit, and what Helm, skopeo and CycloneDX read."""

import json
import shlex
import subprocess
import tarfile
from pathlib import Path

import helm_python
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.chart.manifests import CHART
from tests.documents.commands import claimed
from tests.release.clone import build, checkout_of_now, clone, commit_of, files
from tests.release.registry import registry
from webhook import __version__

pytestmark = [pytest.mark.needs("git"), pytest.mark.needs("registry")]

CHART_FILES = {path.relative_to(CHART).as_posix() for path in CHART.rglob("*") if path.is_file()}
NAMES = [
    "SHA256SUMS",
    "provenance.intoto.json",
    f"spark-eci-webhook-{__version__}.cdx.json",
    f"spark-eci-webhook-{__version__}.tgz",
    f"spark-eci-webhook-chart-{__version__}.cdx.json",
    f"spark-eci-webhook-chart-{__version__}.oci.tar",
    f"spark_eci_webhook-{__version__}-py3-none-any.whl",
    f"spark_eci_webhook-{__version__}.tar.gz",
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout_of_now(tmp_path_factory.mktemp("one") / "checkout")


@pytest.fixture(scope="module")
def built(checkout: Path) -> Path:
    done = build(checkout, "--packages")
    assert done.returncode == 0, done.stderr
    return checkout / "dist"


def test_two_builds_of_a_commit_have_the_same_bytes(built: Path, checkout: Path, tmp_path: Path) -> None:
    other = clone(checkout, tmp_path / "elsewhere", mask=0o077)
    assert build(other, "--packages", "--to", "out").returncode == 0
    one, two = files(built), files(other / "out")
    assert sorted(one) == sorted(two) == NAMES
    assert [name for name in NAMES if one[name] != two[name]] == []


def test_the_checksums_are_those_of_all_files(built: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=built, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{name}: OK" for name in NAMES[1:]]


PUSH, PULL = claimed("docs/releases.md", "skopeo copy oci-archive:dist/spark-eci-webhook-chart", "helm pull")


def test_helm_pulls_the_chart_that_skopeo_pushed(built: Path, tmp_path: Path) -> None:
    with registry(tmp_path) as address:
        push, pull = (one.replace("REGISTRY", address).replace("VERSION", __version__) for one in (PUSH, PULL))
        # The registry on the loopback has no certificate.
        unsafe = push.replace("skopeo copy", "skopeo copy --dest-tls-verify=false")
        subprocess.run(shlex.split(unsafe), cwd=built.parent, check=True, capture_output=True)
        program, command, chart, flag, version = shlex.split(pull)
        assert (program, command, flag) == ("helm", "pull", "--version")
        helm_python.pull(chart, version=version, destination=tmp_path, plain_http=True)
    name = f"spark-eci-webhook-{__version__}.tgz"
    assert (tmp_path / name).read_bytes() == (built / name).read_bytes()


def test_the_chart_holds_what_the_repository_holds(built: Path) -> None:
    with tarfile.open(built / f"spark-eci-webhook-{__version__}.tgz") as archive:
        held = {one.name.removeprefix("spark-eci-webhook/") for one in archive}
        values = archive.extractfile("spark-eci-webhook/values.yaml")
        assert values is not None
        assert values.read() == (CHART / "values.yaml").read_bytes()
    assert held == CHART_FILES


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".cdx.json")])
def test_a_bill_of_materials_is_valid(built: Path, name: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str((built / name).read_text(encoding="utf-8")) is None


def test_the_bill_of_the_packages_has_what_is_pinned_and_what_is_bundled(built: Path, checkout: Path) -> None:
    bill = json.loads((built / f"spark-eci-webhook-{__version__}.cdx.json").read_text(encoding="utf-8"))
    urls = [one["purl"] for one in bill["components"]]
    lock = (checkout / "requirements.lock").read_text(encoding="utf-8")
    pinned = {line.split(" ")[0] for line in lock.splitlines() if "==" in line and not line.startswith("#")}
    assert {one.removeprefix("pkg:pypi/").replace("@", "==") for one in urls if one.startswith("pkg:pypi/")} == pinned
    notices = (checkout / "webhook/page/static/THIRD-PARTY-LICENSES.txt").read_text(encoding="utf-8")
    bundled = [one for one in urls if one.startswith("pkg:npm/")]
    assert len(bundled) == notices.count(" (MIT)\n")
    assert "pkg:npm/%40codemirror/state@6.7.6" in bundled


def test_the_provenance_names_the_commit_and_every_artefact(built: Path, checkout: Path) -> None:
    statement = json.loads((built / "provenance.intoto.json").read_text(encoding="utf-8"))
    lines = [line.split("  ") for line in (built / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    sums = {name: value for value, name in lines}
    del sums["provenance.intoto.json"]
    assert {one["name"]: one["digest"]["sha256"] for one in statement["subject"]} == sums
    commit = commit_of(checkout)
    build_definition = statement["predicate"]["buildDefinition"]
    assert build_definition["externalParameters"] == {"version": __version__, "commit": commit}
    assert build_definition["resolvedDependencies"][0] == {"name": "commit", "digest": {"gitCommit": commit}}
    assert (statement["_type"], statement["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )


def test_a_changed_tree_is_refused_and_what_was_built_before_stays(built: Path, checkout: Path) -> None:
    before = files(built)
    (checkout / "README.md").write_text("changed")
    try:
        done = build(checkout, "--packages")
    finally:
        subprocess.run(["git", "checkout", "--quiet", "README.md"], cwd=checkout, check=True)
    assert (done.returncode, done.stderr) == (2, "error: README.md: not committed; accepted: a tree without changes\n")
    assert files(built) == before
    assert [one.name for one in checkout.iterdir() if one.name.startswith(".dist")] == []


def test_a_folder_with_other_files_is_left_alone_and_a_file_is_refused(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = build(checkout, "--packages", "--to", str(tmp_path))
    told = f"error: {tmp_path}: holds other files; accepted: a new folder, or one with a release\n"
    assert (done.returncode, done.stderr) == (2, told)
    assert files(tmp_path) == {"mine": b"mine"}
    done = build(checkout, "--packages", "--to", str(tmp_path / "mine"))
    told = f"error: {tmp_path / 'mine'}: is no folder; accepted: a new folder, or one with a release\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_the_settings_of_a_user_change_nothing(built: Path, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "attributes").write_text("*.md export-ignore\n")
    settings = {
        "core.autocrlf": "true",
        "core.attributesFile": str(tmp_path / "attributes"),
        "log.showSignature": "true",
    }
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in variables.items():
            patched.setenv(name, value)
        assert build(checkout, "--packages", "--to", str(tmp_path / "out")).returncode == 0
    assert files(tmp_path / "out") == files(built)


def test_a_machine_without_buildah_is_told(checkout: Path) -> None:
    done = build(checkout, "--to", "none", buildah="no-such-command")
    told = "error: no-such-command: not found; accepted: a machine with buildah, or make packages\n"
    assert (done.returncode, done.stderr) == (2, told)
    assert not (checkout / "none").exists()


def test_a_folder_that_is_no_checkout_is_told(checkout: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["env", f"PYTHONPATH={checkout}", *build(checkout, "--help").args[:-1]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "not a git repository" in done.stderr
    assert done.stderr.endswith("accepted: a checkout with a commit\n")
