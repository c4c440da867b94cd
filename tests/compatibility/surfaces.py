"""What users of 1.x depend on, as lines: read from the code, and kept in files that show each change.

`make golden` rewrites the files. docs/compatibility.md says what is promised of each.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Final

import typer
from prometheus_client import CollectorRegistry

from certs.__main__ import app as certificates
from tests.captured_reviews import REVIEWS
from tests.chart.manifests import CHART
from tests.cli.golden import printed
from tests.cli.test_doctor import CASES as FINDINGS
from tests.cli.test_doctor import findings
from tests.cli.why_cases import CASES as PODS
from tests.cli.why_cases import ask
from tests.compatibility.shape import DEFAULT, lines_of, lines_of_schema
from tests.live_service import issue, service
from webhook.adopt.cuts import LeftReason
from webhook.cli.commands import app as commands
from webhook.cli.doctor.context_reports import ContextReport, ContextReports
from webhook.cli.doctor.output import print_reports
from webhook.cli.explain.documents import json_text
from webhook.cli.live.failure import Failure
from webhook.cli.why.output import document
from webhook.core import names
from webhook.core.modes import SchedulingMode
from webhook.core.patch import Kind, Operation
from webhook.core.policy import Policy
from webhook.core.profile import compile_policy
from webhook.core.reasons import ChangeReason, Reason
from webhook.core.review import respond
from webhook.core.schema import PolicySchema
from webhook.overflow.events import Happening
from webhook.overflow.metrics import Metrics as OverflowMetrics
from webhook.service.metrics import Metrics
from webhook.service.policy_file import load_policy
from webhook.service.settings import Settings

#: A policy, and those of its profiles under which the reviews have every outcome.
_SHARES: Final = Path(__file__).parents[1] / "cli" / "shares.yaml"
_PROFILES: Final = ("default", "observed", "strict")
_REVIEW: Final = REVIEWS[0].read_bytes()
#: Labels of metrics whose values depend on the policy or the version, or are modes, which are among the labels of pods.
_OPEN_LABELS: Final = ("profile", "hash", "version", "mode")
FOLDER: Final = Path(__file__).parent
#: Paths of JSON whose keys are modes.
_MAPS: Final = (".pods",)
#: Paths of JSON that Kubernetes defines: pods, and what a JSON Patch sets in them.
_OF_KUBERNETES: Final = tuple(
    f".workloads[].pods[].{one}" for one in ("before", "after", "patch[].value", "changes[].value", "leftAlone[].value")
)
#: Ends of paths whose strings are a fixed set of words.
_WORDS: Final = (
    *(".check", ".level", ".verdict", ".fate", ".origin", ".operation", ".op", ".changes[].kind", ".leftAlone[].kind"),
    *(".where.state", ".wait.state", ".record.absent", ".comparison", ".drift[]", ".outcome", ".event"),
    *(".changes[].reason", ".leftAlone[].reason", ".left[].why"),
)
#: Fixed words of JSON that the examples below do not show all.
_ENUMERATIONS: Final = {
    ".changes[].kind and .leftAlone[].kind": Kind,
    ".changes[].operation and .leftAlone[].operation": Operation,
    ".changes[].reason and .leftAlone[].reason": ChangeReason,
    ".left[].why": LeftReason,
}
_EXPLAINED: Final = (
    "explain -f tests/cli/apps -f tests/cli/no-such-file -o json",
    "explain -f tests/cli/apps -f tests/cli/refused -f tests/cli/pods -f examples -o json",
    "explain -f tests/cli/apps --policy tests/cli/shares.yaml -o json",
    "explain -f tests/cli/pods --policy tests/cli/shares.yaml --profile strict -o json",
    "explain -f tests/cli/pods -f examples/ecs-first --policy tests/cli/shares.yaml --profile observed -o json",
    "explain -f tests/cli/apps/own-affinity.yaml --policy tests/cli/shares.yaml --profile none-yet -o json",
    "explain -f examples/ecs-first --policy tests/cli/overflow-limits.yaml -o json",
    "explain -f tests/cli/operators/apache.yaml --policy tests/cli/operators/policy/every-kind.yaml -o json",
)
_SUMMARISED: Final = (
    "explain -f tests/cli/apps -f tests/cli/no-such-file --summary -o json",
    "explain -f tests/cli/apps -f tests/cli/refused --summary -o json",
    "explain -f examples/ecs-first --policy tests/cli/overflow-limits.yaml --summary -o json",
)
_DIFFERENCES: Final = (
    "diff tests/cli/built-in.yaml tests/cli/shares.yaml -f tests/cli/apps -f tests/cli/refused -o json",
    "diff tests/cli/built-in.yaml tests/cli/built-in.yaml -f tests/cli/apps -o json",
)
_ADOPTED: Final = (
    "adopt -f tests/cli/adopt -f tests/cli/no-such-file -o json",
    "adopt -f tests/cli/adopt -o json",
    "adopt -f tests/cli/adopt -f tests/cli/apps -f tests/cli/refused --strict -o json",
)


def _policy() -> Iterator[str]:
    yield from lines_of_schema(Policy.model_json_schema(by_alias=True, schema_generator=PolicySchema))


def _values() -> Iterator[str]:
    """Without the defaults, which may change."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    del schema["properties"]["policy"]
    yield from (line for line in lines_of_schema(schema) if DEFAULT not in line)


