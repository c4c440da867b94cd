"""The policy's key `overflow`: what it allows, how long pods wait, limits, and the verdicts about pods that wait."""

import json
from typing import Any

import jsonschema
import pytest

from tests.admission_reviews import answer, patched
from tests.pods import EVERY_MODE
from webhook.core.cautions import cautions
from webhook.core.modes import SchedulingMode
from webhook.core.overflow import seconds
from webhook.core.policy import Policy
from webhook.core.rules import Rule
from webhook.core.schema import PolicySchema
from webhook.service.policy_file import PolicyError, parse_policy

SCHEMA = jsonschema.Draft202012Validator(Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema))
WAITING = [str(mode) for mode in SchedulingMode if mode.waits]
FORM = "a whole number of s, m or h, from 0s to 1h, such as 60s"
NEEDS = "ecs-then-eci needs the overflow controller; accepted with the policy's key overflow"


def _parsed(text: str) -> Policy:
    return parse_policy(text.encode(), "p.yaml")


def _faults(text: str) -> list[str]:
    with pytest.raises(PolicyError) as error:
        _parsed(text)
    return [fault.removeprefix("p.yaml: ") for fault in error.value.faults]


def _delayed(after: Any) -> dict[str, Any]:
    return {"profiles": {"a": {"driver": {"after": after}}}}


def test_every_delay_of_an_hour_at_most_is_accepted_and_no_other() -> None:
    numbers = ["", "-1", "+1", "00", "01", "1.5", "1_0", " 1", "1 ", "٣", *map(str, range(4000))]
    longest = {"s": 3600, "m": 60, "h": 1}
    for number in numbers:
        for unit in ("s", "m", "h", "", "S", "ms", "d", "s\n"):
            plain = number.isascii() and number.isdigit() and str(int(number)) == number
            accepted = plain and unit in longest and int(number) <= longest[unit]
            found = SCHEMA.is_valid(_delayed(number + unit))
            assert found == accepted or unit == "s\n", number + unit
            if accepted:
                assert seconds(number + unit) == int(number) * 3600 // longest[unit]


@pytest.mark.parametrize(
    "after",
    ["1h", "60m", "3600s", "0s", "0m", "0h", "59m", "599s", "2h", "61m", "3601s", "05s", "1h30m", "s", "60", "s\n"],
)
def test_the_service_accepts_the_delays_that_the_schema_accepts(after: str) -> None:
    text = json.dumps(_delayed(after))
    if after != "s\n" and SCHEMA.is_valid(_delayed(after)):
        assert _parsed(text).profiles["a"].driver.after == f"{seconds(after)}s"
    else:
        assert _faults(text) == [f"profiles.a.driver.after: found {json.dumps(after)}; accepted: {FORM}"]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("driver: {after: 60}", f"driver.after: found 60; accepted: {FORM}"),
        ("driver: {after: null}", f"driver.after: found null; accepted: {FORM}"),
        ("driver: {after: [1s]}", f'driver.after: found ["1s"]; accepted: {FORM}'),
        (
            "executor: {mix: [{percent: 100, mode: ecs-only, after: 2h}]}",
            f'executor.mix[0].after: found "2h"; accepted: {FORM}',
        ),
        (
            "executor: {mix: [{percent: 100, mode: ecs-only, after: null}]}",
            "executor.mix[0].after: found null; accepted: a value, or no such key",
        ),
        (
            "executor: {first: {count: 1, mode: ecs-only, after: 1s}}",
            "executor.first.after: unknown key; accepted: count, mode",
        ),
        ("overflow: null", "overflow: found null; accepted: a map"),
        ("overflow: {maxPerApplication: -1}", "overflow.maxPerApplication: found -1; accepted: 0 or more"),
        ("overflow: {maxPerNamespace: 1000001}", "overflow.maxPerNamespace: found 1000001; accepted: 1000000 or less"),
        ("overflow: {maxPerNamespace: 1.5}", "overflow.maxPerNamespace: found 1.5; accepted: a whole number"),
        (
            "overflow: {maxPerNamespace: null}",
            "overflow.maxPerNamespace: found null; accepted: a value, or no such key",
        ),
        ("overflow: {max: 1}", "overflow.max: unknown key; accepted: maxPerApplication, maxPerNamespace"),
    ],
)
def test_what_a_profile_says_wrongly_of_waiting_is_refused(rule: str, fault: str) -> None:
    assert _faults(f"overflow: {{}}\nprofiles: {{a: {{{rule}}}}}") == [f"profiles.a.{fault}"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("null", "overflow: found null; accepted: a value, or no such key"),
        ("true", "overflow: found true; accepted: a map"),
        ("{enabled: true}", "overflow.enabled: unknown key; accepted: none"),
    ],
)
def test_the_key_has_no_keys_and_a_fault_in_it_is_the_only_one(value: str, fault: str) -> None:
    assert _faults(f"overflow: {value}") == [fault]
    assert not SCHEMA.is_valid({"overflow": json.loads(value) if value != "{enabled: true}" else {"enabled": True}})


