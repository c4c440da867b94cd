"""values.yaml, values.schema.json and README.md agree, and wrong values are refused."""

import json
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from tests.chart import readme, selectors, values_schema
from tests.chart.manifests import CHART, refusal, render
from tests.chart.test_validity import EVERYTHING
from tests.pods import MODES
from webhook import __version__
from webhook.service.yaml_loader import documents


def _paths(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if "." not in key:
            yield f"{prefix}{key}", value
            if isinstance(value, dict):
                yield from _paths(value, f"{prefix}{key}.")


#: Every value of the chart and its default, including maps of other values.
DEFAULTS = dict(_paths(yaml.safe_load((CHART / "values.yaml").read_text())))
#: Values that may be removed although their default is not empty: the cluster and the service have their own defaults.
REMOVABLE = (
    "resources",
    "certificates.controller.resources",
    "overflow.resources",
    "page.resources",
    "podSecurityContext",
    "securityContext",
    "settings.logLevel",
    "monitoring.dashboard.labels",
    "policy.virtualNode",
    "policy.profiles.",
    "global",
)


def test_the_generated_parts_of_the_schema_are_current() -> None:
    text = values_schema.FILE.read_text()
    current = values_schema.text(values_schema.composed(json.loads(text)))
    assert text == current, "run python -m tests.chart.values_schema"


def test_the_schema_says_what_every_value_may_be() -> None:
    schema = json.loads(values_schema.FILE.read_text())
    assert _untyped(yaml.safe_load((CHART / "values.yaml").read_text()), schema, schema) == []


def test_the_alternatives_of_the_templates_are_those_of_the_code() -> None:
    assert selectors.FILE.read_text() == selectors.text(), "run make golden"


def test_every_value_has_its_comment_and_the_readme_its_row() -> None:
    assert readme.undocumented() == []
    text = readme.FILE.read_text()
    assert text == readme.composed(text), "run python -m tests.chart.readme"


def test_the_values_in_the_readme_are_accepted() -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", readme.FILE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) == 6
    for example in examples:
        assert render(yaml.safe_load(example)).objects


def test_the_chart_has_the_applications_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        ({"webhook": {"timeoutSeconds": 30}}, ["at '/webhook/timeoutSeconds': maximum: got 30, want 10"]),
        (
            {"webhook": {"defaultProfile": "My_Profile"}},
            ["at '/webhook/defaultProfile': 'My_Profile' does not match pattern '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$'"],
        ),
        ({"webhook": {"defaultProfile": "a" * 64}}, ["at '/webhook/defaultProfile': maxLength: got 64, want 63"]),
        ({"webhook": {"failurePolicy": "Sometimes"}}, ["at '/webhook/failurePolicy'", "'Ignore', 'Fail'"]),
        ({"replicas": -1}, ["at '/replicas': minimum: got -1, want 0"]),
        ({"monitoring": {"clusterLabel": "k8s-cluster"}}, ["at '/monitoring/clusterLabel'", "does not match pattern"]),
        (
            {"monitoring": {"prometheusRule": {"forgetAfter": "30m"}}},
            ["at '/monitoring/prometheusRule/forgetAfter'", "does not match pattern"],
        ),
        ({"replica": 1}, ["additional properties 'replica' not allowed"]),
        (
            {"policy": {"profiles": {"default": {"executor": {"mode": "eci-maybe"}}}}},
            ["at '/policy/profiles/default/executor/mode'", ", ".join(f"'{mode}'" for mode in MODES)],
        ),
        (
            {"policy": {"profiles": {"Bad_Name": {}}}},
            [
                "at '/policy/profiles': additional properties 'Bad_Name' not allowed",
                "'Bad_Name' does not match pattern",
            ],
        ),
        ({"policy": {"profiles": {"a" * 64: {}}}}, ["invalid propertyName", "maxLength: got 64, want 63"]),
        ({"policy": {"profile": {}}}, ["at '/policy': additional properties 'profile' not allowed"]),
        (
            {"policy": {"profiles": {"default": {"allowOverrides": True}}}},
            ["at '/policy/profiles/default': additional properties 'allowOverrides' not allowed"],
        ),
        (
            {"policy": {"profiles": {"default": {"executor": {"imageCache": {"autos": True}}}}}},
            ["at '/policy/profiles/default/executor/imageCache': additional properties 'autos' not allowed"],
        ),
        (
            {"policy": {"profiles": {"default": {"executor": {"imageCache": {"snapshots": [{"image": "a"}]}}}}}},
            ["at '/policy/profiles/default/executor/imageCache/snapshots/0': missing property 'id'"],
        ),
        (
            {"policy": {"virtualNode": {"taints": [{"key": "a", "effects": "NoSchedule"}]}}},
            ["at '/policy/virtualNode/taints/0': additional properties 'effects' not allowed"],
        ),
        (
            {"policy": {"virtualNode": {"label": {"kee": "a"}}}},
            ["at '/policy/virtualNode/label': additional properties 'kee' not allowed"],
        ),
        (
            {"policy": {"selector": {"matchLabel": {}}}},
            ["at '/policy/selector': additional properties 'matchLabel' not allowed"],
        ),
        ({"policy": {"selector": None}}, ["at '/policy': missing property 'selector'"]),
        ({"policy": {"profiles": None}}, ["at '/policy': missing property 'profiles'"]),
        ({"settings": {"logLevle": "info"}}, ["at '/settings': additional properties 'logLevle' not allowed"]),
        ({"settings": {"pagePort": 8081}}, ["at '/settings': additional properties 'pagePort' not allowed"]),
        ({"page": {"port": 0}}, ["at '/page/port': minimum: got 0, want 1"]),
        ({"settings": {"maxBodyBytes": 1}}, ["at '/settings/maxBodyBytes': minimum: got 1, want 1,024"]),
        ({"certificates": {"source": "magic"}}, ["at '/certificates/source'"]),
        ({"certificates": {"certManager": {"issuerRef": {"kind": "Issuer"}}}}, ["/issuerRef'", "'name'"]),
        ({"resourcePolicies": {"namespaces": {"Bad_Name": {}}}}, ["at '/resourcePolicies/namespaces'", "'Bad_Name'"]),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, ["at '/podDisruptionBudget/maxUnavailable'"]),
        ({"image": {"digest": "latest"}}, ["at '/image/digest'"]),
        (
            {"monitoring": {"prometheusRule": {"disabled": ["SparkEciWebhookDwn"]}}},
            ["at '/monitoring/prometheusRule/disabled/0'", "'SparkEciWebhookDown'"],
        ),
        ({"overflow": {"replicas": 0}}, ["at '/overflow/replicas': minimum: got 0, want 1"]),
        ({"overflow": {"namespaces": ["etl", "etl"]}}, ["at '/overflow/namespaces': items at 0 and 1 are equal"]),
        ({"overflow": {"namespaces": ["Etl"]}}, ["at '/overflow/namespaces/0': 'Etl' does not match pattern"]),
        ({"overflow": {"qps": 0}}, ["at '/overflow/qps': minimum: got 0, want 1"]),
        (
            {"policy": {"profiles": {"default": {"overflow": {"maxPerPod": 1}}}}},
            ["at '/policy/profiles/default/overflow': additional properties 'maxPerPod' not allowed"],
        ),
    ],
)
def test_a_wrong_value_stops_the_install_and_says_where(values: dict[str, Any], sentences: list[str]) -> None:
    found = refusal(values)
    assert [sentence for sentence in sentences if sentence not in found] == [], found


