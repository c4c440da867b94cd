"""What counts as the same pods, and what does not."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.adopt.marked_texts import POLICY, TOLERATION, application, marked, place_by, without_profile
from webhook.adopt.equivalence import equivalent, essence
from webhook.explain.explanation import WorkloadExplanation
from webhook.service.yaml_loader import documents

CONTENT, _ = marked(
    application(f"""\
 |  driver: {{}}
 |  executor:
 |    cores: 1
 |    labels: {{team: data}}
 |    annotations: {{example.org/a: b}}
 |    tolerations:
 |      - {{{TOLERATION}}}
 |      - {{key: dedicated, operator: Exists}}
 |      - {{{TOLERATION}}}
""")
)
(DOCUMENT,) = documents(CONTENT)
place = place_by(POLICY)


def changed(change: Callable[[dict[str, Any]], object]) -> Sequence[WorkloadExplanation]:
    """The explanation of the application with a change to its spec."""
    document = copy.deepcopy(DOCUMENT)
    change(document["spec"])
    return place(document)


ALIKE: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda _: None,
    "the-order-of-tolerations": lambda spec: spec["executor"]["tolerations"].reverse(),
    "a-repeated-toleration": lambda spec: spec["executor"]["tolerations"].pop(),
    "tolerations-that-are-added-again": lambda spec: spec["executor"].update(
        tolerations=[{"key": "dedicated", "operator": "Exists"}]
    ),
    "a-label-that-is-added-again": lambda spec: spec["executor"].pop("labels"),
    "empty-maps": lambda spec: spec["driver"].update(labels={}, annotations={}, tolerations=[]),
    # It takes the term that the webhook adds, as an absent one does.
    "an-empty-list-of-terms": lambda spec: spec["executor"].update(
        affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    ),
    "a-record": lambda spec: spec["driver"].update(annotations={"spark-eci-webhook/placement": "mode=none"}),
}
UNLIKE: dict[str, Callable[[dict[str, Any]], object]] = {
    "an-annotation": lambda spec: spec["executor"].pop("annotations"),
    "a-toleration": lambda spec: spec["executor"]["tolerations"].pop(1),
    "a-toleration-that-means-the-same": lambda spec: spec["executor"]["tolerations"].append(
        {"key": "virtual-kubelet.io/provider", "operator": "Exists"}
    ),
    "a-label": lambda spec: spec["executor"].update(labels={"team": "other"}),
    "a-mode": lambda spec: spec["executor"].update(
        annotations={"example.org/a": "b", "spark-eci-webhook/mode": "eci-first"}
    ),
    "the-number-of-executors": lambda spec: spec["executor"].update(instances=7),
    "a-refusal": lambda spec: spec["executor"].update(instances=0),
    "no-driver": lambda spec: spec.update(mode="client"),
}


@pytest.mark.parametrize("name", ALIKE)
def test_these_changes_lead_to_the_same_pods(name: str) -> None:
    assert equivalent(place(DOCUMENT), changed(ALIKE[name]))


@pytest.mark.parametrize("name", UNLIKE)
def test_these_changes_do_not(name: str) -> None:
    assert not equivalent(place(DOCUMENT), changed(UNLIKE[name]))
    assert not equivalent(changed(UNLIKE[name]), place(DOCUMENT))


def test_warnings_may_disappear_but_not_appear() -> None:
    def hinder(spec: dict[str, Any]) -> None:
        spec["driver"]["annotations"] = {"spark-eci-webhook/mode": "sideways"}

    warned = changed(hinder)
    (one,) = warned
    assert [pod.outcome.warnings != () for pod in one.pods] == [True, False]
    quiet = [replace(pod, outcome=replace(pod.outcome, warnings=())) for pod in one.pods]
    assert equivalent(warned, [replace(one, pods=tuple(quiet))])
    assert not equivalent([replace(one, pods=tuple(quiet))], warned)


def test_workloads_are_compared_one_by_one() -> None:
    one = place(DOCUMENT)
    assert equivalent([], [])
    assert not equivalent(one, [])
    assert not equivalent(one, [*one, *one])
    assert not equivalent(one, [replace(one[0], workload=replace(one[0].workload, name="other"))])
    assert not equivalent(one, place_by(POLICY, "observing")(DOCUMENT))
    assert not equivalent(one, without_profile(DOCUMENT))
    assert equivalent(without_profile(DOCUMENT), without_profile(DOCUMENT))


def test_the_essence_of_a_pod_leaves_out_only_what_does_not_matter() -> None:
    pod = {
        "metadata": {"name": "a", "annotations": {"spark-eci-webhook/placement": "x"}, "labels": {}},
        "spec": {"tolerations": [{"key": "b", "operator": "Exists"}, {"operator": "Exists", "key": "b"}, {}], "a": []},
    }
    before = copy.deepcopy(pod)
    assert essence(pod) == {
        "metadata": {"name": "a"},
        "spec": {"tolerations": ['{"key": "b", "operator": "Exists"}', "{}"], "a": []},
    }
    assert pod == before
    assert essence({"metadata": {"annotations": None}, "spec": {"tolerations": []}}) == {"metadata": {}, "spec": {}}
