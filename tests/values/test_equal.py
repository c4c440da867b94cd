"""The policy of values is the one that Helm deploys, and what Helm refuses is refused. Helm's own library is the judge."""

import json
from random import Random

import pytest
import yaml

from tests.chart.manifests import CHART
from tests.values.generator import value_files
from tests.values.helm import by_helm, by_us
from webhook.chart import merge
from webhook.chart.defaults import CHART_NAME, default_values
from webhook.chart.values_file import parse_values
from webhook.core.policy import Policy

#: How many random sets of values each test takes, of which there are PARTS.
EACH, PARTS = 80, 5


@pytest.mark.parametrize("part", range(PARTS))
def test_random_values_make_the_policy_that_helm_deploys_or_none(part: int) -> None:
    deployed = refused = 0
    for seed in range(part * EACH, (part + 1) * EACH):
        files = value_files(Random(seed))  # noqa: S311, the same values in each run
        theirs, ours = by_helm(*files), by_us(*files)
        if isinstance(theirs, str) or isinstance(ours, str):
            assert isinstance(theirs, str), (files, ours)
            assert isinstance(ours, str), (files, theirs)
            refused += 1
        else:
            assert ours == theirs, files
            assert ours[0].digest == theirs[0].digest
            assert json.dumps(ours[1]) == json.dumps(theirs[1]), "the order"
            deployed += 1
    assert min(deployed, refused) > EACH // 8


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([""], id="no values"),
        pytest.param(["", "---\n", "{}"], id="empty files"),
        pytest.param(["policy: {profiles: {mine: {executor: {mode: eci-only}}}}"], id="a profile"),
        pytest.param(["policy: {profiles: {default: null}}"], id="null removes a profile"),
        pytest.param(
            ["policy: {profiles: {default: null}}", "policy: {profiles: {default: {driver: {mode: eci-only}}}}"],
            id="a later file gives back what an earlier one removed",
        ),
        pytest.param(
            ["policy: {profiles: {mine: {driver: {weight: 2}}}}", "policy: {profiles: {mine: null}}"],
            id="a later file removes what an earlier one has",
        ),
        pytest.param(
            [
                "policy: {profiles: {mine: {driver: {weight: 2}}}}",
                "policy: {profiles: {mine: 1}}",
                "policy: {profiles: {mine: {executor: {weight: 3}}}}",
            ],
            id="a map replaces what is none, and takes nothing from before",
        ),
        pytest.param(["policy: {virtualNode: null}"], id="null removes the virtual node"),
        pytest.param(["policy: {virtualNode: {taints: null, label: {key: a}}}"], id="null inside"),
        pytest.param(["policy: {selector: {anyOf: [apache], matchLabels: null}}"], id="alternatives"),
        pytest.param(["overflow: {enabled: true}"], id="overflow"),
        pytest.param(
            ["{webhook: {defaultProfile: default}, overflow: {enabled: true, namespaces: [etl]}}"],
            id="overflow in some namespaces, and a default profile whose pods do not wait",
        ),
        pytest.param(
            [
                "{webhook: {defaultProfile: ecs-then-eci}, overflow: {enabled: true, namespaces: [etl]}}",
                "policy: {profiles: {ecs-then-eci: {driver: {mode: ecs-only}, executor: {mode: eci-only}}}}",
            ],
            id="overflow in some namespaces, and another profile with the name of the mode",
        ),
        pytest.param(
            ["{overflow: {enabled: true}, policy: {profiles: {ecs-then-eci: {executor: {after: 5m}}}}}"],
            id="a part of the profile that overflow adds",
        ),
        pytest.param(
            ["{overflow: {enabled: yes}, policy: {profiles: {ecs-then-eci: null}}}"], id="without that profile"
        ),
        pytest.param(["policy: {profiles: {mine: {executor: {weight: 1e1, rollout: 0x10}}}}"], id="numbers"),
        pytest.param(["a: &a {mode: eci-only}\nglobal: {x: *a}".replace("a: &a", "global: &a")], id="duplicate key"),
        pytest.param(
            ["policy: {profiles: {a: {executor: &x {mode: eci-only}}, b: {executor: {<<: *x, weight: 3}}}}"],
            id="a merge key",
        ),
    ],
)
def test_each_rule_is_helms(files: list[str]) -> None:
    theirs, ours = by_helm(*files), by_us(*files)
    if "duplicate" not in str(ours):
        assert ours == theirs
    else:
        assert str(ours) == '1.yaml: line 2, column 1: duplicate key "global"'


