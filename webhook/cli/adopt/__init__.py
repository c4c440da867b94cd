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
    assessments, faults = _assessed(sources, profile, strict=strict)
    told = [fault for one in assessments for fault in one.faults] + faults
    written: list[str] = []
    if write and told:
        faults.append(_NOTHING_WRITTEN)
    elif write:
        written, faults = write_files(both for one in assessments for both in one.files)
    if output == "json":
        print_json(assessments, written, faults)
    elif output == "markdown":
        print_markdown(assessments, written)
    else:
        print_text(assessments, written)
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
            if not source.context:
                raise
            faults += [f"context {source.context}: {fault}" for fault in error.sentences]
    return found, faults
