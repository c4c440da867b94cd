"""`make golden`: rewrites the expected files of the tests. Somebody then reviews the diff."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

from tests import alternatives_table, modes_table, settings_table
from tests.admission_reviews import answer, patched
from tests.cases import FILES, ROOT, case_of, entries
from tests.chart import readme, selectors, values_schema
from tests.cli import why_cases
from tests.cli.golden import rewrite_outputs
from tests.compatibility import surfaces
from tests.documents import versions
from tests.overlays import difference, overlaid
from webhook.core.modes import SchedulingMode
from webhook.service.policy_file import load_policy

WIDTH: Final = 120
EXAMPLES: Final = Path(__file__).parents[1] / "examples"


def rewrite_cases() -> None:
    """Makes the core's present answers the expected ones of tests/cases, and adds the cases of a new mode."""
    modes: dict[str, dict[str, Any]] = {
        f"mode-{mode}-{role}": {"role": role, "rule": str(mode)} | ({"policy": {"overflow": {}}} if mode.waits else {})
        for mode in SchedulingMode
        for role in ("driver", "executor")
    }
    for file in FILES:
        found = entries(file)
        if file == ROOT / "modes.yaml":
            found = {name: found.get(name, entry) for name, entry in modes.items()}
        cases = [yaml_text({name: _answered(name, entry)}) for name, entry in found.items()]
        file.write_text("\n".join(cases), encoding="utf-8")


def _answered(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a case, which expects the core's present answer."""
    case = case_of(name, **entry)
    response = answer(case.pod, case.policy)
    after = patched(case.pod, response)
    gained = difference(case.pod, after)
    assert overlaid(case.pod, gained) == after
    found = entry | {"expected": gained, "warnings": response.get("warnings")}
    return {key: value for key, value in found.items() if value}


def yaml_text(value: Any, blocks: int = 2, indent: int = 0) -> str:
    """`value` as YAML: below the outer `blocks` levels, a value is on one line if it fits."""
    lines = []
    for key, inner in value.items() if isinstance(value, dict) else (("-", one) for one in value):
        head = " " * indent + (f"{_on_one_line(key)}:" if isinstance(value, dict) else key)
        line = f"{head} {_on_one_line(inner)}\n"
        if not (inner and isinstance(inner, dict | list)) or (blocks < 2 and len(line) <= WIDTH):
            lines.append(line)
        else:
            text = yaml_text(inner, blocks - 1, indent + 2)
            lines.append(f"{head}\n{text}" if isinstance(value, dict) else f"{head} {text.lstrip()}")
    return "".join(lines)


def _on_one_line(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return str(text).removesuffix("...\n").strip()


def rewrite_examples() -> None:
    """Adds the example of a new mode, and rewrites each `after.yaml` from the core's present answer."""
    for mode in SchedulingMode:
        folder = EXAMPLES / mode
        folder.mkdir(exist_ok=True)
        policy, before = folder / "policy.yaml", folder / "before.yaml"
        if not policy.exists():
            rule = {"mode": str(mode), "imageCache": {"auto": False}}
            profiles = {"profiles": {"default": {"driver": rule, "executor": dict(rule)}}}
            written: dict[str, Any] = {"overflow": {}} | profiles if mode.waits else profiles
            text = yaml.dump(written, Dumper=_WithoutAliases, sort_keys=False)
            policy.write_text(f"# Pods are placed in the mode {mode}.\n{text}", encoding="utf-8")
        if not before.exists():
            text = (EXAMPLES / "ecs-first/before.yaml").read_text(encoding="utf-8")
            before.write_text(text.replace("ecs-first", mode), encoding="utf-8")
        (folder / "after.yaml").write_text(by_hand(mode), encoding="utf-8")


def by_hand(mode: SchedulingMode) -> str:
    """`after.yaml` in the example of a mode: the plain application with what its pods gain written into it."""
    application = yaml.safe_load((EXAMPLES / mode / "before.yaml").read_text(encoding="utf-8"))
    policy = load_policy(EXAMPLES / mode / "policy.yaml")
    for role in ("driver", "executor"):
        pod = case_of(mode, role=role).pod
        gained = difference(pod["spec"], patched(pod, answer(pod, policy))["spec"])
        wanted = {"affinity": gained.get("affinity"), "tolerations": gained.get("tolerations+")}
        application["spec"][role] |= {key: value for key, value in wanted.items() if value}
    comment = "# The same placement by hand, without the webhook."
    comment += " Nothing opens these pods to ECI later.\n" if mode.waits else "\n"
    return comment + yaml.dump(application, Dumper=_WithoutAliases, sort_keys=False)


class _WithoutAliases(yaml.SafeDumper):
    """Writes a value in full each time it occurs."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


if __name__ == "__main__":
    rewrite_cases()
    rewrite_examples()
    settings_table.rewrite()
    modes_table.rewrite()
    alternatives_table.rewrite()
    selectors.rewrite()
    rewrite_outputs()
    why_cases.rewrite()
    schema = json.loads(values_schema.FILE.read_text(encoding="utf-8"))
    values_schema.FILE.write_text(values_schema.text(values_schema.composed(schema)), encoding="utf-8")
    surfaces.rewrite()
    versions.rewrite()
    readme.FILE.write_text(readme.composed(readme.FILE.read_text(encoding="utf-8")), encoding="utf-8")
