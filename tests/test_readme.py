"""The commands and files that the README shows work."""

import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from benchmarks.process import free_port
from tests.cases import CASES
from tests.live_service import ROOT
from webhook.core.cautions import cautions
from webhook.core.policy import Policy
from webhook.core.reasons import Reason
from webhook.service.policy_file import parse_policy

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/page.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line[2:] for kind, text in BLOCKS if kind == "console" for line in text.splitlines() if line.startswith("$ ")
]


def _yaml(start: str) -> str:
    """The one YAML block whose text begins with `start`."""
    (found,) = [text for kind, text in BLOCKS if kind == "yaml" and text.startswith(start)]
    return str(found)


def test_make_run_shows_a_placement_and_goes_on_serving(tmp_path: Path) -> None:
    assert "make run" in COMMANDS
    port, page_port = free_port(), free_port()
    ports = f"--port {port} --operations-port {free_port()} --page-port {page_port}"
    arguments = f"{ports} --tls-dir {tmp_path / 'certs'}"
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "run", f"ARGS={arguments}"], cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 300
        while "Serving until Ctrl-C." not in (text := log.read_text(encoding="utf-8")):
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        assert "mode=ecs-first,profile=default" in text
        assert "+  - key: virtual-kubelet.io/provider" in text
        (address,) = re.findall(r"<(http://.+)>", README)
        (shown,) = re.findall(r"```text\n(Look at it.*\n)```", PAGE)
        assert shown.endswith(f": {address}\n")
        assert shown.replace(":8081", f":{page_port}") in text
        page = httpx.get(address.replace(":8081", f":{page_port}"))
        assert page.text == (ROOT / "webhook/page/static/index.html").read_text(encoding="utf-8")
        (curl,) = [command for command in COMMANDS if command.startswith("curl")]
        assert curl.replace(":8443", f":{port}").replace(".local/tls", str(tmp_path / "certs")) in text
        answer = subprocess.run(
            shlex.split(curl.replace(":8443", f":{port}").replace(".local/tls", str(tmp_path / "certs"))),
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        assert json.loads(answer.stdout)["response"]["auditAnnotations"] == {
            "placement": f"mode=ecs-first,profile=default,policy={Policy().digest}"
        }
    finally:
        subprocess.run(["pkill", "-INT", "-g", str(process.pid)], check=True)
        process.wait(30)


def test_the_policy_file_shows_the_defaults() -> None:
    """Without the lines marked as examples, it is the built-in default profile."""
    shown = _yaml("selector:")
    lines = [line for line in shown.splitlines() if "# example" not in line and "- {image:" not in line]
    assert parse_policy("\n".join(lines).encode(), "README.md").profiles["default"] == Policy().profiles["default"]
    policy = parse_policy(shown.encode(), "README.md")
    assert (policy.selector, policy.virtual_node) == (Policy().selector, Policy().virtual_node)
    assert cautions(policy) == []


def test_what_it_takes_by_hand_is_what_the_webhook_adds() -> None:
    by_hand = yaml.safe_load(_yaml("  executor:\n    instances: 2\n    cores: 2\n    memory: 4g\n    affinity:"))[
        "executor"
    ]
    plain = {"instances": 2, "cores": 2, "memory": "4g"}
    assert plain == next(
        yaml.safe_load(text)["executor"] for kind, text in BLOCKS if kind == "yaml" and text.endswith("memory: 4g\n")
    )
    (case,) = [case for case in CASES if case.name == "mode-ecs-first-executor"]
    assert {"affinity": case.expected["spec"]["affinity"]} == {
        key: value for key, value in by_hand.items() if key not in plain and key != "tolerations"
    }
    assert case.expected["spec"]["tolerations"] == case.pod["spec"]["tolerations"] + by_hand["tolerations"]


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("python -m webhook")])
def test_the_other_commands_work(command: str) -> None:
    done = subprocess.run([sys.executable, *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    assert target.startswith("https://") or (ROOT / target).exists()


def test_the_pictures_are_there_and_differ() -> None:
    """`make screenshots` makes them."""
    pictures = [ROOT / name for name in re.findall(r'src(?:set)?="([^"]+)"', README)]
    assert [one.name for one in pictures] == ["page-dark.png", "page-light.png"]
    dark, light = (one.read_bytes() for one in pictures)
    assert dark.startswith(b"\x89PNG")
    assert light.startswith(b"\x89PNG")
    assert dark != light


def test_every_reason_is_explained() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \| ", README, re.MULTILINE)) >= set(Reason)
