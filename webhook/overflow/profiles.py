"""What the policy decides for a pod that waits: the webhook's own decision, made again."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from webhook.core.distribution import application
from webhook.core.namespaces import profile_of
from webhook.core.placement import Mismatch, Placement, Verdict
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, Limits, Wait, compile_policy
from webhook.core.review import decide_for
from webhook.overflow.pods import StoredPod

#: The limits of a profile that has none.
NO_LIMITS: Final = Limits(None, None)


class Denial(StrEnum):
    """Why the policy does not open a pod."""

    NO_PROFILE = "no-profile"
    DECISION = "decision"


class Approval(Struct, frozen=True):
    """That the policy opens a pod once it is due."""

    profile: str
    placement: Placement
    wait: Wait
    limits: Limits


class Profiles:
    """The profiles of a policy."""

    def __init__(self, policy: Policy, closed: Iterable[str], default: str | None = None) -> None:
        """Makes all profiles of `policy` ready. They do not apply to the namespaces `closed`, whatever their label.

        `default` is the profile for namespaces without the label.
        """
        self._closed = frozenset(closed)
        self.default = default
        self._profiles: dict[str, CompiledProfile] = compile_policy(policy)
        self.application_labels = policy.selector.application_labels

    def of(self, namespace: str, labels: Mapping[str, str] | None) -> str | None:
        """The name of the profile of a namespace with these labels; None if it has none, or does not exist.

        There is no such namespace if `labels` is None. A new one that is not known yet may opt out.
        """
        return None if labels is None else profile_of(namespace, labels, self.default)

    def limits(self, name: str | None) -> Limits:
        """The limits of the profile `name`; none if there is no such profile."""
        profile = self._profiles.get(name or "")
        return NO_LIMITS if profile is None else profile.limits

    def application(self, pod: StoredPod) -> str:
        """The name of the application that `pod` belongs to."""
        return application(pod.metadata.labels or {}, self.application_labels)

    def decide(self, pod: StoredPod, profile: str | None) -> Approval | Denial:
        """What is decided for `pod` in a namespace under `profile`. No label of the pod is a permission."""
        namespace = pod.metadata.namespace or ""
        compiled = self._profiles.get(profile or "")
        if compiled is None or namespace in self._closed:
            return Denial.NO_PROFILE
        decision = decide_for(pod, namespace, compiled)
        if isinstance(decision, Mismatch):
            return Denial.DECISION
        placement = decision.placement
        if placement.verdict is not Verdict.PLACE or placement.wait is None:
            return Denial.DECISION
        return Approval(compiled.name, placement, placement.wait, compiled.limits)
