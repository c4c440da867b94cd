"""Rewrites what tests compare with, for a diff that somebody reviews: `make golden`."""

import json

import yaml

from tests import settings_table
from tests.cases import CASES
from tests.chart import readme, values_schema
from tests.cli.golden import rewrite_outputs
from tests.reviewing import answer, patched


def rewrite_cases() -> None:
    """Makes the core's present answers the expected ones of tests/cases."""
    for case in CASES:
        response = answer(case.pod, case.policy)
        text = yaml.safe_dump(patched(case.pod, response), sort_keys=False)
        case.expected_file.write_text(text, encoding="utf-8")
        warnings = response.get("warnings", [])
        if warnings:
            case.warnings_file.write_text("\n".join(warnings) + "\n", encoding="utf-8")
        else:
            case.warnings_file.unlink(missing_ok=True)


if __name__ == "__main__":
    rewrite_cases()
    settings_table.rewrite()
    rewrite_outputs()
    schema = json.loads(values_schema.FILE.read_text(encoding="utf-8"))
    values_schema.FILE.write_text(values_schema.text(values_schema.composed(schema)), encoding="utf-8")
    readme.FILE.write_text(readme.composed(readme.FILE.read_text(encoding="utf-8")), encoding="utf-8")
