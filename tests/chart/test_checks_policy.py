"""templates/checks-policy.yaml: a policy that the service would refuse is refused by Helm, in one sentence."""

import json
import random
from typing import Any

import helm_python
import pytest

from tests.chart.manifests import FULLNAME, refusal, render
from webhook.core.modes import SchedulingMode
from webhook.core.policy import MOST_PROFILES, Policy
from webhook.core.selectors import Alternative
from webhook.service.policy_file import PolicyError, parse_policy

ECI = "k8s.aliyun.com/eci-"
BOTH = f"{ECI}spot-strategy SpotWithPriceLimit and {ECI}spot-price-limit must be set together: set both or neither"
SPECS = "set it to 1 to 5 specs such as 2-4Gi or ecs.c6.xlarge, separated by commas"


def executor(**fields: Any) -> dict[str, Any]:
    return {"profiles": {"mine": {"executor": fields}}}


def annotated(key: str, value: str) -> dict[str, Any]:
    return executor(annotations={key: value})


def mixed(*percents: int, **fields: Any) -> dict[str, Any]:
    return executor(mix=[{"percent": percent, "mode": "ecs-only", **fields} for percent in percents])


def spot(rule: dict[str, str], share: dict[str, str]) -> dict[str, Any]:
    """A policy whose rule and only share have these ECI annotations, given without their prefix."""
    own, shared = ({f"{ECI}spot-{key}": value for key, value in one.items()} for one in (rule, share))
    return executor(annotations=own, mix=[{"percent": 100, "mode": "eci-only", "annotations": shared}])