@pytest.mark.parametrize(
    ("profile", "place"),
    [
        ("driver: {mode: ecs-then-eci}", "driver.mode"),
        ("executor: {mode: ecs-then-eci}", "executor.mode"),
        ("executor: {mode: ecs-then-eci, mix: [{percent: 100, mode: eci-only}]}", "executor.mode"),
        (
            "executor: {mix: [{percent: 50, mode: eci-only}, {percent: 50, mode: ecs-then-eci}]}",
            "executor.mix[1].mode",
        ),
        ("executor: {first: {count: 1, mode: ecs-then-eci}}", "executor.first.mode"),
    ],
)
def test_without_the_controller_no_rule_may_wait(profile: str, place: str) -> None:
    assert _faults(f"profiles: {{ok: {{}}, etl: {{{profile}}}}}") == [f"profiles.etl.{place}: {NEEDS}"]
    _parsed(f"profiles: {{ok: {{}}, etl: {{{profile}}}}}\noverflow: {{}}")


def test_the_built_in_profiles_wait_only_with_the_controller() -> None:
    without, with_it = Policy(), _parsed("overflow: {}")
    assert with_it == EVERY_MODE
    assert [*without.profiles] == ["default", *(mode for mode in SchedulingMode if not mode.waits)]
    assert [*with_it.profiles] == ["default", *SchedulingMode]
    assert {name: with_it.profiles[name] for name in without.profiles} == without.profiles
    for mode in WAITING:
        assert (with_it.profiles[mode].driver.mode, with_it.profiles[mode].executor.mode) == (mode, mode)


