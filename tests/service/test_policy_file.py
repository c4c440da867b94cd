"""The policy file: what is accepted, and the sentences for what is not."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from webhook.core.cautions import cautions, is_empty
from webhook.core.distribution import in_rollout
from webhook.core.modes import SchedulingMode
from webhook.core.names import RESERVED_PROFILES
from webhook.core.policy import Policy
from webhook.core.profile import compile_policy
from webhook.core.selectors import ALL_ROLES, Alternative, Role
from webhook.service.policy_file import MAX_BYTES, PolicyError, load_policy, parse_policy
from webhook.service.yaml_loader import documents

#: The shape that the README shows, with every default written out.
MODES = ", ".join(SchedulingMode)
WRITTEN_OUT = b"""
selector: {anyOf: [kubeflow]}
virtualNode:
  label: {key: type, value: virtual-kubelet}
  taints: [{key: virtual-kubelet.io/provider, value: alibabacloud, effect: NoSchedule}]
  unsupported: [hostPath, hostNetwork]
  outrankedBy: [alibabacloud.com/eci, alibabacloud.com/acs]
  imageCache: {auto: k8s.aliyun.com/eci-image-cache, snapshot: k8s.aliyun.com/eci-image-snapshot-id}
profiles:
  default:
    allowOverride: true
    driver: {mode: ecs-only}
    executor:
      mode: ecs-first
      weight: 1
      imageCache: {auto: true}
