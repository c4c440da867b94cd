"""templates/mutatingwebhookconfiguration.yaml: one entry for each profile, and one for unknown profiles."""

import base64
import json
import random
from typing import Any

import pytest

from certs.readiness import CANARY, CANARY_LABEL
from tests.chart.manifests import FULLNAME, NAMESPACE, RELEASE, render
from tests.pods import BUILT_IN_MODES
from webhook.cli.live.installation import UNLABELLED, default_profile
from webhook.core import names
from webhook.core.modes import SchedulingMode
from webhook.core.namespaces import NEVER_BY_DEFAULT
from webhook.core.placement import role_of
from webhook.core.pod import ObjectMeta, Pod, PodSpec
from webhook.core.profile import compile_profile
from webhook.core.selectors import ALL_ROLES, Alternative, Role
from webhook.service.policy_file import parse_policy

OPERATOR = {"sparkoperator.k8s.io/launched-by-spark-operator": "true"}
PROFILES = sorted(["default", *BUILT_IN_MODES])
NOT_OURS = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", NAMESPACE]}
PEM = f"-----BEGIN CERTIFICATE-----\n{'A' * 64}\n-----END CERTIFICATE-----"


def roles(*values: str) -> dict[str, Any]:
    return {"key": "spark-role", "operator": "In", "values": list(values)}


def exists(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "Exists"}


def configuration(values: dict[str, Any] | None = None, **release: str) -> dict[str, Any]:
    (found,) = render(values, **release).template("mutatingwebhookconfiguration.yaml")
    return found


def entries(values: dict[str, Any] | None = None, **release: str) -> dict[str, dict[str, Any]]:
    """The entries for pods, by name."""
    found = configuration(values, **release)["webhooks"]
    return {entry["name"]: entry for entry in found if entry["name"] != CANARY}


