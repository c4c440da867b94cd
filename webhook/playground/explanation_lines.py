"""The lines of a text that its explanation is about: of each fault, and of each refusal that names a field."""

from webhook.explain.explanation import Explanation
from webhook.playground.application_text import ApplicationText
from webhook.playground.text_lines import Place
from webhook.spark.workloads import Refusal, Workload


class ExplanationLines:
    """The lines of all faults and refusals, found in one pass over the text."""

    def __init__(self, application: ApplicationText, explained: Explanation) -> None:
        """Finds the lines of what `explained` says of `application`."""
        done = {id(one.workload) for one in explained.workloads}
        places: dict[tuple[int, str], Place | None] = {}
        unexplained = []
        for index, (_, workload) in enumerate(application.inputs.workloads):
            if id(workload) not in done:
                unexplained.append(index)
            for refusal in workload.refused:
                places[id(workload), refusal.sentence] = application.of_refusal(index, refusal.sentence)
        # The faults of workloads come after those of documents, in the order of the workloads.
        first = len(application.inputs.faults)
        faults: list[Place | int | None] = [application.of_fault(one) for one in explained.faults[:first]]
        faults += map(application.of_unexplained, unexplained, explained.faults[first:])
        wanted = dict.fromkeys(one for one in (*faults, *places.values()) if isinstance(one, Place))
        lines: dict[Place | int | None, int | None] = dict(
            zip(wanted, application.lines.nearest(list(wanted)), strict=True)
        )
        self.of_faults = [lines[one] if isinstance(one, Place) else one for one in faults]
        """The line of each fault of the explanation; None if it is about none."""
        self._refusals = {key: lines.get(place) for key, place in places.items()}

    def of_refusal(self, workload: Workload, refusal: Refusal) -> int | None:
        """The line of the field of `workload` with which a refusal begins; None if it names none."""
        return self._refusals[id(workload), refusal.sentence]