""" + b"".join(
    b"  %b: {driver: {mode: %b}, executor: {mode: %b}}\n" % ((mode.encode(),) * 3)
    for mode in SchedulingMode
    if not mode.waits
)

#: Aliases that grow by a factor of ten at each of nine levels, and aliases that nest a thousand deep.
GROWING = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (level, level, b", ".join([b"*a%d" % (level - 1)] * 10)) for level in range(1, 9)
)
NESTING = b"a0: &a0 []\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (level, level, level - 1) for level in range(1, 1000))
MANY = "line 1, column 1: too many YAML nodes, with all aliases expanded; accepted: at most 150000"
TAGS = "!!str, !!int, !!float, !!bool, !!null, !!seq, !!map"


def _faults(text: str | bytes) -> list[str]:
    with pytest.raises(PolicyError) as error:
        parse_policy(text if isinstance(text, bytes) else text.encode(), "p.yaml")
    return [fault.removeprefix("p.yaml: ") for fault in error.value.faults]


def test_the_defaults_written_out_are_the_built_in_policy() -> None:
    written = parse_policy(WRITTEN_OUT, "p.yaml")
    assert written == Policy()
    assert written.digest == Policy().digest


def test_an_empty_file_is_the_built_in_policy(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_bytes(b"")
    assert load_policy(tmp_path / "empty.yaml") == load_policy(None) == Policy()


def test_profiles_in_a_file_take_the_place_of_the_built_in_ones() -> None:
    assert list(parse_policy(b"profiles: {night: {}}", "p.yaml").profiles) == ["night"]


def test_the_order_of_keys_does_not_change_the_digest_and_a_value_does() -> None:
    one = parse_policy(b"profiles: {a: {driver: {mode: eci-only, weight: 2}}, b: {}}", "p.yaml")
    other = parse_policy(b"profiles: {b: {}, a: {driver: {weight: 2, mode: eci-only}}}", "p.yaml")
    assert one.digest == other.digest
    assert one.digest != parse_policy(b"profiles: {a: {}, b: {}}", "p.yaml").digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("selector: {anyOf: [spark, apache]}", "selector: {anyOf: [apache, spark]}"),
        (
            "selector: {anyOf: [{matchLabels: {a: x, z: y}}, {matchLabels: {b: x}}]}",
            "selector: {anyOf: [{matchLabels: {b: x}}, {matchLabels: {z: y, a: x}}]}",
        ),
        ("selector: {anyOf: [kubeflow]}", "{}"),
        ("apiVersion: spark-eci-webhook.io/v1", "{}"),
        ("apiVersion: spark-eci-webhook.io/v1\nprofiles: {a: {}}", "profiles: {a: {}}"),
        ('selector: {matchLabels: {sparkoperator.k8s.io/launched-by-spark-operator: "true"}}', "{}"),
        (
            "virtualNode: {unsupported: [hostNetwork, privileged]}",
            "virtualNode: {unsupported: [privileged, hostNetwork]}",
        ),
        ("profiles: {a: {driver: {mode: ecs-only}}}", "profiles: {a: {}}"),
        ("profiles: {a: {driver: {always: {labels: {}}, labels: {}}, executor: {mix: []}}}", "profiles: {a: {}}"),
    ],
)
def test_policies_that_mean_the_same_have_the_same_digest(one: str, other: str) -> None:
    assert parse_policy(one.encode(), "p").digest == parse_policy(other.encode(), "p").digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{}", "profiles: {default: {}}"),
        ("selector: {anyOf: [spark]}", "{}"),
        ("selector: {matchLabels: {a: b}}", "selector: {anyOf: [{matchLabels: {a: b}}]}"),
        ("profiles: {a: {driver: {mode: ecs-first}}}", "profiles: {a: {}}"),
        ("profiles: {a: {executor: {mode: ecs-only}}}", "profiles: {a: {driver: {mode: ecs-only}}}"),
        ("profiles: {a: {driver: {labels: {a: b}}}}", "profiles: {a: {driver: {annotations: {a: b}}}}"),
        ("profiles: {a: {driver: {always: {labels: {a: b}}}}}", "profiles: {a: {driver: {labels: {a: b}}}}"),
        ("virtualNode: {outrankedBy: []}", "{}"),
        ("virtualNode: {taints: [{key: a}]}", 'virtualNode: {taints: [{key: a, value: ""}]}'),
    ],
)
def test_policies_that_do_not_have_another(one: str, other: str) -> None:
    assert parse_policy(one.encode(), "p").digest != parse_policy(other.encode(), "p").digest


def test_the_digest_of_a_policy_without_anything_is_that_of_nothing() -> None:
    """A key that is added later, with a default, changes no digest."""
    assert Policy().digest == hashlib.sha256(b"{}").hexdigest()[:8]


def test_a_rule_keeps_its_roles_default_mode() -> None:
    profile = parse_policy(b"profiles: {a: {driver: {weight: 3}, executor: {weight: 3}}}", "p.yaml").profiles["a"]
    assert (profile.driver.mode, profile.executor.mode) == (SchedulingMode.ECS_ONLY, SchedulingMode.ECS_FIRST)


def test_every_fault_is_told_at_once() -> None:
    assert _faults(
        """
        selector: {matchLabels: {}}
        virtualNode:
          taints: [{key: a, value: null}, {keyy: b}]
          unsupported: [hostPath, hostIPC]
        profiles:
          Bad_Name: {}
          default:
            alowOverride: true
            driver: {mode: eci-olny, weight: 101}
            executor:
              weight: "5"
              imageCache: {auto: yes please, snapshots: [{image: "", id: "a b"}]}
              annotations: {x y: z, n: 3}
        """
    ) == [
        "selector.matchLabels: found {}; accepted: at least one entry",
        "virtualNode.taints[0].value: found null; accepted: a value, or no such key",
        "virtualNode.taints[1].key: required, but missing",
        "virtualNode.taints[1].keyy: unknown key; accepted: key, value, effect",
        'virtualNode.unsupported[1]: found "hostIPC"; accepted: hostPath, hostNetwork, privileged',
        'profiles: found "Bad_Name"; accepted: a DNS label: lowercase letters, digits and hyphens, with a letter or '
        "digit at both ends",
        f'profiles.default.driver.mode: found "eci-olny"; accepted: {MODES}',
        "profiles.default.driver.weight: found 101; accepted: 100 or less",
        'profiles.default.executor.weight: found "5"; accepted: a whole number',
        'profiles.default.executor.imageCache.auto: found "yes please"; accepted: true or false',
        'profiles.default.executor.imageCache.snapshots[0].image: found ""; accepted: a string that is not empty',
        'profiles.default.executor.imageCache.snapshots[0].id: found "a b"; accepted: a label value: letters, digits, '
        "'-', '_' and '.', at most 63, with a letter or digit at both ends",
        "profiles.default.executor.annotations: found \"x y\"; accepted: a qualified name: letters, digits, '-', '_' "
        "and '.', at most 63, perhaps after a prefix and '/'",
        "profiles.default.executor.annotations.n: found 3; accepted: a string",
        "profiles.default.alowOverride: unknown key; accepted: allowOverride, overflow, driver, executor",
    ]


@pytest.mark.parametrize(
    ("annotations", "fault"),
    [
        (
            'k8s.aliyun.com/eci-use-specs: "1-2Gi,1-2Gi,1-2Gi,1-2Gi,1-2Gi,1-2Gi"',
            'k8s.aliyun.com/eci-use-specs: found "1-2Gi,1-2Gi,1-2Gi,1-2Gi,1-2Gi,1-2Gi"; accepted: 1 to 5 entries '
            "separated by commas",
        ),
        (
            'k8s.aliyun.com/eci-use-specs: "2x4"',
            'k8s.aliyun.com/eci-use-specs: found "2x4"; accepted: specs such as 2-4Gi or ecs.c6.xlarge',
        ),
        (
            "k8s.aliyun.com/eci-spot-strategy: Cheap",
            'k8s.aliyun.com/eci-spot-strategy: found "Cheap"; accepted: SpotAsPriceGo, SpotWithPriceLimit',
        ),
        (
            "k8s.aliyun.com/eci-spot-strategy: SpotWithPriceLimit",
            'k8s.aliyun.com/eci-spot-strategy: "SpotWithPriceLimit" needs k8s.aliyun.com/eci-spot-price-limit',
        ),
        (
            'k8s.aliyun.com/eci-spot-price-limit: "0.5"',
            'k8s.aliyun.com/eci-spot-price-limit: needs k8s.aliyun.com/eci-spot-strategy: "SpotWithPriceLimit"',
        ),
        (
            "{k8s.aliyun.com/eci-spot-strategy: SpotWithPriceLimit, k8s.aliyun.com/eci-spot-price-limit: cheap}",
            'k8s.aliyun.com/eci-spot-price-limit: found "cheap"; accepted: a price such as 0.5',
        ),
        (
            "k8s.aliyun.com/eci-extra-ephemeral-storage: much",
            'k8s.aliyun.com/eci-extra-ephemeral-storage: found "much"; accepted: a quantity such as 50Gi',
        ),
        (
            'k8s.aliyun.com/eci-vswitch: "a,,b"',
            'k8s.aliyun.com/eci-vswitch: found "a,,b"; accepted: 1 to 10 entries separated by commas',
        ),
        (
            "k8s.aliyun.com/eci-schedule-strategy: Random",
            'k8s.aliyun.com/eci-schedule-strategy: found "Random"; accepted: VSwitchOrdered, VSwitchRandom',
        ),
        (
            'k8s.aliyun.com/eci-security-group: "a,b,c,d,e,f"',
            'k8s.aliyun.com/eci-security-group: found "a,b,c,d,e,f"; accepted: 1 to 5 entries separated by commas',
        ),
        ("k8s.aliyun.com/eci-imc-id: imc-1", "k8s.aliyun.com/eci-imc-id: is set through imageCache"),
        (
            "{spark-eci-webhook/mode: none, k8s.aliyun.com/eci-vswitch: ''}",
            "spark-eci-webhook/mode: is set by the webhook itself; "
            'k8s.aliyun.com/eci-vswitch: found ""; accepted: 1 to 10 entries separated by commas',
        ),
    ],
)
def test_what_eci_would_refuse_is_refused(annotations: str, fault: str) -> None:
    where = "profiles.default.executor.annotations"
    written = annotations if annotations.startswith("{") else f"{{{annotations}}}"
    assert _faults(f"profiles: {{default: {{executor: {{annotations: {written}}}}}}}") == [f"{where}: {fault}"]


NAMES = f"accepted: {', '.join(Alternative)}, {{matchLabels: …}}"
BOTH = "accepted: each key in one of the two"
OWN = "is set by Spark and its operators; accepted: other labels"
KUBERNETES = "is set by Kubernetes; accepted: other labels"


@pytest.mark.parametrize(
    ("selector", "fault"),
    [
        ("{anyOf: [kubflow]}", f'.anyOf[0]: found "kubflow"; {NAMES}'),
        ("{anyOf: [spark, 3]}", f".anyOf[1]: found 3; {NAMES}"),
        ("{anyOf: [spark, null]}", f".anyOf[1]: found null; {NAMES}"),
        ("{anyOf: spark}", '.anyOf: found "spark"; accepted: a list'),
        ("{anyOf: []}", ".anyOf: found []; accepted: at least one entry"),
        ("{anyOf: [spark, spark]}", ".anyOf: found an entry twice; accepted: each at most once"),
        ("{anyOf: [{}]}", ".anyOf[0].matchLabels: required, but missing"),
        ("{anyOf: [{matchLabels: {}}]}", ".anyOf[0].matchLabels: found {}; accepted: at least one entry"),
        ("{anyOf: [{matchLabels: {a: b}, c: d}]}", ".anyOf[0].c: unknown key; accepted: matchLabels"),
        ("{anyOf: [spark], matchLabels: {a: b}}", ": found anyOf and matchLabels; accepted: one of the two"),
        ("{matchLabels: null}", ".matchLabels: found null; accepted: a value, or no such key"),
        ("{any: [spark]}", ".any: unknown key; accepted: anyOf, matchLabels"),
    ],
)
def test_what_selects_no_pods_is_refused(selector: str, fault: str) -> None:
    assert _faults(f"selector: {selector}") == [f"selector{fault}"]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("{labels: {spark-eci-webhook/profile: a}}", ".labels: spark-eci-webhook/profile: is set by the webhook itself; accepted: other labels"),
        ("{labels: {spark-role: a}}", f".labels: spark-role: {OWN}"),
        ("{labels: {spark-mine: a}}", f".labels: spark-mine: {OWN}"),
        ("{labels: {sparkoperator.k8s.io/a: a}}", f".labels: sparkoperator.k8s.io/a: {OWN}"),
        ("{always: {labels: {spark.operator/name: a}}}", f".always.labels: spark.operator/name: {OWN}"),
        ("{labels: {kubernetes.io/a: a}}", f".labels: kubernetes.io/a: {KUBERNETES}"),
        ("{labels: {apps.kubernetes.io/a: a}}", f".labels: apps.kubernetes.io/a: {KUBERNETES}"),
        ("{labels: {a.k8s.io/a: a}}", f".labels: a.k8s.io/a: {KUBERNETES}"),
        ("{labels: {pod-template-hash: a}}", f".labels: pod-template-hash: {KUBERNETES}"),
        ("{labels: {controller-revision-hash: a, k8s.io/b: c}}", f".labels: controller-revision-hash: {KUBERNETES}; k8s.io/b: {KUBERNETES}"),
        ("{labels: {a: b}, always: {labels: {a: b, c: d}}}", f".labels: a: is in always.labels, too; {BOTH}"),
        (
            "{annotations: {a: b}, mix: [{percent: 100, mode: ecs-only, always: {annotations: {a: c}}}]}",
            f".mix[0].annotations: a: is in always.annotations, too; {BOTH}",
        ),
        ("{always: {annotations: {spark-eci-webhook/mode: a}}}", ".always.annotations: spark-eci-webhook/mode: is set by the webhook itself"),
        (
            "{always: {annotations: {k8s.aliyun.com/eci-fail-strategy: never}}}",
            '.always.annotations: k8s.aliyun.com/eci-fail-strategy: found "never"; accepted: fail-back, fail-over, fail-fast',
        ),
        (
            "{always: {annotations: {k8s.aliyun.com/eci-spot-price-limit: '1'}}}",
            '.always.annotations: k8s.aliyun.com/eci-spot-price-limit: needs k8s.aliyun.com/eci-spot-strategy: "SpotWithPriceLimit"',
        ),
        ("{first: {count: 0, mode: ecs-only}}", ".first.count: found 0; accepted: 1 or more"),
        ("{first: {count: 1}}", ".first.mode: required, but missing"),
        ("{first: null}", ".first: found null; accepted: a value, or no such key"),
        (
            "{first: {count: 1, mode: ecs-only}, mix: [{percent: 100, mode: ecs-only}]}",
            ": found first and mix; accepted: one of the two",
        ),
    ],
)  # fmt: skip
def test_what_pods_must_not_get_is_refused(rule: str, fault: str) -> None:
    assert _faults(f"profiles: {{a: {{executor: {rule}}}}}") == [f"profiles.a.executor{fault}"]


@pytest.mark.parametrize(("name", "whom"), RESERVED_PROFILES.items())
def test_a_reserved_name_of_a_profile_is_refused(name: str, whom: str) -> None:
    assert _faults(f"profiles: {{a: {{}}, {name}: {{}}}}") == [
        f"profiles.{name}: is reserved for {whom}; accepted: another name"
    ]


@pytest.mark.parametrize(
    "place", ["annotations", "always.annotations", "mix[0].annotations", "mix[0].always.annotations"]
)
def test_a_configured_key_of_image_caches_is_refused_wherever_it_is(place: str) -> None:
    inside = "{example.org/cache: a}"
    for part in reversed(place.split(".")):
        inside = (
            f"{{mix: [{{percent: 100, mode: ecs-only, {inside[1:-1]}}}]}}"
            if part == "mix[0]"
            else f"{{{part}: {inside}}}"
        )
    text = f"{{virtualNode: {{imageCache: {{auto: example.org/cache}}}}, profiles: {{a: {{executor: {inside}}}}}}}"
    assert _faults(text) == [f"profiles.a.executor.{place}: example.org/cache: is set through imageCache"]


def test_what_eci_takes_is_accepted() -> None:
    annotations = {
        "k8s.aliyun.com/eci-use-specs": "2-4Gi, ecs.c6.xlarge,0.5-1.5Gi,4-8Gi,8-16Gi",
        "k8s.aliyun.com/eci-spot-strategy": "SpotWithPriceLimit",
        "k8s.aliyun.com/eci-spot-price-limit": "0.25",
        "k8s.aliyun.com/eci-spot-duration": "0",
        "k8s.aliyun.com/eci-spot-fallback": "true",
        "k8s.aliyun.com/eci-extra-ephemeral-storage": "50Gi",
        "k8s.aliyun.com/eci-ram-role-name": "spark",
        "k8s.aliyun.com/eci-vswitch": "vsw-1,vsw-2",
        "k8s.aliyun.com/eci-schedule-strategy": "VSwitchRandom",
        "k8s.aliyun.com/eci-fail-strategy": "fail-over",
        "k8s.aliyun.com/eci-security-group": "sg-1",
        "k8s.aliyun.com/eci-with-eip": "true",
        "k8s.aliyun.com/eci-resource-group-id": "rg-1",
    }
    lines = "".join(f"        {key}: {value!r}\n" for key, value in annotations.items())
    policy = parse_policy(f"profiles:\n  default:\n    executor:\n      annotations:\n{lines}".encode(), "p.yaml")
    assert policy.profiles["default"].executor.annotations == annotations
    assert cautions(policy) == []


def test_what_only_looks_mistaken_is_told_and_accepted() -> None:
    policy = parse_policy(
        b"""
        profiles:
          night:
            driver: {imageCache: {snapshots: [{image: "*", id: imc-1}, {image: "*", id: imc-2ze5hdcnngenmwc1jmwf}]}}
            executor:
              annotations: {k8s.aliyun.com/eci-use-spec: 2-4Gi}
              labels: {alibabacloud.com/acs: "true"}
              mix:
              - percent: 99
                mode: ecs-first
                always: {labels: {alibabacloud.com/eci: "true"}, annotations: {k8s.aliyun.com/eci-spot: a}}
              - {percent: 1, mode: eci-only}
          day:
            executor: {mode: ecs-first, labels: {alibabacloud.com/acs: "true", alibabacloud.com/eci: "false"}}
        selector: {anyOf: [{matchLabels: {spark-role: operator}}, {matchLabels: {spark-role: worker}}]}
        """,
        "p.yaml",
    )
    assert cautions(policy) == [
        f'selector: spark-role is "operator", which selects no pod; accepted: {", ".join(ALL_ROLES)}',
        'profiles.night.driver.imageCache.snapshots[0].id: "imc-1" does not look like an image cache id (imc- and 20 '
        "lowercase letters or digits)",
        "profiles.night.executor.annotations: k8s.aliyun.com/eci-use-spec is not a known annotation of ECI",
        "profiles.night.executor.mix[0].always.annotations: k8s.aliyun.com/eci-spot is not a known annotation of ECI",
        "profiles.night.executor.mix[0].always.labels: alibabacloud.com/eci is added only in the mode eci-only, which these pods do not have",
        "profiles.day.executor.labels: alibabacloud.com/acs is added only in the mode eci-only, which these pods do not have",
    ]


@pytest.mark.parametrize(
    ("driver", "executor", "sentence"),
    [
        (100, 100, ""),
        (20, 20, ""),
        (0, 0, ""),
        (
            50,
            20,
            "driver.rollout is 50 and executor.rollout is 20, so 20 % of applications get both rules, and another 30 % get "
            "only that of the driver",
        ),
        (
            20,
            100,
            "executor.rollout is 100 and driver.rollout is 20, so 20 % of applications get both rules, and another 80 % get "
            "only that of the executor",
        ),
        (
            0,
            10,
            "executor.rollout is 10 and driver.rollout is 0, so no application gets both, and 10 % get only that of the "
            "executor",
        ),
    ],
)
def test_rollouts_of_a_profile_that_differ_are_told(driver: int, executor: int, sentence: str) -> None:
    text = f"profiles: {{a: {{driver: {{rollout: {driver}}}, executor: {{rollout: {executor}}}}}, b: {{}}}}"
    policy = parse_policy(text.encode(), "p.yaml")
    assert cautions(policy) == ([f"profiles.a: {sentence}"] if sentence else [])
    # As the sentence says: of many applications, those in the smaller rollout are all in the larger one.
    less, more = sorted((driver, executor))
    inside = {
        share: {name for name in range(5000) if in_rollout("etl", f"app-{name}", share)} for share in (less, more)
    }
    assert inside[less] <= inside[more]
    assert abs(len(inside[more] - inside[less]) / 50 - (more - less)) < 3


def test_a_policy_that_sets_nothing_is_empty() -> None:
    empty = (b"", b"# a", b"{}", b"null", b"---", b"apiVersion: spark-eci-webhook.io/v1")
    others = (b"selector: {}", b"apiVersion: spark-eci-webhook.io/v1\nselector: {}")
    assert [is_empty(parse_policy(text, "p")) for text in (*empty, *others)] == [True] * 6 + [False] * 2


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("spark-eci-webhook.io/v2", '"spark-eci-webhook.io/v2"'),
        ("spark-eci-webhook.io/v1beta1", '"spark-eci-webhook.io/v1beta1"'),
        ("v1", '"v1"'),
        ("1", "1"),
        ("null", "null"),
        ("[spark-eci-webhook.io/v1]", '["spark-eci-webhook.io/v1"]'),
    ],
)
def test_a_format_that_this_version_does_not_read_is_refused(written: str, found: str) -> None:
    assert _faults(f"apiVersion: {written}") == [
        f"apiVersion: found {found}; accepted: spark-eci-webhook.io/v1, "
        "the only format that this version of spark-eci-webhook reads"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"a: 1\na: 2", 'line 2, column 1: duplicate key "a"'),
        (b"profiles: {a: {}, a: {}}", 'line 1, column 19: duplicate key "a"'),
        (b"1: 2", "line 1, column 1: a key that is not a string: put it in quotes"),
        (b"on: 2", "line 1, column 1: a key that is not a string: put it in quotes"),
        (b"? [a]\n: b", "line 1, column 3: a key that is not a string: put it in quotes"),
        (b"a: [", "line 2, column 1: did not find expected node content"),
        (b"[" * 100_000, "line 1, column 101: nested deeper than 100"),
        (GROWING, MANY),
        (NESTING, "line 1, column 1: its aliases nest deeper than 100"),
        (b"a: &a [*a]", "line 1, column 8: found an alias inside its own anchor"),
        (b"[*a]", "line 1, column 2: found undefined alias"),
        (b"[&a x, &a y]", 'line 1, column 8: duplicate anchor "a"'),
        (b"a: &a " + b"x" * 2**20 + b"\nb: [" + b"*a, " * 2**10 + b"]", MANY),
        (b"a: [" + b"x, " * 150_000 + b"]", MANY),
        (b"{<<: {a: 1, a: 2}}", 'line 1, column 13: duplicate key "a"'),
        (b"a: {<<: b}", "line 1, column 9: expected a mapping or list of mappings for merging"),
        (b"a: <<", f"line 1, column 4: found the tag !!merge; accepted: {TAGS}"),
        (b"a: !!seq {}", "line 1, column 4: expected a sequence node, but found mapping"),
        (b"a: !!str []", "line 1, column 4: expected a scalar node, but found sequence"),
        (
            b"profiles: {" + b",".join(b"p%d: {}" % index for index in range(5001)) + b"}",
            "profiles: found 5001 entries; accepted: at most 5000",
        ),
        (
            b"virtualNode: {outrankedBy: [" + b",".join(b"k%d" % index for index in range(17)) + b"]}",
            'virtualNode.outrankedBy: found ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"…; accepted: at most '
            "16 entries",
        ),
        (
            b"selector: {matchLabels: {" + b",".join(b"k%d: v" % index for index in range(17)) + b"}}",
            'selector.matchLabels: found {"k0": "v", "k1": "v", "k2": "v", "k3": "v", "k4": "v", "k5…; accepted: at most 16 '
            "entries",
        ),
        (
            b"profiles: {a: {driver: {annotations: {" + b",".join(b"k%d: v" % index for index in range(101)) + b"}}}}",
            'profiles.a.driver.annotations: found {"k0": "v", "k1": "v", "k2": "v", "k3": "v", "k4": "v", "k5…; accepted: at '
            "most 100 entries",
        ),
        (
            b"profiles: {a: {driver: {imageCache: {snapshots: [{id: i, image: '" + b"*" * 1025 + b"'}]}}}}",
            f'profiles.a.driver.imageCache.snapshots[0].image: found "{"*" * 58}…; accepted: at most 1024 characters',
        ),
        (
            b"profiles: {a: {driver: {imageCache: {snapshots: [{id: i, image: 'a[b'}]}}}}",
            'profiles.a.driver.imageCache.snapshots[0].image: found "a[b"; accepted: a pattern in which each [ has its ]',
        ),
        (
            b"profiles: {a: {driver: {imageCache: {snapshots: [" + b"{id: i, image: a}," * 1001 + b"]}}}}",
            'profiles.a.driver.imageCache.snapshots: found [{"id": "i", "image": "a"}, {"id": "i", "image": "a"}, {"id…; '
            "accepted: at most 1000 entries",
        ),
        (
            b"? " + b"x" * 400 + b"\n: 1",
            f"{'x' * 319}…: unknown key; accepted: apiVersion, selector, virtualNode, overflow, profiles",
        ),
        (
            b"profiles: {a: {driver: {annotations: {k8s.aliyun.com/eci-vswitch: '" + b"," * 100 + b"'}}}}",
            f'profiles.a.driver.annotations: k8s.aliyun.com/eci-vswitch: found "{"," * 59}…"; accepted: 1 to 10 entries '
            "separated by commas",
        ),
        (
            b"!!python/object:os.system x",
            f"line 1, column 1: found the tag !!python/object:os.system; accepted: {TAGS}",
        ),
        (b"a: !!binary aGk=", f"line 1, column 4: found the tag !!binary; accepted: {TAGS}"),
        (b"a: !!set {b, c}", f"line 1, column 4: found the tag !!set; accepted: {TAGS}"),
        (b"a: !!timestamp 2020-01-01", f"line 1, column 4: found the tag !!timestamp; accepted: {TAGS}"),
        (b"a: !!map [b]", "line 1, column 4: expected a mapping node, but found sequence"),
        (b"a: !!bool b", 'line 1, column 4: found "b"; accepted: a value of type !!bool'),
        (b"a: !!int ''", 'line 1, column 4: found ""; accepted: a value of type !!int'),
        (b"a: 0x" + b"f" * 5000, "line 1, column 4: found !!int of 5002 characters; accepted: at most 100"),
        (b"---\na: 1\n---\nb: 1", "more than one YAML document; accepted: one"),
        (b"[]", "the file: found []; accepted: a map"),
        (b"x", 'the file: found "x"; accepted: a map'),
        (b"profiles: {}", "profiles: found {}; accepted: at least one entry"),
        (
            b"profiles: {default: {driver: {mode: 2020-01-01}}}",
            f'profiles.default.driver.mode: found "2020-01-01"; accepted: {MODES}',
        ),
        (b"a: 0x_", 'line 1, column 4: found "0x_"; accepted: a value of type !!int'),
        (
            b"\xff",
            'not YAML: unacceptable character #x00ff: invalid leading UTF-8 octet in "<byte string>", position 0',
        ),
        (b" " * (MAX_BYTES + 1), "too large; accepted: at most 4 MiB"),
        (b"profiles: {" + b"x" * 64 + b": {}}", f'profiles: found "{"x" * 64}"; accepted: at most 63 characters'),
        (b"profiles: {a: {driver: {weight: 0}}}", "profiles.a.driver.weight: found 0; accepted: 1 or more"),
        (
            b"{virtualNode: {imageCache: {auto: a/b}}, profiles: {c: {driver: {annotations: {a/b: 'true'}}}}}",
            "profiles.c.driver.annotations: a/b: is set through imageCache",
        ),
        (
            b"virtualNode: {taints: [{key: a}, {key: a}]}",
            "virtualNode.taints: found an entry twice; accepted: each at most once",
        ),
        (
            b"virtualNode: {taints: [{key: a, value: 5}]}",
            "virtualNode.taints[0].value: found 5; accepted: a string",
        ),
        (
            b"virtualNode: {taints: [{key: a, value: a b}]}",
            "virtualNode.taints[0].value: found \"a b\"; accepted: a label value: letters, digits, '-', '_' and '.', at "
            "most 63, with a letter or digit at both ends",
        ),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_cannot_be_read_is_said_with_its_place(text: bytes, fault: str) -> None:
    assert _faults(text) == [fault]


def test_of_many_faults_the_first_are_told() -> None:
    faults = _faults("{" + ", ".join(f"k{index}: 1" for index in range(1000)) + "}")
    told = [
        f"k{index}: unknown key; accepted: apiVersion, selector, virtualNode, overflow, profiles" for index in range(20)
    ]
    assert faults == [*told, "and 980 more faults"]
    assert len(_faults("{" + ", ".join(f"k{index}: 1" for index in range(20)) + "}")) == 20


def test_patterns_with_brackets_are_accepted() -> None:
    for pattern in ("[abc]*", "a[!b]c", "[]a]", "a]b", "[[]x", "*"):
        text = json.dumps(
            {"profiles": {"a": {"driver": {"imageCache": {"snapshots": [{"image": pattern, "id": "i"}]}}}}}
        )
        found = parse_policy(text.encode(), "p.yaml").profiles["a"].driver.image_cache.snapshots
        assert [one.image for one in found] == [pattern]


def test_the_digest_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as long as the policy is large, and each profile has it in its records."""
    made: list[str] = []
    dump = Policy.model_dump

    def counted(self: Policy, **options: Any) -> dict[str, Any]:
        made.append("dump")
        return dump(self, **options)

    monkeypatch.setattr(Policy, "model_dump", counted)
    policy = parse_policy(b"profiles: {a: {}, b: {}, c: {}}", "p.yaml")
    profiles = compile_policy(policy)
    assert {one.records["none"] for one in profiles.values()} == {
        f"mode=none,profile={name},policy={policy.digest}" for name in profiles
    }
    assert made == ["dump"]


