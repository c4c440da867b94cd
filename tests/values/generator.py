"""Random files of values: most of them sound, with nulls, other types, unknown keys and text without quotes among them."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

MODES = ("ecs-only", "eci-only", "ecs-first", "ecs-then-eci", "eci-first", "resource-policy")
EITHER = (True, False)
ECI = "k8s.aliyun.com/eci-"


class Plain(str):
    """Text that stands in the file without quotes."""

    __slots__ = ()


#: What is seldom right.
ODD = (
    *(None, 0, -1, 1.5, 10**7, 10**25, "", "a", "=", "1.", ".5_0", "0x" + "f" * 20, True, [], {}, [None], {"a": None}),
    *(Plain(text) for text in ("y", "on", "No", "~", "1e1", "0o17", "017", "08", "1_0", "12:30", "2020-01-01", "0b11")),
)
LABELS = ("team", "spark-role", "sparkoperator.k8s.io/launched-by-spark-operator", "app.kubernetes.io/name", "b d")
ANNOTATIONS = {
    "a/b": ("x", "two\nlines", "<<", "1:30", "~", "no", "0b_", "é\u2028", "=", "- a", "x: y", " ", "#", "1e3", "null"),
    f"{ECI}spot-strategy": ("SpotAsPriceGo", "SpotWithPriceLimit", "Cheap"),
    f"{ECI}spot-price-limit": ("0.5", "cheap"),
    f"{ECI}use-specs": ("2-4Gi,ecs.c6.xlarge", "2-4"),
    f"{ECI}image-cache": ("true",),
    "spark-eci-webhook/mode": ("eci-only",),
}


def value_files(random: Random) -> list[str]:
    """The text of one to three files."""
    odd = random.choice((0.0, 0.0, 0.01, 0.1))
    return [text(_Values(random, odd).values()) for _ in range(random.choice((1, 1, 1, 2, 2, 3)))]


def text(value: Any) -> str:
    """`value` as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(key)}: {text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(text, value)) + "]"
    return str(value) if isinstance(value, Plain) else json.dumps(value)


