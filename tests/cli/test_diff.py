"""`diff`: what a changed policy would place differently, and nothing else."""

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import ROOT, Run, in_namespaces
from webhook.core.modes import SchedulingMode

APPS = "tests/cli/apps"
PLAIN = "examples/ecs-first/before.yaml"


@pytest.fixture
def policies(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("")
    return old, new


def compared(run: Run, policies: tuple[Path, Path], new: Any, *arguments: str) -> list[dict[str, Any]]:
    """What differs between the built-in policy and `new`; also checks that the exit code fits."""
    policies[1].write_text(yaml.safe_dump(new))
    ran = run("diff", *policies, *arguments, "-o", "json")
    found: list[dict[str, Any]] = json.loads(ran.out)
    assert ran.code == (1 if found else 0)
    return found


def profile(driver: dict[str, Any], executor: dict[str, Any]) -> dict[str, Any]:
    return {"profiles": {"default": {"driver": driver, "executor": executor}}}


def test_another_mode_is_a_difference_of_that_role_alone(run: Run, policies: tuple[Path, Path]) -> None:
    new = profile({"mode": "ecs-only"}, {"mode": "eci-only"})
    assert compared(run, policies, new, "-f", PLAIN) == [
        {
            "application": "SparkApplication default/spark-pi-ecs-first",
            "profile": "default",
            "pods": "executor",
            "old": "ecs-first",
            "new": "eci-only",
            "changes": [
                "- preferred node affinity type NotIn [virtual-kubelet], weight 1",
                "+ required node affinity type In [virtual-kubelet]",
            ],
        }
    ]


def test_another_delay_is_a_difference_though_the_pods_look_the_same(run: Run, policies: tuple[Path, Path]) -> None:
    def waiting(after: str) -> dict[str, Any]:
        return profile({}, {"mode": "ecs-then-eci", "after": after}) | {"overflow": {}}

    policies[0].write_text(yaml.safe_dump(waiting("1m")))
    (found,) = compared(run, policies, waiting("5m"), "-f", PLAIN)
    assert (found["pods"], found["old"], found["new"], found["changes"]) == (
        "executor",
        "ecs-then-eci after 60s",
        "ecs-then-eci after 300s",
        [],
    )
    assert compared(run, policies, waiting("60s"), "-f", PLAIN) == []


@pytest.mark.parametrize(("old", "new"), [*product(SchedulingMode, repeat=2)])
def test_each_mode_differs_from_every_other(
    old: SchedulingMode, new: SchedulingMode, run: Run, policies: tuple[Path, Path]
) -> None:
    policies[0].write_text(yaml.safe_dump(profile({}, {"mode": old.value}) | {"overflow": {}}))
    found = compared(run, policies, profile({}, {"mode": new.value}) | {"overflow": {}}, "-f", PLAIN)
    told = [f"{mode} after 60s" if mode.waits else mode for mode in (old, new)]
    wanted = [] if old is new else [("executor", *told)]
    assert [(one["pods"], one["old"], one["new"]) for one in found] == wanted


@pytest.mark.parametrize(
    ("executor", "changes"),
    [
        (
            {"mode": "ecs-first", "weight": 50},
            [
                "- preferred node affinity type NotIn [virtual-kubelet], weight 1",
                "+ preferred node affinity type NotIn [virtual-kubelet], weight 50",
            ],
        ),
        ({"imageCache": {"auto": False}}, ["- annotation k8s.aliyun.com/eci-image-cache: true"]),
        (
            {"annotations": {"k8s.aliyun.com/eci-use-specs": "2-4Gi"}},
            ["+ annotation k8s.aliyun.com/eci-use-specs: 2-4Gi"],
        ),
    ],
)
def test_the_same_mode_with_other_additions_is_a_difference(
    executor: dict[str, Any], changes: list[str], run: Run, policies: tuple[Path, Path]
) -> None:
    (found,) = compared(run, policies, profile({}, executor), "-f", PLAIN)
    assert (found["old"], found["new"], found["changes"]) == ("ecs-first", "ecs-first", changes)


@pytest.mark.parametrize(
    "new",
    [
        {},
        {"profiles": {"default": {"allowOverride": False}}},
        {"virtualNode": {"unsupported": ["hostPath"]}},
        profile({"rollout": 100}, {"unplaceable": "deny"}),
        profile({}, {"mix": [{"percent": 40, "mode": "ecs-first"}, {"percent": 60, "mode": "ecs-first"}]}),
    ],
    ids=str,
)
def test_a_change_that_moves_no_pod_is_not_reported(new: dict[str, Any], run: Run, policies: tuple[Path, Path]) -> None:
    """Nothing differs, although the policy's digest, and so the record on each pod, has changed."""
    assert compared(run, policies, new, "-f", PLAIN) == []
    assert run("diff", *policies, "-f", PLAIN).out == "0 of 1 would be placed differently\n"


@pytest.mark.parametrize(
    ("driver", "executor", "old", "new"),
    [
        ({"rollout": 0}, {}, "ecs-only", "left alone: outside the rollout"),
        ({"mode": "eci-first", "observe": True}, {}, "ecs-only", "eci-first, observed"),
        (
            {},
            {"mix": [{"percent": 50, "mode": "ecs-only"}, {"percent": 50, "mode": "eci-only"}]},
            "ecs-first",
            "ecs-only (1 of 2), eci-only (1 of 2)",
        ),
    ],
)
def test_shares_and_observers_are_told_in_words(
    driver: dict[str, Any],
    executor: dict[str, Any],
    old: str,
    new: str,
    run: Run,
    policies: tuple[Path, Path],
) -> None:
    (found,) = compared(run, policies, profile(driver, executor), "-f", PLAIN)
    assert (found["old"], found["new"]) == (old, new)


def test_guards_and_overrides_count(run: Run, policies: tuple[Path, Path]) -> None:
    """A pod that cannot run on ECI is placed the same by both; one with its own mode is not moved by the profile's."""
    new = profile({"mode": "ecs-first"}, {"mode": "eci-only"})
    found = compared(run, policies, new, "-f", APPS)
    assert [(one["application"], one["pods"]) for one in found] == [
        ("SparkConnect data/shared", "connect-server"),
        ("SparkConnect data/shared", "executor"),
        ("SparkApplication data/report", "executor"),
        ("SparkApplication data/shuffle-heavy", "driver"),
    ]


def test_a_pod_that_asks_to_be_left_alone_differs_from_one_that_may_not(run: Run, policies: tuple[Path, Path]) -> None:
    new = {"profiles": {"default": {"allowOverride": False}}}
    (found,) = compared(run, policies, new, "-f", "tests/cli/pods/override-to-none.yaml")
    assert (found["old"], found["new"]) == ("left alone: asks for it", "ecs-first")


def test_a_denied_pod_is_a_difference(run: Run, policies: tuple[Path, Path]) -> None:
    policies[0].write_text(yaml.safe_dump(profile({}, {"mode": "eci-only"})))
    new = profile({}, {"mode": "eci-only", "unplaceable": "deny"})
    (found,) = compared(run, policies, new, "-f", "tests/cli/pods/node-name-set.yaml")
    assert (found["old"], found["new"]) == ("eci-only, but keeps its own placement", "denied")


def test_every_profile_of_either_policy_can_be_compared(run: Run, policies: tuple[Path, Path]) -> None:
    policies[0].write_text("{profiles: {default: {}, going: {}}}")
    new = {"profiles": {"default": {}, "coming": {"driver": {"mode": "eci-only"}}}}
    found = compared(run, policies, new, "-f", PLAIN, "--all-profiles")
    assert [(one["profile"], one["pods"], one["old"], one["new"]) for one in found] == [
        ("going", "driver", "ecs-only", 'left alone: unknown profile "going"'),
        ("going", "executor", "ecs-first", 'left alone: unknown profile "going"'),
        ("coming", "driver", 'left alone: unknown profile "coming"', "eci-only"),
        ("coming", "executor", 'left alone: unknown profile "coming"', "ecs-first"),
    ]


def test_profiles_that_were_not_compared_are_named(run: Run, policies: tuple[Path, Path]) -> None:
    policies[0].write_text("{profiles: {default: {}, spot: {}}}")
    policies[1].write_text("{profiles: {default: {}, spot: {executor: {mode: eci-only}}}}")
    ran = run("diff", *policies, "-f", PLAIN)
    assert (ran.code, ran.err) == (
        0,
        "not compared, though they differ too: spot; see --profile and --all-profiles\n",
    )
    assert run("diff", *policies, "-f", PLAIN, "--profile", "spot").code == 1


def test_namespaces_beside_the_applications_choose_the_profile(
    run: Run, policies: tuple[Path, Path], tmp_path: Path
) -> None:
    file = tmp_path / "apps.yaml"
    namespace = (
        "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {spark-eci-webhook/profile: spot}}}"
    )
    file.write_text(f"{namespace}\n---\n{(ROOT / PLAIN).read_text()}")
    policies[0].write_text("{profiles: {spot: {}}}")
    found = compared(run, policies, {"profiles": {"spot": {"driver": {"mode": "eci-only"}}}}, "-f", str(file))
    assert [(one["profile"], one["pods"]) for one in found] == [("spot", "driver")]


@pytest.mark.parametrize("labels", [["unknown"], ["default", "eci-only"]])
def test_a_namespace_whose_profile_nobody_knows_is_a_fault(
    labels: list[str], run: Run, policies: tuple[Path, Path], tmp_path: Path
) -> None:
    names = [f"{{name: default, labels: {{spark-eci-webhook/profile: {one}}}}}" for one in labels]
    text = "---\n".join(f"{{apiVersion: v1, kind: Namespace, metadata: {one}}}\n" for one in names)
    (namespaces := tmp_path / "namespaces.yaml").write_text(text)
    policies[1].write_text("{profiles: {default: {}, eci-only: {}}}")
    ran = run("diff", *policies, "-f", ROOT / PLAIN, "-f", namespaces)
    assert ran.code == 2
    assert "label spark-eci-webhook/profile of the namespace default: " in ran.err


#: In each of these, `eci-only` as the default profile places pods in `plain` alone.
NAMESPACES = ("plain", None), ("out", "none"), ("named", "ecs-first"), ("kube-public", None)
OPENED = [
    "annotation k8s.aliyun.com/eci-image-cache: true",
    "toleration virtual-kubelet.io/provider=alibabacloud:NoSchedule",
    "required node affinity type In [virtual-kubelet]",
]
LEFT_ALONE = "left alone: the namespace plain has no label spark-eci-webhook/profile"
CHANGES = "the default profile for namespaces without the label changes from"
ASSUMED = "(without one, the profile default is assumed for namespaces that no file describes)"


@pytest.fixture
def values(tmp_path: Path) -> Callable[..., list[str]]:
    """A function that writes values for each side, and returns the options that name them."""

    def options(old: str, new: str) -> list[str]:
        for name, text in (("old", old), ("new", new)):
            (tmp_path / name).write_text(text)
        return ["--values", str(tmp_path / "old"), "--values-new", str(tmp_path / "new")]

    return options


def of_default(name: str, rest: str = "") -> str:
    return f"{{webhook: {{defaultProfile: {name}}}{rest}}}"


@pytest.mark.parametrize("comes", [True, False])
def test_a_default_profile_on_one_side_alone_is_a_difference(
    run: Run, values: Callable[..., list[str]], tmp_path: Path, *, comes: bool
) -> None:
    (tmp_path / "apps.yaml").write_text(in_namespaces(*NAMESPACES))
    sides, sign = (("", of_default("eci-only")), "+") if comes else ((of_default("eci-only"), of_default("''")), "-")
    old, new = (LEFT_ALONE, "eci-only") if comes else ("eci-only", LEFT_ALONE)
    ran = run("diff", *values(*sides), "-f", tmp_path / "apps.yaml", "-o", "json")
    change = "none to eci-only" if comes else "eci-only to none"
    assert (ran.code, ran.err) == (1, f"{CHANGES} {change}\n")
    assert json.loads(ran.out) == [
        {
            "application": "SparkApplication plain/app",
            "profile": "eci-only",
            "pods": pods,
            "old": old,
            "new": new,
            "changes": [f"{sign} {one}" for one in OPENED],
        }
        for pods in ("driver", "executor")
    ]


def test_each_side_has_its_own_default_profile(run: Run, values: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "apps.yaml").write_text(in_namespaces(*NAMESPACES, others=["loose", "kube-system"]))
    sides = values(of_default("ecs-first"), of_default("eci-first"))
    preferred = "preferred node affinity type {} [virtual-kubelet], weight 1"
    ran = run("diff", *sides, "-f", tmp_path / "apps.yaml", "-o", "markdown")
    assert ran == (
        1,
        "| application | profile | pods | old | new | changes |\n|---|---|---|---|---|---|\n"
        + "".join(
            f"| SparkApplication {namespace}/app | ecs-first, then eci-first | {pods} | ecs-first | eci-first | "
            f"`- {preferred.format('NotIn')}`<br>`+ {preferred.format('In')}` |\n"
            for namespace in ("plain", "loose")
            for pods in ("driver", "executor")
        )
        + f"\n2 of 6 would be placed differently; {CHANGES} ecs-first to eci-first.\n",
        "",
    )


@pytest.mark.parametrize(
    ("old", "new", "arguments", "end"),
    [
        (of_default("eci-only"), of_default("eci-only"), (), ""),
        ("", of_default("eci-only"), ("--profile", "ecs-first"), "none to eci-only, which --profile leaves out"),
        ("", of_default("default"), (), f"none to default {ASSUMED}"),
        ("", of_default("default"), ("--all-profiles",), f"none to default {ASSUMED}"),
    ],
)
def test_a_default_profile_that_is_not_compared_is_told(
    old: str,
    new: str,
    arguments: tuple[str, ...],
    end: str,
    run: Run,
    values: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    """That of an application whose namespace no file describes is compared with the profile that is assumed."""
    (tmp_path / "apps.yaml").write_text(in_namespaces(("kube-public", None), others=["loose"]))
    total = "; ".join(["0 of 2 would be placed differently", *([f"{CHANGES} {end}"] if end else [])])
    for output, stop in (("text", ""), ("markdown", ".")):
        ran = run("diff", *values(old, new), "-f", tmp_path / "apps.yaml", *arguments, "-o", output)
        assert ran == (0, f"{total}{stop}\n", "")


TABLE = """\
┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ application      ┃ profile ┃ pods     ┃ old                          ┃ new             ┃ changes                     ┃
┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ SparkApplication │ spot    │ driver   │ left alone: the namespace    │ ecs-only        │                             │
│ plain/app        │         │          │ plain has no label           │                 │                             │
│                  │         │          │ spark-eci-webhook/profile    │                 │                             │
├──────────────────┼─────────┼──────────┼──────────────────────────────┼─────────────────┼─────────────────────────────┤
│ SparkApplication │ spot    │ executor │ left alone: the namespace    │ resource-policy │ + annotation                │
│ plain/app        │         │          │ plain has no label           │                 │ k8s.aliyun.com/eci-image-ca │
│                  │         │          │ spark-eci-webhook/profile    │                 │ che: true                   │
│                  │         │          │                              │                 │ + toleration                │
│                  │         │          │                              │                 │ virtual-kubelet.io/provider │
│                  │         │          │                              │                 │ =alibabacloud:NoSchedule    │
└──────────────────┴─────────┴──────────┴──────────────────────────────┴─────────────────┴─────────────────────────────┘
1 of 4 would be placed differently; the default profile for namespaces without the label changes from none to spot
"""


def test_the_default_profile_is_shown_in_the_table(run: Run, values: Callable[..., list[str]], tmp_path: Path) -> None:
    """The policy's own change of that profile is not compared, because on the old side nothing used it."""
    (tmp_path / "apps.yaml").write_text(in_namespaces(*NAMESPACES))
    changed = ", policy: {profiles: {spot: {driver: {mode: ecs-only}, executor: {mode: resource-policy}}}}"
    sides = values("policy: {profiles: {spot: {}}}", of_default("spot", changed))
    ran = run("diff", *sides, "-f", tmp_path / "apps.yaml")
    assert ran == (1, TABLE, "not compared, though they differ too: spot; see --profile and --all-profiles\n")


def test_all_profiles_are_compared_and_the_default_one_too(
    run: Run, values: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "apps.yaml").write_text(in_namespaces(*NAMESPACES[:2]))
    changed = ", policy: {profiles: {spot: {driver: {mode: ecs-only}}}}"
    sides = values("policy: {profiles: {spot: {driver: {mode: eci-only}}}}", of_default("spot", changed))
    ran = run("diff", *sides, "-f", tmp_path / "apps.yaml", "--all-profiles", "-o", "json")
    assert (ran.code, ran.err) == (1, f"{CHANGES} none to spot\n")
    assert [tuple(one.values())[:5] for one in json.loads(ran.out)] == [
        ("SparkApplication plain/app", "spot", "driver", "eci-only", "ecs-only"),
        ("SparkApplication out/app", "spot", "driver", "eci-only", "ecs-only"),
        ("SparkApplication plain/app", "spot", "driver", LEFT_ALONE, "ecs-only"),
        ("SparkApplication plain/app", "spot", "executor", LEFT_ALONE, "ecs-first"),
    ]


def test_profiles_that_no_application_uses_are_named(
    run: Run, values: Callable[..., list[str]], tmp_path: Path
) -> None:
    """Neither the profile `default` nor the default profile is compared if every application has another one."""
    (tmp_path / "apps.yaml").write_text(in_namespaces(("named", "ecs-first")))
    policy = "policy: {profiles: {default: {driver: {weight: %s}}, eci-only: {driver: {weight: %s}}}}"
    old, new = (f"{{webhook: {{defaultProfile: eci-only}}, {policy % (one, one)}}}" for one in (1, 2))
    assert run("diff", *values(old, new), "-f", tmp_path / "apps.yaml") == (
        0,
        "0 of 1 would be placed differently\n",
        "not compared, though they differ too: default, eci-only; see --profile and --all-profiles\n",
    )


def test_a_default_profile_that_does_not_exist_is_a_sentence(
    run: Run, values: Callable[..., list[str]], tmp_path: Path
) -> None:
    ran = run("diff", *values(of_default("gone"), of_default("default")), "-f", PLAIN)
    profiles = "default, eci-first, eci-only, ecs-first, ecs-only, resource-policy"
    told = f'{tmp_path}/old: webhook.defaultProfile: found "gone"; accepted: a profile, one of {profiles}\n'
    assert ran == (2, "", told)


def test_a_hostile_text_stays_in_its_cell(run: Run, policies: tuple[Path, Path], tmp_path: Path) -> None:
    """The name of a Pod in a file is not checked, and a policy may add any value."""
    hostile = "x|`</code><script>alert(1)</script>[l](javascript:a)\n| forged | row |\n@all https://example.com"
    document = json.loads((ROOT / "tests/reviews/spark-3.5.2-executor-1.json").read_bytes())["request"]["object"]
    document |= {"apiVersion": "v1", "kind": "Pod"}
    document["metadata"] |= {"name": hostile, "namespace": "jobs"}
    file = tmp_path / "pod.yaml"
    file.write_text(yaml.safe_dump(document))
    policies[1].write_text(yaml.safe_dump(profile({}, {"annotations": {"example.com/a": "a`|<b>@all"}})))
    ran = run("diff", *policies, "-f", file, "-o", "markdown")
    assert ran.code == 1, ran.err
    head, rule, row, *rest = ran.out.splitlines()
    assert (head.count("|"), rule.count("|"), row.count("|")) == (7, 7, 7)
    assert rest == ["", "1 of 1 would be placed differently."]
    outside = re.sub("<code>[^<>`|]*</code>|`[^`|]*`", "", row)
    assert outside == "|  | default | pod | ecs-first | ecs-first |  |"


def test_markdown_is_a_table_for_a_pull_request(run: Run, policies: tuple[Path, Path]) -> None:
    policies[1].write_text(yaml.safe_dump(profile({}, {"mode": "eci-only"})))
    assert run("diff", *policies, "-f", PLAIN, "-o", "markdown").out.splitlines() == [
        "| application | profile | pods | old | new | changes |",
        "|---|---|---|---|---|---|",
        "| SparkApplication default/spark-pi-ecs-first | default | executor | ecs-first | eci-only | "
        "`- preferred node affinity type NotIn [virtual-kubelet], weight 1`<br>"
        "`+ required node affinity type In [virtual-kubelet]` |",
        "",
        "1 of 1 would be placed differently.",
    ]
    policies[1].write_text("")
    assert run("diff", *policies, "-f", PLAIN, "-o", "markdown").out == "0 of 1 would be placed differently.\n"


@pytest.mark.parametrize(
    ("old", "new", "arguments", "sentence"),
    [
        ("selector: {}", "selector: {}", (), "nothing to read: name a file or folder with -f, or - for standard input"),
        ("selector: {}", "profiles: 1", ("-f", PLAIN), "NEW: profiles: found 1; accepted: a map"),
        (
            "{profiles: {a: {}}}",
            "{profiles: {b: {}}}",
            ("-f", PLAIN),
            'neither policy has a profile "default"; choose with --profile: a, b',
        ),
        (
            "",
            "",
            ("-f", PLAIN, "--profile", "a", "--all-profiles"),
            "--profile and --all-profiles exclude each other: leave out one",
        ),
    ],
)
def test_bad_input_is_a_sentence_and_code_2(
    old: str, new: str, arguments: tuple[str, ...], sentence: str, run: Run, policies: tuple[Path, Path]
) -> None:
    policies[0].write_text(old)
    policies[1].write_text(new)
    ran = run("diff", *policies, *arguments)
    assert (ran.code, ran.out, ran.err.replace(str(policies[1]), "NEW")) == (2, "", f"{sentence}\n")