#: Labels that a policy must not set, and who sets them.
RESERVED = (
    ("spark-eci-webhook/profile", "the webhook itself"),
    ("spark-role", "Spark and its operators"),
    ("spark-custom", "Spark and its operators"),
    ("sparkoperator.k8s.io/app-name", "Spark and its operators"),
    ("spark.operator/spark-cluster-name", "Spark and its operators"),
    ("apps.kubernetes.io/pod-index", "Kubernetes"),
    ("kubernetes.io/arch", "Kubernetes"),
    ("k8s.io/a", "Kubernetes"),
    ("a.b.k8s.io/c", "Kubernetes"),
    ("pod-template-hash", "Kubernetes"),
    ("controller-revision-hash", "Kubernetes"),
)
ANNOTATED = {"annotations": {"team": "b"}}
LIMITED = {"strategy": "SpotWithPriceLimit", "price-limit": "0.5"}


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (mixed(50, 49), "executor.mix: the shares add up to 99 percent: make them add up to 100"),
        (mixed(50, 60), "executor.mix: the shares add up to 110 percent: make them add up to 100"),
        (
            annotated("spark-eci-webhook/mode", "eci-only"),
            "executor.annotations: spark-eci-webhook/mode is set by the webhook itself: remove it",
        ),
        (
            mixed(100, annotations={"spark-eci-webhook/placement": "here"}),
            "executor.mix[0].annotations: spark-eci-webhook/placement is set by the webhook itself: remove it",
        ),
        *(
            (
                annotated(f"{ECI}{key}", "true"),
                f"executor.annotations: {ECI}{key} is set through imageCache: remove it",
            )
            for key in ("image-cache", "auto-imc", "image-snapshot-id", "imc-id")
        ),
        *(
            (
                annotated("example.org/cache", "true") | {"virtualNode": {"imageCache": {key: "example.org/cache"}}},
                "executor.annotations: example.org/cache is set through imageCache: remove it",
            )
            for key in ("auto", "snapshot")
        ),
        (
            annotated(f"{ECI}spot-strategy", "Cheap"),
            f'executor.annotations: {ECI}spot-strategy is "Cheap": set it to SpotAsPriceGo or SpotWithPriceLimit',
        ),
        (
            annotated(f"{ECI}schedule-strategy", "Random"),
            f'executor.annotations: {ECI}schedule-strategy is "Random": set it to VSwitchOrdered or VSwitchRandom',
        ),
        (
            spot({**LIMITED, "price-limit": "cheap"}, {}),
            f'executor.annotations: {ECI}spot-price-limit is "cheap": set it to a price such as 0.5',
        ),
        (
            annotated(f"{ECI}extra-ephemeral-storage", "50GB"),
            f'executor.annotations: {ECI}extra-ephemeral-storage is "50GB": set it to a quantity such as 50Gi',
        ),
        (annotated(f"{ECI}use-specs", "2-4"), f'executor.annotations: {ECI}use-specs is "2-4": {SPECS}'),
        (
            annotated(f"{ECI}use-specs", ",".join(["2-4Gi"] * 6)),
            f'executor.annotations: {ECI}use-specs is "{",".join(["2-4Gi"] * 6)}": {SPECS}',
        ),
        (
            annotated(f"{ECI}vswitch", "a, ,b"),
            f'executor.annotations: {ECI}vswitch is "a, ,b": set it to 1 to 10 entries separated by commas',
        ),
        (
            annotated(f"{ECI}security-group", "a,b,c,d,e,f"),
            f'executor.annotations: {ECI}security-group is "a,b,c,d,e,f": set it to 1 to 5 entries separated by commas',
        ),
        (spot({"strategy": "SpotWithPriceLimit"}, {}), f"executor.annotations: {BOTH}"),
        (spot({"price-limit": "0.5"}, {}), f"executor.annotations: {BOTH}"),
        (spot({}, {"strategy": "SpotWithPriceLimit"}), f"executor.mix[0].annotations, with the rule's: {BOTH}"),
        (
            spot(LIMITED, {"strategy": "SpotAsPriceGo"}),
            f"executor.mix[0].annotations, with the rule's: {BOTH}",
        ),
        (
            executor(annotations={f"{ECI}spot-price-limit": "1"}, always={"annotations": {f"{ECI}use-specs": "2-4Gi"}}),
            f"executor.annotations: {BOTH}",
        ),
        (
            annotated(f"{ECI}fail-strategy", "fail-soft"),
            f'executor.annotations: {ECI}fail-strategy is "fail-soft": set it to fail-back, fail-over or fail-fast',
        ),
        (
            executor(always={"annotations": {f"{ECI}fail-strategy": "fail-soft"}}),
            f'executor.always.annotations: {ECI}fail-strategy is "fail-soft": '
            "set it to fail-back, fail-over or fail-fast",
        ),
        (
            executor(always={"annotations": {f"{ECI}imc-id": "i"}}),
            f"executor.always.annotations: {ECI}imc-id is set through imageCache: remove it",
        ),
        *(
            (
                executor(**{field: {"labels": {key: "a"}} if field == "always" else {key: "a"}}),
                f"executor.{place}: {key} is set by {owner}: remove it",
            )
            for field, place in (("labels", "labels"), ("always", "always.labels"))
            for key, owner in RESERVED
        ),
        (
            mixed(100, labels={"spark-role": "driver"}),
            "executor.mix[0].labels: spark-role is set by Spark and its operators: remove it",
        ),
        (
            executor(labels={"team": "a", "b": "c"}, always={"labels": {"team": "a"}}),
            "executor.labels: team is in always.labels, too: set it in one of the two",
        ),
        (
            executor(annotations={"team": "a"}, mix=[{"percent": 100, "mode": "ecs-only", "always": ANNOTATED}]),
            "executor.mix[0].annotations, with the rule's: team is in always.annotations, too: "
            "set it in one of the two",
        ),
        (
            executor(first={"count": 1, "mode": "ecs-only"}, mix=[{"percent": 100, "mode": "ecs-only"}]),
            "executor: first and mix are both set: set one of the two",
        ),
        (
            {"profiles": {"mine": {"driver": {"annotations": {f"{ECI}spot-price-limit": "1"}}}}},
            f"driver.annotations: {BOTH}",
        ),
    ],
)
def test_a_rule_that_the_service_refuses_is_refused_with_a_sentence(policy: dict[str, Any], sentence: str) -> None:
    assert refusal({"policy": policy}).rstrip().endswith(f": policy.profiles.mine.{sentence}")
    with pytest.raises(PolicyError):
        parse_policy(json.dumps(policy).encode(), "policy.yaml")


