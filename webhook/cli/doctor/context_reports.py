"""The examinations of several clusters side by side: versions, policies, and what drifts from the others."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from webhook.cli.doctor.examination import Examination
from webhook.cli.doctor.finding import Finding, Level
from webhook.cli.live.contexts import Answer, Context
from webhook.cli.live.failure import Failure

#: A program that calls a cluster, at the beginning of a command or of a part of a pipe.
_PROGRAMS: Final = re.compile(r"(^|\| )(kubectl|helm)\b")


@dataclass(frozen=True, slots=True)
class ContextReport:
    """What `doctor` says of one context."""

    context: str
    unreachable: tuple[str, ...] = ()
    """Why nothing is known, one sentence each; empty if its cluster was examined."""
    failure: Failure | None = None
    """The class of what they say; None if its cluster was examined."""
    kubernetes: str = ""
    """The version of Kubernetes; empty if it is not known, as the two below."""
    version: str = ""
    """The version of the webhook."""
    policy: str = ""
    """The digest of its policy."""
    profiles: list[str] = field(default_factory=list)
    """The profiles that the configuration has."""
    namespaces: int | None = None
    """How many namespaces opted in; None if that is not known."""
    findings: list[Finding] = field(default_factory=list)

    def count(self, level: Level) -> int:
        """How many findings are of a level."""
        return sum(one.level is level for one in self.findings)


@dataclass(frozen=True, slots=True)
class ContextReports:
    """All contexts, in the order in which they were named."""

    all: tuple[ContextReport, ...]

    def drift(self, report: ContextReport) -> list[str]:
        """In what a context differs from most others, or from the first of those that are equally many."""
        return [
            name
            for name, own, usual in (
                ("policy", report.policy, self._usual([one.policy for one in self.all])),
                ("version", report.version, self._usual([one.version for one in self.all])),
            )
            if own and own != usual
        ]

    @staticmethod
    def _usual(values: Sequence[str]) -> str:
        """The most frequent of the known values; the first of those that are equally frequent."""
        counts = Counter(filter(None, values))
        return counts.most_common(1)[0][0] if counts else ""


def report(context: Context, examined: Examination) -> ContextReport:
    """The report on a context whose cluster was examined."""
    installation = examined.snapshot.installation
    return ContextReport(
        context.name,
        kubernetes=context.kubernetes,
        version=examined.version,
        policy=examined.policy,
        profiles=installation.profiles if installation else [],
        namespaces=examined.opted_in,
        findings=examined.findings,
    )


def context_reports(answers: Sequence[Answer[ContextReport]], kubeconfig: Path | None) -> ContextReports:
    """The reports of all contexts, also of those of which nothing is known; of several, each fix names its context."""
    reports = [one.found or ContextReport(one.context, one.sentences, one.failure) for one in answers]
    if len(reports) > 1:
        reports = [
            replace(one, findings=[_directed(one.context, kubeconfig, its) for its in one.findings]) for one in reports
        ]
    return ContextReports(tuple(reports))


def _directed(context: str, kubeconfig: Path | None, finding: Finding) -> Finding:
    """A finding whose fix is for `context`, whatever the current context is."""

    def named(found: re.Match[str]) -> str:
        flags = [f"--kubeconfig {shlex.quote(str(kubeconfig))}"] if kubeconfig else []
        flags.append(f"--{'context' if found[2] == 'kubectl' else 'kube-context'} {shlex.quote(context)}")
        return " ".join((found[0], *flags))

    return replace(finding, fix=_PROGRAMS.sub(named, finding.fix))