def selectors(selector: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The objectSelector and the match condition of all entries, from 1.28 on."""
    found = entries({"policy": {"selector": selector}, "kubeVersion": "1.28"}).values()
    ((text, condition),) = {
        (json.dumps(one["objectSelector"]), (one.get("matchConditions") or [{}])[0].get("expression")) for one in found
    }
    return json.loads(text), condition


def test_an_entry_is_whole_and_leaves_no_field_to_defaults() -> None:
    assert entries()["eci-only.spark-eci-webhook.io"] == {
        "name": "eci-only.spark-eci-webhook.io",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "service": {"name": FULLNAME, "namespace": NAMESPACE, "path": "/mutate/eci-only", "port": 443}
        },
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
                "scope": "Namespaced",
            }
        ],
        "namespaceSelector": {
            "matchLabels": {"spark-eci-webhook/profile": "eci-only"},
            "matchExpressions": [NOT_OURS],
        },
        "objectSelector": {
            "matchLabels": OPERATOR,
            "matchExpressions": [roles("driver", "connect-server", "executor")],
        },
        "matchPolicy": "Equivalent",
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "IfNeeded",
        "sideEffects": "None",
        "timeoutSeconds": 5,
    }


def test_there_is_one_entry_for_each_profile_and_one_for_typos() -> None:
    assert list(entries()) == [f"{name}.spark-eci-webhook.io" for name in [*PROFILES, "unknown-profile"]]
    changed = entries({"policy": {"profiles": {"mine": {}, "eci-only": None}}})
    assert changed["mine.spark-eci-webhook.io"]["clientConfig"]["service"]["path"] == "/mutate/mine"
    assert "eci-only.spark-eci-webhook.io" not in changed


def test_the_mode_of_the_overflow_controller_has_an_entry_if_the_controller_runs() -> None:
    added = f"{SchedulingMode.ECS_THEN_ECI}.spark-eci-webhook.io"
    found = entries({"overflow": {"enabled": True}})
    assert found.keys() - entries().keys() == {added}
    assert found[added]["namespaceSelector"]["matchLabels"] == {names.PROFILE_LABEL: SchedulingMode.ECS_THEN_ECI}
    removed = {"overflow": {"enabled": True}, "policy": {"profiles": {SchedulingMode.ECS_THEN_ECI: None}}}
    assert entries(removed) == entries()


def test_a_label_that_names_no_profile_is_told_so_and_never_blocks_a_pod() -> None:
    for entry in (
        entries()["unknown-profile.spark-eci-webhook.io"],
        entries({"webhook": {"failurePolicy": "Fail"}})["unknown-profile.spark-eci-webhook.io"],
    ):
        assert entry["namespaceSelector"] == {
            "matchExpressions": [
                {"key": "spark-eci-webhook/profile", "operator": "Exists"},
                {"key": "spark-eci-webhook/profile", "operator": "NotIn", "values": [*PROFILES, names.OPTED_OUT]},
                NOT_OURS,
            ]
        }
        assert entry["clientConfig"]["service"]["path"] == "/unknown-profile"
        assert entry["failurePolicy"] == "Ignore"
        assert entry["objectSelector"] == entries()["default.spark-eci-webhook.io"]["objectSelector"]


@pytest.mark.parametrize("default", ["", "eci-only"])
def test_every_namespace_with_the_label_is_selected_by_exactly_one_entry_unless_it_opted_out(default: str) -> None:
    found = entries({"webhook": {"defaultProfile": default}})
    for label in [*PROFILES, "typo", ""]:
        expected = label if label in PROFILES else "unknown-profile"
        assert _selecting(found, {names.PROFILE_LABEL: label}) == [f"{expected}.spark-eci-webhook.io"]
    assert _selecting(found, {names.PROFILE_LABEL: names.OPTED_OUT}) == []
    assert _selecting(found, {}) == ([UNLABELLED] if default else [])


@pytest.mark.parametrize("namespace", ["kube-system", NAMESPACE])
def test_the_system_and_the_webhook_itself_are_never_selected(namespace: str) -> None:
    found = entries({"webhook": {"defaultProfile": "default"}})
    for label in ("default", "typo", None):
        labels = {"kubernetes.io/metadata.name": namespace} | ({names.PROFILE_LABEL: label} if label else {})
        assert _selecting(found, labels) == []


@pytest.mark.parametrize("namespace", ["kube-node-lease", "kube-public"])
def test_other_system_namespaces_are_selected_by_their_label_alone(namespace: str) -> None:
    found = entries({"webhook": {"defaultProfile": "default"}})
    labels = {"kubernetes.io/metadata.name": namespace}
    assert _selecting(found, labels) == []
    assert _selecting(found, labels | {names.PROFILE_LABEL: "eci-only"}) == ["eci-only.spark-eci-webhook.io"]


def test_installed_in_kube_system_the_namespace_is_listed_once() -> None:
    found = entries({"webhook": {"defaultProfile": "default"}}, namespace="kube-system")
    selector = found["default.spark-eci-webhook.io"]["namespaceSelector"]
    assert selector["matchExpressions"] == [{**NOT_OURS, "values": ["kube-system"]}]
    assert found[UNLABELLED]["namespaceSelector"]["matchExpressions"][-1]["values"] == sorted(NEVER_BY_DEFAULT)


@pytest.mark.parametrize("policy", ["Ignore", "Fail"])
def test_the_entry_of_the_default_profile_is_that_of_the_profile_for_other_namespaces(policy: str) -> None:
    several = {"policy": {"selector": {"anyOf": ["spark", "apache"]}}, "kubeVersion": "1.30"}
    found = entries({"webhook": {"defaultProfile": "eci-only", "failurePolicy": policy}, **several})
    assert list(found)[-2:] == ["unknown-profile.spark-eci-webhook.io", UNLABELLED]
    never = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [*NEVER_BY_DEFAULT, NAMESPACE]}
    assert found[UNLABELLED] == found["eci-only.spark-eci-webhook.io"] | {
        "name": UNLABELLED,
        "failurePolicy": "Ignore",
        "namespaceSelector": {"matchExpressions": [{"key": names.PROFILE_LABEL, "operator": "DoesNotExist"}, never]},
    }


def test_the_default_profile_may_be_the_one_of_the_overflow_controller() -> None:
    found = entries({"webhook": {"defaultProfile": SchedulingMode.ECS_THEN_ECI}, "overflow": {"enabled": True}})
    assert default_profile({"webhooks": list(found.values())}) == SchedulingMode.ECS_THEN_ECI
    for off in ("", None):
        assert entries({"webhook": {"defaultProfile": off}}) == entries()
    assert default_profile(configuration()) is None


def test_the_object_selector_is_the_policys() -> None:
    labels = {"sparkoperator.k8s.io/launched-by-spark-operator": None, "team": "data"}
    assert selectors({"matchLabels": labels}) == (
        {"matchLabels": {"team": "data"}, "matchExpressions": [roles("driver", "connect-server", "executor")]},
        None,
    )


@pytest.mark.parametrize(
    ("alternatives", "selector"),
    [
        (["kubeflow"], {"matchLabels": OPERATOR, "matchExpressions": [roles("driver", "connect-server", "executor")]}),
        (["apache"], {"matchExpressions": [exists("spark.operator/spark-app-name"), roles("driver", "executor")]}),
        (["spark"], {"matchExpressions": [exists("spark-app-selector"), roles("driver", "executor")]}),
        (["cluster"], {"matchExpressions": [exists("spark.operator/spark-cluster-name"), roles("master", "worker")]}),
        (
            [{"matchLabels": {"a": "b", "team": "etl"}}],
            {
                "matchLabels": {"a": "b", "team": "etl"},
                "matchExpressions": [roles(*ALL_ROLES)],
            },
        ),
        (["spark", "apache"], {"matchExpressions": [roles("driver", "executor")]}),
        (
            ["kubeflow", "cluster"],
            {"matchExpressions": [roles("driver", "connect-server", "executor", "master", "worker")]},
        ),
        # What all alternatives require is required.
        (
            [{"matchLabels": {"team": "etl", "a": "b"}}, {"matchLabels": {"team": "ads"}}],
            {
                "matchExpressions": [
                    {"key": "team", "operator": "In", "values": ["etl", "ads"]},
                    roles(*ALL_ROLES),
                ]
            },
        ),
        (
            ["spark", {"matchLabels": {"spark-app-selector": "a"}}],
            {
                "matchExpressions": [
                    exists("spark-app-selector"),
                    roles(*dict.fromkeys([*Alternative.SPARK.roles, *ALL_ROLES])),
                ]
            },
        ),
    ],
)
def test_the_object_selector_is_as_narrow_as_labels_can_say_it(
    alternatives: list[Any], selector: dict[str, Any]
) -> None:
    found, condition = selectors({"anyOf": alternatives})
    assert found == selector
    assert (condition is not None) == (len(alternatives) > 1)


@pytest.mark.parametrize("seed", range(30))
def test_object_selector_and_condition_together_select_what_the_service_places(seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    mine = [{"matchLabels": {"team": "etl"}}, {"matchLabels": {"team": "ads", "tier": "gold"}}]
    alternatives = drawn.sample([*map(str, Alternative), *mine], drawn.randint(1, 4))
    found, condition = selectors({"anyOf": alternatives})
    policy = parse_policy(json.dumps({"selector": {"anyOf": alternatives}}).encode(), "policy.yaml")
    profile = compile_profile(policy, "default")
    values = {
        "sparkoperator.k8s.io/launched-by-spark-operator": ["true", "false"],
        "spark.operator/spark-app-name": ["pi", ""],
        "spark-app-selector": ["spark-1"],
        "spark.operator/spark-cluster-name": ["prod"],
        "team": ["etl", "ads"],
        "tier": ["gold"],
        "spark-role": [*ALL_ROLES, "operator"],
    }
    for _ in range(100):
        labels = {key: drawn.choice(some) for key, some in values.items() if drawn.random() < 0.6}
        pod = Pod(ObjectMeta(labels=labels), PodSpec())
        selected = _selects({"matchExpressions": [], **found}, labels)
        ours = isinstance(role_of(pod, profile), Role)
        assert selected >= ours
        met = condition is None or _holds(condition, labels)
        assert (selected and met) == ours


def _holds(condition: str, labels: dict[str, str]) -> bool:
    """What the CEL expression says of a pod. The end-to-end tests ask a real API server."""
    prefix = "has(object.metadata.labels) && [object.metadata.labels].exists(l, "
    python = condition.removeprefix(prefix).removesuffix(")").replace("&&", "and").replace("||", "or")
    return bool(eval(python, {"l": labels}))  # noqa: S307


@pytest.mark.parametrize(("version", "count"), [("1.20", 0), ("1.27.9", 0), ("1.28", 1), ("v1.36.0", 1)])
def test_match_conditions_stand_where_the_cluster_has_them(version: str, count: int) -> None:
    several = {"policy": {"selector": {"anyOf": ["kubeflow", "spark"]}}}
    found = entries(several | {"kubeVersion": version}).values()
    assert {len(entry.get("matchConditions", [])) for entry in found} == {count}
    assert not [entry for entry in entries({"kubeVersion": version}).values() if "matchConditions" in entry]


def test_the_certificate_controller_has_an_entry_for_its_dry_run() -> None:
    for values in ({}, {"webhook": {"failurePolicy": "Fail"}, "policy": {"selector": {"anyOf": ["spark", "apache"]}}}):
        assert configuration(values)["webhooks"][-1] == {
            "name": CANARY,
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"name": FULLNAME, "namespace": NAMESPACE, "path": "/canary", "port": 443}},
            "rules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["events"],
                    "scope": "Namespaced",
                }
            ],
            "namespaceSelector": {},
            "objectSelector": {"matchLabels": {CANARY_LABEL: "true"}},
            "matchPolicy": "Exact",
            "failurePolicy": "Ignore",
            "reinvocationPolicy": "Never",
            "sideEffects": "None",
            "timeoutSeconds": 5,
        }
    for source in ("cert-manager", "provided"):
        provided = {"secretName": "ours", "caBundle": PEM}
        found = configuration({"certificates": {"source": source, "provided": provided}})["webhooks"]
        assert CANARY not in [entry["name"] for entry in found]


def test_the_ca_bundle_is_rendered_only_where_it_is_given() -> None:
    for source in ("self", "cert-manager"):
        found = entries({"certificates": {"source": source}})
        assert {tuple(entry["clientConfig"]) for entry in found.values()} == {("service",)}


@pytest.mark.parametrize("pem", [PEM, f"# the CA of the platform\n{PEM}"])
def test_the_ca_bundle_may_be_pem_or_base64_in_one_line_or_many(pem: str) -> None:
    encoded = pem.encode()
    for given in (pem, base64.b64encode(encoded).decode(), base64.encodebytes(encoded).decode()):
        provided = {"secretName": "ours", "caBundle": given}
        found = entries({"certificates": {"source": "provided", "provided": provided}})
        bundles = {entry["clientConfig"]["caBundle"] for entry in found.values()}
        assert bundles == {base64.b64encode(encoded).decode()}


def test_cert_manager_is_asked_to_inject_its_ca() -> None:
    values = {"certificates": {"source": "cert-manager"}, "webhook": {"annotations": {"team": "data"}}}
    assert configuration(values)["metadata"]["annotations"] == {
        "cert-manager.io/inject-ca-from": f"{NAMESPACE}/{FULLNAME}",
        "team": "data",
    }
    assert "annotations" not in configuration()["metadata"]


def test_the_name_sorts_between_the_operators_and_acks() -> None:
    assert "spark-operator-webhook" < configuration()["metadata"]["name"] < "vk-webhook"
    assert configuration()["metadata"]["name"] == "spark-placement"
    assert configuration({"webhook": {"configurationName": "spark-q"}})["metadata"]["name"] == "spark-q"


def test_failure_policy_and_timeout_are_values() -> None:
    found = entries({"webhook": {"failurePolicy": "Fail", "timeoutSeconds": 10}})["default.spark-eci-webhook.io"]
    assert (found["failurePolicy"], found["timeoutSeconds"]) == ("Fail", 10)


def test_the_service_that_is_called_is_the_one_that_is_rendered() -> None:
    rendered = render(name=RELEASE)
    service = rendered.one("Service")
    (reference,) = {
        (entry["clientConfig"]["service"]["name"], entry["clientConfig"]["service"]["port"])
        for entry in rendered.one("MutatingWebhookConfiguration", "spark-placement")["webhooks"]
    }
    assert reference == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])


def _selecting(found: dict[str, dict[str, Any]], labels: dict[str, str]) -> list[str]:
    """The names of the entries that select a namespace with these labels."""
    return [name for name, entry in found.items() if _selects(entry["namespaceSelector"], labels)]


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector matches, by Kubernetes' rules: NotIn also matches if the label is missing."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for expression in selector["matchExpressions"]:
        key, operator = expression["key"], expression["operator"]
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
        if operator == "In" and labels.get(key) not in expression["values"]:
            return False
        if operator == "NotIn" and labels.get(key) in expression["values"]:
            return False
    return True
