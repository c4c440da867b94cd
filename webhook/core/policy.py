"""The policy: which pods the webhook places, the virtual node, and the profiles that namespaces opt in to."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from webhook.core import names
from webhook.core.modes import SchedulingMode
from webhook.core.overflow import Overflow, OverflowLimits
from webhook.core.rules import DriverRule, ExecutorRule, Rule
from webhook.core.schema import (
    API_VERSION,
    MOST_ENTRIES,
    DNSLabel,
    LabelValue,
    PolicyModel,
    QualifiedName,
    fault,
    not_null,
    unique,
)
from webhook.core.selectors import (
    ALL_ROLES,
    APPLICATION_LABELS,
    OLD_APPLICATION_LABELS,
    OPERATOR_ROLES,
    Alternative,
    PodSelector,
    Role,
)
from webhook.core.virtual_node import VirtualNode

#: The most profiles that the chart accepts. A MutatingWebhookConfiguration of about 800 entries is too large for etcd.
MOST_PROFILES: Final = 500


class Profile(PolicyModel):
    """A named set of rules, which a namespace opts in to by its label."""

    allow_override: bool = True
    """Whether a pod may ask for another mode with the annotation spark-eci-webhook/mode."""
    overflow: OverflowLimits = OverflowLimits()
    """How many pods the overflow controller opens at most."""
    driver: DriverRule = DriverRule()
    """The rule for drivers, Spark Connect servers and masters."""
    executor: ExecutorRule = ExecutorRule()
    """The rule for executors and workers."""

    def rule(self, role: Role) -> Rule:
        """The rule for pods of `role`."""
        return self.driver if role is Role.DRIVER else self.executor


#: How a policy may have modes that wait.
WITH_OVERFLOW: Final = "accepted with the policy's key overflow"

_MatchLabels = Annotated[dict[QualifiedName, LabelValue], Field(min_length=1, max_length=MOST_ENTRIES)]


class MatchLabels(PolicyModel):
    """Labels of your own that select pods."""

    match_labels: _MatchLabels
    """Labels that a pod must have, all of them."""


#: Tags of the forms that an entry of anyOf may have. Pydantic puts them into the locations of its errors.
NAMED, LABELLED = "[name]", "[labels]"


def _form(value: object) -> str:
    return LABELLED if isinstance(value, dict | MatchLabels) else NAMED


_Entry = Annotated[Annotated[Alternative, Tag(NAMED)] | Annotated[MatchLabels, Tag(LABELLED)], Discriminator(_form)]


class Selector(PolicyModel):
    """Which pods the webhook places: Spark's drivers, executors, masters and workers, and Spark Connect servers."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["anyOf", "matchLabels"]}})

    any_of: Annotated[tuple[_Entry, ...], Field(min_length=1, max_length=MOST_ENTRIES), AfterValidator(unique)] = (
        Alternative.KUBEFLOW,
    )
    """Kinds of Spark pods; a pod is placed if one of them selects it."""
    match_labels: Annotated[_MatchLabels | None, BeforeValidator(not_null)] = Field(default_factory=lambda: None)
    """In place of anyOf: labels that a pod must have, all of them."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.match_labels is not None and "any_of" in self.model_fields_set:
            raise fault("found anyOf and matchLabels; accepted: one of the two")
        return self

    @property
    def alternatives(self) -> tuple[Alternative | MatchLabels, ...]:
        """The alternatives. Labels in place of anyOf are the only one."""
        if self.match_labels is None:
            return self.any_of
        plain = self.match_labels == dict(Alternative.KUBEFLOW.labels)
        return (Alternative.KUBEFLOW if plain else MatchLabels.model_construct(match_labels=self.match_labels),)

    @property
    def selectors(self) -> tuple[PodSelector, ...]:
        """One for each alternative."""
        if self.match_labels is not None:
            return (PodSelector(tuple(self.match_labels.items()), OPERATOR_ROLES),)
        return tuple(
            PodSelector(one.labels, one.roles)
            if isinstance(one, Alternative)
            else PodSelector(tuple(one.match_labels.items()), ALL_ROLES)
            for one in self.any_of
        )

    @property
    def example(self) -> dict[str, str]:
        """The labels of an executor or worker that is selected."""
        first = self.selectors[0]
        labels = {key: "example" if value is None else value for key, value in first.labels}
        return {names.SPARK_ROLE: list(first.roles)[-1], **labels}

    @property
    def application_labels(self) -> tuple[str, ...]:
        """The labels that name the application of a pod. The first one that a pod has counts."""
        plain = self.match_labels is not None or self.any_of == (Alternative.KUBEFLOW,)
        return OLD_APPLICATION_LABELS if plain else APPLICATION_LABELS


def _built_in_profiles(policy: Mapping[str, Any]) -> dict[str, Profile]:
    """The profiles of a policy without any; `policy` has its other keys."""
    modes = {
        mode.value: Profile(driver=DriverRule(mode=mode), executor=ExecutorRule(mode=mode))
        for mode in SchedulingMode
        if not mode.waits or policy["overflow"] is not None
    }
    return {"default": Profile(), **modes}


def _sorted(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class Policy(PolicyModel):
    """The whole policy. The built-in one has the profile `default`, and one profile named after each mode."""

    api_version: Literal["spark-eci-webhook.io/v1"] = API_VERSION
    """The format of this file. The key may be left out: every version 1.x of spark-eci-webhook reads this format."""
    selector: Selector = Selector()
    """Which pods the webhook places."""
    virtual_node: VirtualNode = VirtualNode()
    """The virtual node."""
    overflow: Annotated[Overflow | None, BeforeValidator(not_null)] = Field(default_factory=lambda: None)
    """States that the overflow controller runs. Only with this key may pods have the mode ecs-then-eci."""
    profiles: Annotated[dict[DNSLabel, Profile], Field(min_length=1)] = Field(default_factory=_built_in_profiles)
    """The profiles by name. If the key is left out, the built-in profiles apply."""

    @model_validator(mode="after")
    def _image_cache_only_by_rule(self) -> Self:
        keys = {self.virtual_node.image_cache.auto, self.virtual_node.image_cache.snapshot}
        for where, rule in self.rules():
            for place, annotations in rule.annotation_maps():
                for key in keys.intersection(annotations):
                    raise fault(f"{where}.{place}: {key}: is set through imageCache")
        return self

    @model_validator(mode="after")
    def _waits_only_with_a_controller(self) -> Self:
        for name, profile in self.profiles.items() if self.overflow is None else ():
            for role in Role:
                for one in profile.rule(role).variants():
                    if one.mode.waits:
                        told = f"{one.mode} needs the overflow controller; {WITH_OVERFLOW}"
                        raise fault(told, "profiles", name, role.value, *one.place, "mode")
        return self

    @model_validator(mode="after")
    def _no_reserved_profile(self) -> Self:
        for name, whom in names.RESERVED_PROFILES.items():
            if name in self.profiles:
                raise fault(f"is reserved for {whom}; accepted: another name", "profiles", name)
        return self

    def rules(self) -> Iterator[tuple[str, Rule]]:
        """Yields each rule with its place."""
        for name, profile in self.profiles.items():
            for role in Role:
                yield f"profiles.{name}.{role}", profile.rule(role)

    @cached_property
    def digest(self) -> str:
        """8 hexadecimal digits of the SHA-256 of what differs from the defaults: equal for files that mean the same.

        So the digest of a policy stays as it is if a key with a default is added to all policies.
        """
        canonical = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"profiles"})
        if self.profiles != _built_in_profiles({"overflow": self.overflow}):
            profiles = self.profiles.items()
            canonical["profiles"] = {
                name: one.model_dump(mode="json", by_alias=True, exclude_defaults=True) for name, one in profiles
            }
        if self.selector.match_labels and self.selector.alternatives == (Alternative.KUBEFLOW,):
            del canonical["selector"]["matchLabels"]
        canonical.get("selector", {}).get("anyOf", []).sort(key=_sorted)
        canonical.get("virtualNode", {}).get("unsupported", []).sort()
        canonical = {key: value for key, value in canonical.items() if value != {} or key == "overflow"}
        return hashlib.sha256(_sorted(canonical).encode()).hexdigest()[:8]
