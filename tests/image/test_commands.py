"""Every command in the image, by uid 65532 and with a read-only root."""

import argparse
import base64
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
import typer
import yaml

from benchmarks.process import free_port
from certs.__main__ import app as certs_app
from certs.issue import ensure
from tests.e2e.component import Component
from tests.e2e.control_plane import ControlPlane
from tests.e2e.custom_resources import ANYTHING, definition
from tests.e2e.operator_definitions import serve
from tests.image.conftest import is_ready
from tests.image.container import ROOT, Container
from webhook import __version__
from webhook.cli.commands import app

REVIEW = "tests/reviews/spark-3.5.2-executor-1.json"
APPLICATION = "examples/ecs-first/before.yaml"
POLICY = "examples/policies/spot-executors.yaml"
VALUES = "tests/cli/placement-values.yaml"
#: Calls that answer from files alone, made in the project's folder. They say the same in the image.
OFFLINE = (
    f"explain -f {APPLICATION} -f {REVIEW} --policy {POLICY} --profile spot",
    f"explain -f {APPLICATION} --values {VALUES}",
    f"adopt -f examples --ignore policies --policy {POLICY} --profile spot -o markdown",
    f"diff {POLICY} tests/cli/built-in.yaml -f examples --ignore policies -o markdown",
    f"validate {POLICY}",
    f"validate --values {VALUES}",
    "schema",
    "resource-policy --ecs-max 2 --eci-max 3 --per-application",
)
#: Those that run a service or call one, each with a test below.
SERVING = {"serve", "probe", "try"}
#: Those that ask a cluster, each with a test below.
IN_A_CLUSTER = {"doctor", "why", "overflow"}

in_the_image = pytest.mark.needs("buildah")
in_a_cluster = pytest.mark.needs("control-plane")


