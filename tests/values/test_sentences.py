"""What is wrong with values is said in one sentence each, with the file and the place."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.conftest import run as run  # noqa: PLC0414, a fixture
from webhook.chart.defaults import values_schema
from webhook.chart.schema import WORDS
from webhook.core.modes import SchedulingMode
from webhook.core.policy import Policy

FIRST, SECOND = "values.yaml", "production.yaml"
MODES = ", ".join(SchedulingMode)
LABEL = "a DNS label: lowercase letters, digits and hyphens, with a letter or digit at both ends"


def refused(run: Run, folder: Path, *files: str) -> list[str]:
    """The sentences about files, without their folder."""
    options: list[str | Path] = []
    for name, text in zip((FIRST, SECOND), files, strict=False):
        (folder / name).write_bytes(text.encode())
        options += ["--values", folder / name]
    ran = run("validate", *options)
    assert (ran.code, ran.out) == (2, "")
    return ran.err.replace(f"{folder}/", "").splitlines()


@pytest.mark.parametrize(
    ("files", "sentences"),
    [
        # How a file is read.
        (["a: [1"], ["values.yaml: line 2, column 1: did not find expected ',' or ']'"]),
        (["- 1"], ["values.yaml: found [1]; accepted: a map of values"]),
        (["a: 1\na: 2"], ['values.yaml: line 2, column 1: duplicate key "a"']),
        (["1.5: x"], ["values.yaml: line 1, column 1: a key that is not a string: put it in quotes"]),
        (
            ["a: !!binary eA=="],
            [
                "values.yaml: line 1, column 4: found the tag !!binary; accepted: !!str, !!int, !!float, !!bool, !!null, !!seq, !!map"
            ],
        ),
        (["a: .inf"], ['values.yaml: line 1, column 4: found ".inf"; accepted: a number that JSON has']),
        (
            ["global: {x: &x {a: 1}, y: {a: 2, <<: *x}}"],
            ["values.yaml: line 1, column 34: << after a, which it has, too; accepted: << in front of the other keys"],
        ),
        (
            ["replicas: 2\n---\nreplicas: 3"],
            ["values.yaml: more than one YAML document; accepted: one, because Helm 3 reads only the first"],
        ),
        (
            ["a: [1", "- 1"],
            [
                "values.yaml: line 2, column 1: did not find expected ',' or ']'",
                "production.yaml: found [1]; accepted: a map of values",
            ],
        ),
        # The schema. Of several files the one that decides is named.
        (
            ["replicas: -1", "webhook: {timeoutSeconds: 30}"],
            [
                "production.yaml: webhook.timeoutSeconds: found 30; accepted: a whole number, at least 1, at most 10",
                "values.yaml: replicas: found -1; accepted: a whole number, at least 0",
            ],
        ),
        (
            ["replicas: 1", "replicas: two"],
            ['production.yaml: replicas: found "two"; accepted: a whole number, at least 0'],
        ),
        (
            ["policy: {apiVersion: spark-eci-webhook.io/v1}", "policy: {apiVersion: spark-eci-webhook.io/v2}"],
            [
                'production.yaml: policy.apiVersion: found "spark-eci-webhook.io/v2"; accepted: spark-eci-webhook.io/v1, '
                "the only format that this version of spark-eci-webhook reads"
            ],
        ),
        (
            ["host: a", "host: null"],
            ["production.yaml: host: found null; accepted: a value, or no such key"],
        ),
        (
            ["podDisruptionBudget: {maxUnavailable: 0}"],
            [
                "values.yaml: podDisruptionBudget.maxUnavailable: found 0; accepted: a whole number, at least 1, or "
                "a percentage from 1% to 100%"
            ],
        ),
        (
            ["resources: {requests: {cpu: []}, cpu: 1}"],
            [
                "values.yaml: resources.cpu: unknown key; accepted: requests, limits",
                "values.yaml: resources.requests.cpu: found []; accepted: a string or a number",
            ],
        ),
        (
            ["certificates: {certManager: {issuerRef: {kind: Issuer}, duration: 1}}"],
            [
                "values.yaml: certificates.certManager.issuerRef.name: required with kind, but missing",
                "values.yaml: certificates.certManager.duration: found 1; accepted: a duration such as 720h or 1h30m",
            ],
        ),
        (
            ["resourcePolicies: {namespaces: {Bad_Name: {}}}"],
            [f'values.yaml: resourcePolicies.namespaces: found "Bad_Name"; accepted: {LABEL}, at most 63 characters'],
        ),
        (
            ["overflow: {namespaces: [a, a]}"],
            ["values.yaml: overflow.namespaces: found an entry twice; accepted: each at most once"],
        ),
        (["imagePullSecrets: [{}]"], ["values.yaml: imagePullSecrets[0].name: required, but missing"]),
        (
            ["webhook: {defaultProfile: My_Profile}"],
            [
                'values.yaml: webhook.defaultProfile: found "My_Profile"; accepted: lowercase letters, digits and hyphens, '
                "or an empty string, at most 63 characters"
            ],
        ),
        (["policy: [1]"], ["values.yaml: policy: found [1]; accepted: a map"]),
        # The policy, in its own sentences.
        (
            ["policy: {profiles: {default: {executor: {mode: eci, weight: 0}}}, foo: 1}"],
            [
                f'values.yaml: policy.profiles.default.executor.mode: found "eci"; accepted: {MODES}',
                "values.yaml: policy.profiles.default.executor.weight: found 0; accepted: 1 or more",
                "values.yaml: policy.foo: unknown key; accepted: apiVersion, selector, virtualNode, overflow, profiles",
            ],
        ),
        (
            ["policy: {profiles: {Bad_Name: {}}}"],
            [f'values.yaml: policy.profiles: found "Bad_Name"; accepted: {LABEL}'],
        ),
        (
            [
                "policy: {profiles: {mine: {executor: {first: {count: 1, mode: ecs-only}}}}}",
                "policy: {profiles: {mine: {executor: {mix: [{percent: 100, mode: eci-only}]}}}}",
            ],
            [
                "values.yaml, production.yaml: policy.profiles.mine.executor: found first and mix; accepted: one of the two"
            ],
        ),
        (
            ["policy: {profiles: {mine: {executor: {mode: ecs-then-eci}}}}"],
            [
                "values.yaml: policy.profiles.mine.executor.mode: ecs-then-eci needs the overflow controller; accepted "
                "with overflow.enabled: true"
            ],
        ),
        (
            ["policy: {profiles: {mine: {driver: {annotations: {a/b: .5_x}, labels: {a/b: 0xffffffffffffffffffff}}}}}"],
            [
                'values.yaml: policy.profiles.mine.driver.labels.a/b: found "0xffffffffffffffffffff", which does not reach the service '
                "unchanged; accepted: other text"
            ],
        ),
        (
            ["policy: {selector: {anyOf: [spark], matchLabels: {a: b}}}"],
            ["values.yaml: policy.selector: found anyOf and matchLabels; accepted: one of the two"],
        ),
        (
            ["policy: {selector: {matchLabels: null}}"],
            ["values.yaml: policy.selector: found neither anyOf nor matchLabels; accepted: one of the two"],
        ),
        (
            [
                json.dumps({"policy": {"profiles": dict.fromkeys(Policy().profiles)}}),
            ],
            ["values.yaml: policy.profiles: found {}; accepted: at least one entry"],
        ),
        (
            ["%YAML 1.1\n---\nreplicas: 2"],
            ["values.yaml: found a directive, such as %YAML; accepted: none, because Helm 4 cannot read it"],
        ),
        (
            ["\ufeff# first\n\n%YAML 1.2\n---\nreplicas: 2"],
            ["values.yaml: found a directive, such as %YAML; accepted: none, because Helm 4 cannot read it"],
        ),
        # Other rules of the templates.
        (
            ["webhook: {defaultProfile: none}"],
            [
                'values.yaml: webhook.defaultProfile: found "none"; accepted: a profile, one of default, eci-first, eci-only, '
                "ecs-first, ecs-only, resource-policy"
            ],
        ),
        (
            ["extraObjects: [{apiVersion: v1, kind: A, metadata: {}}, 'metadata: {}', \"a: [1\"]"],
            [
                "values.yaml: extraObjects[1]: found an object without apiVersion, kind; accepted: objects with apiVersion, "
                "kind and metadata",
                "values.yaml: extraObjects[2]: is not YAML (line 2, column 1: did not find expected ',' or ']'); accepted: "
                "objects with apiVersion, kind and metadata",
            ],
        ),
        (
            ["image: {repository: 'r.io/hook:1'}", "{global: {imageRegistry: 'https://r.io'}, host: localhost}"],
            [
                'values.yaml: image.repository: found "r.io/hook:1"; accepted: a lowercase repository without https:// and without a '
                "tag",
                'production.yaml: host: found "localhost"; accepted: ::, 0.0.0.0',
                'production.yaml: global.imageRegistry: found "https://r.io"; accepted: a lowercase registry without '
                "https://, or an empty string",
            ],
        ),
        (
            ["commonAnnotations: {helm.sh/hook: pre-install}"],
            [
                'values.yaml: commonAnnotations."helm.sh/hook": is for hooks, and would be on every object; accepted: other '
                "annotations"
            ],
        ),
        (
            ["policy: {overflow: {}}"],
            ["values.yaml: policy.overflow: is set by overflow.enabled; accepted: no such key"],
        ),
        (
            ["webhook: {defaultProfile: ecs-then-eci}", "overflow: {enabled: true, namespaces: [etl]}"],
            [
                "production.yaml: overflow.namespaces: found with webhook.defaultProfile ecs-then-eci, whose pods wait in every "
                "namespace without the label; accepted: none, or a default profile without the mode ecs-then-eci"
            ],
        ),
        (
            ["settings: {clientCa: /ca.crt}", "postSync: {enabled: true}"],
            [
                "production.yaml: postSync.enabled: found true with settings.clientCa, whose certificates the Job does not "
                "have; accepted: false"
            ],
        ),
        (
            ["replicas: 0", "fullnameOverride: 1a"],
            [
                'production.yaml: fullnameOverride: found "1a"; accepted: lowercase letters, digits and hyphens, with a '
                "letter in front",
                "values.yaml: replicas: found 0; accepted: at least 1, or podDisruptionBudget.enabled: false",
            ],
        ),
        (
            ["terminationGracePeriodSeconds: 20"],
            [
                "values.yaml: terminationGracePeriodSeconds: found 20; accepted: more than 20, the sum of "
                "preStopSeconds, settings.drainSeconds and settings.stopSeconds"
            ],
        ),
        (
            ["podLabels: {spark-role: driver, sparkoperator.k8s.io/launched-by-spark-operator: 'true'}"],
            [
                "values.yaml: podLabels: found spark-role, so policy.selector selects the chart's own pods; accepted: no "
                "such label"
            ],
        ),
    ],
)
def test_each_fault_is_one_sentence(run: Run, tmp_path: Path, files: list[str], sentences: list[str]) -> None:
    assert refused(run, tmp_path, *files) == sentences


def test_of_many_faults_twenty_are_told(run: Run, tmp_path: Path) -> None:
    found = refused(run, tmp_path, "\n".join(f"unknown{number}: 1" for number in range(30)))
    assert [one.split(":")[1].strip() for one in found[:20]] == [f"unknown{number}" for number in range(20)]
    assert found[20:] == ["and 10 more faults"]


def test_files_are_bounded(run: Run, tmp_path: Path) -> None:
    assert refused(run, tmp_path, "#" * (4 * 1024**2 + 1)) == ["values.yaml: too large; accepted: at most 4 MiB"]
    (told,) = refused(run, tmp_path, "a: [" + "1," * 200_000 + "]")
    assert told.startswith("values.yaml: line 1, column 1: too many YAML nodes")
    (told,) = refused(run, tmp_path, "a: " + "[" * 200 + "]" * 200)
    assert told == "values.yaml: line 1, column 103: nested deeper than 100"


def test_no_text_of_a_file_reaches_the_terminal_as_it_is(run: Run, tmp_path: Path) -> None:
    found = refused(run, tmp_path, 'host: ["\\e[31m\\u202e"]\n"\\e[2Jx\\n": 1')
    assert found == [
        "values.yaml: ?[2Jx?: unknown key; accepted: " + ", ".join(values_schema()["properties"]),
        'values.yaml: host: found ["\\u001b[31m?"]; accepted: ::, 0.0.0.0',
    ]


def test_every_pattern_of_the_schema_has_its_words() -> None:
    def patterns(schema: object) -> set[str]:
        if isinstance(schema, list):
            return set().union(*map(patterns, schema))
        if not isinstance(schema, dict):
            return set()
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*map(patterns, schema.values()))

    assert patterns(values_schema()) <= WORDS.keys()
    # A $ elsewhere would have to stay as it is.
    assert [one for one in patterns(values_schema()) if "$" in one.replace("%$|", "").removesuffix("$")] == []
