"""Words for verdicts, and for what can be cut from a file."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from webhook.adopt.cuts import Cut, Left, LeftReason
from webhook.adopt.verdict import AdoptionVerdict, PodAdoption
from webhook.cli.adopt.assessment import Application, Assessment
from webhook.cli.explain import words
from webhook.core import names
from webhook.core.patch import Change, Kind
from webhook.core.reasons import Caution
from webhook.core.text import listed, one_line
from webhook.explain.outcome import Fate

#: Why something stays in a file.
LEFT: Final[dict[LeftReason, str]] = {
    LeftReason.DIFFERS: "without it, the pod would not be the same",
    LeftReason.NEEDED: "it is all that a part of the application has, and the part has to stay",
    LeftReason.OBSERVED: "the rule only observes, so the webhook adds nothing yet",
    LeftReason.ROLLOUT: "the rule applies to a part of the applications only",
    LeftReason.STORED: "the object was read from a cluster: change it where it comes from",
    LeftReason.PARTIAL: "spec.type or spec.sparkVersion is missing, so it may be a patch of another file",
    LeftReason.ANCHOR: "it has or is inside an anchor, which an alias may use elsewhere",
    LeftReason.ALIAS: "it is an alias, or contains one",
    LeftReason.MERGE: "it comes by a merge key <<, or is beside one",
    LeftReason.FLOW: "it is in flow style, on several lines or on a part of one",
    LeftReason.SHARED_LINE: "something that stays is on the same line",
    LeftReason.REPEATED: "the pod gets the same from another place as well, which stays",
    LeftReason.INCOMPLETE: "the rest of what says where the pod runs has to stay, so this does too",
    LeftReason.READ_OTHERWISE: "the lines that stay would be read as something else",
    LeftReason.JSON: "the file is JSON",
    LeftReason.LINE_BREAK: "the file has line breaks other than LF and CRLF",
    LeftReason.ENCODING: "the file is not UTF-8",
}
_BARE: Final = "no placement of its own: the webhook places it"


def name(one: Application) -> str:
    """Kind, namespace and name."""
    work = one.explained.workload
    return one_line(f"{words.kind(work)} {work.namespace}/{work.name}")


def profile(one: Application) -> str:
    """The profile, and whether it is assumed."""
    return f"profile {one.explained.profile_name}{' (assumed)' if one.explained.assumed else ''}"


def title(one: PodAdoption) -> str:
    """The role of a pod, how many of them there are, and what happens to them."""
    count = f" ({one.explained.pod.count})" if one.explained.pod.count else ""
    return f"{one.explained.pod.title}{count}: {words.state(one.explained)}"


def remarks(one: PodAdoption, changes: Iterable[Change]) -> list[str]:
    """What each change is about, and why."""
    terms = (
        sum(len(change.terms) for change in one.decision.changes if change.kind is Kind.REQUIRED) if one.decision else 0
    )
    return words.remarks(changes, terms)


def wins(one: PodAdoption) -> list[str]:
    """What of a pod wins, each as a clause."""
    return [what.sentence if isinstance(what, Caution) else remarks(one, [what])[0] for what in one.wins]


def notable(one: Application) -> list[str]:
    """What is notable about an application, each as a clause: why there is nothing to compare, or to change."""
    whole = [refusal for refusal in one.explained.workload.refused if not refusal.role]
    if whole:
        return [words.refused(refusal) for refusal in whole]
    silent = (Fate.NEVER_RUNS, Fate.LEFT_ALONE, Fate.OBSERVED)
    found = [title(pod) for pod in one.adoption.pods if pod.explained.fate in silent]
    return [_BARE, *found] if one.adoption.bare and one.adoption.verdict is AdoptionVerdict.SAME else found


def lines(one: Cut) -> str:
    """The lines that can be cut, and what they hold."""
    where = f"line {one.first}" if one.first == one.last else f"lines {one.first} to {one.last}"
    return f"{where}: {one.path}"


def stays(one: Left) -> str:
    """What has to stay in a file, where, and why."""
    return f"line {one.line}: {one.path}: {LEFT[one.why]}"


def labels(found: Assessment) -> Iterator[str]:
    """A sentence about namespaces that opted out, and one for each profile that is assumed where there is no label."""
    if found.opted_out:
        yield listed(
            "left out, because their namespaces opted out: applications in ", map(one_line, found.opted_out), 200
        )
    namespaces: dict[str, dict[str, None]] = {}
    for one in found.applications:
        if one.unlabelled:
            namespaces.setdefault(one.explained.profile_name, {})[one.explained.workload.pod_namespace] = None
    for profile_name, several in namespaces.items():
        start = f"without the label {names.PROFILE_LABEL}, so that the profile {profile_name} is assumed: "
        yield listed(start, map(one_line, several), 200)


def total(found: Assessment, written: Collection[str]) -> str:
    """How many applications have which verdict, and how many lines were cut from the files `written`, or can be."""
    applications = [one for one in found.applications if one.explained.workload.operator]
    pods = len(found.applications) - len(applications)
    counts = [words.counted(len(applications), "application")] if applications or not pods else []
    counts += [words.counted(pods, "pod")] if pods else []
    verdicts = Counter(one.adoption.verdict for one in found.applications)
    parts = [f"{verdicts[verdict]} {verdict}" for verdict in AdoptionVerdict]
    if bare := sum(one.adoption.bare for one in found.applications):
        parts.append(f"{bare} without placement of {'its' if bare == 1 else 'their'} own")
    if outside := sum(one.adoption.outside_rollout for one in found.applications):
        parts.append(f"{outside} outside the rollout")
    done = [slim.cuts for file, slim in found.files if slim.cuts and file.file.name in written]
    rest = [slim.cuts for file, slim in found.files if slim.cuts and file.file.name not in written]
    clauses = []
    for several, verb in (done, "cut"), (rest, "can be cut"):
        if several:
            lines_of_all = words.counted(sum(map(number_of_lines, several)), "line")
            clauses.append(f"{lines_of_all} {verb} from {words.counted(len(several), 'file')}")
    return "; ".join([f"{', '.join(counts)}: {', '.join(parts)}", *clauses])


def cut(one: Application, written: Collection[str]) -> str:
    """What the lines of an application are called: were they cut, or can they be?"""
    return "cut" if one.explained.file in written else "can be cut"


def number_of_lines(cuts: Iterable[Cut]) -> int:
    """How many lines go."""
    return sum(one.last - one.first + 1 for one in cuts)
