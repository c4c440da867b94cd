"""The policy: which pods the webhook places, the virtual node, and the profiles that namespaces opt in to."""

import hashlib
import json
import re
from collections.abc import Set as AbstractSet
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from webhook.core import eci_annotations, names
from webhook.core.distribution import WHOLE
from webhook.core.modes import SchedulingMode
from webhook.core.schema import MOST_ENTRIES, DNSLabel, ImagePattern, LabelValue, PolicyModel, QualifiedName, fault
from webhook.core.virtual_node import VirtualNode

#: All known ids have this form, but it is not documented. So another form causes a warning, not an error.
_IMAGE_CACHE_ID: Final = re.compile(r"imc-[a-z0-9]{20}")

#: The most annotations of a rule or share, and the most snapshots of a rule. Each one is tried for each review.
MOST_ANNOTATIONS: Final = 100
MOST_SNAPSHOTS: Final = 1000
#: The most profiles that the chart accepts. A MutatingWebhookConfiguration of about 800 entries is too large for etcd.
MOST_PROFILES: Final = 500


class Role(StrEnum):
    """The role whose rule applies to a pod; the driver's rule also applies to Spark Connect servers."""

    DRIVER = "driver"
    EXECUTOR = "executor"


class Snapshot(PolicyModel):
    """One image cache and the images that it serves."""

    image: ImagePattern
    """Pattern for the whole image name: * matches any characters, ? matches one, [abc] matches one of these."""
    id: LabelValue
    """Id of the image cache, such as imc-2ze5hdcnngenmwc1jmwf."""


class ImageCache(PolicyModel):
    """Which image cache a pod asks for. The first matching snapshot wins over the automatic cache."""

    auto: bool = True
    """Make and match image caches automatically."""
    snapshots: Annotated[tuple[Snapshot, ...], Field(max_length=MOST_SNAPSHOTS)] = ()
    """Image caches by image; the first match wins."""


def _sound(annotations: dict[str, str]) -> dict[str, str]:
    faults = [f"{key}: is set by the webhook itself" for key in annotations if key.startswith(names.PREFIX)]
    faults += [f"{key}: is set through imageCache" for key in annotations if key in names.IMAGE_CACHE_KEYS]
    faults += eci_annotations.faults(annotations)
    if faults:
        raise fault("; ".join(faults))
    return annotations


def _complete(annotations: dict[str, str], *within: str | int) -> dict[str, str]:
    """`annotations`, all that a pod gets; a fault in them is placed `within` what is being validated."""
    unpaired = eci_annotations.unpaired(annotations)
    if unpaired:
        raise fault(unpaired, *within)
    return annotations


class Unplaceable(StrEnum):
    """What happens to a pod that cannot be placed in its mode."""

    ALLOW = "allow"
    DENY = "deny"


Annotations = Annotated[dict[QualifiedName, str], Field(max_length=MOST_ANNOTATIONS), AfterValidator(_sound)]
AllAnnotations = Annotated[Annotations, AfterValidator(_complete)]


class Rule(PolicyModel):
    """What happens to the pods of one role."""

    mode: SchedulingMode
    """Where the pods may run."""
    weight: Annotated[int, Field(ge=1, le=100)] = 1
    """Weight of the preference, in modes that have one. It is added to the pod's own preferences."""
    image_cache: ImageCache = ImageCache()
    """Which image cache the pods ask for."""
    annotations: AllAnnotations = Field(default_factory=dict)
    """Annotations for pods that may run on ECI. A pod's own annotations stay as they are."""
    rollout: Annotated[int, Field(ge=0, le=WHOLE)] = WHOLE
    """Percentage of applications that the rule applies to; others are left alone. Raising it only adds applications."""
    observe: bool = False
    """Decide, count and log, but change nothing."""
    unplaceable: Unplaceable = Unplaceable.ALLOW
    """Whether a pod that cannot be placed in its mode is allowed unchanged, or denied with the reason."""

    def annotation_keys(self) -> AbstractSet[str]:
        """The keys of all annotations that the rule may add."""
        return self.annotations.keys()


class DriverRule(Rule):
    """The rule for drivers and Spark Connect servers."""

    mode: SchedulingMode = SchedulingMode.ECS_ONLY
    """Where the pods may run."""


class Share(PolicyModel):
    """A share of the executors of an application, and where they may run."""

    percent: Annotated[int, Field(ge=1, le=WHOLE)]
    """Percentage of the executors; all shares of a mix add up to 100."""
    mode: SchedulingMode
    """Where the pods may run."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations for executors that may run on ECI, in addition to the rule's. For the same key, these win."""


