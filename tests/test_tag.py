"""The tag that the documented commands build and push is the tag that the chart pulls."""

import os
import re
import shlex
import subprocess

import pytest

from tests.chart.manifests import refusal, render
from tests.live_service import ROOT

PAGES = ("README.md", "docs/operations.md", "charts/spark-eci-webhook/README.md")
#: A repository of one's own. The chart refuses the one that the pages show.
OWN = "registry.platform.test:5000/spark/webhook"


def _commands(page: str) -> list[str]:
    """The lines of the page's block that installs the chart."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (block,) = [one for one in re.findall(r"```console\n(.*?)```", text, re.DOTALL) if "export IMAGE=" in one]
    return [line.removeprefix("$ ") for line in str(block).replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_what_is_pushed_is_what_is_pulled(page: str) -> None:
    export, make, install, *later = _commands(page)
    shown = export.removeprefix("export IMAGE=")
    assert "example.com" in refusal({"image": {"repository": shown}})
    environment = os.environ | {"IMAGE": OWN}
    assert make == "make image push"
    made = subprocess.run(
        [*shlex.split(make), "--dry-run"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    (built,) = re.findall(r"buildah build .* --tag (\S+) \.$", made, re.MULTILINE)
    (pushed,) = re.findall(r"buildah push (\S+)$", made, re.MULTILINE)
    words = shlex.split(install.replace("$IMAGE", OWN))
    assert words[:5] == ["helm", "install", "--wait", "spark-eci-webhook", "charts/spark-eci-webhook"]
    key, _, repository = words[words.index("--set") + 1].partition("=")
    assert key == "image.repository"
    overflow = {"enabled": True}
    deployments = [
        one
        for one in render({"image": {"repository": repository}, "overflow": overflow}).objects
        if one["kind"] == "Deployment"
    ]
    pulled = {container["image"] for one in deployments for container in one["spec"]["template"]["spec"]["containers"]}
    assert len(deployments) == 3
    assert {built, pushed} == pulled
    assert "kubectl label namespace etl spark-eci-webhook/profile=default" in later


def test_the_makefiles_variable_can_be_given_to_make() -> None:
    made = subprocess.run(
        ["make", "--dry-run", "push", f"IMAGE={OWN}"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"^buildah push (\S+):", made, re.MULTILINE) == [OWN]
