"""Which profile places the pods of a namespace: the one that its label names, as in the chart's webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from webhook.cli.inputs import Inputs
from webhook.cli.terminal import InputError
from webhook.core import names
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, compile_policy
from webhook.core.text import LIMIT, listed
from webhook.explain.explanation import Explanation, ExplanationError, explain
from webhook.explain.outcome import NoProfile
from webhook.service.policy_file import PolicyError, load_policy
from webhook.spark.workloads import Namespace

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Selection:
    """A compiled policy, and the namespaces in the user's files."""

    policy: Policy
    profiles: Mapping[str, CompiledProfile]
    chosen: str | None
    """The profile that --profile names, for all pods; None if there is no such option."""
    namespaces: Mapping[str, Namespace]
    lenient: bool = False
    """Whether an unknown profile is no error, but places no pods."""

    def under(self, profile: str | None, *, lenient: bool) -> "Selection":
        """The same policy and namespaces with another `chosen` profile."""
        return replace(self, chosen=profile, lenient=lenient)

    def of(self, namespace: str) -> CompiledProfile | NoProfile:
        """The profile for the pods of `namespace`: `default` if no file describes that namespace.

        Raises InputError if the profile does not exist, unless lenient.
        """
        if self.chosen is not None or namespace not in self.namespaces:
            return self._named(self.chosen or DEFAULT)
        label = self.namespaces[namespace].labels.get(names.PROFILE_LABEL)
        if label is None:
            return NoProfile(f"the namespace {namespace} has no label {names.PROFILE_LABEL}", mistaken=False)
        if label not in self.profiles:
            start = f'label {names.PROFILE_LABEL} of the namespace {namespace}: unknown profile "{label}"; accepted: '
            return NoProfile(listed(start, self.profiles, 2 * LIMIT), mistaken=True)
        return self.profiles[label]

    def _named(self, name: str) -> CompiledProfile | NoProfile:
        if name not in self.profiles and self.lenient:
            return NoProfile(f'unknown profile "{name}"', mistaken=True)
        if name not in self.profiles:
            start = f'unknown profile "{name}"; choose with --profile: '
            raise InputError(listed(start, self.profiles, 2 * LIMIT))
        return self.profiles[name]


def select(policy: Path | None, profile: str | None, namespaces: Mapping[str, Namespace]) -> Selection:
    """The policy in the file `policy` (None: the built-in one) for `namespaces`. Raises InputError."""
    try:
        loaded = load_policy(policy)
    except PolicyError as error:
        raise InputError(*error.faults) from None
    return Selection(loaded, compile_policy(loaded), profile, namespaces)


def explain_inputs(inputs: Inputs, selection: Selection) -> Explanation:
    """What becomes of every pod in `inputs`. Raises InputError with a sentence for each that cannot be read."""
    try:
        return explain(inputs.workloads, selection.of, selection.policy.digest, inputs.passed_over)
    except ExplanationError as error:
        raise InputError(*error.faults) from None