def test_profiles_share_what_is_alike() -> None:
    snapshots = "imageCache: {snapshots: [{image: 'a*', id: i}]}"
    rule = f"{{weight: 3, {snapshots}, mix: [{{percent: 40, mode: eci-only}}, {{percent: 60, mode: ecs-only}}]}}"
    one, other = compile_policy(
        parse_policy(f"profiles: {{a: {{executor: {rule}}}, b: {{executor: {rule}}}}}".encode(), "p.yaml")
    ).values()
    assert one.rules[Role.EXECUTOR].directives is other.rules[Role.EXECUTOR].directives
    assert one.rules[Role.EXECUTOR].snapshots[0][0].__self__ is other.rules[Role.EXECUTOR].snapshots[0][0].__self__  # type: ignore[attr-defined]


def test_more_profiles_than_the_chart_accepts_are_told() -> None:
    def told(count: int) -> list[str]:
        text = "profiles: {" + ", ".join(f"p{index}: {{}}" for index in range(count)) + "}"
        return cautions(parse_policy(text.encode(), "p.yaml"))

    assert told(500) == []
    assert told(501) == [
        "profiles: found 501; the chart accepts at most 500, because etcd cannot store a MutatingWebhookConfiguration with "
        "many more entries"
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: &x [1, 2], b: *x}", {"a": [1, 2], "b": [1, 2]}),
        ("{<<: {a: 1, b: 2}, b: 3}", {"a": 1, "b": 3}),
        ("{b: 3, <<: [{a: 1}, {a: 2, b: 4}]}", {"a": 1, "b": 3}),
        ("{<<: {a: 1}, <<: {a: 2}}", {"a": 2}),
        ("['<<', =, 2020-01-01, !!str 1, !!int '7', !!null x]", ["<<", "=", "2020-01-01", "1", 7, None]),
        (
            "[0x1f, 017, 0b11, 1_000, 1:30, 1.5, yes, ~, '', '1', .5]",
            [31, 15, 3, 1000, 90, 1.5, True, None, "", "1", 0.5],
        ),
        ("!!map {a: !!seq [b]}", {"a": ["b"]}),
        ("{!!str 1: 2, &k a: b, c: *k}", {"1": 2, "a": "b", "c": "a"}),
    ],
)
def test_yaml_means_what_it_meant(text: str, value: Any) -> None:
    assert documents(text.encode()) == [value]
    assert documents(f"--- {text}\n--- {text}".encode()) == [value, value]


def test_anchors_and_merges_work() -> None:
    policy = parse_policy(
        b"""
        profiles:
          a: &a {driver: {mode: eci-only}}
          b: {<<: *a, executor: {mode: eci-only}}
        """,
        "p.yaml",
    )
    assert policy.profiles["b"].driver.mode is SchedulingMode.ECI_ONLY


@pytest.mark.parametrize(("name", "why"), [("missing.yaml", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(PolicyError) as error:
        load_policy(tmp_path / name)
    assert error.value.faults == [f"{tmp_path / name}: cannot be read: {why}"]
