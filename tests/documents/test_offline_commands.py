"""The documented commands that need no cluster, in a reader's own folder."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml

from benchmarks.process import free_port
from certs.issue import ensure
from tests.documents.commands import claimed, commands, documented
from tests.documents.shell import Shell
from tests.live_service import ROOT, service
from tests.local_run import local_run

APPLICATION = (ROOT / "examples/ecs-first/before.yaml").read_text(encoding="utf-8")
OLD, NEW = ({"profiles": {"default": {"executor": {"mode": mode}}}} for mode in ("ecs-first", "eci-only"))
#: What a reader's values say beside the policy, so that the second file must be read too.
PRODUCTION = {"policy": {"profiles": {"of-production": {"executor": {"mode": "ecs-only"}}}}}
ADDRESS = "[fd00::7]:8443"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A reader's repository, whose values differ from those on its branch main."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("apps/pi.yaml", "applications/pi.yaml", "spark-pi.yaml", "application.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(APPLICATION, encoding="utf-8")
    contents = {
        "old-policy.yaml": OLD,
        "policy.yaml": OLD,
        "values.yaml": {"policy": OLD},
        "production.yaml": PRODUCTION,
    }
    for name, content in contents.items():
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "examples").symlink_to(ROOT / "examples")
    git = ["git", "-c", "user.name=A reader", "-c", "user.email=reader@example.com"]
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "values.yaml", "policy.yaml"],
        ["commit", "--quiet", "-m", "x"],
    ):
        subprocess.run([*git, *words], cwd=folder, check=True)
    for name, content in {"values.yaml": {"policy": NEW}, "policy.yaml": NEW}.items():
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return Shell(tmp_path_factory.mktemp("programs"), folder)


#: Each command: its page, how it begins, and a line that it prints, as a pattern.
SAID = (
    (
        "docs/for-data-engineers.md",
        "spark-eci-webhook explain -f spark-pi.yaml",
        r"  executor .*: ecs-first, from the profile",
    ),
    (
        "docs/for-data-engineers.md",
        "spark-eci-webhook explain -f apps/ --summary",
        r"SparkApplication .* ecs-first .* placed",
    ),
    ("docs/operations.md", "python -m webhook validate policy.yaml", r"│ .* executor .* eci-only .*"),
    ("docs/operations.md", "python -m webhook diff old-policy.yaml", r"│ .* executor .* ecs-first .* eci-only .*"),
    (
        "docs/operations.md",
        "python -m webhook explain -f application.yaml",
        r"  executor .*: ecs-first, from the profile",
    ),
    ("docs/configuration.md", "python -m webhook validate examples/", r"│ spot .* driver .* ecs-only .*"),
    ("docs/configuration.md", "spark-eci-webhook validate --values", r"│ of-production .*"),
    ("docs/multi-cluster.md", "spark-eci-webhook validate --values", r"│ of-production .*"),
    ("docs/configuration.md", "spark-eci-webhook explain -f apps/", r"  executor .*: eci-only, from the profile"),
    ("docs/explain.md", "spark-eci-webhook explain -f spark-pi.yaml  ", r"  executor .*: ecs-first, from the profile"),
    ("docs/explain.md", "spark-eci-webhook explain -f apps/ --policy", r"\+ +- virtual-kubelet"),
    (
        "docs/explain.md",
        "spark-eci-webhook explain -f spark-pi.yaml --beside",
        r" +ours first, .* ours again: ecs-first",
    ),
    ("docs/explain.md", "spark-eci-webhook diff <(git", r"\| .* executor .* ecs-first .* eci-only .*"),
    ("docs/explain.md", "spark-eci-webhook diff --values", r"\| .* executor .* ecs-first .* eci-only .*"),
    ("docs/configuration.md", "spark-eci-webhook diff --values", r"\| .* executor .* ecs-first .* eci-only .*"),
)


@pytest.mark.parametrize(
    ("command", "line"), [(one, line) for page, start, line in SAID for one in claimed(page, start)]
)
def test_a_command_about_files_works(shell: Shell, command: str, line: str) -> None:
    done = shell.run(command)
    # Like diff(1), `diff` ends with 1 if something differs.
    assert (done.returncode, done.stderr) == (int("webhook diff " in command), "")
    assert re.search(f"^{line}$", done.stdout, re.MULTILINE), done.stdout


@documented("docs/for-data-engineers.md", "spark-eci-webhook explain -f spark-pi.yaml")
def test_the_option_that_the_page_names_gives_the_platform_teams_rules(shell: Shell, command: str) -> None:
    option = "--policy policy.yaml"
    assert f"add `{option}`" in (ROOT / "docs/for-data-engineers.md").read_text(encoding="utf-8")
    assert ": eci-only, from the profile\n" in shell.run(f"{command} {option}").stdout


@pytest.mark.needs("networks")
@documented("docs/operations.md", "python -m webhook probe", "python -m certs show --server")
def test_an_address_of_ipv6_is_in_brackets(tmp_path: Path, command: str) -> None:
    """On loopback, because nobody has the address that the page shows."""
    tls = tmp_path / "tls"
    ensure(tls, ["::1"], datetime.now(UTC))
    (tmp_path / "ca.crt").write_bytes((tls / "ca.crt").read_bytes())
    with service(tls, tmp_path / "log", ["--host", "::1"]) as running:
        assert ADDRESS in command
        (tmp_path / "programs").mkdir()
        done = Shell(tmp_path / "programs", tmp_path).run(command.replace(ADDRESS, f"[::1]:{running.port}"))
    assert (done.returncode, done.stderr) == (0, "")
    answers = {"webhook": "profile default: left as it is", "certs": "  nothing is wrong"}
    assert done.stdout.splitlines()[-1] == answers[command.split()[2]]


@documented("docs/page.md", "make run")
def test_the_page_runs_with_a_port_and_policy_of_ones_own(tmp_path: Path, command: str) -> None:
    (shown,) = re.findall(r"--page-port (\d+)", command)
    port = free_port()
    more = f"--port {free_port()} --operations-port {free_port()} --tls-dir {tmp_path / 'tls'}"
    shown_here = command.replace(f"--page-port {shown}", f"--page-port {port} {more}")
    with local_run(shown_here, tmp_path) as text:
        assert "mode=eci-only,profile=spot," in text
        assert httpx.get(f"http://127.0.0.1:{port}", timeout=60).is_success


ADOPTING = "docs/adopting.md"
OF_ADOPTING = claimed(ADOPTING, "spark-eci-webhook adopt -f apps/", "spark-eci-webhook validate", "git ")


@pytest.mark.needs("git")
def test_the_way_of_adopting_goes_from_an_inventory_to_a_gate(tmp_path: Path) -> None:
    """The applications carry their placement by hand; in the end nothing of them can be cut any more."""
    shutil.copytree(ROOT / "tests/cli/adopt", tmp_path / "apps/etl")
    (tmp_path / "values.yaml").write_text("{}", encoding="utf-8")
    (tmp_path / "programs").mkdir()
    shell = Shell(tmp_path / "programs", tmp_path)
    for words in (
        "init --quiet",
        "config user.name Reader",
        "config user.email reader@example.com",
        "add apps values.yaml",
    ):
        subprocess.run(["git", *words.split()], cwd=tmp_path, check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "All by hand"], cwd=tmp_path, check=True)
    ended = [(one.text, shell.run(one.text)) for one in commands(ADOPTING) if one.text in OF_ADOPTING]
    assert {one: done.stderr for one, done in ended if done.stderr and not one.startswith("git ")} == {}
    assert "lines can be cut from 3 files" in ended[0][1].stdout
    assert "\n-  " in dict(ended)["git diff"].stdout
    log = subprocess.run(["git", "log", "--format=%s"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert log.splitlines() == ["Leave placement to the webhook", "All by hand"]
    assert ended[-1][1].stdout == "true\n"