def _settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        yield f"--{name.replace('_', '-')} or ECI_WEBHOOK_{name.upper()}: {field.default!s}"


def _metrics() -> Iterator[str]:
    metrics = Metrics("digest")
    profiles = compile_policy(load_policy(_SHARES))
    for profile in _PROFILES:
        for review in _reviews():
            metrics.admitted(respond(review, profiles[profile])[1], 0)
    yield from _series(metrics.registry)
    yield from _series(OverflowMetrics("digest", ["default"], lambda: 0).registry)


def _reviews() -> Iterator[bytes]:
    """Reviews of pods that real API servers sent, and of each again with what a pod may have against a mode."""
    for file in REVIEWS:
        yield file.read_bytes()
        review = json.loads(file.read_bytes())
        review["request"]["object"]["spec"]["nodeName"] = "ecs-1"
        yield json.dumps(review).encode()


def _series(registry: CollectorRegistry) -> Iterator[str]:
    """The families of a registry, and their labels with those values that are a fixed set of words."""
    for family in registry.collect():
        if family.name.startswith("spark_"):
            yield f"{family.name}: {family.type}"
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    yield f"{sample.name}{{{','.join(sample.labels)}}}"
                    for label, value in sample.labels.items():
                        if label not in _OPEN_LABELS:
                            yield f"{sample.name}: {label}={value}"


def _commands() -> Iterator[str]:
    for program, app in (("spark-eci-webhook", commands), ("spark-eci-certs", certificates)):
        group = typer.main.get_command(app)
        yield from (f"{program} {' '.join(one.opts)}" for one in group.params)
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            # `serve --help` is made of the settings.
            text = Settings.__doc__ or "" if name == "serve" else command.help
            # A command without the sentence fails here: its exit codes are promised.
            (codes,) = re.findall(r"Exit code: ((?:.|\n)*?)(?:\n\n|$)", text)
            yield f"{program} {name}"
            yield from (f"{program} {name}: exit code {code}" for code in re.findall(r"\d+", codes))
            for one in command.params:
                kind = one.type_descriptor.annotation
                # The module of a class in the standard library has other names in other versions of Python.
                told = kind.__name__ if isinstance(kind, type) else re.sub(r"\b([a-z_]+\.)+", "", str(kind))
                yield f"{program} {name} {' '.join([*one.opts, *one.secondary_opts])}: {told}"


def _labels() -> Iterator[str]:
    yield f"label of a namespace: {names.PROFILE_LABEL}: a profile, or {names.OPTED_OUT}"
    yield f"annotation of a pod, which its author writes: {names.MODE_ANNOTATION}: a mode, or none"
    yield f"annotation of a pod, which records the placement: {names.PLACEMENT_ANNOTATION}"
    yield f"label of a pod: {names.OVERFLOW_LABEL}: {names.WAITING} or {names.OPENED}"
    yield f"annotation in the audit log: {names.AUDIT_KEY}"
    yield from (f"mode: {mode}" for mode in SchedulingMode)
    yield from (f"reason: {reason}" for reason in Reason)
    yield from (f"reason of an Event of the overflow controller: {happening}" for happening in Happening)


