"""The documents agree with the code, the chart and the examples."""

import re
from pathlib import Path

import pytest
import yaml

from tests import alternatives_table, golden, modes_table, settings_table
from tests.chart.manifests import render
from tests.live_service import ROOT
from webhook.core import names
from webhook.core.cautions import cautions
from webhook.core.modes import SchedulingMode
from webhook.core.overflow import OverflowLimits
from webhook.core.pod_metadata import PodMetadata
from webhook.core.policy import Policy, Profile, Selector
from webhook.core.reasons import Reason
from webhook.core.rules import ExecutorRule, First, Rule, Share
from webhook.core.virtual_node import VirtualNode
from webhook.overflow.api_server import CALL_SECONDS
from webhook.overflow.events import Happening
from webhook.overflow.lease import LEASE_SECONDS, RENEW_SECONDS, WRITE_SECONDS
from webhook.overflow.metrics import ERRORS, REFUSALS
from webhook.overflow.metrics import Metrics as OverflowMetrics
from webhook.page.explainer import MOST_WAITING
from webhook.page.live import MOST_STREAMS
from webhook.page.question import MOST_BYTES as MOST_QUESTION_BYTES
from webhook.page.state import MOST as MOST_DECISIONS
from webhook.playground.answer import MOST_BYTES as MOST_ANSWER_BYTES
from webhook.playground.answer import MOST_WORKLOADS
from webhook.playground.limits import CLOCK_SECONDS as EXPLAIN_CLOCK_SECONDS
from webhook.playground.limits import MEMORY_BYTES
from webhook.playground.limits import SECONDS as EXPLAIN_SECONDS
from webhook.service.listener import BODIES
from webhook.service.metrics import REJECTIONS, Metrics
from webhook.service.policy_file import parse_policy
from webhook.service.settings import Settings

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
OVERFLOW = (ROOT / "docs" / "overflow.md").read_text(encoding="utf-8")
ALERTS = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "page.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_setting_stands_in_the_table() -> None:
    assert settings_table.document() == settings_table.DOCUMENT.read_text(encoding="utf-8"), "run make golden"


def test_the_bounds_that_texts_name_are_those_of_the_code() -> None:
    alerts = (ROOT / "charts" / "spark-eci-webhook" / "files" / "alerts.yaml").read_text(encoding="utf-8")
    assert f"may take {BODIES} times as much" in (Settings.model_fields["max_body_bytes"].description or "")
    assert f"exceed {BODIES} times settings.maxBodyBytes" in alerts
    assert (
        f"{BODIES} times the largest\nbody (`--max-body-bytes`, {_default('max_body_bytes') // 1024**2} MiB)"
        in OPERATIONS
    )
    assert f"(`--max-connections`, {_default('max_connections')})" in OPERATIONS


def test_the_page_on_the_page_names_the_limits_of_the_code() -> None:
    limits = PAGE.split("## Limits")[1].split("\n\n")[1]
    mebibyte = 1024**2
    assert re.findall(r"^\| (.+?) \| (.+?) \|", limits, re.MULTILINE)[1:] == [
        ("application and policy together, as JSON", f"{MOST_QUESTION_BYTES // mebibyte} MiB"),
        ("applications at once", str(MOST_WORKLOADS)),
        (
            "an explanation",
            f"{EXPLAIN_SECONDS:g} s of processor time, {EXPLAIN_CLOCK_SECONDS:g} s on the clock, "
            f"and {MEMORY_BYTES // mebibyte} MiB of memory",
        ),
        ("what is shown of an explanation", f"{MOST_ANSWER_BYTES // mebibyte} MiB"),
        ("explanations at once", f"1, and {MOST_WAITING} that wait"),
        ("live views at once", str(MOST_STREAMS)),
        ("decisions that are kept", str(MOST_DECISIONS)),
    ]
    assert f"the last {MOST_DECISIONS} decisions" in PAGE
    assert f"more than {MOST_DECISIONS}\ndecisions" in PAGE


