"""templates/extra-objects.yaml: further objects of the user."""

from typing import Any

import pytest

from tests.chart.manifests import NAMESPACE, RELEASE, refusal, render

TEMPLATE = "extra-objects.yaml"
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}, "data": {"a": "1"}}


def test_maps_and_text_are_rendered_as_they_are_with_helms_templates() -> None:
    name = "{{ .Release.Name }}-more"
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: '%s', namespace: {{ .Release.Namespace }}}\n" % name  # noqa: UP031, braces
    assert render({"extraObjects": [OBJECT, OBJECT | {"metadata": {"name": name}}, text]}).template(TEMPLATE) == [
        OBJECT,
        OBJECT | {"metadata": {"name": f"{RELEASE}-more"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{RELEASE}-more", "namespace": NAMESPACE}},
    ]


def test_one_text_may_hold_several_objects() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\n"
    assert [one["metadata"]["name"] for one in render({"extraObjects": [text]}).template(TEMPLATE)] == ["a", "b"]


@pytest.mark.parametrize("left_out", ["apiVersion", "kind", "metadata"])
def test_a_map_that_is_no_object_is_refused(left_out: str) -> None:
    wrong: dict[str, Any] = {key: value for key, value in OBJECT.items() if key != left_out}
    assert f"at '/extraObjects/0': missing property '{left_out}'" in refusal({"extraObjects": [wrong]})
