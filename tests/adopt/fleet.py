"""A fleet of application files as people write them by hand, the same for the same seed.

Nothing here uses the code that adopts it. Every file is drawn by a seed of its own, so it stays as it is if others change.
"""

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.adopt.documents import KINDS, application
from tests.adopt.hand_placement import by_hand
from tests.adopt.handwriting import Hand
from tests.adopt.placements import ByHand
from tests.adopt.policies import profiles
from tests.adopt.prevention import prevent
from tests.adopt.style import Style
from tests.adopt.yaml_marks import Alias, Anchor, Merge

JSON = dict[str, Any]

#: How many of 500 files are adopted under each policy.
SHARES: Final = {"every-mode": 230, "additions": 80, "built-in": 60, "shares": 50, "rollout": 40, "observe": 40}
FILES: Final = sum(SHARES.values())
TEAMS: Final = ("etl", "ml", "reporting")
#: The label by which a namespace opts in.
_PROFILE: Final = "spark-eci-webhook/profile"
#: The share of applications that never run.
_NEVER: Final = 0.05
#: The fields whose value people like to write once.
_SHARED: Final = frozenset(
    {"tolerations", "affinity", "nodeAffinity", "annotations", "labels", "nodeSelector", "template"}
)


@dataclass(frozen=True)
class Drawn:
    """One application of the fleet."""

    policy: str
    file: str
    """The path below the folder of its policy."""
    group: str
    kind: str
    namespace: str
    name: str
    profile: str
    """The profile that its namespace takes."""
    roles: tuple[ByHand, ByHand]
    """What somebody wrote for the driver and for the executors."""
    document: JSON
    """The application as a reader of the file gets it."""
    never: tuple[str, str] | None
    """Why it never runs, and which pods are never made; None if it runs."""
    facts: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from all others of its policy."""
        return self.group, self.kind, self.namespace, self.name

    def __str__(self) -> str:
        return f"{self.policy}: {self.file}: {self.kind} {self.name} ({', '.join(self.facts)})"


@dataclass(frozen=True)
class Fleet:
    """Files and what is in them."""

    files: dict[str, dict[str, bytes]]
    """The files of each policy by their paths."""
    applications: list[Drawn]

    def write(self, folder: Path) -> None:
        """Writes the files of each policy below `folder`, in a folder of its name."""
        for policy, files in self.files.items():
            for name, content in files.items():
                path = folder / policy / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


def fleet(seed: str, files: int = FILES) -> Fleet:
    """The fleet of a seed: about so many files, with at least one application each."""
    written: dict[str, dict[str, bytes]] = {}
    applications: list[Drawn] = []
    for policy, share in SHARES.items():
        ours = written.setdefault(policy, {})
        ours["namespaces.yaml"] = _namespaces(policy)
        for number in range(max(1, share * files // FILES)):
            draw = random.Random(f"{seed}/{policy}/{number}")  # noqa: S311
            name, content, found = _file(policy, number, draw)
            ours[name] = content
            applications += found
    return Fleet(written, applications)


def _opted_in(policy: str) -> dict[str, str]:
    """The profile of each namespace: one namespace for each profile, and two that name none."""
    return {f"of-{name}": name for name in profiles(policy)} | {"unlabelled": "default", "unknown": "default"}


def _namespaces(policy: str) -> bytes:
    documents = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {_PROFILE: profile} if name != "unlabelled" else {"team": "x"}},
        }
        for name, profile in _opted_in(policy).items()
        if name != "unknown"
    ]
    return "---\n".join(json.dumps(one) + "\n" for one in documents).encode()


def _file(policy: str, number: int, draw: random.Random) -> tuple[str, bytes, list[Drawn]]:
    style = Style.drawn(draw)
    several = draw.choices(("one", "documents", "List", "JSON"), (80, 12, 4, 4))[0]
    path = f"apps/{draw.choice(TEAMS)}/{number:03}"
    name = path + (".json" if several == "JSON" else draw.choice((".yaml", ".yaml", ".yml")))
    facts = [*style.facts(), *([several] if several != "one" else [])]
    found: list[Drawn] = []
    documents: list[Any] = []
    for index in range(draw.choice((2, 3)) if several in ("documents", "List") else 1):
        if several == "documents" and draw.random() < 0.4:
            documents.append(_other(number, draw))
        one = _application(policy, f"{number:03}-{index}", name, draw)
        marked, told = (one.document, ()) if several == "JSON" else _marked(copy.deepcopy(one.document), index, draw)
        documents.append(marked)
        found.append(Drawn(**{**_fields(one), "facts": (f"{one.group.partition('.')[0]}", *one.facts, *told, *facts)}))
    if several == "List":
        documents = [{"apiVersion": "v1", "kind": "List", "items": documents}]
    hand = Hand(style, draw)
    content = hand.json(documents[0]) if several == "JSON" else hand.file(documents)
    return name, content, found


def _fields(drawn: Drawn) -> dict[str, Any]:
    return {name: getattr(drawn, name) for name in Drawn.__dataclass_fields__}


def _application(policy: str, number: str, file: str, draw: random.Random) -> Drawn:
    namespace, profile = draw.choice(sorted(_opted_in(policy).items()))
    rules = profiles(policy)[profile]
    group, kind = draw.choices(list(KINDS), list(KINDS.values()))[0]
    name = f"{draw.choice(('daily', 'sessions', 'import', 'score'))}-{number}"
    metadata: JSON = {"name": name, "namespace": namespace}
    if namespace == "unknown" and draw.random() < 0.5:
        del metadata["namespace"]
        namespace = "default"
    if draw.random() < 0.3:
        metadata["labels"] = draw.choice(({"app": name}, {"team": "data", "version": "1.0"}))
    if draw.random() < 0.2:
        metadata["annotations"] = {"example.com/runbook": "https://wiki.example.com/a#b, c: d"}
    roles = by_hand(rules["driver"], draw), by_hand(rules["executor"], draw)
    if draw.random() < 0.15:
        roles = roles[1], copy.deepcopy(roles[1])
    document, facts = application(group, kind, metadata, roles, draw)
    never = prevent(document, draw) if draw.random() < _NEVER else None
    told = [f"{role}: {', '.join(hand.facts)}" for role, hand in zip(("driver", "executor"), roles, strict=True)]
    why = (f"never runs: {never[0]}",) if never else ()
    return Drawn(policy, file, group, kind, namespace, name, profile, roles, document, never, (*told, *facts, *why))


def _other(number: int, draw: random.Random) -> JSON:
    """An object that is no application."""
    text = "tolerations:\n- key: virtual-kubelet.io/provider\n  operator: Exists\n"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"settings-{number}"},
        "data": {"pod.yaml": text, "note": draw.choice(("a: b", "[x]", "plain"))},
    }


def _marked(document: JSON, number: int, draw: random.Random) -> tuple[Any, tuple[str, ...]]:
    """The document with an anchor and an alias, or with a merge, if somebody wrote it so.

    Its names end with `number`: the items of a List are one document of YAML, in which a name is used once.
    """
    if draw.random() > 0.3:
        return document, ()
    if draw.random() < 0.35 and (merged := _merged(document, number)):
        return document, (merged,)
    if draw.random() < 0.3:
        return document, _only_an_anchor(document, number)
    pairs = list(_equal_values(document))
    if not pairs:
        return document, ()
    (parent, key), (other, its) = draw.choice(pairs)
    name = f"{draw.choice(('placement', 'eci', 'a'))}{number}"
    parent[key] = Anchor(name, parent[key])
    other[its] = Alias(name, other[its])
    return document, (f"anchor at {key}",)


def _merged(document: JSON, number: int) -> str:
    """Writes the executor as the driver and more, if it has all fields that the driver has."""
    spec = document["spec"].get("template", document["spec"])
    driver, executor = spec.get("driver"), spec.get("executor")
    if not driver or not executor or not driver.keys() <= executor.keys():
        return ""
    own = {key: value for key, value in executor.items() if driver.get(key) != value}
    spec["driver"], spec["executor"] = Anchor(f"pod{number}", driver), Merge(f"pod{number}", driver, own)
    return "merge key"


def _only_an_anchor(document: JSON, number: int) -> tuple[str, ...]:
    """Gives the first field that may be shared an anchor that nothing uses."""
    for parent, key in _places(document):
        if key in _SHARED:
            parent[key] = Anchor(f"unused{number}", parent[key])
            return (f"unused anchor at {key}",)
    return ()


def _equal_values(document: JSON) -> Iterator[tuple[tuple[JSON, str], tuple[JSON, str]]]:
    places = [(parent, key) for parent, key in _places(document) if key in _SHARED]
    for at, (parent, key) in enumerate(places):
        for other, its in places[at + 1 :]:
            if its == key and parent is not other and parent[key] == other[its]:
                yield (parent, key), (other, its)


def _places(value: Any) -> Iterator[tuple[JSON, str]]:
    """The fields with collections, each with the map that it is in, in the order of the document."""
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, dict | list) and one:
                yield value, key
            yield from _places(one)
    elif isinstance(value, list):
        for one in value:
            yield from _places(one)
