"""`adopt`: compares the placement that applications carry by hand with what the webhook gives them."""

from typing import Final

from webhook.adopt.verdict import AdoptionVerdict
from webhook.cli.adopt.assessment import Assessment, assess
from webhook.cli.adopt.documents import print_json
from webhook.cli.adopt.edited_files import write as write_files
from webhook.cli.adopt.markdown import print_markdown
from webhook.cli.adopt.text import print_text
from webhook.cli.sources import Sources
from webhook.cli.terminal import FOUND, InputError

#: Exit code if something of an application wins over its profile.
CONFLICTS: Final = 3
_NOTHING_WRITTEN: Final = "nothing was written, because of the above: correct it, or leave the file out with --ignore"


def print_adoption(sources: Sources, profile: str | None, output: str, *, write: bool, strict: bool) -> int:
    """Prints the verdict about each application in the format `output`, and returns the exit code.

    With `write`, cuts from the files what the webhook adds anyway; nothing if a part of the input cannot be used. With
    `strict`, applications without placement of their own count as changed if the webhook gives them one.

    Raises InputError: afterwards, with a sentence for all that cannot be read, judged or written, or before anything is
    printed if the profile cannot be used.
    """
    several = len(sources.sources) + len(sources.faults) > 1
    assessments, faults = _assessed(sources, profile, strict=strict)
    if not assessments:
        raise InputError(*faults)
    told = [fault for one in assessments for fault in one.faults] + faults
    written: list[str] = []
    if write and told:
        faults.append(_NOTHING_WRITTEN)
    elif write:
        written, faults = write_files(both for one in assessments for both in one.files)
    if output == "json":
        print_json(assessments, written, faults, several=several)
    elif output == "markdown":
        print_markdown(assessments, written, several=several)
    else:
        print_text(assessments, written, several=several)
    if told := [*(fault for one in assessments for fault in one.faults), *faults]:
        raise InputError(*told)
    verdicts = {one.adoption.verdict for found in assessments for one in found.applications}
    if AdoptionVerdict.CONFLICTS in verdicts:
        return CONFLICTS
    return FOUND if AdoptionVerdict.CHANGES in verdicts else 0


def _assessed(sources: Sources, profile: str | None, *, strict: bool) -> tuple[list[Assessment], list[str]]:
    """What each source holds, and a sentence for each that cannot be judged."""
    found, faults = [], list(sources.faults)
    for source in sources.sources:
        try:
            found.append(assess(source, profile, strict=strict))
        except InputError as error:
            start = f"context {source.context}: " if source.context else ""
            faults += [f"{start}{sentence}" for sentence in error.sentences]
    return found, faults