def test_the_key_changes_the_digest_and_nothing_else_does() -> None:
    """The digests of policies without the key are those that earlier versions computed."""
    profiles = "profiles: {a: {executor: {weight: 3}}}"
    assert _parsed("{}").digest == "44136fa3"
    assert _parsed(profiles).digest == "6815a97e"
    all_modes = ", ".join(
        f"{mode}: {{driver: {{mode: {mode}}}, executor: {{mode: {mode}}}}}" for mode in SchedulingMode
    )
    built_in = ", ".join(
        f"{mode}: {{driver: {{mode: {mode}}}, executor: {{mode: {mode}}}}}" for mode in SchedulingMode if not mode.waits
    )
    with_it = [
        "overflow: {}",
        f"overflow: {{}}\nprofiles: {{default: {{}}, {built_in}}}",
        f"overflow: {{}}\n{profiles}",
    ]
    digests = [_parsed(one).digest for one in ("{}", profiles, *with_it)]
    assert len({*digests}) == len(digests)
    assert _parsed(f"profiles: {{default: {{}}, {built_in}}}").digest == _parsed("{}").digest
    assert _parsed(f"overflow: {{}}\nprofiles: {{{all_modes}, default: {{}}}}").digest == _parsed("overflow: {}").digest


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("driver: {after: 1m}", "driver: {after: 60s}", True),
        ("driver: {after: 1m}", "driver: {}", True),
        ("driver: {after: 1h}", "driver: {after: 3600s}", True),
        ("driver: {after: 0s}", "driver: {after: 0h}", True),
        ("driver: {after: 0s}", "driver: {}", False),
        ("overflow: {}", "driver: {}", True),
        ("overflow: {maxPerNamespace: 0}", "driver: {}", False),
        ("overflow: {maxPerNamespace: 1}", "overflow: {maxPerApplication: 1}", False),
        (
            "executor: {mix: [{percent: 100, mode: ecs-only, after: 2m}]}",
            "executor: {mix: [{percent: 100, mode: ecs-only, after: 120s}]}",
            True,
        ),
        (
            "executor: {mix: [{percent: 100, mode: ecs-only, after: 2m}]}",
            "executor: {mix: [{percent: 100, mode: ecs-only}]}",
            False,
        ),
    ],
)
def test_equal_delays_and_limits_have_equal_digests(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    digests = {_parsed(f"profiles: {{a: {{{text}}}}}").digest for text in (one, other)}
    assert (len(digests) == 1) == same


def test_limits_without_the_controller_look_mistaken() -> None:
    text = "profiles: {a: {}, b: {overflow: {maxPerNamespace: 0}}, c: {overflow: {}}}"
    assert cautions(_parsed(text)) == ["profiles.b.overflow: limits nothing without the policy's key overflow"]
    assert cautions(_parsed(f"{text}\noverflow: {{}}")) == []


@pytest.mark.parametrize("switch", ["overflow: {}\n", ""])
def test_a_taint_that_keeps_no_pod_off_is_warned_of_if_pods_wait(switch: str) -> None:
    taints = "virtualNode: {taints: [{key: a, effect: PreferNoSchedule}, {key: b}]}\n"
    told = "virtualNode.taints[0]: PreferNoSchedule keeps no pod off, so pods that wait may run on ECI all the same"
    assert cautions(_parsed(switch + taints)) == ([told] if switch else [])
    assert cautions(_parsed(switch + "virtualNode: {taints: [{key: b}, {key: a, effect: PreferNoSchedule}]}\n")) == []


def test_the_default_delay_is_in_its_own_form() -> None:
    default = Rule.model_fields["after"].default
    assert SCHEMA.is_valid(_delayed(default))
    assert default == f"{seconds(default)}s"


LABELS = {"sparkoperator.k8s.io/launched-by-spark-operator": "true", "spark-role": "executor"}
LABEL = "spark-eci-webhook/overflow"


@pytest.mark.parametrize(
    ("rule", "spec", "told", "outcome"),
    [
        ("", {}, "", "waiting"),
        (", unplaceable: deny", {}, "", "waiting"),
        (", observe: true", {}, ",observed", None),
        (", rollout: 0", {}, "mode=none", None),
        ("", {"hostNetwork": True}, ",reason=unsupported", None),
        ("", {"nodeName": "n"}, ",reason=node-name-set", None),
        (", unplaceable: deny", {"nodeName": "n"}, ",reason=node-name-set", "denied"),
        (", unplaceable: deny", {"hostNetwork": True}, ",reason=unsupported", None),
        (", unplaceable: deny", {"nodeSelector": {"type": "ecs"}}, ",reason=own-requirement", None),
        (", unplaceable: deny", {"nodeSelector": {"type": "virtual-kubelet"}}, ",reason=own-requirement", None),
        (", unplaceable: deny", {"tolerations": [{"operator": "Exists"}]}, ",reason=own-toleration", None),
        (", observe: true", {"tolerations": [{"operator": "Exists"}]}, ",reason=own-toleration,observed", None),
        ("", {"tolerations": [{"key": "k", "operator": "Exists"}] * 1001}, ",reason=too-large", None),
    ],
)
def test_only_a_placed_pod_gets_the_label(rule: str, spec: Any, told: str, outcome: str | None) -> None:
    policy = _parsed(f"overflow: {{}}\nprofiles: {{default: {{executor: {{mode: ecs-then-eci{rule}}}}}}}")
    pod = {"metadata": {"labels": LABELS}, "spec": spec}
    response = answer(pod, policy)
    record = response["auditAnnotations"]["placement"]
    assert record.startswith(told) if told == "mode=none" else record.endswith(policy.digest + told)
    assert response["allowed"] is (outcome != "denied")
    if outcome != "denied":
        assert patched(pod, response)["metadata"]["labels"].get(LABEL) == outcome


def test_the_most_severe_reason_is_recorded() -> None:
    for spec, reason in (
        ({"tolerations": [{"operator": "Exists"}]}, "own-toleration"),
        ({"tolerations": [{"operator": "Exists"}], "nodeSelector": {"type": "ecs"}}, "own-requirement"),
        ({"tolerations": [{"operator": "Exists"}], "hostNetwork": True}, "unsupported"),
    ):
        pod = {
            "metadata": {
                "labels": LABELS | {"alibabacloud.com/eci": "true"},
                "annotations": {"spark-eci-webhook/mode": "ecs-then-eci"},
            },
            "spec": spec,
        }
        assert answer(pod, EVERY_MODE)["auditAnnotations"]["placement"].endswith(f",reason={reason}")


def test_the_first_executors_wait_as_long_as_the_others() -> None:
    text = "overflow: {}\nprofiles: {a: {executor: {after: 2m, mode: ecs-only, first: {count: 2, mode: ecs-then-eci}}}}"
    rule = _parsed(text).profiles["a"].executor
    assert [(one.mode, one.after) for one in rule.variants()] == [("ecs-only", "120s"), ("ecs-then-eci", "120s")]
