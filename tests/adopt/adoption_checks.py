"""Checks the runs of adopt on the files of one policy, without any pods. Each complaint is a sentence."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tests.adopt import file_checks
from tests.adopt.adoption import Adoption
from tests.adopt.fleet import Drawn

#: The exit codes for the worst verdict.
_CODES: Final = {"same": 0, "changes": 1, "conflicts": 3}


def all_are_told(adoption: Adoption, drawn: Sequence[Drawn]) -> Iterator[str]:
    """Whether every run tells of each application, and of its file, and nothing is wrong with any."""
    expected = {one.key: one.file for one in drawn if one.policy == adoption.policy}
    for number, run in enumerate(adoption.runs, 1):
        if run.report["faults"]:
            yield f"run {number}: {run.report['faults']}"
        told = run.applications
        if told.keys() != expected.keys():
            yield f"run {number}: tells of other applications: {sorted(told.keys() ^ expected.keys())[:3]}"
        for key, file in expected.items():
            if key in told and not told[key]["file"].endswith(f"/{adoption.policy}/{file}"):
                yield f"run {number}: {key[-1]} is said to be in {told[key]['file']}"


def exit_codes_follow(adoption: Adoption, _: Sequence[Drawn]) -> Iterator[str]:
    """Whether each exit code is that of the worst verdict."""
    for number, run in enumerate(adoption.runs, 1):
        worst = max(_CODES[one["verdict"]] for one in run.applications.values())
        if run.code != worst:
            yield f"run {number}: the exit code is {run.code} instead of {worst}"


def a_try_is_true(adoption: Adoption, _: Sequence[Drawn]) -> Iterator[str]:
    """Whether a run without --write touches nothing, and tells what one with it does."""
    if adoption.after_try != adoption.before:
        yield "files are touched without --write"
    if adoption.tried.report["applications"] != adoption.written.report["applications"]:
        yield "without --write something else is told"


def only_told_lines_go(adoption: Adoption, _: Sequence[Drawn]) -> Iterator[str]:
    """Whether the files lose the lines that the report names, and no byte more."""
    if adoption.after_write.keys() != adoption.before.keys():
        yield f"there are other files: {sorted(adoption.after_write.keys() ^ adoption.before.keys())}"
    for name, old in adoption.old.items():
        for told in file_checks.lines(old, adoption.new(name), adoption.written.cuts(name)):
            yield f"{name}: {told}"


def only_placement_goes(adoption: Adoption, _: Sequence[Drawn]) -> Iterator[str]:
    """Whether the documents lose nothing but placement."""
    for name, old in adoption.old.items():
        yield from (f"{name}: {told}" for told in file_checks.documents(old, adoption.new(name)))


def other_files_are_untouched(adoption: Adoption, _: Sequence[Drawn]) -> Iterator[str]:
    """Whether files without cuts are the same files as before, and the others have the same mode and owners."""
    for name, before in adoption.before.items():
        after = adoption.after_write[name]
        if not adoption.written.cuts(name) and after != before:
            yield f"{name} has no cuts, and was touched"
        elif after.rights != before.rights:
            yield f"{name} has another mode or owner"


def once_is_enough(adoption: Adoption, _: Sequence[Drawn]) -> Iterator[str]:
    """Whether a second --write changes nothing."""
    if adoption.after_rewrite != adoption.after_write:
        yield "the second --write touched files"
    if adoption.again.report["applications"] != adoption.rewritten.report["applications"]:
        yield "the second --write tells something else than a run without it"


CHECKS: Final[tuple[Callable[[Adoption, Sequence[Drawn]], Iterator[str]], ...]] = (
    all_are_told,
    exit_codes_follow,
    a_try_is_true,
    only_told_lines_go,
    only_placement_goes,
    other_files_are_untouched,
    once_is_enough,
)