def _json() -> Iterator[str]:
    shapes: tuple[tuple[str, Iterable[Any]], ...] = (
        ("explain", map(_answered, _EXPLAINED)),
        ("explain --summary", map(_answered, _SUMMARISED)),
        ("diff", map(_answered, _DIFFERENCES)),
        ("adopt", map(_answered, _ADOPTED)),
        ("doctor", (json.loads(json_text([*map(asdict, findings(overlay))])) for overlay, *_ in FINDINGS.values())),
        ("doctor with several contexts", [_reported()]),
        ("why", (json.loads(json_text(document(ask(*case)))) for case in PODS.values())),
    )
    for command, documents in shapes:
        found = lines_of(documents, maps=_MAPS, others=_OF_KUBERNETES, words=_WORDS)
        yield from (f"{command} -o json {line}" for line in found)
    for paths, enumeration in _ENUMERATIONS.items():
        yield from (f"any -o json, {paths}: string {word}" for word in enumeration)


def _answered(command: str) -> Any:
    return json.loads(printed(command))


def _reported() -> Any:
    one = ContextReport(
        "one", (), None, "v1.31.14", "1.0.0", "44136fa3", profiles=["default"], namespaces=1, findings=findings({})
    )
    other = replace(one, context="two", version="1.1.0", policy="00000000")
    unknown = ContextReport("three", ("no cluster",), Failure.NO_ANSWER)
    with redirect_stdout(StringIO()) as output:
        print_reports(ContextReports((one, other, unknown)), as_json=True)
    return json.loads(output.getvalue())


def _admissions() -> Iterator[str]:
    """The answers and the log of a running service."""
    with (
        TemporaryDirectory() as folder,
        service(issue(Path(folder)), Path(folder) / "log", ["--policy", str(_SHARES)]) as running,
    ):
        with running.client() as client:
            answers = [
                client.post(f"/mutate/{profile}", content=review).json()
                for profile in _PROFILES
                for review in _reviews()
            ]
            refused = client.post("/mutate/default", content=b"{}")
            statuses = {
                "POST /mutate": client.post("/mutate", content=_REVIEW),
                "POST /mutate/PROFILE": client.post("/mutate/default", content=_REVIEW),
                "POST /mutate/PROFILE, of no review": refused,
                "POST /mutate/PROFILE, of no profile": client.post("/mutate/none-such", content=_REVIEW),
                "GET /mutate": client.get("/mutate"),
                "POST of another path": client.post("/other", content=_REVIEW),
            }
        statuses |= {
            "GET /livez of the operations port": running.operations("/livez"),
            "GET /readyz of the operations port": running.readiness(),
            "GET /metrics of the operations port": running.operations("/metrics"),
        }
        lines = running.admissions(len(answers))
    yield from (f"{call}: status {answer.status_code}" for call, answer in statuses.items())
    yield from (f"POST /mutate/PROFILE {line}" for line in lines_of(answers))
    yield from (f"POST /mutate/PROFILE with another status {line}" for line in lines_of([refused.json()]))
    yield from (f"log of an admission {line}" for line in lines_of(lines, words=_WORDS))


SURFACES: Final = MappingProxyType(
    {
        "policy": _policy,
        "values": _values,
        "settings": _settings,
        "metrics": _metrics,
        "commands": _commands,
        "labels": _labels,
        "json": _json,
        "admissions": _admissions,
    }
)


def file_of(surface: str) -> Path:
    """The file that describes a surface."""
    return FOLDER / f"{surface}.txt"


def described(surface: str) -> str:
    """A surface as the code has it now: a line for each thing, sorted."""
    lines: Callable[[], Iterator[str]] = SURFACES[surface]
    return "".join(f"{line}\n" for line in sorted(set(lines())))


def rewrite() -> None:
    """Makes the surfaces as they are now the described ones."""
    for surface in SURFACES:
        file_of(surface).write_text(described(surface), encoding="utf-8")
