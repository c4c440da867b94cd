"""Any content of a file gives an explanation or a sentence, and never a traceback."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cases import CASES
from tests.cli.conftest import ROOT, Run
from tests.pods import pods
from webhook.cli.explain.beside import both_orders
from webhook.cli.explain.documents import print_json, print_patches, print_yaml
from webhook.cli.explain.text import print_diffs, print_text
from webhook.cli.inputs import Inputs, read_inputs
from webhook.cli.profiles import explain_inputs, select
from webhook.cli.terminal import InputError
from webhook.core.profile import CompiledProfile

DOCUMENTS: list[Any] = [
    *yaml.safe_load_all((ROOT / "tests/cli/apps/scratch-disk.yaml").read_text()),
    *yaml.safe_load_all((ROOT / "tests/cli/apps/own-affinity.yaml").read_text()),
    *yaml.safe_load_all((ROOT / "tests/cli/apps/connect.yaml").read_text()),
    {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "ScheduledSparkApplication",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "@daily", "template": {"driver": {"template": {"spec": {}}}, "executor": {}}},
    },
    {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": "by-conf"},
        "spec": {
            "sparkConf": {
                "spark.kubernetes.executor.volumes.hostPath.data.options.path": "/mnt",
                "spark.kubernetes.executor.volumes.emptyDir.odd.options": "x",
                "spark.executor.instances": "3",
            },
            "volumes": [{"name": "spark-local-dir-1", "emptyDir": {"sizeLimit": "1Gi"}}],
            "driver": {},
            "executor": {"volumeMounts": [{"name": "spark-local-dir-1", "mountPath": "/mnt"}]},
        },
    },
    json.loads((ROOT / "tests/reviews/spark-3.5.2-driver.json").read_bytes()),
    CASES[0].pod,
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside `value`."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [here, *(place for key, inner in items for place in places(inner, (*here, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A document in which one or two values were replaced by arbitrary ones, or removed."""
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(places(document)))
        if not place:
            return draw(VALUES)
        parent = document
        for key in place[:-1]:
            parent = parent[key]
        if draw(st.booleans()):
            parent[place[-1]] = draw(VALUES)
        else:
            del parent[place[-1]]
    return document


def explained(file: Path) -> None:
    inputs: Inputs = read_inputs([str(file)], "default")
    selection = select(Path(__file__).parent / "shares.yaml", None, inputs.namespaces)
    found = explain_inputs(inputs, selection)
    for output in (print_text, print_diffs, print_yaml, print_json, print_patches):
        output(found)
    for one in found.workloads:
        profile = selection.of(one.workload.namespace)
        if isinstance(profile, CompiledProfile):
            for pod in one.pods:
                both_orders(one.workload, pod, profile)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=damaged(), as_yaml=st.booleans())
def test_a_spoilt_document_is_explained_or_refused(document: Any, as_yaml: bool, tmp_path: Path) -> None:  # noqa: FBT001
    file = tmp_path / "damaged"
    text = yaml.safe_dump(document) if as_yaml else json.dumps(document)
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    refused: tuple[str, ...] = ()
    try:
        explained(file)
    except InputError as error:
        refused = error.sentences
    assert all(sentence.startswith(str(file)) and "\n" not in sentence for sentence in refused)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pod=pods())
def test_every_pod_that_the_service_takes_is_explained(pod: Any, tmp_path: Path) -> None:
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(pod))
    explained(file)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"a":' * 100_000, "line 1, column 501: nested deeper than 100"),
        ('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"\\ud800"},"spec":{}}', None),
        ('{"apiVersion":"v1","kind":"List","items":[' * 400 + "]}" * 400, None),
        (
            "a: &a [x, x, x, x, x, x, x, x]\n"
            + "".join(f"{c}: &{c} [{', '.join([f'*{p}'] * 8)}]\n" for p, c in zip("abcdefg", "bcdefgh", strict=True)),
            None,
        ),
        (b"\xff\xfe\x00\x00", None),
        (b"\x00" * 100, None),
    ],
    ids=["deep", "surrogate", "lists", "aliases", "not UTF-8", "zeros"],
)
def test_hostile_text_is_refused(content: str | bytes, sentence: str | None, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hostile"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = run("explain", "-f", file)
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"{file}: ")
    assert sentence is None or line.endswith(sentence)
