"""The fields of an application that say where its pods may run, and that a profile could give them, too."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from webhook.adopt.lines import Path
from webhook.core.node_affinity import same, states
from webhook.core.patch import Change, Kind
from webhook.core.pod import NodeSelectorRequirement, PreferredSchedulingTerm, Toleration
from webhook.core.profile import CompiledProfile, CompiledRule
from webhook.core.selectors import Role
from webhook.core.tolerations import may_tolerate
from webhook.spark import properties
from webhook.spark.applications import GROUP
from webhook.spark.connect import SERVER_ROLE

#: Where the spec of a kind stands, if it is not `spec`.
_SPECS: Final[dict[str, Path]] = {"ScheduledSparkApplication": ("spec", "template")}
#: The fields that the API server requires of a kind. A patch of an application, as of kustomize, mostly lacks them.
_REQUIRED: Final = {
    "SparkApplication": ("type", "sparkVersion"),
    "ScheduledSparkApplication": ("type", "sparkVersion"),
    "SparkConnect": ("sparkVersion",),
}
#: The settings of a role, and the title of its pods. They may contain a pod template.
_PARTS: Final = {"driver": Role.DRIVER.value, "executor": Role.EXECUTOR.value, "server": SERVER_ROLE}
#: The pod template of a role, and the title of its pods.
_TEMPLATES: Final[dict[Path, str]] = {
    ("driver", "template"): Role.DRIVER.value,
    ("executor", "template"): Role.EXECUTOR.value,
    ("server", "template"): SERVER_ROLE,
    ("driverSpec", "podTemplateSpec"): Role.DRIVER.value,
    ("executorSpec", "podTemplateSpec"): Role.EXECUTOR.value,
    ("masterSpec", "statefulSetSpec", "template"): "master",
    ("workerSpec", "statefulSetSpec", "template"): "worker",
}
_MAPS: Final = {"labels": Kind.LABEL, "annotations": Kind.ANNOTATION}
_PROPERTIES: Final = {
    properties.of(role, f"{word}."): (role.value, kind)
    for role in Role
    for word, kind in (("label", Kind.LABEL), ("annotation", Kind.ANNOTATION))
}
_TERMS: Final = "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class PlacementField:
    """A toleration, requirement, preferred term, label, annotation or entry of a nodeSelector."""

    path: Path
    title: str
    """The title of the pods that it is for."""
    kind: Kind
    """`NODE_AFFINITY` for an entry of a nodeSelector, which no profile adds."""
    key: str
    """The key of a label, annotation or nodeSelector; empty for others."""
    value: Any
    """A string, Toleration, NodeSelectorRequirement or PreferredSchedulingTerm."""

    def is_wanted_by(self, change: Change) -> bool:
        """Whether `change` is about exactly this."""
        if self.kind in (Kind.LABEL, Kind.ANNOTATION):
            # A pod's own image cache is known by its key alone.
            kinds = (self.kind,) if change.value is not None else (Kind.IMAGE_CACHE,)
            return change.kind in kinds and change.key == self.key and change.value in (self.value, None)
        if change.kind is not self.kind:
            return False
        if self.kind is Kind.TOLERATION:
            return bool(change.value == self.value)
        if self.kind is Kind.REQUIRED:
            return same(self.value, change.value)
        return self.kind is Kind.PREFERRED and states(
            self.value.preference, change.value.preference.match_expressions[0]
        )

    def is_near(self, profile: CompiledProfile, rule: CompiledRule) -> bool:
        """Whether it concerns virtual nodes, or has a key that `rule` of `profile` adds in some mode."""
        match self.kind:
            case Kind.TOLERATION:
                return any(may_tolerate(self.value, taint) for taint in profile.taints)
            case Kind.REQUIRED:
                return bool(self.value.key == profile.label.key)
            case Kind.PREFERRED:
                return any(one.key == profile.label.key for one in self.value.preference.match_expressions or ())
            case Kind.NODE_AFFINITY:
                return self.key == profile.label.key
        return self.key in _added_keys(self.kind, profile, rule)


def placement_fields(document: dict[str, Any]) -> list[PlacementField]:
    """The placement fields of `document`, an application or cluster of one of the operators."""
    base = _SPECS.get(str(document.get("kind")), ("spec",))
    found = list(_of_properties((*base, "sparkConf"), _in(document, (*base, "sparkConf"))))
    for name, title in _PARTS.items():
        path = *base, name
        found += _of_metadata(path, title, _in(document, path))
        found += _of_spec(path, title, _in(document, path))
    for template, title in _TEMPLATES.items():
        for word, fields in (("metadata", _of_metadata), ("spec", _of_spec)):
            path = *base, *template, word
            found += fields(path, title, _in(document, path))
    return found


def is_whole(document: dict[str, Any]) -> bool:
    """Whether `document` has the fields that say it is an application, and not a patch of one in another file."""
    if str(document.get("apiVersion")).rpartition("/")[0] != GROUP:
        return True
    kind = str(document.get("kind"))
    spec = _in(document, _SPECS.get(kind, ("spec",)))
    return all(spec.get(field) for field in _REQUIRED.get(kind, ()))


def _in(document: Any, path: Path) -> dict[str, Any]:
    """The map at `path`; empty if there is none."""
    for step in path:
        document = document.get(step) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _of_properties(path: Path, conf: dict[str, Any]) -> Iterator[PlacementField]:
    for name, value in conf.items():
        for start, (title, kind) in _PROPERTIES.items():
            if name.startswith(start) and isinstance(value, str):
                yield PlacementField((*path, name), title, kind, name.removeprefix(start), value)


def _of_metadata(path: Path, title: str, part: dict[str, Any]) -> Iterator[PlacementField]:
    for field, kind in _MAPS.items():
        yield from _of_map((*path, field), title, kind, _in(part, (field,)))


def _of_spec(path: Path, title: str, part: dict[str, Any]) -> Iterator[PlacementField]:
    yield from _of_map((*path, "nodeSelector"), title, Kind.NODE_AFFINITY, _in(part, ("nodeSelector",)))
    yield from _of_list((*path, "tolerations"), title, Kind.TOLERATION, Toleration, part.get("tolerations"))
    affinity, path = _in(part, ("affinity", "nodeAffinity")), (*path, "affinity", "nodeAffinity")
    preferred = affinity.get(_PREFERRED)
    yield from _of_list((*path, _PREFERRED), title, Kind.PREFERRED, PreferredSchedulingTerm, preferred)
    terms = _in(affinity, _TERMS[:1]).get(_TERMS[1])
    for index, term in enumerate(terms if isinstance(terms, list) else ()):
        inner = *path, *_TERMS, index, "matchExpressions"
        expressions = term.get("matchExpressions") if isinstance(term, dict) else None
        yield from _of_list(inner, title, Kind.REQUIRED, NodeSelectorRequirement, expressions)


def _of_map(path: Path, title: str, kind: Kind, entries: dict[str, Any]) -> Iterator[PlacementField]:
    for key, value in entries.items():
        if isinstance(value, str):
            yield PlacementField((*path, key), title, kind, key, value)


def _of_list(path: Path, title: str, kind: Kind, form: type[Any], items: Any) -> Iterator[PlacementField]:
    for index, item in enumerate(items if isinstance(items, list) else ()):
        try:
            value: Any = msgspec.convert(item, form)
        except msgspec.ValidationError:
            continue
        yield PlacementField((*path, index), title, kind, "", value)


def _added_keys(kind: Kind, profile: CompiledProfile, rule: CompiledRule) -> set[str]:
    """The keys of the labels or annotations that `rule` adds in some mode, or an executor's part of it."""
    found: set[str] = set()
    for one in rule.variants:
        for added in (one.always, *one.additions.values()):
            entries: Iterable[tuple[str, str, Any]] = added.labels if kind is Kind.LABEL else added.annotations
            found |= {key for key, _, _ in entries}
        if kind is Kind.ANNOTATION and (one.auto or one.snapshots):
            found |= profile.image_cache_keys
    return found
