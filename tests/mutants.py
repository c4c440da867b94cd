"""`make mutants`: breaks webhook/core in small ways, one at a time, and lists the changes that no test notices.

mutmut says what can be changed. The commit decides which changes are drawn, so that a run can be repeated.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import libcst
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT: Final = Path(__file__).parents[1]
CORE: Final = Path("webhook/core")
#: The tests that a mutant has to pass to survive, the quickest first: what fails the first run has no second one.
RUNS: Final = (
    ("tests/core", "tests/service/test_policy_file.py"),
    (
        "tests/spark",
        "tests/explain",
        "tests/cli/test_golden.py",
        "tests/cli/test_explain.py",
        "tests/chart/test_values.py::test_the_generated_parts_of_the_schema_are_current",
    ),
)
#: A mutant for which the tests take this many times as long as without it counts as noticed: it loops.
PATIENCE: Final = 10
COPIED: Final = ("certs", "charts", "docs", "examples", "tests", "webhook", "pyproject.toml")


@dataclass(frozen=True)
class Mutant:
    """A module with one change in it."""

    file: Path
    before: str
    code: str

    def __str__(self) -> str:
        """The file, the place, and the lines before and after the change."""
        _, _, *changed = unified_diff(self.before.splitlines(), self.code.splitlines(), n=0, lineterm="")
        return "\n".join((str(self.file), *changed))


class _Visitor(MutationVisitor):
    """Also changes decorated functions, which mutmut leaves out because it keeps all mutants in one file."""

    def _skip_node_and_children(self, node: libcst.CSTNode) -> bool:
        return not isinstance(node, libcst.FunctionDef) and super()._skip_node_and_children(node)


def draw(count: int, seed: str) -> tuple[list[Mutant], int]:
    """`count` mutants of webhook/core, and the number of those from which they were drawn."""
    found = []
    for path in sorted((ROOT / CORE).glob("*.py")):
        visitor = _Visitor(mutation_operators, IgnoredCode(set(), set(), set()))
        module = libcst.MetadataWrapper(libcst.parse_module(path.read_text(encoding="utf-8"))).visit(visitor)
        found += [(path.relative_to(ROOT), module, mutation) for mutation in visitor.mutations]
    drawn = random.Random(seed).sample(found, min(count, len(found)))  # noqa: S311
    return [
        Mutant(file, module.code, module.deep_replace(one.original_node, one.mutated_node).code)  # type: ignore[attr-defined]
        for file, module, one in drawn
    ], len(found)


def survives(mutant: Mutant, tree: Path, limit: float) -> bool:
    """Whether the tests pass with the mutant in `tree`, which is restored afterwards."""
    (tree / mutant.file).write_text(mutant.code, encoding="utf-8")
    try:
        return passes(tree, limit)
    finally:
        (tree / mutant.file).write_text(mutant.before, encoding="utf-8")


def passes(tree: Path, limit: float | None = None) -> bool:
    """Whether the tests pass in `tree`, within `limit` seconds if it is given."""
    options = ("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")
    variables = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    for tests in RUNS:
        command = [sys.executable, "-m", "pytest", *options, *tests]
        try:
            subprocess.run(command, cwd=tree, env=variables, capture_output=True, check=True, timeout=limit)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False
    return True


def copy(folder: Path) -> Path:
    """A copy of what the tests need, in `folder`."""
    folder.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "local"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def main() -> int:
    """Draws and tries the mutants. The exit code is 1 if more of them survive than are allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=200, help="how many to draw")
    parser.add_argument("--allowed", type=int, default=5, help="how many may survive")
    options = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    drawn, total = draw(options.mutants, commit.strip())
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(workers) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for worker in range(workers):
            trees.put(copy(Path(name, str(worker))))
        tree = trees.get()
        start = time.monotonic()
        if not passes(tree):
            print("the tests fail without a mutant:", *chain(*RUNS))
            return 1
        limit = PATIENCE * (time.monotonic() - start)
        trees.put(tree)

        def attempt(mutant: Mutant) -> bool:
            tree = trees.get()
            try:
                return survives(mutant, tree, limit)
            finally:
                trees.put(tree)

        survivors = [mutant for mutant, alive in zip(drawn, pool.map(attempt, drawn), strict=True) if alive]
    print(*survivors, sep="\n")
    print(f"commit {commit[:12]}: {len(survivors)} of {len(drawn)} mutants survived, drawn from {total}")
    return int(len(survivors) > options.allowed)


if __name__ == "__main__":
    sys.exit(main())
