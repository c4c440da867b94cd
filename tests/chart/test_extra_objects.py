"""templates/extra-objects.yaml: further objects of the user."""

import json
from typing import Any

import pytest

from tests.chart.manifests import NAMESPACE, RELEASE, refusal, render

TEMPLATE = "extra-objects.yaml"
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}, "data": {"a": "1"}}


def test_maps_are_rendered_as_they_are_and_text_with_helms_templates() -> None:
    name = "{{ .Release.Name }}-more"
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: '%s', namespace: {{ .Release.Namespace }}}\n" % name  # noqa: UP031, braces
    alert = OBJECT | {"data": {"summary": "Pods of {{ $labels.namespace }} wait"}}
    assert render({"extraObjects": [OBJECT, alert, text]}).template(TEMPLATE) == [
        OBJECT,
        alert,
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{RELEASE}-more", "namespace": NAMESPACE}},
    ]


def test_one_text_may_hold_several_objects() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\n"
    assert [one["metadata"]["name"] for one in render({"extraObjects": [text]}).template(TEMPLATE)] == ["a", "b"]


@pytest.mark.parametrize("left_out", ["apiVersion", "kind", "metadata"])
def test_a_map_that_is_no_object_is_refused(left_out: str) -> None:
    wrong: dict[str, Any] = {key: value for key, value in OBJECT.items() if key != left_out}
    assert f"at '/extraObjects/0': missing property '{left_out}'" in refusal({"extraObjects": [wrong]})


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            "apiVersion: v1\nmetadata: {name: a}\n",
            "extraObjects[1] has an object without kind: write objects with apiVersion, kind and metadata",
        ),
        (
            "kind: Secret\nmetadata: {name: a}\n",
            "extraObjects[1] has an object without apiVersion: write objects with apiVersion, kind and metadata",
        ),
        (
            "apiVersion: v1\nkind: '{{ .Values.nameOverride }}'\n",
            "extraObjects[1] has an object without kind, metadata: write objects with apiVersion, kind and metadata",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\nkind: Secret\nmetadata: {name: b}\n",
            "extraObjects[1] has an object without apiVersion: write objects with apiVersion, kind and metadata",
        ),
        (
            "a text",
            "extraObjects[1] has an object without apiVersion, kind, metadata: write objects with apiVersion, kind and "
            "metadata",
        ),
        (
            "data: [1",
            "extraObjects[1] is not YAML (line 1: did not find expected ',' or ']'): write objects with apiVersion, kind "
            "and metadata",
        ),
        (
            OBJECT | {"kind": None},
            "extraObjects[1] has an object without kind: write objects with apiVersion, kind and metadata",
        ),
    ],
)
def test_an_entry_that_renders_to_no_object_is_refused(entry: Any, sentence: str) -> None:
    # In front is where the template fails.
    assert refusal({"extraObjects": [OBJECT, entry]}).rstrip().partition("): ")[2] == sentence


def test_an_entry_may_render_to_nothing_or_to_a_list() -> None:
    text = "{{ if .Values.overflow.enabled }}\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n{{ end }}\n"
    objects = {"apiVersion": "v1", "kind": "List", "items": [OBJECT]}
    values = {"extraObjects": [text, " ", "# None.\n---\n", json.dumps(objects)]}
    assert render(values).template(TEMPLATE) == [objects]
    (conditional, _) = render(values | {"overflow": {"enabled": True}}).template(TEMPLATE)
    assert conditional == {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
