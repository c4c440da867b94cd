"""What one source holds: its applications, the verdicts about them, and the lines that can be cut from its files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from webhook.adopt.cuts import Cut, Left
from webhook.adopt.slim_file import SlimFile, slim
from webhook.adopt.verdict import Adoption, adoption
from webhook.cli.inputs import FileContent, Inputs
from webhook.cli.profiles import Selection, explain_inputs, select
from webhook.cli.sources import Source
from webhook.cli.terminal import working
from webhook.core import names
from webhook.core.namespaces import profile_of
from webhook.core.text import one_line
from webhook.explain.explanation import Explanation, ExplanationError, WorkloadExplanation, explain
from webhook.explain.outcome import NoProfile
from webhook.spark.documents import read
from webhook.spark.workloads import Workload

_Part = TypeVar("_Part", Cut, Left)


@dataclass(frozen=True, slots=True)
class Application:
    """An application or a pod, the verdict about it, and what of its file can be cut or has to stay."""

    adoption: Adoption
    unlabelled: bool = False
    """Whether its namespace is there, but has no label yet, so that the profile is assumed."""
    cuts: tuple[Cut, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def explained(self) -> WorkloadExplanation:
        """The explanation of it."""
        return self.adoption.explained


@dataclass(frozen=True, slots=True)
class Assessment:
    """All applications of one source."""

    context: str
    """The context of the cluster; empty if they come from files."""
    explained: Explanation
    applications: tuple[Application, ...]
    files: tuple[tuple[FileContent, SlimFile], ...] = ()
    """The files, each with what it is without the lines that can be cut."""
    faults: tuple[str, ...] = ()
    """A sentence for each file, document, application and namespace that cannot be used."""
    opted_out: tuple[str, ...] = ()
    """The namespaces with applications to which no profile applies, because they opted out."""


def assess(source: Source, profile: str | None, *, strict: bool) -> Assessment:
    """The verdicts about the applications of `source`, under `profile` or the profiles that namespaces name.

    For a namespace without the label, and without a default profile, the profile is assumed: applications are taken
    over before it gets one. The applications of a namespace that opted out are left out. With
    `strict`, the verdict about an application without placement of its own is `changes` if the webhook gives it one.

    Raises InputError if the profile does not exist.
    """
    inputs = source.inputs
    labelled = {
        name: one
        for name, one in inputs.namespaces.items()
        if one.profiles or names.PROFILE_LABEL in one.labels or profile_of(name, one.labels, source.default)
    }
    selection = select(source.policy, profile, labelled, source.default)
    explained = explain_inputs(inputs, selection)
    slimmed = _slimmed(inputs, selection)
    lines = _by_workload(slimmed)
    applications, faults, opted_out = [], dict.fromkeys(explained.faults), dict[str, None]()
    for one in explained.workloads:
        if isinstance(one.profile, NoProfile) and not one.profile.mistaken:
            opted_out[one.workload.pod_namespace] = None
            continue
        if isinstance(one.profile, NoProfile):
            start = f"context {source.context}: " if source.context else ""
            faults[one_line(f"{start}{one.profile.why}")] = None
            continue
        cuts, left = lines.get(id(one.workload), ((), ()))
        unlabelled = one.assumed and one.workload.pod_namespace in inputs.namespaces
        applications.append(Application(adoption(one, strict=strict), unlabelled, cuts, left))
    return Assessment(source.context, explained, tuple(applications), slimmed, tuple(faults), tuple(opted_out))


def _slimmed(inputs: Inputs, selection: Selection) -> tuple[tuple[FileContent, SlimFile], ...]:
    """Each file that holds an application, and what it is without the lines that can be cut."""
    found = []
    with working("looking for what can be cut") as tell:
        for number, file in enumerate(inputs.files, 1):
            tell(f"looking for what can be cut: {number} of {len(inputs.files)}")
            if any(work.operator for _, work in file.workloads):
                found.append((file, slim(file.content, _place(file.file.name, inputs, selection))))
    return tuple(found)


def _place(file: str, inputs: Inputs, selection: Selection) -> Callable[[Any], Sequence[WorkloadExplanation]]:
    """A function that explains the applications of one document of `file`, as `explain_inputs` does.

    Executors in the place of lost ones count, too: they lack what is cut as well. It finds nothing in documents that
    cannot be explained, and no pods and reviews: nobody wrote those by hand.
    """

    def explanations(document: Any) -> Iterator[WorkloadExplanation]:
        for one in read(document, inputs.namespace, inputs.versions):
            if isinstance(one, Workload) and one.operator:
                profile, assumed = selection.of(one.pod_namespace), selection.assumes(one.pod_namespace)
                yield explain(file, one, profile, assumed=assumed, replaced=True)

    def place(document: Any) -> list[WorkloadExplanation]:
        try:
            return list(explanations(document))
        except (ExplanationError, RecursionError):
            return []

    return place


def _by_workload(
    slimmed: Iterable[tuple[FileContent, SlimFile]],
) -> dict[int, tuple[tuple[Cut, ...], tuple[Left, ...]]]:
    """What can be cut and what has to stay, by the identity of the workload that it belongs to."""
    return {
        id(work): (_of(slim_file.cuts, number, work), _of(slim_file.left, number, work))
        for file, slim_file in slimmed
        for number, work in file.workloads
    }


def _of(parts: Iterable[_Part], document: int, work: Workload) -> tuple[_Part, ...]:
    """Those of `parts` that belong to `work`, which stands in the document of this number."""
    start = "".join(f"items[{index}]." for index in work.indexes)
    return tuple(one for one in parts if one.document == document and one.path.startswith(start))