def _whole(mix: tuple[Share, ...]) -> tuple[Share, ...]:
    total = sum(share.percent for share in mix)
    if mix and total != WHOLE:
        raise fault(f"found {total} percent in all; accepted: {WHOLE}")
    return mix


class ExecutorRule(Rule):
    """The rule for executors."""

    mode: SchedulingMode = SchedulingMode.ECS_FIRST
    """Where executors may run. With a mix, it applies only to executors without the label spark-exec-id."""
    mix: Annotated[tuple[Share, ...], AfterValidator(_whole)] = ()
    """Shares of modes, by the executors' ids. After any number of executors, each share is exact to within one."""

    def annotation_keys(self) -> AbstractSet[str]:
        """The keys of all annotations that the rule and its shares may add."""
        if not self.mix:
            return self.annotations.keys()
        return set(self.annotations).union(*(share.annotations for share in self.mix))

    @model_validator(mode="after")
    def _sound_together(self) -> "ExecutorRule":
        for index, share in enumerate(self.mix):
            _complete({**self.annotations, **share.annotations}, "mix", index, "annotations")
        return self


class Profile(PolicyModel):
    """A named set of rules, which a namespace opts in to by its label."""

    allow_override: bool = True
    """Whether a pod may ask for another mode with the annotation spark-eci-webhook/mode."""
    driver: DriverRule = DriverRule()
    """The rule for drivers and Spark Connect servers."""
    executor: ExecutorRule = ExecutorRule()
    """The rule for executors."""

    def rule(self, role: Role) -> Rule:
        """The rule for pods of `role`."""
        return self.driver if role is Role.DRIVER else self.executor


class Selector(PolicyModel):
    """Which pods the webhook places."""

    match_labels: Annotated[dict[QualifiedName, LabelValue], Field(min_length=1, max_length=MOST_ENTRIES)] = Field(
        default_factory=lambda: {names.LAUNCHED_BY_OPERATOR: "true"},
    )
    """Labels that a pod must have, all of them."""


def _built_in_profiles() -> dict[str, Profile]:
    modes = {
        mode.value: Profile(driver=DriverRule(mode=mode), executor=ExecutorRule(mode=mode)) for mode in SchedulingMode
    }
    return {"default": Profile(), **modes}


class Policy(PolicyModel):
    """The whole policy. The built-in one has the profile `default`, and one profile named after each mode."""

    selector: Selector = Selector()
    """Which pods the webhook places."""
    virtual_node: VirtualNode = VirtualNode()
    """The virtual node."""
    profiles: Annotated[dict[DNSLabel, Profile], Field(min_length=1)] = Field(default_factory=_built_in_profiles)
    """The profiles by name. If the key is left out, the built-in profiles apply."""

    @model_validator(mode="after")
    def _image_cache_only_by_rule(self) -> "Policy":
        keys = {self.virtual_node.image_cache.auto, self.virtual_node.image_cache.snapshot}
        for name, profile in self.profiles.items():
            for role, rule in ((Role.DRIVER, profile.driver), (Role.EXECUTOR, profile.executor)):
                for key in () if keys.isdisjoint(rule.annotation_keys()) else keys & rule.annotation_keys():
                    raise fault(f"profiles.{name}.{role}.annotations: {key}: is set through imageCache")
        return self

    @cached_property
    def digest(self) -> str:
        """8 hexadecimal digits of the SHA-256 of the canonical policy: equal for files that mean the same."""
        canonical = json.dumps(self.model_dump(by_alias=True), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]

    def cautions(self) -> list[str]:
        """A sentence for each value that is accepted but looks like a mistake."""
        found = []
        if len(self.profiles) > MOST_PROFILES:
            found.append(
                f"profiles: found {len(self.profiles)}; the chart accepts at most {MOST_PROFILES}, because etcd cannot "
                "store a MutatingWebhookConfiguration with many more entries"
            )
        for name, profile in self.profiles.items():
            for role in Role:
                rule, where = profile.rule(role), f"profiles.{name}.{role}"
                found += [
                    f'{where}.imageCache.snapshots[{index}].id: "{snapshot.id}" does not look like an image cache id '
                    "(imc- and 20 lowercase letters or digits)"
                    for index, snapshot in enumerate(rule.image_cache.snapshots)
                    if not _IMAGE_CACHE_ID.fullmatch(snapshot.id)
                ]
                found += [
                    f"{where}.annotations: {key} is not a known annotation of ECI"
                    for key in sorted(rule.annotation_keys())
                    if key.startswith(names.ECI_PREFIX) and key not in eci_annotations.KNOWN
                ]
        return found
