"""The text of a policy: the policy, and the lines that sentences about it are about."""

from typing import Any, Final

from webhook.core.cautions import EMPTY, cautions, is_empty
from webhook.core.policy import Policy
from webhook.core.text import one_line
from webhook.playground.named_path import named_path
from webhook.playground.text_lines import Place, TextLines
from webhook.service.policy_file import PolicyError, parse_policy
from webhook.service.yaml_loader import YAMLFaultError, documents

#: What sentences call the text.
FILE: Final = "policy.yaml"
_SEVERAL: Final = "more than one YAML document"
_ROOTS: Final = frozenset(field.alias or name for name, field in Policy.model_fields.items())


class PolicyText:
    """The text, read as the file `FILE`. Without any character it is the built-in policy."""

    def __init__(self, text: str) -> None:
        """Reads nothing yet."""
        self.text = text
        self._lines = TextLines(text)

    def policy(self) -> Policy:
        """The policy. Raises PolicyError."""
        return parse_policy(self.text.encode(), FILE) if self.text else Policy()

    def lines_of_faults(self, error: PolicyError) -> list[int | None]:
        """The line of each fault of `error`; None if it is about no line."""
        lines = self._lines.nearest([Place(0, place) for place in error.places])
        return [*lines, *(self._line_of_yaml(fault) for fault in error.faults[len(lines) :])]

    def cautions(self, policy: Policy) -> list[tuple[str, int | None]]:
        """What of `policy`, that of the text, looks like a mistake: sentences, each with its line."""
        if self.text and is_empty(policy):
            return [(f"{FILE}: {EMPTY}", None)]
        found = cautions(policy)
        document = self._document() if found else None
        paths = [named_path(one, document, _ROOTS) for one in found]
        lines = self._lines.nearest([Place(0, path) for path in paths])
        return [
            (one_line(f"{FILE}: {one}"), line if path else None)
            for one, path, line in zip(found, paths, lines, strict=True)
        ]

    def line_of_profiles(self) -> int | None:
        """The line of the key `profiles`; None if the text does not have it."""
        return self._lines.exact([Place(0, ("profiles",))])[0]

    def _line_of_yaml(self, fault: str) -> int | None:
        said = fault.removeprefix(f"{FILE}: ")
        return self._lines.nearest([Place(1)])[0] if said.startswith(_SEVERAL) else self._lines.of_yaml_fault(said)

    def _document(self) -> Any:
        try:
            return next(iter(documents(self.text.encode())), None)
        except YAMLFaultError:
            return None
