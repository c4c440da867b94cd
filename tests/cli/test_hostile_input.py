"""Any content of a file gives an explanation or a sentence, and never a traceback."""

import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cases import CASES
from tests.cli.conftest import ROOT, Run
from tests.pods import pods
from webhook.cli.explain import summary
from webhook.cli.explain.beside import print_both_orders
from webhook.cli.explain.documents import document as whole_document
from webhook.cli.explain.documents import json_text, print_patches
from webhook.cli.explain.text import print_diffs, print_text
from webhook.cli.inputs import Inputs, read_inputs
from webhook.cli.pod_text import yaml_text
from webhook.cli.policies import read_policy
from webhook.cli.profiles import explain_inputs, select
from webhook.explain.outcome import Fate

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
    {
        "apiVersion": "spark.apache.org/v1",
        "kind": "SparkApplication",
        "metadata": {"name": "of-apache"},
        "spec": {
            "runtimeVersions": {"sparkVersion": "4.2.0"},
            "sparkConf": {"spark.kubernetes.container.image": "{{SPARK_VERSION}}", "spark.master": "k8s://here"},
            "applicationTolerations": {"restartConfig": {"restartPolicy": "Always"}},
            "driverHttpRouteList": [{"serviceMetadata": {"name": "a"}, "httpRouteSpec": {"parentRefs": [{}]}}],
            "driverSpec": {"podTemplateSpec": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{}]}}},
            "executorSpec": {"podTemplateSpec": {"spec": {"initContainers": [{"securityContext": {}}]}}},
        },
        "status": {"currentAttemptSummary": {"attemptInfo": {"id": 1}}},
    },
    {
        "apiVersion": "spark.apache.org/v1beta1",
        "kind": "SparkCluster",
        "metadata": {"name": "of-apache"},
        "spec": {
            "runtimeVersions": {"sparkVersion": "4.2.0"},
            "clusterTolerations": {"instanceConfig": {"initWorkers": 2, "minWorkers": 1, "maxWorkers": 3}},
            "sparkConf": {"spark.kubernetes.scheduler.name": "yunikorn"},
            "masterSpec": {"statefulSetSpec": {"serviceName": "a", "selector": {"matchLabels": {"a": "b"}}}},
            "workerSpec": {
                "statefulSetSpec": {
                    "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
                    "template": {"spec": {"volumes": [{"name": "data"}], "containers": [{"name": "worker"}]}},
                }
            },
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


PRINTERS = (
    print_text,
    print_diffs,
    print_patches,
    print_both_orders,
    summary.print_text,
)
WHOLE = (whole_document, summary.document)


def explained(file: Path) -> tuple[str, ...]:
    """Explains `file` in every format, and returns the faults."""
    inputs: Inputs = read_inputs([str(file)], "default")
    found = explain_inputs(inputs, select(read_policy(Path(__file__).parent / "shares.yaml"), None, inputs.namespaces))
    for output in PRINTERS:
        output(found)
    for made in WHOLE:
        assert json_text(made(found))
        assert yaml_text(made(found))
    for one in found.workloads:
        for pod in one.pods:
            assert (pod.fate is Fate.NEVER_RUNS) is bool(one.workload.refusals_of(pod.pod))
    return found.faults


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=damaged(), as_yaml=st.booleans())
def test_a_spoilt_document_is_explained_or_refused(document: Any, as_yaml: bool, tmp_path: Path) -> None:  # noqa: FBT001
    file = tmp_path / "damaged"
    text = yaml.safe_dump(document) if as_yaml else json.dumps(document)
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    assert all(fault.startswith(str(file)) and fault.isprintable() for fault in explained(file))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pod=pods())
def test_every_pod_that_the_service_takes_is_explained(pod: Any, tmp_path: Path) -> None:
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(pod))
    assert explained(file) == ()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"a":' * 100_000, "line 1, column 501: nested deeper than 100"),
        ('{"a":' * 500 + "1" + "}" * 500, "line 1, column 501: nested deeper than 100"),
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
    ids=["deep", "deep, but whole", "surrogate", "lists", "aliases", "not UTF-8", "zeros"],
)
def test_hostile_text_is_refused(content: str | bytes, sentence: str | None, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hostile"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = run("explain", "-f", file)
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"{file}: ")
    assert sentence is None or line.endswith(sentence)


#: Moves the cursor, sets the window's title (with both forms of its beginning), starts a line, and turns text around.
EVIL = "\x1b[2J\x9b2J\x1b]0;x\x07\nfake: line\r\u202ex\u2028[/red]"


