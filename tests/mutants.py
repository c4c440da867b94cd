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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import libcst
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT: Final = Path(__file__).parents[1]
CORE: Final = Path("webhook/core")
#: The tests that a mutant has to pass to survive. Those that fail fastest come first.
TESTS: Final = ("tests/core", "tests/service/test_policy_file.py")
#: Seconds after which a mutant counts as noticed, because it loops.
LIMIT: Final = 120
COPIED: Final = ("certs", "charts", "docs", "examples", "tests", "webhook", "pyproject.toml")


@dataclass(frozen=True)
class Mutant:
    """A module with one change in it."""

    file: Path
    code: str

    def __str__(self) -> str:
        """The place, and the line before and after the change."""
        before = (ROOT / self.file).read_text(encoding="utf-8").splitlines()
        after = self.code.splitlines()
        line = next(at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
        return f"{self.file}:{line + 1}\n  - {before[line].strip()}\n  + {after[line].strip()}"


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
        Mutant(file, module.deep_replace(one.original_node, one.mutated_node).code)  # type: ignore[attr-defined]
        for file, module, one in drawn
    ], len(found)


def survives(mutant: Mutant, tree: Path) -> bool:
    """Whether the tests pass with the mutant in `tree`, which is restored afterwards."""
    original = (ROOT / mutant.file).read_text(encoding="utf-8")
    (tree / mutant.file).write_text(mutant.code, encoding="utf-8")
    try:
        return passes(tree)
    finally:
        (tree / mutant.file).write_text(original, encoding="utf-8")


def passes(tree: Path) -> bool:
    """Whether the tests pass in `tree` within the limit."""
    options = ("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")
    variables = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *TESTS],
            cwd=tree, env=variables, capture_output=True, check=False, timeout=LIMIT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


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
        if not passes(tree):
            print(f"the tests fail without a mutant: {' '.join(TESTS)}")
            return 1
        trees.put(tree)

        def attempt(mutant: Mutant) -> bool:
            tree = trees.get()
            try:
                return survives(mutant, tree)
            finally:
                trees.put(tree)

        survivors = [mutant for mutant, alive in zip(drawn, pool.map(attempt, drawn), strict=True) if alive]
    print(*survivors, sep="\n")
    print(f"commit {commit[:12]}: {len(survivors)} of {len(drawn)} mutants survived, drawn from {total}")
    return int(len(survivors) > options.allowed)


if __name__ == "__main__":
    sys.exit(main())
