"""However a document is written: what is cut is what the webhook adds, and every other byte stays."""

import copy
import json
import re
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.adopt.marked_texts import POLICY, place_by
from tests.adopt.yaml_styles import Path, Styles
from webhook.adopt.equivalence import equivalent
from webhook.adopt.slim_file import SlimFile, slim
from webhook.service.yaml_loader import YAMLFaultError, documents

TAINT = {"key": "virtual-kubelet.io/provider", "value": "alibabacloud", "effect": "NoSchedule"}
WANTED = {"operator": "Equal", **TAINT}
REQUIREMENT = {"key": "type", "operator": "In", "values": ["virtual-kubelet"]}
PREFERENCE: dict[str, Any] = {
    "weight": 1,
    "preference": {"matchExpressions": [{"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}]},
}
ZONE = {"key": "zone", "operator": "In", "values": ["a", "b"]}
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
ADDED_ANNOTATIONS = {
    "k8s.aliyun.com/eci-use-specs": "2-4Gi",
    "k8s.aliyun.com/eci-fail-strategy": "fail-back",
    "k8s.aliyun.com/eci-image-cache": "true",
}
place = place_by(POLICY)


class Generated:
    """A SparkApplication, and the paths of what can be cut from it."""

    def __init__(self, random: Random, *, tidy: bool) -> None:
        self._random, self._tidy = random, tidy
        self.removable: list[Path] = []
        self.document: dict[str, Any] = {
            "apiVersion": "sparkoperator.k8s.io/v1beta2",
            "kind": "SparkApplication",
            "metadata": {"name": "report"},
            "spec": {
                "type": "Scala",
                "mode": "cluster",
                "image": "registry/spark:3.5.2",
                "sparkVersion": "3.5.2",
                "mainClass": "org.example.App",
                "mainApplicationFile": "local:///opt/app.jar",
                "sparkConf": {"spark.eventLog.enabled": "false"},
                "driver": {"cores": 1, "env": [{"name": "A", "value": "'b' # c"}]},
                "executor": {"cores": 1, "instances": 2},
            },
        }
        for role in ("driver", "executor"):
            self._give(role, self.document["spec"][role])

    def _chance(self, one_in: int = 2) -> bool:
        return self._random.randrange(one_in) == 0

    def _give(self, role: str, part: dict[str, Any]) -> None:
        base: Path = ("spec", role)
        metadata, spec, of_metadata, of_spec = part, part, base, base
        if self._chance(3):
            part["template"] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "spark"}]}}
            metadata, spec = part["template"]["metadata"], part["template"]["spec"]
            of_metadata, of_spec = (*base, "template", "metadata"), (*base, "template", "spec")
        self._tolerations(spec, of_spec)
        self._affinity(role, spec, of_spec)
        if role == "executor":
            self._metadata(metadata, of_metadata)

    def _tolerations(self, spec: dict[str, Any], path: Path) -> None:
        near = [] if self._tidy else [{"operator": "Exists", **TAINT}, TAINT]
        choice = [WANTED, WANTED, {"key": "dedicated", "operator": "Exists"}, *near]
        found = [dict(self._random.choice(choice)) for _ in range(self._random.randrange(4))]
        if found:
            spec["tolerations"] = found
            self.removable += [(*path, "tolerations", at) for at, one in enumerate(found) if one == WANTED]

    def _affinity(self, role: str, spec: dict[str, Any], path: Path) -> None:
        found: dict[str, Any] = {}
        path = *path, "affinity", "nodeAffinity"
        if role == "driver" and self._chance():
            terms = []
            # Without an own requirement, the webhook adds one term only.
            for index in range(self._random.choice((1, 1, 2))):
                own: list[Any] = [ZONE] if index or self._chance() else []
                terms.append({"matchExpressions": [*own, REQUIREMENT]})
                self.removable.append((*path, REQUIRED, "nodeSelectorTerms", index, "matchExpressions", len(own)))
            if len(terms) > 1 and len(terms[0]["matchExpressions"]) == 1:
                terms[0]["matchExpressions"].insert(0, ZONE)
                self.removable[-2] = (*self.removable[-2][:-1], 1)
            found[REQUIRED] = {"nodeSelectorTerms": terms}
        if role == "executor" and self._chance():
            own = [{"weight": 5, "preference": {"matchExpressions": [ZONE]}}] if self._chance() else []
            found[PREFERRED] = [*own, PREFERENCE] if self._tidy or self._chance() else [PREFERENCE, *own]
            self.removable.append((*path, PREFERRED, found[PREFERRED].index(PREFERENCE)))
        if found:
            spec["affinity"] = {"nodeAffinity": found} | ({"podAntiAffinity": {}} if self._chance(4) else {})

    def _metadata(self, metadata: dict[str, Any], path: Path) -> None:
        own = {"example.org/a": "b"} if self._chance() else {}
        added = {key: value for key, value in ADDED_ANNOTATIONS.items() if self._chance()}
        if not self._tidy and self._chance(4):
            added["k8s.aliyun.com/eci-use-specs"] = "4-8Gi"
        where = self._random.randrange(3)
        if where and (own or added):
            metadata["annotations"] = own | added
            self.removable += [(*path, "annotations", key) for key in added]
        elif not where:
            conf = self.document["spec"]["sparkConf"]
            start = "spark.kubernetes.executor.annotation."
            conf.update({start + key: value for key, value in added.items()})
            self.removable += [("spec", "sparkConf", start + key) for key in added]
        if self._chance():
            metadata["labels"] = metadata.get("labels", {}) | {"team": "data"}
            self.removable.append((*path, "labels", "team"))

    def whole(self, path: Path) -> bool:
        """Whether all or nothing below `path` can be cut."""
        below = [one for one in self.removable if one[: len(path)] == path]
        return not below or pruned(self.document, below) == pruned(self.document, [path])


