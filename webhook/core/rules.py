"""Rules: what happens to the pods of one role, as a policy says it."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from webhook.core.distribution import WHOLE
from webhook.core.modes import SchedulingMode
from webhook.core.overflow import Delay
from webhook.core.pod_metadata import Additions, Annotations, Labels, PodMetadata
from webhook.core.schema import ImagePattern, LabelValue, PolicyModel, fault, not_null

#: The most snapshots of a rule. Each one is tried for each review.
MOST_SNAPSHOTS: Final = 1000
#: The greatest number of executors that `first` counts.
MOST_EXECUTORS: Final = 1_000_000


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


class Unplaceable(StrEnum):
    """What happens to a pod that cannot be placed in its mode."""

    ALLOW = "allow"
    DENY = "deny"


class Variant(NamedTuple):
    """A mode that pods of a rule get."""

    place: tuple[str | int, ...]
    """Its place in the rule."""
    mode: SchedulingMode
    additions: Additions
    """What is added to the pods."""
    after: str
    """How long the pods wait, if the mode waits."""


class Rule(PolicyModel):
    """What happens to the pods of one role."""

    mode: SchedulingMode
    """Where the pods may run."""
    after: Delay = "60s"
    """In the mode ecs-then-eci: how long a pod has to be unschedulable before it is opened to ECI; 0s to 1h."""
    weight: Annotated[int, Field(ge=1, le=100)] = 1
    """Weight of the preference, in modes that have one. It is added to the pod's own preferences."""
    image_cache: ImageCache = ImageCache()
    """Which image cache the pods ask for."""
    labels: Labels = Field(default_factory=dict)
    """Labels for pods that may run on ECI. A pod's own labels stay as they are."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations for pods that may run on ECI. A pod's own annotations stay as they are."""
    always: PodMetadata = PodMetadata()
    """Labels and annotations for pods wherever they run."""
    rollout: Annotated[int, Field(ge=0, le=WHOLE)] = WHOLE
    """Percentage of applications that the rule applies to; others are left alone. Raising it only adds applications."""
    observe: bool = False
    """Decide, count and log, but change nothing."""
    unplaceable: Unplaceable = Unplaceable.ALLOW
    """Whether a pod that cannot be placed in its mode is allowed unchanged, or denied with the reason."""

    @property
    def additions(self) -> Additions:
        """What the rule adds to the metadata of its pods."""
        return Additions(self.labels, self.annotations, self.always)

    def variants(self) -> Iterator[Variant]:
        """Yields the modes that pods of the rule get."""
        yield Variant((), self.mode, self.additions, self.after)

    def sources(self) -> Iterator[tuple[str, Additions, list[SchedulingMode]]]:
        """Yields what the rule and each share add: the start of the place, the additions, and the modes of the pods."""
        yield "", self.additions, [one.mode for one in self.variants()]

    def annotation_maps(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yields all annotations, with their places in the rule."""
        for place, additions, _ in self.sources():
            yield f"{place}annotations", additions.annotations
            yield f"{place}always.annotations", additions.always.annotations

    def label_maps(self) -> Iterator[tuple[str, Mapping[str, str], list[SchedulingMode]]]:
        """Yields all labels, with their places in the rule, and the modes of the pods that get them."""
        for place, additions, modes in self.sources():
            yield f"{place}labels", additions.labels, modes
            yield f"{place}always.labels", additions.always.labels, modes

    @model_validator(mode="after")
    def _sound_together(self) -> Self:
        for one in self.variants():
            one.additions.check(*one.place)
        return self


class DriverRule(Rule):
    """The rule for drivers, Spark Connect servers and masters."""

    mode: SchedulingMode = SchedulingMode.ECS_ONLY
    """Where the pods may run."""


class Share(PolicyModel):
    """A share of the executors of an application, and where they may run."""

    percent: Annotated[int, Field(ge=1, le=WHOLE)]
    """Percentage of the executors; all shares of a mix add up to 100."""
    mode: SchedulingMode
    """Where the pods may run."""
    after: Annotated[Delay | None, BeforeValidator(not_null)] = Field(default_factory=lambda: None)
    """In the mode ecs-then-eci: how long a pod has to be unschedulable. If the key is left out, the rule's applies."""
    labels: Labels = Field(default_factory=dict)
    """Labels for executors that may run on ECI, in addition to the rule's. For the same key, these win."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations for executors that may run on ECI, in addition to the rule's. For the same key, these win."""
    always: PodMetadata = PodMetadata()
    """Labels and annotations for executors wherever they run, in addition to the rule's. These win for the same key."""

    @property
    def additions(self) -> Additions:
        """What the share adds to the metadata of its pods, in addition to the rule."""
        return Additions(self.labels, self.annotations, self.always)


def _whole(mix: tuple[Share, ...]) -> tuple[Share, ...]:
    total = sum(share.percent for share in mix)
    if mix and total != WHOLE:
        raise fault(f"found {total} percent in all; accepted: {WHOLE}")
    return mix


class First(PolicyModel):
    """The first executors of an application, and where they may run."""

    count: Annotated[int, Field(ge=1, le=MOST_EXECUTORS)]
    """How many executors, by their numbers. Spark gives a number once, so a replacement is not among the first."""
    mode: SchedulingMode
    """Where the pods may run."""


class ExecutorRule(Rule):
    """The rule for executors and workers."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"required": ["first", "mix"], "properties": {"mix": {"minItems": 1}}}}
    )

    mode: SchedulingMode = SchedulingMode.ECS_FIRST
    """Where executors may run. With a mix, it applies only to executors without a number."""
    first: Annotated[First | None, BeforeValidator(not_null)] = Field(default_factory=lambda: None)
    """Another mode for the first executors of each application. It excludes a mix."""
    mix: Annotated[tuple[Share, ...], AfterValidator(_whole)] = ()
    """Shares of modes, by the executors' numbers. After any number of executors, each share is exact to within one."""

    def variants(self) -> Iterator[Variant]:
        """Yields the modes that executors get."""
        own = self.additions
        yield Variant((), self.mode, own, self.after)
        if self.first is not None:
            yield Variant(("first",), self.first.mode, own, self.after)
        for index, share in enumerate(self.mix):
            yield Variant(("mix", index), share.mode, own.merged(share.additions), share.after or self.after)

    def sources(self) -> Iterator[tuple[str, Additions, list[SchedulingMode]]]:
        """Yields what the rule and each share add: the start of the place, the additions, and the modes of the pods."""
        yield from super().sources()
        for index, share in enumerate(self.mix):
            yield f"mix[{index}].", share.additions, [share.mode]

    @model_validator(mode="after")
    def _first_or_mix(self) -> Self:
        if self.first is not None and self.mix:
            raise fault("found first and mix; accepted: one of the two")
        return self
