"""The tag that the documented commands build and push is the tag that the chart pulls."""

import os
import re
import shlex
import subprocess

import pytest

from tests.chart.manifests import refusal, render
from tests.documents.commands import claimed, commands
from tests.live_service import ROOT

PAGES = ("README.md", "docs/operations.md", "charts/spark-eci-webhook/README.md")
#: A repository of one's own. The chart refuses the one that the pages show.
OWN = "registry.platform.test:5000/spark/webhook"


#: The commands of each page that build and push.
BUILDING = {page: claimed(page, "export IMAGE=", "make image push") for page in PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_pushed_is_what_is_pulled(page: str) -> None:
    export, make = BUILDING[page]
    shown_in_order = [one.text for one in commands(page)]
    first = shown_in_order.index(export)
    assert shown_in_order[first + 1] == make
    install, *later = shown_in_order[first + 2 :]
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