@pytest.mark.parametrize("path", DEFAULTS)
def test_a_key_left_empty_is_its_empty_default_or_left_out_or_refused_by_its_name(path: str) -> None:
    """In Helm `null` removes a key that has any default."""
    default = DEFAULTS[path]
    if path.startswith(REMOVABLE):
        assert not re.search("': None|'null'|<nil>", str(render(_with(path, None))))
    elif default in ({}, [], "", False):
        assert render(_with(path, None)) == render(_with(path, default))
    elif path == "policy.selector.matchLabels":
        # It may be removed if there is another selector.
        assert "policy.selector: neither anyOf nor matchLabels is set: set one of the two" in refusal(_with(path, None))
    else:
        outer, _, key = f".{path}".rpartition(".")
        where = outer.replace(".", "/")
        assert f"at '{where}': missing property '{key}'" in refusal(_with(path, None))


def test_a_chart_can_have_this_one_as_a_dependency(tmp_path: Path) -> None:
    """Helm passes `global` on with the keys of the other charts, and the condition."""
    (tmp_path / "charts").mkdir()
    shutil.copytree(CHART, tmp_path / "charts" / CHART.name)
    dependency = {"name": CHART.name, "version": __version__, "condition": f"{CHART.name}.enabled"}
    metadata = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(metadata))
    shared = {"imageRegistry": "registry.internal/mirror", "storageClass": "fast", "imagePullSecrets": ["pull"]}
    own = {"enabled": True, "imagePullSecrets": [{"name": "more"}, {"name": "pull"}]}
    with helm_python.Chart.load(tmp_path) as chart:
        texts = chart.render({"global": shared, CHART.name: own}, name="platform", namespace="platform")
    pods = [
        one["spec"]["template"]["spec"]
        for text in texts.values()
        for one in documents(text.encode())
        if one and one.get("kind") == "Deployment"
    ]
    assert len(pods) == 2
    for pod in pods:
        assert pod["containers"][0]["image"] == f"registry.internal/mirror/spark-eci-webhook:{__version__}"
        assert pod["imagePullSecrets"] == [{"name": "pull"}, {"name": "more"}]


def test_a_misspelt_value_for_all_deployments_is_refused() -> None:
    sentence = "global: unknown key imageRegistery: use imageRegistry, imagePullSecrets, nodeSelector, tolerations and priorityClassName"
    assert refusal({"global": {"imageRegistery": "registry.internal"}}).rstrip().endswith(sentence)


def _with(path: str, value: Any) -> dict[str, Any]:
    """Values that render every template, with `value` at `path`."""
    values = deepcopy(EVERYTHING)
    *outer, key = path.split(".")
    inside = values
    for name in outer:
        inside = inside.setdefault(name, {})
    inside[key] = value
    return values


def _untyped(values: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str = "") -> list[str]:
    """The values that the schema leaves open: unknown keys, and maps that accept any key."""
    found = []
    for key, value in values.items():
        where = f"{path}.{key}"
        part = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        if "$ref" in (part or {}):
            part = root["$defs"][part["$ref"].rsplit("/", 1)[1]]
        if not part or not part.keys() & {"type", "enum", "oneOf"}:
            found.append(where)
        elif where == ".global":
            # The templates refuse unknown keys there, if no umbrella chart may have them.
            found += _untyped(value, part, root, where)
        elif isinstance(value, dict) and part.get("properties"):
            if part.get("additionalProperties") is not False:
                found.append(where)
            found += _untyped(value, part, root, where)
    return found