@pytest.mark.parametrize(
    ("field", "entries"),
    [
        ("unsupported", ["hostPath", "hostPath"]),
        ("outrankedBy", ["a", "b", "a"]),
        ("taints", [{"key": "a"}, {"key": "a", "effect": "NoSchedule"}]),
    ],
)
def test_a_duplicate_entry_is_refused_as_the_service_does(field: str, entries: list[Any]) -> None:
    policy = {"virtualNode": {field: entries}}
    sentence = f"policy.virtualNode.{field}: duplicate entry: list each entry once"
    assert refusal({"policy": policy}).rstrip().endswith(sentence)
    with pytest.raises(PolicyError):
        parse_policy(json.dumps(policy).encode(), "policy.yaml")


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        (
            {"anyOf": ["spark"], "matchLabels": {"team": "etl"}},
            "policy.selector: anyOf and matchLabels are both set: set one of the two",
        ),
        ({"anyOf": ["spark", "cluster", "spark"]}, "policy.selector.anyOf: duplicate entry: list each entry once"),
        (
            {"anyOf": [{"matchLabels": {"a": "b"}}, {"matchLabels": {"a": "b"}}]},
            "policy.selector.anyOf: duplicate entry: list each entry once",
        ),
    ],
)
def test_a_selector_that_the_service_refuses_is_refused_with_a_sentence(
    selector: dict[str, Any], sentence: str
) -> None:
    assert refusal({"policy": {"selector": selector}}).rstrip().endswith(sentence)
    with pytest.raises(PolicyError):
        parse_policy(json.dumps({"selector": selector}).encode(), "policy.yaml")


def test_a_selector_of_nothing_is_refused() -> None:
    """In a file, the service would take the default instead."""
    sentence = "policy.selector: neither anyOf nor matchLabels is set: set one of the two"
    assert refusal({"policy": {"selector": {"matchLabels": None}}}).rstrip().endswith(sentence)


WAITING = {"mode": "ecs-then-eci"}


@pytest.mark.parametrize(
    ("profile", "place"),
    [
        ({"driver": WAITING}, "driver"),
        ({"executor": WAITING}, "executor"),
        ({"executor": {"first": {"count": 2, **WAITING}}}, "executor.first"),
        ({"executor": {"mix": [{"percent": 1, "mode": "eci-only"}, {"percent": 99, **WAITING}]}}, "executor.mix[1]"),
    ],
)
def test_no_pod_waits_for_a_controller_that_is_not_there(profile: dict[str, Any], place: str) -> None:
    policy = {"profiles": {"mine": profile}}
    sentence = "ecs-then-eci needs the overflow controller: set overflow.enabled to true"
    assert refusal({"policy": policy}).rstrip().endswith(f": policy.profiles.mine.{place}.mode: {sentence}")
    assert accepts_chart(policy, enabled=True)
    assert (accepts_service(policy, enabled=False), accepts_service(policy, enabled=True)) == (False, True)


@pytest.mark.parametrize("given", [None, {}, True])
@pytest.mark.parametrize("enabled", [False, True])
def test_the_key_that_the_chart_writes_is_not_for_users(given: Any, *, enabled: bool) -> None:
    sentence = "policy.overflow is set by overflow.enabled: remove it, and set overflow.enabled"
    values = {"overflow": {"enabled": enabled}, "policy": {"overflow": given}}
    assert refusal(values).rstrip().endswith(sentence)


def test_a_policy_without_profiles_is_refused() -> None:
    """The service refuses an empty map, too."""
    profiles = dict.fromkeys([*Policy().profiles, "ecs-then-eci"])
    sentence = "policy.profiles: every profile is null: keep at least one"
    assert refusal({"policy": {"profiles": profiles}}).rstrip().endswith(sentence)


