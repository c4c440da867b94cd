"""Explaining: what was decided for a pod and done to it, in words. Nothing here decides anything."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from webhook.core import names
from webhook.core.distribution import WHOLE, application
from webhook.core.node_affinity import required_terms
from webhook.core.patch import PatchOperation
from webhook.core.placement import NONE, Placement, Verdict, share_of
from webhook.core.pod import NodeSelectorRequirement, Pod, PreferredSchedulingTerm, Toleration
from webhook.core.policy import SchedulingMode
from webhook.core.profile import CompiledProfile, CompiledRule
from webhook.core.reasons import Reason
from webhook.core.text import one_line
from webhook.core.tolerations import tolerates

_MODES: Final = frozenset(SchedulingMode)
#: Reasons for which a pod keeps its own placement.
_UNPLACED: Final = {Reason.NODE_NAME_SET, Reason.EXCLUDES_VIRTUAL_NODES, Reason.DEMANDS_VIRTUAL_NODES}


class Origin(StrEnum):
    """Where the mode in effect came from."""

    PROFILE = "profile"
    MIX = "mix"
    ROLLOUT = "rollout"
    OVERRIDE = "override"
    GUARD = "guard"


class Remark(Struct, frozen=True):
    """Something of the pod, and why it was changed or left alone."""

    what: str
    why: str


class Explanation(Struct, frozen=True):
    """What became of one pod, in words."""

    origin: Origin
    source: str
    """How the mode came about, a clause for each step."""
    placed: bool
    """Whether the pod is placed as the mode says; it keeps its own placement where it cannot be."""
    changes: tuple[Remark, ...]
    left_alone: tuple[Remark, ...]


def explain(
    pod: Pod, profile: CompiledProfile, placement: Placement, operations: Iterable[PatchOperation]
) -> Explanation:
    """Why `placement` was decided for `pod` under `profile`, and why these `operations` came of it and no others."""
    origin, source = _origin(pod, profile, placement)
    done = _done(operations)
    remarks = [*_annotations(pod, profile, placement, done), *_scheduling(pod, placement, done)]
    changes = tuple(remark for changed, remark in remarks if changed)
    left_alone = tuple(remark for changed, remark in remarks if not changed)
    return Explanation(origin, source, _placed(placement), changes, left_alone)


def why_skipped(pod: Pod, profile: CompiledProfile) -> str:
    """Why `pod` is none of ours, as a clause; empty where it is ours."""
    labels = pod.metadata.labels or {}
    for key, value in profile.selector:
        if key not in labels:
            return f"the label {key} is missing"
        if labels[key] != value:
            return f'the label {key} is "{one_line(labels[key])}", not "{value}"'
    role = labels.get(names.SPARK_ROLE)
    if role is None:
        return f"the label {names.SPARK_ROLE} is missing"
    if role not in ("driver", "connect-server", "executor"):
        return f'the label {names.SPARK_ROLE} is "{one_line(role)}", not driver, connect-server or executor'
    return ""


def _origin(pod: Pod, profile: CompiledProfile, placement: Placement) -> tuple[Origin, str]:
    rule = profile.rules[placement.role]
    origin, mode, source = _asked(pod, profile, placement, rule)
    if placement.mode != mode:
        origin = Origin.GUARD
        source += f"; ECI cannot run the pod, so it takes {placement.mode}"
    if not _placed(placement):
        origin = Origin.GUARD
        source += "; the pod cannot be placed so"
    return origin, source


def _asked(pod: Pod, profile: CompiledProfile, placement: Placement, rule: CompiledRule) -> tuple[Origin, str, str]:
    """Where the mode came from before any guard, the mode, and how it came about."""
    labels, annotations = pod.metadata.labels or {}, pod.metadata.annotations or {}
    asked = annotations.get(names.MODE_ANNOTATION)
    source = f"profile {profile.name} has {rule.mode} for the {placement.role}"
    if asked is not None and profile.allow_override and (asked == NONE or asked in _MODES):
        return Origin.OVERRIDE, asked, f"{source}; the pod's annotation {names.MODE_ANNOTATION} asks for {asked}"
    acting = f"; it acts on {rule.rollout} % of all applications"
    if placement.verdict is Verdict.LEAVE:
        return Origin.ROLLOUT, NONE, f"{source}{acting}, and {one_line(application(labels))} is not among them"
    rollout = f"{acting}, this one among them" if rule.rollout < WHOLE else ""
    share = share_of(labels, rule) if rule.mix else rule
    if share is rule:
        return Origin.PROFILE, rule.mode.value, source + rollout
    source = f"profile {profile.name} has a mix for the executors, of which number {labels[names.SPARK_EXEC_ID]}"
    return Origin.MIX, share.mode.value, f"{source} takes {share.mode}{rollout}"


def _placed(placement: Placement) -> bool:
    return all(one.reason not in _UNPLACED for one in placement.cautions)


class _Done(Struct):
    """What a list of operations does."""

    annotations: dict[str, str]
    tolerations: list[Toleration]
    required: int = 0
    """In how many terms the requirement was put."""
    preferred: bool = False


def _done(operations: Iterable[PatchOperation]) -> _Done:
    done = _Done({}, [])
    for operation in operations:
        match operation.path.split("/")[1:]:
            case ["metadata", "annotations"]:
                done.annotations |= operation.value
            case ["metadata", "annotations", key]:
                done.annotations[key.replace("~1", "/").replace("~0", "~")] = operation.value
            case ["spec", "tolerations"]:
                done.tolerations += operation.value
            case ["spec", "tolerations", "-"]:
                done.tolerations.append(operation.value)
            case ["spec", "affinity", "nodeAffinity", kind, *_]:
                done.required += kind.startswith("required")
                done.preferred |= kind.startswith("preferred")
            case ["spec", "affinity", *rest]:
                node_affinity = operation.value if rest else operation.value.node_affinity
                done.required += node_affinity.required is not None
                done.preferred |= node_affinity.preferred is not None
    return done


#: A remark, and whether it is of a change.
_Remarks = Iterator[tuple[bool, Remark]]


def _annotations(pod: Pod, profile: CompiledProfile, placement: Placement, done: _Done) -> _Remarks:
    own: Mapping[str, str] = pod.metadata.annotations or {}
    rule = profile.rules[placement.role]
    for key, value in placement.annotations.items():
        if key in done.annotations:
            yield True, Remark(f"annotation {key}: {value}", _annotation_reason(key, pod, profile, rule))
        elif own.get(key) == value:
            yield False, Remark(f"annotation {key}", "the pod has it already")
        else:
            yield False, Remark(f"annotation {key}", f'the pod\'s own value "{one_line(own.get(key, ""))}" stays')
    caches = sorted(profile.image_cache_keys.intersection(own))
    if caches and placement.tolerations and not profile.image_cache_keys.intersection(placement.annotations):
        yield False, Remark("image cache", f"the pod has one already: {caches[0]}: {one_line(own[caches[0]])}")
    record = f"annotation {names.PLACEMENT_ANNOTATION}"
    if names.PLACEMENT_ANNOTATION in done.annotations:
        before = own.get(names.PLACEMENT_ANNOTATION)
        why = "tells what was decided" + ("" if before is None else f', in place of "{one_line(before)}"')
        yield True, Remark(f"{record}: {placement.record}", why)
    elif own.get(names.PLACEMENT_ANNOTATION) == placement.record:
        yield False, Remark(record, "it tells of this decision already")


def _annotation_reason(key: str, pod: Pod, profile: CompiledProfile, rule: CompiledRule) -> str:
    if key == profile.image_cache_auto:
        return "makes and matches image caches automatically"
    if key == profile.image_cache_snapshot:
        containers = pod.spec.containers or []
        image = next((one for one in containers if one.name == rule.container), containers[0]).image
        return f"the policy's image cache for {one_line(image or '')}"
    return "the policy's, for pods that may run on ECI"


def _scheduling(pod: Pod, placement: Placement, done: _Done) -> _Remarks:
    if placement.verdict is Verdict.LEAVE:
        yield False, Remark("everything", "the application is outside the rollout")
    elif placement.mode == NONE:
        yield False, Remark("all else", "the pod asks to be left alone")
    elif not _placed(placement):
        yield False, Remark("all else", "the pod keeps its own placement")
    else:
        yield from _tolerations(pod, placement, done)
        yield from _node_affinity(pod, placement, done)


def _tolerations(pod: Pod, placement: Placement, done: _Done) -> _Remarks:
    if not placement.tolerations and placement.requirement is None:
        yield False, Remark("tolerations", "none is needed: virtual nodes stay closed by their taint")
    elif not placement.tolerations:
        yield False, Remark("tolerations", "the pod's own stay, since nothing is taken away from it")
    for taint, wanted in placement.tolerations:
        what = f"toleration {_toleration(wanted)}"
        if wanted in done.tolerations:
            yield True, Remark(what, "opens the virtual node, which has this taint")
            continue
        existing = next((one for one in pod.spec.tolerations or () if tolerates(one, taint)), None)
        if existing is not None:
            yield False, Remark(what, f"the pod tolerates the taint already: {_toleration(existing)}")


def _node_affinity(pod: Pod, placement: Placement, done: _Done) -> _Remarks:
    if placement.mode == SchedulingMode.RESOURCE_POLICY:
        yield False, Remark("node affinity", "the ResourcePolicy of the namespace chooses between ECS and ECI")
    elif placement.requirement is not None:
        yield from _required(pod, placement.requirement, done)
    elif placement.preference is not None:
        yield _preferred(placement.preference, done)
    else:
        yield False, Remark("node affinity", "none is needed: the pod tolerates no taint of virtual nodes")


def _preferred(preference: PreferredSchedulingTerm, done: _Done) -> tuple[bool, Remark]:
    requirements = preference.preference.match_expressions or []
    what = f"preferred node affinity {', '.join(map(_requirement, requirements))}"
    if not done.preferred:
        return False, Remark(what, "the pod has this preference already")
    side = "virtual nodes" if requirements[0].operator == "In" else "other nodes"
    return True, Remark(f"{what}, weight {preference.weight}", f"the scheduler tries {side} first")


def _required(pod: Pod, requirement: NodeSelectorRequirement, done: _Done) -> _Remarks:
    what = f"required node affinity {_requirement(requirement)}"
    terms = required_terms(pod.spec)
    empty = sum(term.empty for term in terms)
    if done.required:
        inside = requirement.operator == "In"
        why = (
            "the pod may run on virtual nodes alone" if inside else "the pod tolerates the taint, so this keeps it off"
        )
        if len(terms) > 1:
            why += f"; put into {done.required} of {len(terms)} terms, since any one of them is enough"
        yield True, Remark(what, why)
    if terms and done.required < len(terms) - empty:
        number = len(terms) - empty - done.required
        yield False, Remark(what, "the pod requires it already" + (f", in {number} terms" if number > 1 else ""))
    if empty:
        what = f"{empty} empty term{'s' if empty > 1 else ''} of the required node affinity"
        yield False, Remark(what, "an empty term matches no node")


def _requirement(requirement: NodeSelectorRequirement) -> str:
    return f"{requirement.key} {requirement.operator} [{', '.join(requirement.values or ())}]"


def _toleration(toleration: Toleration) -> str:
    """A toleration in short: `KEY=VALUE:EFFECT`, where what is left open is left out."""
    value = "" if toleration.operator == "Exists" else f"={toleration.value or ''}"
    effect = f":{toleration.effect}" if toleration.effect else ""
    return one_line(f"{toleration.key or 'any taint'}{value}{effect}")