@pytest.mark.parametrize(
    "values",
    [
        pytest.param("policy: {selector: null}", id="a key that the schema requires"),
        pytest.param("policy: {profiles: {mine: {executor: null}}}", id="null without a default"),
        pytest.param("policy: {profiles: {default: {executor: {weight: null}}}}", id="null without a default, inside"),
        pytest.param("policy: {overflow: {}}", id="overflow in the policy"),
        pytest.param("policy: {profiles: {unknown-profile: {}}}", id="the reserved name"),
        pytest.param("policy: {profiles: {none: {}}}", id="the name for namespaces that opt out"),
        pytest.param("policy: {profiles: {none: null}}", id="that name without a profile"),
        pytest.param("webhook: {defaultProfile: mine}", id="an unknown default profile"),
        pytest.param("webhook: {defaultProfile: ecs-then-eci}", id="a default profile without its controller"),
        pytest.param(
            "{webhook: {defaultProfile: default}, policy: {profiles: {default: null}}}", id="a default that is removed"
        ),
        pytest.param("{webhook: {defaultProfile: default}, kubeVersion: v1.20.99}", id="no names of namespaces"),
        pytest.param("webhook: {defaultProfile: none}", id="the word that opts out as the default profile"),
        pytest.param("webhook: {defaultProfile: Default}", id="a default profile that is no name"),
        pytest.param(
            "{webhook: {defaultProfile: ecs-then-eci}, overflow: {enabled: true, namespaces: [etl]}}",
            id="a default profile whose pods are not seen",
        ),
        pytest.param(
            "{webhook: {defaultProfile: mine}, overflow: {enabled: true, namespaces: [etl]}, policy: {profiles: {mine:"
            " {executor: {mix: [{percent: 50, mode: ecs-only}, {percent: 50, mode: ecs-then-eci}]}}}}}",
            id="a default profile of which a share is not seen",
        ),
        pytest.param("webhook: {defaultProfile: 1}", id="a default profile that is no text"),
        pytest.param("policy: {selector: {matchLabels: null}}", id="no selector"),
        pytest.param("policy: {selector: {anyOf: [spark], matchLabels: {team: x}}}", id="two selectors"),
        pytest.param(
            "policy: {profiles: {%s}}" % ", ".join(f"p{n}: {{}}" for n in range(495)),  # noqa: UP031, braces
            id="too many profiles",
        ),
        pytest.param(
            "policy: {selector: {anyOf: [spark, apache, cluster, kubeflow, %s]}, profiles: {%s}}"  # noqa: UP031, braces
            % (
                ", ".join(f"{{matchLabels: {{l{n}: {'x' * 60}}}}}" for n in range(10)),
                ", ".join(f"p{n}: {{}}" for n in range(400)),
            ),
            id="too large a configuration",
        ),
        pytest.param("image: {repository: registry.example.com/hook}", id="the placeholder"),
        pytest.param("global: {imageRegistry: example.com}", id="the placeholder for all charts"),
        pytest.param("image: {repository: 'r.io/hook:1'}", id="a repository with a tag"),
        pytest.param("global: {imageRegistry: 'https://r.io'}", id="a registry with a scheme"),
        pytest.param("host: 127.0.0.1", id="an address without probes"),
        pytest.param("global: {imageRegistery: r.io}", id="an unknown key for all charts"),
        pytest.param("ports: {https: 8080}", id="one port twice"),
        pytest.param("{page: {enabled: true}, hostNetwork: true}", id="a page on the network of the node"),
        pytest.param("page: {enabled: true, port: 8443}", id="a page on the port for reviews"),
        pytest.param("page: {enabled: true, port: 8080}", id="a page on the port of the probes"),
        pytest.param("settings: {pagePort: 8081}", id="a page by the settings"),
        pytest.param("service: {ipFamilies: [IPv6, IPv4]}", id="two families without the policy"),
        pytest.param("serviceAccount: {create: false}", id="no account"),
        pytest.param("{overflow: {enabled: true, serviceAccount: {create: false}}}", id="no account for overflow"),
        pytest.param("podAnnotations: {checksum/policy: x}", id="an annotation of the chart's own"),
        pytest.param("extraEnv: [{name: ECI_WEBHOOK_PORT, value: '1'}]", id="a setting"),
        pytest.param("certificates: {controller: {extraEnv: [{name: A}, {name: A}]}}", id="a variable twice"),
        pytest.param("certificates: {controller: {extraEnv: [{name: ECI_CERTS_SERVICE}]}}", id="an option"),
        pytest.param("dnsPolicy: None", id="no name server"),
        pytest.param("extraVolumes: [{name: tls, emptyDir: {}}]", id="a volume of the chart's own"),
        pytest.param("extraVolumeMounts: [{name: a, mountPath: /etc/spark-eci-webhook/tls/}]", id="a mount of its own"),
        pytest.param("replicas: 0", id="no replica"),
        pytest.param("autoscaling: {enabled: true, minReplicas: 7}", id="more replicas than the most"),
        pytest.param("terminationGracePeriodSeconds: 20", id="too little time"),
        pytest.param("fullnameOverride: 1a", id="a name that no Service has"),
        pytest.param("fullnameOverride: 'a\n'", id="a line feed at the end"),
        pytest.param("commonLabels: {helm.sh/chart: x}", id="a label of the chart's own"),
        pytest.param("commonAnnotations: {helm.sh/hook-weight: '1'}", id="an annotation of hooks"),
        pytest.param("settings: {clientSubjects: [a]}", id="subjects without a CA"),
        pytest.param("settings: {clientSubjects: [' , ', ''], clientCa: /ca}", id="subjects without a name"),
        pytest.param("{postSync: {enabled: true}, settings: {clientCa: /ca}}", id="a Job without a certificate"),
        pytest.param("certificates: {source: provided}", id="no certificate"),
        pytest.param("certificates: {source: provided, provided: {secretName: a}}", id="no CA"),
        pytest.param("certificates: {source: provided, provided: {secretName: a, caBundle: AAAA}}", id="not a CA"),
        pytest.param(
            "podLabels: {spark-role: driver, sparkoperator.k8s.io/launched-by-spark-operator: 'true'}", id="pods"
        ),
        pytest.param('extraObjects: ["{apiVersion: v1, metadata: {}}"]', id="an object without kind"),
        pytest.param('extraObjects: ["{apiVersion: 1, kind: A, metadata: {}}"]', id="a version that is no text"),
        pytest.param(
            'extraObjects: ["{apiVersion: v1, kind: yes, metadata: {}}"]', id="a kind that is no text to Helm"
        ),
        pytest.param('extraObjects: ["{apiVersion: v1, kind: A}"]', id="an object without metadata"),
        pytest.param('extraObjects: ["{kind: A, apiVersion: v1, metadata: {}}\\n--- \\n{}"]', id="an empty object"),
        pytest.param('extraObjects: ["null"]', id="null as an object"),
        pytest.param('extraObjects: ["[a]"]', id="a list as an object"),
        pytest.param('extraObjects: ["{a"]', id="an object that is not YAML"),
        pytest.param("extraObjects: [{apiVersion: v1, kind: null, metadata: {}}]", id="a map without kind"),
        pytest.param("extraObjects: [{apiVersion: v1, kind: A, metadata: null}]", id="a map without metadata"),
        pytest.param("kubeVersion: 1.30.x", id="a version that is none"),
        pytest.param(
            "resourcePolicies: {namespaces: {a: {b: {selector: {}, strategy: prefer, units: [{resource: ecs}],"
            " ignorePreviousPod: false}}}}",
            id="a ResourcePolicy",
        ),
    ],
)
def test_what_the_chart_refuses_is_refused(values: str) -> None:
    theirs, ours = by_helm(values), by_us(values)
    assert isinstance(theirs, str)
    assert isinstance(ours, str)


