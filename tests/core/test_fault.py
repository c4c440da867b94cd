"""A clause about a value of a map names its key."""

from typing import Any

import msgspec
import pytest

from webhook.core.fault import clause, with_keys
from webhook.spark.manifest import Application


@pytest.mark.parametrize(
    ("metadata", "spec", "wanted"),
    [
        ({}, {"sparkConf": {"a": "1", "spark.executor.instances": 2}}, 'spec.sparkConf["spark.executor.instances"]'),
        ({"labels": {"team": 1}}, {}, 'metadata.labels["team"]'),
        ({"annotations": {"a": "b", "c": []}}, {}, 'metadata.annotations["c"]'),
        ({}, {"nodeSelector": {"pool": {}}}, 'spec.nodeSelector["pool"]'),
        (
            {},
            {"driver": {"template": {"metadata": {"labels": {"[...]": "x", 'say "a"\n\x9b': True}}}}},
            'spec.driver.template: metadata.labels["say \\"a\\"\\n?"]',
        ),
        ({}, {"sparkConf": {"k" * 200: None}}, f'spec.sparkConf["{"k" * 98}…]'),
    ],
)
def test_the_key_of_the_value_at_fault_is_named(metadata: Any, spec: Any, wanted: str) -> None:
    document = {"metadata": {"name": "pi"} | metadata, "spec": {"driver": {}, "executor": {}} | spec}
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(document, Application)
    place, expected, fault = with_keys(clause(caught.value, "the document"), document).partition(": expected str")
    assert (place, expected) == (wanted, ": expected str")
    assert fault.startswith((", got ", " | null, got "))


@pytest.mark.parametrize(
    ("fault", "document", "wanted"),
    [
        ("a[...][1][...].b: expected str, got int", {"a": {"x": [], "y": [0, {"z": {"b": 1}}]}}, 'a["y"][1]["z"].b'),
        ("a[...]: expected str, got int", {"a": {"x": ""}}, "a[...]"),
        ("a[...]: expected str, got int", {"a": []}, "a[...]"),
        ("a[3]: expected str, got int", {"a": []}, "a[3]"),
        ("a[...]: required, but missing", {"a": {"x": 1}}, "a[...]"),
        ("JSON is malformed", None, "JSON is malformed"),
    ],
)
def test_a_clause_that_no_value_fits_stays(fault: str, document: Any, wanted: str) -> None:
    assert with_keys(fault, document).partition(": ")[0] == wanted