DELAYS = [
    "0s",
    "1s",
    "60s",
    "3600s",
    "3601s",
    "9999s",
    "00s",
    "060s",
    "1m",
    "59m",
    "60m",
    "61m",
    "0m",
    "01m",
    "1h",
    "0h",
    "2h",
]
ODD_DELAYS = [
    "",
    "60",
    "s",
    "1.5m",
    "-1s",
    "+1s",
    " 1s",
    "1s ",
    "1s\n",
    "1S",
    "1d",
    "1m30s",
    "\u0661s",
    60,
    0,
    None,
    True,
    ["1s"],
    {},
]
NUMBERS = [0, 1, 8, 999_999, 1_000_000, 1_000_001, -1, 2**63, 1.5, "8", "", None, True, [], {}]


@pytest.mark.parametrize("seed", range(120))
def test_the_chart_accepts_the_delays_and_limits_that_the_service_accepts(seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    delays, numbers = DELAYS + drawn.sample(ODD_DELAYS, 3), NUMBERS[:5] * 4 + NUMBERS

    def rule(**fields: Any) -> dict[str, Any]:
        return fields | {"after": drawn.choice(delays)} if drawn.random() < 0.4 else fields

    limits = {key: drawn.choice(numbers) for key in ("maxPerApplication", "maxPerNamespace") if drawn.random() < 0.5}
    mix = {"mix": [rule(percent=100, mode=drawn.choice(list(SchedulingMode)))]} if drawn.random() < 0.5 else {}
    profile: dict[str, Any] = {
        "driver": rule(mode=drawn.choice(list(SchedulingMode))),
        "executor": rule(mode=drawn.choice(list(SchedulingMode)), **mix),
    }
    if drawn.random() < 0.7:
        profile["overflow"] = limits
    enabled = drawn.random() < 0.7
    policy: dict[str, Any] = {"profiles": {"mine": profile}}
    accepted = accepts_service(policy, enabled=enabled)
    assert accepts_chart(policy, enabled=enabled) == accepted, json.dumps(policy)
    if accepted:
        rendered = render({"policy": policy, "overflow": {"enabled": enabled}})
        text = rendered.one("ConfigMap", f"{FULLNAME}-policy")["data"]["policy.yaml"]
        assert (
            parse_policy(text.encode(), "policy.yaml").profiles["mine"]
            == parsed(policy, enabled=enabled).profiles["mine"]
        )


def accepts_chart(policy: dict[str, Any], *, enabled: bool) -> bool:
    try:
        render({"policy": policy, "overflow": {"enabled": enabled}})
    except helm_python.HelmError:
        return False
    return True


def accepts_service(policy: dict[str, Any], *, enabled: bool) -> bool:
    try:
        parsed(policy, enabled=enabled)
    except PolicyError:
        return False
    return True


def parsed(policy: dict[str, Any], *, enabled: bool) -> Policy:
    """The policy as the service reads it, if the chart writes its key for the overflow controller."""
    return parse_policy(json.dumps(policy | ({"overflow": {}} if enabled else {})).encode(), "policy.yaml")


def test_more_profiles_than_one_configuration_holds_are_refused() -> None:
    sentence = (
        f"policy.profiles: found {MOST_PROFILES + 1} profiles: list at most {MOST_PROFILES}, because etcd cannot store a "
        "MutatingWebhookConfiguration with many more entries"
    )
    profiles: dict[str, Any] = {f"p{index}": {} for index in range(MOST_PROFILES - len(Policy().profiles))}
    (configuration,) = render({"policy": {"profiles": profiles}}).template("mutatingwebhookconfiguration.yaml")
    assert len(configuration["webhooks"]) == MOST_PROFILES + len(("unknown-profile", "canary"))
    assert refusal({"policy": {"profiles": profiles | {"one-more": {}}}}).rstrip().endswith(sentence)


def test_more_expressions_than_etcd_stores_are_refused() -> None:
    """Each profile has an expression for several alternatives, if the cluster has matchConditions."""
    teams = [{"matchLabels": {f"example.org/team-{index}": "data"}} for index in range(16 - len(Alternative))]
    profiles: dict[str, Any] = {f"p{index}": {} for index in range(494)}
    policy = {"selector": {"anyOf": [*map(str, Alternative), *teams]}, "profiles": profiles}
    sentence = (
        "policy: 500 profiles with 16 alternatives in selector.anyOf make a MutatingWebhookConfiguration that is too "
        "large for etcd: list fewer profiles, or select pods by one label"
    )
    assert refusal({"policy": policy, "kubeVersion": "1.28"}).rstrip().endswith(sentence)
    for values in (
        {"policy": policy | {"selector": {"anyOf": list(map(str, Alternative))}}, "kubeVersion": "1.28"},
        {"policy": policy | {"profiles": {}}, "kubeVersion": "1.28"},
        {"policy": policy, "kubeVersion": "1.27"},
    ):
        assert render(values).objects


@pytest.mark.parametrize(
    "policy",
    [
        mixed(50, 50),
        executor(mix=[]),
        spot(LIMITED, {"price-limit": "1", "strategy": "SpotWithPriceLimit"}),
        spot({"strategy": "SpotAsPriceGo"}, LIMITED),
        annotated(f"{ECI}schedule-strategy", "VSwitchRandom"),
        annotated(f"{ECI}extra-ephemeral-storage", "1.5Ti"),
        annotated(f"{ECI}use-specs", "2-4Gi, 0.5-1Gi ,ecs.c6.xlarge,ecs.g7-x.2xlarge,8-16Gi"),
        annotated(f"{ECI}vswitch", ",".join("abcdefghij")),
        annotated(f"{ECI}security-group", "sg-1, sg-2"),
        annotated("example.org/anything", "at all"),
        annotated(f"{ECI}fail-strategy", "fail-over"),
        spot(LIMITED, {"price-limit": "1"}),
        executor(labels={"app.kubernetes.io/part-of": "etl", "sparks": "fly", "notkubernetes.io/a": ""}),
        executor(labels={"a": "b"}, annotations={"c": "d"}, always={"labels": {"c": "d"}, "annotations": {"a": "b"}}),
        executor(first={"count": 3, "mode": "ecs-only"}, mix=[]),
        {"selector": {"anyOf": ["kubeflow", "apache", "spark", "cluster", {"matchLabels": {"team": "etl"}}]}},
        {"virtualNode": {"unsupported": [], "taints": [{"key": "a"}, {"key": "a", "effect": "NoExecute"}]}},
    ],
)
def test_what_the_service_accepts_is_accepted(policy: dict[str, Any]) -> None:
    assert parse_policy(json.dumps(policy).encode(), "policy.yaml").profiles
    assert render({"policy": policy}).objects


def test_subjects_of_clients_need_a_client_ca() -> None:
    sentence = "settings.clientSubjects needs settings.clientCa: without a CA no client presents a certificate"
    for settings in ({"clientSubjects": ["a"]}, {"clientSubjects": ["a"], "clientCa": None}):
        assert refusal({"settings": settings}).rstrip().endswith(sentence)
    assert render({"settings": {"clientSubjects": ["a"], "clientCa": "/ca.crt"}}).objects


@pytest.mark.parametrize("subjects", [[], [""], [" ", ","]])
def test_subjects_without_a_name_are_refused(subjects: list[str]) -> None:
    """The service refuses them too. A list that is left out allows every client of the CA."""
    sentence = (
        "settings.clientSubjects contains no name: list the names of clients, or leave it out to allow every client of "
        "the CA"
    )
    assert refusal({"settings": {"clientSubjects": subjects, "clientCa": "/ca.crt"}}).rstrip().endswith(sentence)
    assert "CLIENT_SUBJECTS" not in str(render({"settings": {"clientCa": "/ca.crt"}}).objects)