def evil_documents() -> list[Any]:
    """Documents with EVIL in every place of which a text might tell."""
    spec = {
        "image": EVIL,
        "mode": EVIL,
        "sparkVersion": EVIL,
        "sparkConf": {f"spark.{EVIL}": EVIL, "spark.executor.instances": EVIL},
        "batchScheduler": EVIL,
        "restartPolicy": {"type": EVIL},
        EVIL: EVIL,
        "nodeSelector": {EVIL: EVIL},
        "volumes": [{"name": f"spark-local-dir-{EVIL}", "hostPath": {"path": EVIL}}],
        "driver": {
            "annotations": {"spark-eci-webhook/mode": EVIL, EVIL: EVIL},
            "labels": {EVIL: EVIL, "spark-role": EVIL},
            "nodeSelector": {EVIL: EVIL},
            EVIL: EVIL,
        },
        "executor": {
            "tolerations": [{"key": EVIL, "operator": "Exists"}],
            "volumeMounts": [{"name": f"spark-local-dir-{EVIL}", "mountPath": EVIL}],
            "template": {"metadata": {"labels": {EVIL: EVIL}}, "spec": {}},
        },
    }
    metadata = {"name": EVIL, "namespace": f"a{EVIL}", "labels": {EVIL: EVIL}}
    operator, alpha = "sparkoperator.k8s.io/v1beta2", "sparkoperator.k8s.io/v1alpha1"
    pod = copy.deepcopy(CASES[0].pod)
    pod["metadata"] |= {"name": EVIL, "annotations": {"k8s.aliyun.com/eci-image-cache": EVIL, EVIL: EVIL}}
    mismatched = copy.deepcopy(pod)
    mismatched["metadata"]["labels"] = {"sparkoperator.k8s.io/launched-by-spark-operator": EVIL}
    review = json.loads((ROOT / "tests/reviews/spark-3.5.2-driver.json").read_bytes())
    review["request"] |= {"operation": EVIL, "name": EVIL, "namespace": EVIL}
    label = {"spark-eci-webhook/profile": EVIL}
    template = {"metadata": {"labels": {EVIL: EVIL}}, "spec": {"nodeSelector": {EVIL: EVIL}, "schedulerName": EVIL}}
    conf = {EVIL: "{{SPARK_VERSION}}", "spark.master": EVIL, "spark.app.id": EVIL, "spark.app.name": EVIL}
    conf |= {f"spark.kubernetes.driver.label.{EVIL}": EVIL, "spark.kubernetes.driver.pod.featureSteps": EVIL}
    sets = {"statefulSetSpec": {"template": template, "selector": {"matchLabels": {EVIL: EVIL}}, "serviceName": EVIL}}
    apache = {
        "SparkApplication": {
            "runtimeVersions": {"sparkVersion": EVIL},
            "deploymentMode": EVIL,
            "sparkConf": conf,
            "driverSpec": {"podTemplateSpec": template},
            EVIL: EVIL,
        },
        "SparkCluster": {
            "runtimeVersions": {"sparkVersion": EVIL},
            "sparkConf": conf,
            "masterSpec": sets,
            "workerSpec": sets,
        },
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"a{EVIL}", "labels": label}},
        {"apiVersion": operator, "kind": "SparkApplication", "metadata": metadata, "spec": spec},
        {"apiVersion": operator, "kind": "SparkApplication", "metadata": metadata | {"namespace": "b"}, "spec": spec},
        {
            "apiVersion": operator,
            "kind": "ScheduledSparkApplication",
            "metadata": metadata,
            "spec": {"schedule": EVIL, "template": spec},
        },
        {
            "apiVersion": alpha,
            "kind": "SparkConnect",
            "metadata": metadata,
            "spec": {"server": {}, "executor": {}, "sparkVersion": EVIL},
        },
        *({"apiVersion": f"spark.apache.org/{EVIL}", "kind": kind, "metadata": metadata} for kind in apache),
        *(
            {"apiVersion": "spark.apache.org/v1", "kind": kind, "metadata": metadata, "spec": apache[kind]}
            for kind in apache
        ),
        {"apiVersion": "v1", "kind": "Pod", **pod},
        {"apiVersion": "v1", "kind": "Pod", **mismatched},
        review,
        {"apiVersion": operator, "kind": EVIL, "metadata": metadata},
        {"apiVersion": EVIL, "kind": EVIL, "metadata": metadata},
        {"apiVersion": operator, "kind": "SparkApplication", "metadata": {"name": EVIL, "labels": {EVIL: 1}}},
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain",),
        *(("explain", "-o", output) for output in ("diff", "json", "yaml")),
        ("explain", "--summary"),
        ("explain", "--summary", "-o", "json"),
        ("explain", "--summary", "-o", "yaml"),
        ("explain", "--beside", "spark-operator"),
        *(("adopt", "--strict", "-o", output) for output in ("text", "markdown", "json")),
        ("explain", "--profile", EVIL),
        ("explain", "--output", EVIL),
        ("explain", "--operator-version", EVIL),
        ("explain", "--spark-version", EVIL),
        *(
            ("diff", "tests/cli/built-in.yaml", "tests/cli/shares.yaml", "-o", one)
            for one in ("text", "markdown", "json")
        ),
        ("diff", "tests/cli/built-in.yaml", f"nowhere{EVIL}"),
    ],
    ids=lambda arguments: " ".join(arguments).replace(EVIL, "EVIL"),
)
def test_no_text_of_a_file_controls_the_terminal(arguments: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    folder = tmp_path / EVIL.replace("/", "")
    folder.mkdir()
    for number, document in enumerate(evil_documents()):
        (folder / f"{number}{EVIL.replace('/', '')}.json").write_text(json.dumps(document))
    (folder / f"broken{EVIL.replace('/', '')}.yaml").write_text(f'a: ["{EVIL}')
    (folder / f"tagged{EVIL.replace('/', '')}.yaml").write_text('apiVersion: v1\n"\\e[2J": 1\n"\\e[2J": 1\n')
    ran = run(*arguments, "-f", folder, "-f", f"nowhere{EVIL}")
    assert ran.code == 2
    for text in (ran.out, ran.err):
        assert [line for line in text.split("\n") if not line.isprintable()] == []
    assert "fake: line" not in (ran.out + ran.err).splitlines()
    if "json" in arguments:
        json.loads(ran.out)


def test_names_that_are_not_unicode_are_shown(run: Run, tmp_path: Path) -> None:
    file = os.fsencode(tmp_path) + b"/\xff.yaml"
    Path(os.fsdecode(file)).write_bytes((ROOT / "examples/ecs-first/before.yaml").read_bytes())
    Path(os.fsdecode(file.replace(b"\xff", b"\xfe"))).write_bytes(b"a: [1")
    for output in ("text", "json", "yaml"):
        ran = run("explain", "-f", tmp_path, "-o", output)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert ran.err.startswith(f"{tmp_path}/?.yaml: line 2")
        assert f"{tmp_path}/?.yaml" in ran.out


def test_folders_that_nest_too_deep_are_named(run: Run, tmp_path: Path) -> None:
    """Their paths are longer than the system accepts, and there are more of them than Python's stack holds."""
    (tmp_path / "a.yaml").write_bytes((ROOT / "examples/ecs-first/before.yaml").read_bytes())
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(2500):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
    finally:
        os.close(here)
    ran = run("explain", "-f", tmp_path)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.endswith("/d: cannot be read: File name too long\n")
    assert ran.out.endswith("1 application, 2 pods: 2 placed\n")
    # rmtree recurses, too.
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"apiVersion: v1\nkind: Pod\nmetadata: {name: \xff}\n", "not YAML: "),
        (b"\x00" * 100, "not YAML: "),
        (b"[" * 100_000, "nested deeper than 100"),
        (b"a: &a [*a]\napiVersion: v1\n", "found an alias inside its own anchor"),
    ],
    ids=["not UTF-8", "zeros", "deep", "alias"],
)
def test_hostile_text_in_a_folder_hides_no_application(content: bytes, fault: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    (tmp_path / "b.yaml").write_bytes((ROOT / "examples/ecs-first/before.yaml").read_bytes())
    ran = run("explain", "-f", tmp_path)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith(f"{tmp_path}/a.yaml: ")
    assert fault in ran.err
    assert ran.out.endswith("1 application, 2 pods: 2 placed\n")


def test_a_huge_file_in_a_folder_is_named(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "a.yaml").open("wb") as file:
        file.truncate(2**40)
    (tmp_path / "b.yaml").write_bytes((ROOT / "examples/ecs-first/before.yaml").read_bytes())
    ran = run("explain", "-f", tmp_path)
    assert (ran.code, ran.err) == (2, f"{tmp_path}/a.yaml: too large; accepted: at most 64 MiB\n")
    assert ran.out.endswith("1 application, 2 pods: 2 placed\n")