def test_the_page_is_opened_as_the_chart_says() -> None:
    notes = render({"page": {"enabled": True}}, name="spark-eci-webhook", namespace="spark-eci-webhook").notes
    (command,) = re.findall(r"^     (kubectl port-forward .*)$", notes, re.MULTILINE)
    assert f"\n$ {command}\n" in PAGE
    assert f"\n$ {command}\n" in OPERATIONS
    (values,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert yaml.safe_load(values) == {"page": {"enabled": True}}


def _default(name: str) -> int:
    found: int = Settings.model_fields[name].default
    return found


def test_every_key_of_the_policy_is_explained() -> None:
    for model in (Policy, Selector, VirtualNode, OverflowLimits, Profile, ExecutorRule, First, Share, PodMetadata):
        for field in model.model_fields.values():
            assert re.search(rf"`{field.alias}[`.]", CONFIGURATION), field.alias


@pytest.mark.parametrize("page", ["configuration.md", "overflow.md"])
def test_the_policies_shown_can_be_used(page: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        assert cautions(parse_policy(block.encode(), page)) == []


def test_the_page_on_overflow_names_the_seconds_of_the_code() -> None:
    table = OVERFLOW.split("| what | seconds |")[1].split("\n\n")[0]
    assert [float(one) for one in re.findall(r"(\d+) \|$", table, re.MULTILINE)] == [
        RENEW_SECONDS,
        WRITE_SECONDS,
        CALL_SECONDS,
        LEASE_SECONDS,
    ]
    assert f"`{Rule(mode=SchedulingMode.ECS_THEN_ECI).after}`" in CONFIGURATION
    assert LEASE_SECONDS >= WRITE_SECONDS + CALL_SECONDS


def test_the_page_on_overflow_explains_every_event_and_why_pods_do_not_wait() -> None:
    troubles = OVERFLOW.split("## Why does a pod wait for ever?")[1]
    assert set(re.findall(r"`(Overflow\w+)`", OVERFLOW)) == set(Happening)
    assert set(re.findall(r"`(Overflow\w+)`", troubles)) == {one for one in Happening if one.type == "Warning"}
    for value in (names.WAITING, names.OPENED):
        assert re.search(rf"^\| pod \| `{names.OVERFLOW_LABEL}` \|.*`{value}`", CONFIGURATION, re.MULTILINE)


@pytest.mark.parametrize("place", modes_table.PLACES)
def test_every_place_that_lists_the_modes_agrees_with_their_entries(place: str) -> None:
    text = (ROOT / place).read_text(encoding="utf-8")
    assert text == modes_table.composed(place), f"{place} differs from webhook/core/modes.py: run make golden"


def test_the_table_of_alternatives_agrees_with_their_entries() -> None:
    assert alternatives_table.composed() == CONFIGURATION, "run make golden"


@pytest.mark.parametrize("file", sorted((ROOT / "examples/policies").iterdir()), ids=lambda file: file.name)
def test_the_policies_among_the_examples_can_be_used(file: Path) -> None:
    assert cautions(parse_policy(file.read_bytes(), file.name)) == []


def test_every_reason_is_explained() -> None:
    record = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([a-z-]+)` \|", record, re.MULTILINE)) == sorted(Reason)


def test_the_policy_shown_has_the_defaults() -> None:
    """Without the lines marked as examples, it is the built-in default profile."""
    shown = re.findall(r"```yaml\n(.*?)```", CONFIGURATION, re.DOTALL)[0]
    lines = [line for line in shown.splitlines() if "# example" not in line and "- {image:" not in line]
    plain = parse_policy("\n".join(lines).encode(), "configuration.md")
    assert plain.profiles["default"] == Policy().profiles["default"]
    policy = parse_policy(shown.encode(), "configuration.md")
    assert (policy.selector, policy.virtual_node) == (Policy().selector, Policy().virtual_node)


@pytest.mark.parametrize("mode", list(SchedulingMode))
def test_every_mode_has_its_example(mode: SchedulingMode) -> None:
    after = ROOT / "examples" / mode / "after.yaml"
    assert after.exists(), f"{after} is missing: run make golden"
    assert after.read_text(encoding="utf-8") == golden.by_hand(mode), f"{after}: run make golden"


def test_the_architecture_names_every_module_and_no_other() -> None:
    tree = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Packages")[1].split("```")[1]
    folders: list[str] = []
    named = set()
    for line in tree.splitlines():
        del folders[(len(line) - len(line.lstrip())) // 2 :]
        folders += re.findall(r"^ *(\w+)/", line)
        named |= {"/".join([*folders, module]) for module in re.findall(r"\w+\.py", line)}
    modules = {
        file.relative_to(ROOT).as_posix()
        for package in ("webhook", "certs")
        for file in (ROOT / package).rglob("*.py")
        if file.name != "__init__.py"
    }
    assert sorted(modules - named) == [], "docs/architecture.md does not name them"
    assert sorted(named - modules) == [], "docs/architecture.md names them, but they do not exist"


def test_every_metric_is_explained() -> None:
    registries = (Metrics("x").registry, OverflowMetrics("", (), lambda: 0).registry)
    families = {each.name for one in registries for each in one.collect() if each.name.startswith("spark_")}
    for name in families:
        assert name in OPERATIONS, name
    for reason in (*REJECTIONS, *ERRORS, *REFUSALS):
        assert f"`{reason}`" in OPERATIONS


def test_every_alert_has_its_own_heading_and_something_to_do() -> None:
    alerts = yaml.safe_load(
        (ROOT / "charts" / "spark-eci-webhook" / "files" / "alerts.yaml").read_text(encoding="utf-8")
    )
    sections = _sections(ALERTS)
    assert [name for name in sections if name != "Several clusters"] == [alert["alert"] for alert in alerts]
    # The chart makes the links so.
    assert {alert["alert"].lower() for alert in alerts} <= _anchors(ALERTS)
    for alert in alerts:
        section = sections[alert["alert"]]
        for part in ("**meanwhile**", "```console\n$ ", "**it ends**"):
            assert part in section.lower(), f"{alert['alert']}: {part}"


def test_the_page_on_alerts_explains_every_value_of_their_labels() -> None:
    sections = _sections(ALERTS)
    for alert, values in {
        "SparkEciWebhookRejectsCalls": REJECTIONS,
        "SparkEciOverflowErrors": ERRORS,
        "SparkEciOverflowPodsNotOpened": REFUSALS,
    }.items():
        for value in values:
            assert f"`{value}`" in sections[alert], f"{alert}: {value}"


def _sections(text: str) -> dict[str, str]:
    """The text below each heading of a document's second level."""
    _, *found = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def _anchors(text: str) -> set[str]:
    """What the headings of a document are called in links, as GitHub and GitLab make it."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
