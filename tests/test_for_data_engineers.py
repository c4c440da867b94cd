"""What docs/for-data-engineers.md shows is what the project does."""

import re

import pytest
import yaml

from tests.cli.why_cases import CASES, ask, text
from tests.live_service import ROOT
from webhook.cli.why.record import Record
from webhook.core import names
from webhook.core.placement import Origin
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.core.reasons import Reason
from webhook.core.virtual_node import Unsupported
from webhook.explain.explanation import explain
from webhook.service.policy_file import parse_policy
from webhook.spark.documents import read
from webhook.spark.workloads import Workload

PAGE = (ROOT / "docs" / "for-data-engineers.md").read_text(encoding="utf-8")


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) <= 120


def test_the_answer_shown_is_what_why_prints() -> None:
    (block,) = re.findall(r"```console\n\$ spark-eci-webhook why .*\n((?:.*\n)*?)```", PAGE)
    assert block == text(ask(*CASES["waits, and is not due"])).replace("etl/me:", "etl/spark-pi-exec-7:")


@pytest.mark.parametrize("document", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_applications_shown_ask_for_the_mode_of_their_executors(document: str) -> None:
    (workload,) = read(yaml.safe_load(document), "etl")
    assert isinstance(workload, Workload)
    assert (workload.refused, workload.notes) == ((), ())
    policy = parse_policy(b"selector: {anyOf: [kubeflow, apache]}", "policy.yaml")
    driver, executor = (one.outcome.decision for one in explain("", workload, compile_profile(policy, "default")).pods)
    assert driver is not None
    assert executor is not None
    assert (driver.placement.mode, driver.placement.reason) == ("ecs-only", None)
    found = executor.placement
    assert (found.mode, found.origin, found.reason) == ("eci-only", Origin.OVERRIDE, Reason.OVERRIDE)


def test_every_part_of_the_record_and_every_label_is_explained() -> None:
    table = PAGE.split("| what | example | meaning |")[1].split("\n\n")[0]
    parts = set(Record.__dataclass_fields__) - {"text"}
    assert set(re.findall(r"^\| … `(\w+)`", table, re.MULTILINE)) == parts
    for value in (names.PLACEMENT_ANNOTATION, names.OVERFLOW_LABEL, names.WAITING, names.OPENED):
        assert f"`{value}`" in table
    assert names.PROFILE_LABEL in PAGE
    assert f"policy={Policy().digest}`" in table


def test_what_never_goes_to_eci_is_what_the_built_in_policy_says() -> None:
    assert set(Policy().virtual_node.unsupported) == {Unsupported.HOST_PATH, Unsupported.HOST_NETWORK}
    assert Policy().profiles["default"].driver.mode == "ecs-only"
    assert Policy().profiles["default"].allow_override
