"""Texts for the playground, each with what is special about it."""

from typing import NamedTuple

from tests.live_service import ROOT
from webhook.playground.examples import EXAMPLES


class Texts(NamedTuple):
    documents: str
    policy: str = ""
    profile: str = ""


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


PLAIN = _read("webhook/playground/examples/spark-pi.yaml")
_SHARES = _read("tests/cli/shares.yaml")
_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\n"
_NAMESPACE = (
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: analytics, labels: {spark-eci-webhook/profile: %s}}\n---\n"
)

#: Texts that the command explains, or refuses.
TEXTS: dict[str, Texts] = {
    **{f"example {one.name}": Texts(one.documents, one.policy, one.profile) for one in EXAMPLES},
    **{
        f"{folder.name} {name}": Texts((folder / f"{name}.yaml").read_text(), (folder / "policy.yaml").read_text())
        for folder in sorted((ROOT / "examples").iterdir())
        for name in ("before", "after")
        if (folder / "policy.yaml").exists()
    },
    **{
        f"{path.parent.name} {path.name}": Texts(path.read_text(), _SHARES, "default")
        for path in sorted((ROOT / "tests/cli").glob("*/*.yaml"))
        if path.parent.name in ("apps", "operators", "pods", "refused")
    },
    **{f"review {path.name}": Texts(path.read_text()) for path in sorted((ROOT / "tests/reviews").glob("*.json"))[:4]},
    "nothing": Texts(""),
    "no application": Texts(_NAMESPACE % "default"),
    "namespace": Texts(_NAMESPACE % "eci-only" + PLAIN),
    "namespace out": Texts(_NAMESPACE % "none" + PLAIN),
    "namespace with an unknown profile": Texts(_NAMESPACE % "nowhere" + PLAIN),
    "unknown profile": Texts(PLAIN, "profiles: {a: {}}"),
    "unknown profile, chosen": Texts(PLAIN, "", "nowhere"),
    "several": Texts(f"---\n{PLAIN}---\n---\n{_POD}---\n3\n---\na: [\n"),
    "kinds": Texts(PLAIN.replace("kind: SparkApplication", "kind: SparkAplication")),
    "no version": Texts(PLAIN.replace("/v1beta2", "")),
    "template": Texts(PLAIN.replace("name: spark-pi", "name: '{{ name }}'")),
    "wrong types": Texts(PLAIN.replace("cores: 1", "cores: []").replace("instances: 4", "instances: many")),
    "wrong metadata": Texts(PLAIN.replace("namespace: analytics", "labels: {a: 1, b: c}")),
    "list": Texts("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: []\n- 3\n"),
    "list of lists": Texts(
        "kind: List\napiVersion: v1\nitems:\n- kind: PodList\n  apiVersion: v1\n  items:\n"
        "  - metadata: {name: a}\n    spec: {}\n  - metadata:\n      name: a\n"
    ),
    "pod with a wrong field": Texts(_POD.replace("{}", "\n  tolerations:\n  - key: a\n  - key: 1\n")),
    "policy with no key": Texts(PLAIN, "# nothing\n"),
    "policy of two documents": Texts(PLAIN, "overflow: {}\n---\na: 1\n"),
    "policy that is no YAML": Texts(PLAIN, "profiles:\n  default: {driver: [\n"),
    "policy with faults": Texts(
        PLAIN, "profiles:\n  default:\n    driver:\n      mode: ecs\n    executor:\n      weight: 0\n      odd: 1\n"
    ),
    "policy of a wrong type": Texts(PLAIN, "- 3\n"),
    "policy with cautions": Texts(
        PLAIN,
        "profiles:\n  default:\n    overflow: {maxPerApplication: 2}\n    executor:\n      rollout: 50\n"
        "      annotations:\n        k8s.aliyun.com/eci-odd: x\n      imageCache:\n        snapshots:\n"
        "        - image: a\n          id: b\n",
    ),
    "NUL": Texts(PLAIN + "\n  a: \0\n"),
    "bidi": Texts(PLAIN.replace("spark-pi\n", "'a\u202eb\u2066c\u200f'\n").replace("memory: 1g", "memory: '\u202e'")),
    "line separators": Texts("# \u2028\u2029\x85\n" + PLAIN.replace("cores: 1", "cores: []")),
    "carriage returns": Texts(PLAIN.replace("\n", "\r\n").replace("cores: 1", "cores: []")),
    "a byte order mark": Texts("\ufeff" + PLAIN),
    "surrogate pairs": Texts('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "\\ud83d\\ude00"}, "spec": {}}'),
    "half a surrogate pair": Texts('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "\\ud83d"}, "spec": {}}'),
    "a key twice": Texts('{"kind": "Pod",\n"apiVersion": "v1",\n"metadata": 1,\n"metadata": 2,\n"spec": {}}'),
    "deep JSON": Texts('{"a":' * 500 + "1" + "}" * 500),
    "deep YAML": Texts("a: " + "[" * 500),
    "a large integer": Texts(PLAIN.replace("instances: 4", "instances: " + "9" * 99)),
    "a very large integer": Texts(PLAIN.replace("instances: 4", "instances: " + "9" * 5000)),
    "infinity": Texts(PLAIN.replace("instances: 4", "instances: .inf")),
    "aliases": Texts("a: &a [x, x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b]\n"),
    "aliases without end": Texts("a: &a [*a]\n"),
    "a billion laughs": Texts(
        PLAIN,
        "a: &a [a]\n" + "".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}' if i else '*a'] * 9)}]\n" for i in range(12)),
    ),
    "an image pattern": Texts(
        PLAIN,
        "profiles:\n  default:\n    executor:\n      imageCache:\n        snapshots:\n        - id: imc-a\n"
        f"          image: '{'*a' * 50}b'\n",
    ),
}