@pytest.mark.parametrize(
    "values",
    [
        "kubeVersion: v1.30.2-aliyun.1",
        "certificates: {source: provided, provided: {secretName: a, caBundle: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t}}",
        "podLabels: {spark-role: driver}",
        "podLabels: {spark-role: ''}\ncommonLabels: {spark-role: operator}",
        "podDisruptionBudget: {enabled: false}\nreplicas: 0",
        "settings: {drainSeconds: 10.9, stopSeconds: 29.9}",
        "{webhook: {defaultProfile: eci-only}, kubeVersion: 1.21.0-alpha.1}",
        "{webhook: {defaultProfile: eci-only}, overflow: {namespaces: [etl]}}",
        "{postSync: {enabled: true}, settings: {clientCa: ''}}",
        "settings: {clientCa: /ca}",
        "page: {enabled: true}",
        "{page: {enabled: false, port: 8443}, hostNetwork: true}",
        "webhook: {defaultProfile: null}",
        "webhook: {defaultProfile: ''}",
        "commonAnnotations: {helm.sh/resource-policy: keep}",
        r'extraObjects: [" ", "# None.\n---\n\n  # None.", "{{ if false }}kind: A{{ end }}"]',
        r'extraObjects: ["{apiVersion: v1, kind: List, items: []}\r\n---\r\n{kind: A, apiVersion: b, metadata: {}}\n...\n"]',
        r'extraObjects: [{apiVersion: v1, kind: A, metadata: {}, data: {a: "x\n---\ny: {"}}]',
    ],
)
def test_what_is_nearly_refused_is_not(values: str) -> None:
    assert by_us(values) == by_helm(values) == by_us("")


def test_the_defaults_have_no_null_and_are_the_built_in_policy() -> None:
    def nulls(value: object) -> bool:
        return value is None or (isinstance(value, dict) and any(map(nulls, value.values())))

    assert not nulls(default_values())
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["name"] == CHART_NAME
    found = by_us("")
    assert not isinstance(found, str)
    assert found[0].digest == Policy().digest


def test_merging_changes_neither_the_files_nor_the_defaults() -> None:
    before = json.dumps(default_values())
    files = [parse_values(text.encode(), "x").values for text in ("a: {b: {c: 1}}", "a: {b: {d: 2}}\nreplicas: null")]
    assert merge.merged(files) == {"a": {"b": {"c": 1, "d": 2}}, "replicas": None}
    merge.with_defaults(merge.merged(files), default_values())
    assert (files[0], json.dumps(default_values())) == ({"a": {"b": {"c": 1}}}, before)