def test_every_command_is_tried() -> None:
    """A new command needs an entry above, and a test if it is none of OFFLINE."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {*(call.split()[0] for call in OFFLINE), *SERVING, *IN_A_CLUSTER} == set(commands)


@pytest.fixture
def mounts() -> dict[Path, str]:
    """The folders that the commands name, where a relative path leads: the working directory is the root here."""
    return {ROOT / folder: f"/{folder}" for folder in ("examples", "tests")}


@in_the_image
@pytest.mark.parametrize("call", OFFLINE)
def test_a_command_says_the_same_as_on_this_machine(call: str, container: Container, mounts: dict[Path, str]) -> None:
    words = call.split()
    here = subprocess.run(
        [sys.executable, "-m", "webhook", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    there = container.run("spark-eci-webhook", *words, mounts=mounts)
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)
    assert len(there.stdout) > 100


@in_the_image
def test_standard_input_is_read(container: Container, mounts: dict[Path, str]) -> None:
    policy = (ROOT / POLICY).read_text()
    from_file = container.run("spark-eci-webhook", "validate", POLICY, mounts=mounts)
    given = container.run("spark-eci-webhook", "validate", "-", given=policy)
    assert (given.returncode, given.stdout, given.stderr) == (0, from_file.stdout, "")


@in_the_image
@pytest.mark.parametrize("program", ["webhook", "certs"])
def test_both_programs_are_there_by_name_and_each_command_has_help(program: str, container: Container) -> None:
    found = {"webhook": app, "certs": certs_app}[program]
    name = f"spark-eci-{program}"
    for command in ("", *typer.main.get_command(found).commands):  # type: ignore[attr-defined]
        words = [command] if command else []
        shown = container.run(name, *words, "-h")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert " ".join(shown.stdout.split()).lower().startswith(f"usage: {' '.join([name, *words])} ")


@in_the_image
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("explian", "unknown command explian; did you mean explain? (see spark-eci-webhook --help)"),
        ("serve --prot 1", "unknown option --prot; did you mean --port? (see spark-eci-webhook serve --help)"),
        ("doctor", "no cluster: Invalid kube-config file. No configuration found; accepted: a kubeconfig"),
        (
            f"overflow --policy {POLICY} --namespace x",
            f"{POLICY}: has no key overflow, so no pod waits; accepted: a policy with overflow: {{}}",
        ),
        (
            f"try --review {REVIEW}",
            "neither .local/tls nor a temporary folder can be written; accepted: with --tls-dir, a folder that can be written",
        ),
        (f"try --review {REVIEW} --tls-dir /app/tls", "--tls-dir: /app/tls: Read-only file system"),
        ("--install-completion bash", "/.bashrc: Read-only file system"),
    ],
)
def test_what_the_image_cannot_do_is_one_sentence(
    call: str, sentence: str, container: Container, mounts: dict[Path, str]
) -> None:
    done = container.run("spark-eci-webhook", *call.split(), mounts=mounts, memory="ro")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{sentence}\n")


@in_the_image
def test_serve_and_probe_in_two_containers(container: Container, tmp_path: Path) -> None:
    tls = tmp_path / "tls"
    ensure(tls, ("localhost", "127.0.0.1"), datetime.now(UTC))
    for file in tls.iterdir():
        os.chown(file, 65532, 65532)
    mounted = {tls: "/etc/spark-eci-webhook/tls"}
    port, operations = free_port(), free_port()
    words = ["spark-eci-webhook", "serve", "--port", str(port), "--operations-port", str(operations)]
    service = Component(container.command(words, mounted, {}), tmp_path / "log")
    call = ("spark-eci-webhook", "probe", "--url", f"https://localhost:{port}", "--profile", "default,eci-only")
    try:
        service.start(partial(is_ready, operations))
        trusting = ("--ca-file", "/etc/spark-eci-webhook/tls/ca.crt")
        done = container.run(*call, *trusting, mounts=mounted)
        assert (done.returncode, done.stderr) == (0, "")
        assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["profile default", "profile eci-only"]
        shown = container.run(
            "spark-eci-certs", "show", "--server", f"localhost:{port}", "--ca", trusting[1], mounts=mounted
        )
        assert (shown.returncode, shown.stderr) == (0, "")
    finally:
        service.stop()


@in_the_image
def test_try_makes_its_certificate_in_a_temporary_folder(
    container: Container, mounts: dict[Path, str], tmp_path: Path
) -> None:
    flags = ("--port", "--operations-port", "--page-port")
    ports = [one for flag in flags for one in (flag, str(free_port()))]
    words = ["spark-eci-webhook", "try", "--review", REVIEW, *ports]
    log = tmp_path / "log"
    process = Component(container.command(words, mounts, {}), log)
    try:
        process.start(lambda: "Serving until Ctrl-C." in log.read_text())
        page = f"http://127.0.0.1:{ports[-1]}"
        assert f"applications: {page}\n" in log.read_text()
        assert httpx.get(page, timeout=60).is_success
    finally:
        process.stop()
    shown = log.read_text()
    here = subprocess.run(
        [sys.executable, "-m", "webhook", "explain", "-f", REVIEW, "--profile", "default"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"The service answered:\n\n{here.stdout}" in shown
    assert "curl --cacert /dev/shm/" in shown


#: Each `docker run … IMAGE …` of the page.
DOCUMENTED = re.findall(
    r"^\$ (docker run .*)$", (ROOT / "docs/operations.md").read_text().replace("\\\n", " "), re.MULTILINE
)
#: With the tag, because `make push` pushes no `latest`.
IMAGE = f"$IMAGE:{__version__}"


@in_the_image
@pytest.mark.parametrize("line", DOCUMENTED, ids=lambda line: line.split(f"{IMAGE} ")[1].split()[0])
def test_the_documented_calls_reach_their_commands(line: str, container: Container, tmp_path: Path) -> None:
    """Without docker: the entry point, the variables, the mounts and the folder as the options say."""
    work, home = tmp_path / "work", tmp_path / "home"
    (work / "apps").mkdir(parents=True)
    (home / ".kube").mkdir(parents=True)
    (home / ".kube/config").write_text("{}")
    (work / "apps/app.yaml").write_text((ROOT / APPLICATION).read_text())
    policy = "profiles: {default: {}}"
    (work / "policy.yaml").write_text(policy)
    (work / "review.json").write_text("{}")
    options, _, call = line.partition(f" {IMAGE} ")
    given = policy if call.endswith(" < policy.yaml") else ""
    parser = argparse.ArgumentParser()
    for flag in ("--rm", "-i"):
        parser.add_argument(flag, action="store_true")
    for flag in ("-v", "-w", "-e", "--network", "--user", "--entrypoint"):
        parser.add_argument(flag)
    asked = parser.parse_args(shlex.split(options)[2:])
    mounted = {}
    if asked.v:
        source, path, mode = asked.v.replace("$PWD", str(work)).replace("$HOME", str(home)).split(":")
        assert mode == "ro"
        mounted[Path(source)] = path
    words = [asked.entrypoint] if asked.entrypoint else container.configuration["Entrypoint"]
    done = container.run(
        *("env", "-C", asked.w or "/", *words, *shlex.split(call.partition(" < ")[0])),
        mounts=mounted,
        given=given,
        user="1234:0" if asked.user else "",
        **dict([asked.e.split("=", 1)] if asked.e else []),
    )
    answers = {
        "explain": (0, "SparkApplication default/spark-pi-ecs-first", ""),
        "validate": (0, "policy ", ""),
        "try": (2, "", "review.json: "),
        "doctor": (2, "", "no cluster: "),
        "show": (1, "the server webhook.example.com:8443", ""),
    }
    code, out, error = answers[call.split()[0]]
    assert (done.returncode, bool(done.stdout), bool(done.stderr)) == (code, bool(out), bool(error)), done
    assert out in done.stdout
    assert error in done.stderr


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """With an executor and an application in the namespace default."""
    with ControlPlane(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path_factory.mktemp("control-plane")) as started:
        applications = definition("sparkoperator.k8s.io", "v1beta2", "SparkApplication", ANYTHING)
        approved = {"api-approved.kubernetes.io": "https://github.com/kubeflow/spark-operator/pull/1298"}
        applications["metadata"]["annotations"] = approved
        serve(started, [applications])
        application = yaml.safe_load((ROOT / APPLICATION).read_text())
        started.create("/apis/sparkoperator.k8s.io/v1beta2/namespaces/default/sparkapplications", application)
        labels = json.loads((ROOT / REVIEW).read_text())["request"]["object"]["metadata"]["labels"]
        spec = {"containers": [{"name": "spark-kubernetes-executor", "image": "spark"}]}
        pod = {"metadata": {"name": "pi-exec-1", "labels": labels}, "spec": spec}
        started.create("/api/v1/namespaces/default/pods", pod)
        yield started


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, tmp_path: Path) -> Path:
    """The administrator's, with the certificates in it, because the image has none of the files."""

    def content(file: str | Path) -> str:
        return base64.b64encode(Path(file).read_bytes()).decode()

    found = yaml.safe_load(control_plane.kubeconfig.read_text())
    certificate, key = control_plane.administrator
    found["users"][0]["user"] = {"client-certificate-data": content(certificate), "client-key-data": content(key)}
    cluster = found["clusters"][0]["cluster"]
    cluster["certificate-authority-data"] = content(cluster.pop("certificate-authority"))
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(found))
    return file


