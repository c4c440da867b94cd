"""Writes the table of values in the chart's README from the comments in values.yaml.

`python -m tests.chart.readme` rewrites it.
"""

import json
from collections.abc import Iterator

import yaml

from tests.chart.manifests import CHART

FILE = CHART / "README.md"
_BEGIN, _END = "<!-- values -->\n", "<!-- end of values -->\n"
#: Maps that count as one value, with one row in the table.
_WHOLE = {
    "policy.selector",
    "policy.virtualNode",
    "policy.profiles",
    "resources",
    "certificates.controller.resources",
    "overflow.resources",
    "page.resources",
    "podSecurityContext",
    "securityContext",
    "monitoring.dashboard.labels",
}
_WIDTH = 60


def rows() -> Iterator[tuple[str, str, str]]:
    """Each value's path, comment (empty if it has none) and default."""
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    yield from _rows(root, text.splitlines(), "")


def _rows(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[tuple[str, str, str]]:
    for key, value in node.value:
        path, comment = prefix + key.value, _comment(lines, key.start_mark.line)
        inside = isinstance(value, yaml.MappingNode) and value.value and path not in _WHOLE
        if comment or not inside:
            yield path, comment, "" if inside else _default(value)
        if inside:
            yield from _rows(value, lines, f"{path}.")


def _comment(lines: list[str], number: int) -> str:
    above: list[str] = []
    while lines[number - 1 - len(above)].strip().startswith("# "):
        above.insert(0, lines[number - 1 - len(above)].strip().removeprefix("# "))
    return " ".join(above)


def _default(node: yaml.Node) -> str:
    value = yaml.constructor.SafeConstructor().construct_document(node)
    text = json.dumps(value)
    return f"`{text}`" if len(text) <= _WIDTH else "see values.yaml"


def undocumented() -> list[str]:
    """The values that have no comment."""
    return [path for path, comment, _ in rows() if not comment]


def composed(text: str) -> str:
    """The README's `text` with a current table."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    table = ["| value | what it is | default |\n", "|---|---|---|\n"]
    for path, comment, default in rows():
        escaped = comment.replace("|", "\\|")
        table.append(f"| `{path}` | {escaped} | {default} |\n")
    return before + _BEGIN + "".join(table) + _END + after


if __name__ == "__main__":
    FILE.write_text(composed(FILE.read_text()))