def pruned(document: Any, paths: list[Path]) -> Any:
    """A copy of `document` without the values at `paths`, and without what is empty then."""
    document = copy.deepcopy(document)
    for path in sorted(paths, key=lambda one: [(isinstance(step, int), step) for step in one], reverse=True):
        way = [document]
        for step in path[:-1]:
            way.append(way[-1][step])
        del way[-1][path[-1]]
        for depth in range(len(way) - 1, 0, -1):
            if not way[depth]:
                del way[depth - 1][path[depth - 1]]
            else:
                break
    return document


def paths_of(found: SlimFile) -> list[Path]:
    """The paths of the cuts, each once."""
    steps = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[([0-9]+)\]|\.?([A-Za-z]+)')
    read = [
        tuple(
            int(index) if index else json.loads(f'"{key}"') if key else name for key, index, name in steps.findall(one)
        )
        for one in dict.fromkeys(cut.path for cut in found.cuts)
    ]
    return list(read)


def check_bytes(content: bytes, found: SlimFile) -> None:
    """The lines that stay are all lines but those of the cuts."""
    gone = {line for one in found.cuts for line in range(one.first, one.last + 1)}
    assert len(gone) == sum(one.last + 1 - one.first for one in found.cuts)
    kept = [line for number, line in enumerate(re.findall(b"[^\n]*\n|[^\n]+", content), 1) if number not in gone]
    assert b"".join(kept) == found.content


@given(st.randoms(use_true_random=False))
def test_of_a_tidy_text_all_that_the_webhook_adds_is_cut(random: Random) -> None:
    made = Generated(random, tidy=True)
    content = Styles(random, made.whole, tidy=True).text(made.document)
    assert documents(content) == [made.document]
    found = slim(content, place)
    assert found.left == ()
    assert documents(found.content) == [pruned(made.document, made.removable)]
    check_bytes(content, found)
    assert slim(found.content, place) == SlimFile(found.content)


def check(content: bytes) -> SlimFile:
    """What can be cut from `content`, after it was checked that the pods and all other bytes stay as they are."""
    found = slim(content, place)
    try:
        before = documents(content)
    except YAMLFaultError:
        # Some styles do not go together.
        assert found == SlimFile(content)
        return found
    check_bytes(content, found)
    numbers = iter(range(1, len(before) + 1))
    for old, new in zip(before, documents(found.content), strict=True):
        number = 0 if old is None else next(numbers)
        cuts = tuple(one for one in found.cuts if one.document == number)
        assert new == pruned(old, paths_of(SlimFile(b"", cuts)))
        assert equivalent(place(old), place(new))
    assert slim(found.content, place).content == found.content
    return found


@given(st.randoms(use_true_random=False))
def test_of_any_text_nothing_is_cut_but_what_the_webhook_adds(random: Random) -> None:
    made = Generated(random, tidy=False)
    found = check(Styles(random, made.whole, tidy=False).text(made.document))
    assert all(any(one[: len(path)] == path for one in made.removable) for path in paths_of(found))


#: What changes the meaning of a text if it stands at the wrong place.
FRAGMENTS = (
    *(
        b" ",
        b"  ",
        b"\n",
        b"#",
        b"- ",
        b": ",
        b"&a ",
        b"*a",
        b"? ",
        b"|\n",
        b">-\n",
        b"!!str ",
        b"<<: ",
        b"\t",
        b"\r",
        b"'",
    ),
    *(b"{", b"}", b"[", b"]", b",", b'"', b"---\n", b"...\n", b"\xef\xbb\xbf", b"\xc2\x85", b"\\"),
)


def damaged(random: Random, text: bytes) -> bytes:
    """The text after a few slips of an editor."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        lines = text.split(b"\n")
        at, other, spot = random.randrange(len(lines)), random.randrange(len(lines)), random.randrange(len(text) + 1)
        match random.randrange(6):
            case 0:
                text = text[:spot] + random.choice(FRAGMENTS) + text[spot:]
            case 1:
                text = text[:spot] + text[spot + 1 :]
            case 2:
                text = b"\n".join([*lines[:at], *lines[at + 1 :]])
            case 3:
                text = b"\n".join([*lines[:at], lines[other], *lines[at:]])
            case 4:
                text = b"\n".join([*lines[:at], b" " + lines[at], *lines[at + 1 :]])
            case _:
                added = b" " * random.randrange(9) + random.choice((b"# c", b"", b"- x", b"k: v", b"&b"))
                text = b"\n".join([*lines[:at], added, *lines[at:]])
    return text


@given(st.randoms(use_true_random=False))
def test_of_a_text_that_an_editor_damaged_nothing_else_is_cut(random: Random) -> None:
    made = Generated(random, tidy=True)
    check(damaged(random, Styles(random, made.whole, tidy=True).text(made.document)))