@in_the_image
@in_a_cluster
@pytest.mark.parametrize(
    "call", ["doctor -o json", "why pi-exec-1 -n default", "explain --cluster -n default", "adopt --cluster -n default"]
)
def test_a_command_says_the_same_of_a_cluster(call: str, container: Container, kubeconfig: Path) -> None:
    """Run as the owner of the kubeconfig, whom the image does not know, because nobody else may read it."""
    here = subprocess.run(
        [sys.executable, "-m", "webhook", *call.split()],
        cwd=ROOT,
        env=os.environ | {"KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    os.chown(kubeconfig, 1234, 1234)
    kubeconfig.chmod(0o600)
    mounted = {kubeconfig: "/kubeconfig"}
    words = ("spark-eci-webhook", *call.split())
    there = container.run(*words, mounts=mounted, user="1234:0", KUBECONFIG="/kubeconfig")
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)
    assert ("spark-pi-ecs-first" if "--cluster" in call else "") in here.stdout
    assert here.stdout


@in_the_image
@in_a_cluster
def test_overflow_is_ready_in_the_image(container: Container, kubeconfig: Path, tmp_path: Path) -> None:
    port = free_port()
    mounted = {kubeconfig: "/kubeconfig", ROOT / "tests": "/tests"}
    words = ["spark-eci-webhook", "overflow", "--policy", "tests/cli/overflow.yaml", "--namespace", "default"]
    words += ["--kubeconfig", "/kubeconfig", "--port", str(port)]
    controller = Component(container.command(words, mounted, {}), tmp_path / "log")
    ready: Callable[[], bool] = partial(is_ready, port)
    try:
        controller.start(ready)
        assert "spark_eci_overflow_" in httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    finally:
        controller.stop(60)
    assert controller.code == 0
    assert json.loads((tmp_path / "log").read_text().splitlines()[-1])["event"] == "stopped"