class _Values:
    """Makes values, of which a part `odd` is seldom right."""

    def __init__(self, random: Random, odd: float) -> None:
        self._random, self._odd = random, odd

    def values(self) -> dict[str, Any]:
        """A whole file."""
        found = self._some(
            0.15 if self._odd else 0.04,
            overflow=self._overflow,
            replicas=self._of(0, 1, 3),
            kubeVersion=self._of("1.20", "1.30", "v1.28.3", ""),
            fullnameOverride=self._of("mine", "", "1st"),
            nameOverride=self._of("mine", ""),
            webhook=lambda: self._some(0.6, defaultProfile=self._of("", "default", "mine", "ecs-then-eci")),
            podLabels=self._labels,
            commonLabels=self._labels,
            settings=lambda: self._some(
                0.3,
                logLevel=self._of("debug", "info"),
                drainSeconds=self._of(1, 2.5, 50),
                clientSubjects=self._of(["a"]),
                clientCa=self._of("/ca", ""),
            ),
            postSync=lambda: {"enabled": self._random.choice(EITHER)},
            terminationGracePeriodSeconds=self._of(45, 10, 100),
            podDisruptionBudget=lambda: self._some(0.5, enabled=self._of(*EITHER), maxUnavailable=self._of(1, "50%")),
            autoscaling=lambda: self._some(0.5, enabled=self._of(*EITHER), minReplicas=self._of(1, 9)),
            resources=self._of({"limits": {"cpu": 1, "memory": "1Gi"}}, None),
            unknown=self._of(1),
            image=lambda: self._some(0.5, repository=self._of("a/b", "registry.example.com/b", "localhost/c")),
            ports=lambda: self._some(0.5, https=self._of(443, 8080), operations=self._of(8080, 9)),
            service=lambda: self._some(0.5, ipFamilies=self._families, ipFamilyPolicy=self._of("", "PreferDualStack")),
            dnsPolicy=self._of("", "Default", "None"),
            dnsConfig=self._of({}, {"nameservers": ["10.0.0.10"]}),
            namespaceOverride=self._of("", "elsewhere"),
            commonAnnotations=self._of({"a": "b"}, {"helm.sh/hook": "test"} if self._odd else {}),
            hostNetwork=self._of(*EITHER),
            page=lambda: self._some(0.5, enabled=self._of(*EITHER), port=self._of(8081, 8080)),
            updateStrategy=self._of({}, {"type": "Recreate"}),
            rbac=lambda: {"create": self._random.choice(EITHER)},
            extraObjects=self._of(
                [],
                [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}}],
                ["kind: A\napiVersion: b\nmetadata: {}\n---\n# None.\n" + ("---\nkind: C\n" if self._odd else "")],
            ),
            serviceAccount=self._account,
            certificates=lambda: {"controller": self._some(0.5, serviceAccount=self._account, **self._container())},
            podAnnotations=self._of({"a": "b"}, {"checksum/policy": "x"} if self._odd else {}),
            **{"global": lambda: self._some(0.5, imageRegistry=self._of("", "r.io/x", "example.com/"))},
            **self._container(),
        )
        if not self._odd:
            found.pop("unknown", None)
        if self._random.random() < 0.5:
            found["overflow"] = {"enabled": self._random.choice((True, True, False, Plain("yes"), Plain("on")))}
            found["overflow"] |= self._some(0.2, namespaces=self._of(["etl"], []))
        if self._random.random() < 0.9:
            found["policy"] = self._either(self._policy)
        return found

    def _policy(self) -> Any:
        profiles = {"profiles": self._odd_or(self._profiles())} if self._random.random() < 0.85 else {}
        return profiles | self._some(
            0.3,
            selector=self._selector,
            virtualNode=self._virtual_node,
            **({"overflow": self._of({}, None)} if self._random.random() < self._odd else {}),
        )

    def _selector(self) -> Any:
        alternatives = ["kubeflow", "apache", "spark", "cluster", {"matchLabels": {"team": "etl"}}]
        listed = self._random.sample(alternatives, self._random.randrange(4))
        listed += listed[:1] if self._random.random() < self._odd else []
        return self._some(0.5, anyOf=lambda: listed, matchLabels=lambda: self._either(self._match_labels))

    def _match_labels(self) -> Any:
        return {
            key: self._random.choice(("true", "data", None if key == LABELS[2] or self._odd else "x"))
            for key in self._random.sample(LABELS[:4], 2)
        }

    def _virtual_node(self) -> Any:
        taint: Callable[[], Any] = lambda: self._some(  # noqa: E731
            0.8 if self._odd else 1,
            key=self._of("a/b", "c", "d/e"),
            value=self._of("x", ""),
            effect=self._of("NoSchedule", "NoExecute"),
        )
        return self._some(
            0.4,
            label=lambda: self._some(0.6, key=self._of("type", "a/b"), value=self._of("x")),
            taints=lambda: [self._either(taint) for _ in range(self._random.randrange(1, 3))],
            unsupported=self._of(
                [], ["hostPath"], ["privileged", "hostNetwork"], ["hostPath", "hostPath"] if self._odd else None
            ),
            outrankedBy=self._of([], ["a/b"], None),
            imageCache=lambda: self._some(0.5, auto=self._of("a/b", None), snapshot=self._of("c/d")),
        )

    def _profiles(self) -> Any:
        names = ["default", "ecs-only", "eci-only", "ecs-then-eci", "mine", "yours"]
        if self._random.random() < self._odd:
            names += ["unknown-profile", "none", "Bad_Name", "0b_"]
        chosen = self._random.sample(names, self._random.randrange(1, 4))
        return {name: None if self._random.random() < 0.2 else self._either(self._profile) for name in chosen}

    def _profile(self) -> Any:
        return self._some(
            0.5,
            allowOverride=self._of(*EITHER),
            overflow=lambda: self._some(0.5, maxPerApplication=self._of(0, 50), maxPerNamespace=self._of(1000000)),
            driver=self._rule,
            executor=self._executor,
        )

    def _rule(self, **more: Callable[[], Any]) -> Any:
        return self._some(
            0.3,
            mode=self._of(*MODES),
            after=self._of("0s", "5m", "1h"),
            weight=self._of(1, 100, Plain("1e1"), Plain("0x10"), 7.0),
            rollout=self._of(0, 25, 100),
            observe=self._of(*EITHER, Plain("yes")),
            unplaceable=self._of("allow", "deny"),
            labels=self._labels,
            annotations=self._annotations,
            always=lambda: self._some(0.5, labels=self._labels, annotations=self._annotations),
            imageCache=lambda: self._some(
                0.5, auto=self._of(*EITHER), snapshots=self._of([], [{"image": "*/spark:[3]", "id": "imc-1"}])
            ),
            **more,
        )

    def _executor(self) -> Any:
        return self._rule(
            first=lambda: self._some(0.95, count=self._of(1, 1000000), mode=self._of(*MODES)),
            mix=lambda: [self._share(percent) for percent in self._random.choice(((100,), (30, 70), (50, 60), ()))],
        )

    def _share(self, percent: int) -> Any:
        some = self._some(0.3, labels=self._labels, annotations=self._annotations, after=self._of("1m"))
        return {"percent": percent, "mode": self._random.choice(MODES), **some}

    def _labels(self) -> Any:
        keys = self._random.sample(LABELS[: 5 if self._random.random() < self._odd else 1], 1)
        return {key: self._odd_or(self._random.choice(("data", "driver", "true", "1", ""))) for key in keys}

    def _annotations(self) -> Any:
        sound = self._random.random() >= max(self._odd, 0.1)
        keys = self._random.sample(list(ANNOTATIONS)[: 2 if sound else None], 1)
        return {key: self._odd_or(self._random.choice(ANNOTATIONS[key])) for key in keys}

    def _overflow(self) -> Any:
        more = {"serviceAccount": self._account, **self._container()}
        return self._some(0.6, enabled=self._of(*EITHER, None), qps=self._of(1, 100), replicas=self._of(2), **more)

    def _families(self) -> Any:
        return self._random.choice((["IPv6"], ["IPv4", "IPv6"], [], ["IPv5"] if self._odd else ["IPv4"]))

    def _account(self) -> Any:
        return self._some(0.6, create=self._of(*EITHER, Plain("yes")), name=self._of("mine", ""))

    def _container(self) -> dict[str, Callable[[], Any]]:
        """Makers of what a container may have more."""
        taken = ["b", "policy"] if self._odd else ["b"]
        variables = ["A", "B", *(["A", "ECI_WEBHOOK_PORT", "ECI_CERTS_QPS"] if self._odd else [])]
        paths = ["/a", "/b/", *(["/a/", "/etc/spark-eci-webhook/policy"] if self._odd else [])]
        return {
            "extraEnv": lambda: [{"name": self._odd_or(one), "value": "x"} for one in self._sample(variables)],
            "extraVolumes": lambda: [{"name": one, "emptyDir": {}} for one in self._sample(["a", *taken])],
            "extraVolumeMounts": lambda: [{"name": "a", "mountPath": one} for one in self._sample(paths)],
        }

    def _sample(self, of: list[str]) -> list[str]:
        return self._random.sample(of, self._random.randrange(len(of) + 1))

    def _some(self, part: float, **makers: Callable[[], Any]) -> dict[str, Any]:
        """A map with a `part` of the keys."""
        found = {key: self._odd_or(make()) for key, make in makers.items() if self._random.random() < part}
        if self._random.random() < self._odd:
            found[self._random.choice(("other", "mode", "driver"))] = self._random.choice(ODD)
        return found

    def _of(self, *values: Any) -> Callable[[], Any]:
        return lambda: self._random.choice(values)

    def _either(self, make: Callable[[], Any]) -> Any:
        return self._odd_or(make())

    def _odd_or(self, value: Any) -> Any:
        return self._random.choice(ODD) if self._random.random() < self._odd else value
