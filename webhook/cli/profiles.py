"""Selects the profile for the pods of a namespace: the one that its label names, as in the chart's webhooks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webhook.cli.inputs import Inputs
from webhook.cli.terminal import InputError, working
from webhook.core import names
from webhook.core.namespaces import profile_of
from webhook.core.policy import Policy
from webhook.core.profile import CompiledProfile, compile_policy
from webhook.core.text import LIMIT, listed, one_line
from webhook.explain.explanation import Explanation, ExplanationError, explain
from webhook.explain.outcome import NoProfile
from webhook.spark.workloads import Namespace

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Selection:
    """A compiled policy, and the namespaces in the user's files."""

    policy: Policy
    profiles: Mapping[str, CompiledProfile]
    chosen: str | None
    """The profile that --profile names, for all pods; None without that option."""
    namespaces: Mapping[str, Namespace]
    default: str | None = None
    """The profile for namespaces without the label; None if there is none, or it is not known."""
    lenient: bool = False
    """Whether an unknown profile places no pods, instead of being an error."""

    def of(self, namespace: str) -> CompiledProfile | NoProfile:
        """The profile for the pods of `namespace`: the default one, or `default`, if no file describes that namespace.

        Raises InputError if the profile does not exist, unless lenient.
        """
        if self.chosen is None and namespace in self.namespaces:
            found = self.namespaces[namespace]
            label = found.labels.get(names.PROFILE_LABEL)
            if len(found.profiles) > 1:
                start = f"label {names.PROFILE_LABEL} of the namespace {namespace}: the files disagree"
                hint = "read those of one cluster at a time, or choose with --profile"
                return NoProfile(listed(f"{start}; {hint}: ", found.profiles, 2 * LIMIT), mistaken=True)
            name = self.name_of(namespace)
            if name is None and label is None:
                return NoProfile(f"the namespace {namespace} has no label {names.PROFILE_LABEL}", mistaken=False)
            if name is None:
                return NoProfile(
                    f"the namespace {namespace} opted out by its label {names.PROFILE_LABEL}", mistaken=False
                )
            what = "default profile for" if label is None else f"label {names.PROFILE_LABEL} of"
            start = f'{what} the namespace {namespace}: unknown profile "{name}"; accepted: '
            return self.profiles.get(name) or NoProfile(listed(start, self.profiles, 2 * LIMIT), mistaken=True)
        name = self._assumed(namespace)
        if name in self.profiles:
            return self.profiles[name]
        start = f'unknown profile "{name}"'
        if self.lenient:
            return NoProfile(start, mistaken=True)
        raise InputError(listed(f"{start}; choose with --profile: ", self.profiles, 2 * LIMIT))

    def name_of(self, namespace: str) -> str | None:
        """The name of the profile for the pods of `namespace`, which may not exist; None if no profile places them."""
        if self.chosen is None and namespace in self.namespaces:
            return profile_of(namespace, self.namespaces[namespace].labels, self.default)
        return self._assumed(namespace)

    def assumes(self, namespace: str) -> bool:
        """Whether the profile of `namespace` is assumed: neither --profile nor a file names it."""
        return self.chosen is None and namespace not in self.namespaces

    def _assumed(self, namespace: str) -> str:
        """The name of the profile if --profile names it, or if no file describes `namespace`."""
        return self.chosen or profile_of(namespace, {}, self.default) or DEFAULT


def select(
    policy: Policy, profile: str | None, namespaces: Mapping[str, Namespace], default: str | None = None
) -> Selection:
    """`policy`, compiled, for `namespaces`; `profile` is the one that --profile names.

    `default` is the profile for namespaces without the label.
    """
    return Selection(policy, compile_policy(policy), profile, namespaces, default)


def explain_inputs(inputs: Inputs, selection: Selection) -> Explanation:
    """The explanation of every pod in `inputs`, with the faults of `inputs` and those of workloads.

    Raises InputError if the profile of a workload does not exist, unless `selection` is lenient.
    """
    with working("explaining") as tell:
        return explain_silently(inputs, selection, tell)


def explain_silently(inputs: Inputs, selection: Selection, tell: Callable[[str], None] = lambda _: None) -> Explanation:
    """The same as `explain_inputs` without a terminal; `tell` hears how far it is."""
    explained, faults = [], list(inputs.faults)
    total = len(inputs.workloads)
    for number, (file, workload) in enumerate(inputs.workloads, 1):
        tell(f"explaining {number} of {total}")
        profile, assumed = selection.of(workload.pod_namespace), selection.assumes(workload.pod_namespace)
        try:
            explained.append(explain(file, workload, profile, assumed=assumed))
        except ExplanationError as error:
            faults.append(one_line(f"{file}: {error}"))
    return Explanation(
        selection.policy.digest,
        inputs.versions,
        tuple(explained),
        inputs.other_kinds,
        inputs.other_documents,
        tuple(faults),
        inputs.runs,
    )
