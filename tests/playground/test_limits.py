"""Whatever the texts are, the process answers within its limits or ends, and the next answer is as it always was."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.live_service import ROOT
from tests.playground.explainer import Explainer, explaining
from tests.playground.inputs import PLAIN
from tests.stopped_write import stop_in_write
from webhook.core import names
from webhook.playground.answer import MOST_BYTES, MOST_WORKLOADS
from webhook.playground.examples import EXAMPLES
from webhook.playground.process import OUT_OF_MEMORY

POD = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a, labels: {{spark-role: driver, {names.LAUNCHED_BY_OPERATOR}: 'true'}}}}\nspec: "
ENDS = {-signal.SIGALRM, -signal.SIGPROF, OUT_OF_MEMORY, -signal.SIGABRT}
#: Texts that would take much time or memory.
HOSTILE = {
    "a million aliases": ("a: &a x\nb: [" + "*a," * 340_000 + "]", ""),
    "a million aliases in a pod": (f"{POD}{{tolerations: [&a {{key: x}}, {'*a,' * 300_000}]}}", ""),
    "nested aliases in a pod": (
        f"{POD}\n  x0: &x0 [a]\n" + "".join(f"  x{i}: &x{i} [{','.join([f'*x{i - 1}'] * 9)}]\n" for i in range(1, 6)),
        "",
    ),
    "a billion laughs in a policy": (
        PLAIN,
        "x0: &x0 [a]\n" + "".join(f"x{i}: &x{i} [{','.join([f'*x{i - 1}'] * 9)}]\n" for i in range(1, 12)),
    ),
    "a line of 4 MiB": ("a: " + "x" * 4 * 1024**2, ""),
    "an annotation of 2 MiB": (
        f"{POD.replace('name: a', 'name: a, annotations: {a: ' + 'x' * 2 * 1024**2 + '}')}{{}}",
        "",
    ),
    "lists in lists": ("a: " + "[" * 300_000, ""),
    "maps in maps": ('{"a":' * 100_000 + "1" + "}" * 100_000, ""),
    "10,000 workloads": ("---\n".join([POD + "{}\n"] * 10_000), ""),
    "10,000 workloads in a list": (
        "apiVersion: v1\nkind: PodList\nitems:\n" + "- {metadata: {}, spec: {}}\n" * 10_000,
        "",
    ),
    "10,000 faults": ("---\n".join(["apiVersion: v1\nkind: Pod\n"] * 10_000), ""),
    "80,000 keys": ("\n".join(f"k{number}: 1" for number in range(80_000)), ""),
    "50,000 labels": (POD.replace("labels: {", "labels: {" + "".join(f"k{n}: a, " for n in range(50_000))) + "{}", ""),
    "50,000 unknown fields": (PLAIN + "\n".join(f"  k{number}: 1" for number in range(50_000)), ""),
    "1,000 profiles": (
        PLAIN,
        "profiles:\n  default: {}\n" + "".join(f"  p{n}: {{driver: {{mode: eci-only}}}}\n" for n in range(1_000)),
    ),
    "6,000 profiles": (PLAIN, "profiles:\n" + "".join(f"  p{number}: {{}}\n" for number in range(6_000))),
    "image patterns": (
        PLAIN,
        "profiles:\n  default:\n    executor:\n      imageCache:\n        snapshots:\n"
        + f"        - {{id: imc-a, image: '{'*a' * 100}'}}\n" * 500,
    ),
    "an image like its pattern": (
        PLAIN.replace("apache/spark:3.5.2", "a" * 200),
        f"profiles:\n  default:\n    executor:\n      imageCache:\n        snapshots:\n        - {{id: i, image: '{'a*' * 60}b'}}\n",
    ),
}


def whole(answer: bytes) -> dict[str, Any]:
    """An answer, which has all its parts and is not too large."""
    assert len(answer) <= MOST_BYTES
    found: dict[str, Any] = json.loads(answer)
    assert set(found) == {"explanation", "faults", "cautions", "profiles", "command", "views"}
    assert found["explanation"] or found["faults"]
    return found


@pytest.fixture(scope="module")
def living() -> Iterator[Callable[[], Explainer]]:
    """A process that lives: another one if the last one has ended."""
    with ExitStack() as stack:
        started: list[Explainer] = []

        def current() -> Explainer:
            if not started or started[-1].process.poll() is not None:
                started.append(stack.enter_context(explaining()))
            return started[-1]

        yield current


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_answered_or_ends_the_process_and_changes_nothing(
    name: str, living: Callable[[], Explainer]
) -> None:
    documents, policy = HOSTILE[name]
    one = living()
    before = one.explain(PLAIN)
    answer = one.explain(documents, policy)
    if answer:
        whole(answer)
        assert one.explain(PLAIN) == before
    else:
        assert one.process.wait(timeout=30) in ENDS


def test_the_memory_of_one_request_does_not_add_up(explainer: Explainer) -> None:
    text = PLAIN.replace("  driver:", "  driver:\n    annotations: {a: " + "x" * 1024**2 + "}")
    assert len({explainer.explain(text) for _ in range(30)}) == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_process_that_is_stopped_and_goes_on_answers_whole(unbuffered: str) -> None:
    documents = "---\n".join([POD + "{}\n"] * MOST_WORKLOADS)
    with ThreadPoolExecutor(1) as pool, explaining(PYTHONUNBUFFERED=unbuffered) as one:
        expected = one.explain(documents)
        one.ask(documents)
        stop_in_write(one.process)
        assert pool.submit(one.answer).result(60) == expected


def test_more_workloads_than_the_page_shows_are_refused(explainer: Explainer) -> None:
    most = whole(explainer.explain("---\n".join([POD + "{}\n"] * MOST_WORKLOADS)))
    assert (len(most["views"]), most["faults"]) == (MOST_WORKLOADS, [])
    more = whole(explainer.explain("---\n".join([POD + "{}\n"] * (MOST_WORKLOADS + 1))))
    assert (more["explanation"], more["views"]) == (None, [])
    assert more["faults"] == [
        {
            "sentence": "application.yaml: contains more than 200 applications and pods; accepted: 200, or any number "
            "by the command",
            "in": "documents",
            "line": None,
        }
    ]


def test_an_answer_that_is_too_large_says_so(explainer: Explainer) -> None:
    text = PLAIN.replace("  driver:", "  driver:\n    annotations: {a: " + "x" * 2 * 1024**2 + "}")
    assert whole(explainer.explain(text))["faults"] == [
        {
            "sentence": "application.yaml: the answer is too large; accepted: at most 8 MiB",
            "in": "documents",
            "line": None,
        }
    ]


@pytest.mark.parametrize(
    ("work", "end"),
    [
        ("while True: pass", {-signal.SIGALRM, -signal.SIGPROF}),
        ("import time; time.sleep(60)", {-signal.SIGALRM}),
        # Work that returns to Python only at its end.
        ("re.fullmatch('(a|a)*b', 'a' * 60)", {-signal.SIGALRM, -signal.SIGPROF}),
        ("bytearray(300 * 1024**2)", {OUT_OF_MEMORY}),
        ("list(range(10**9))", {OUT_OF_MEMORY}),
    ],
)
def test_work_without_end_ends_the_process(work: str, end: set[int]) -> None:
    """The process itself, in which answering a request is replaced by other work."""
    program = (
        "import re\nimport time\nfrom webhook.playground import process\n"
        f"def answer(*_):\n    {work}\n"
        "process.Dialogue.answer = answer\nprocess.main()"
    )
    with explaining("-c", program) as one:
        assert one.explain(PLAIN) == b""
        assert one.process.wait(timeout=30) in end


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd')",
        "os.open('.', os.O_RDONLY)",
        "open('/dev/null', 'w')",
        "socket.socket()",
        "socket.socketpair()",
        "os.pipe()",
        "os.dup(1)",
        "os.memfd_create('a')",
        "os.fork() or os._exit(0)",
        "os.posix_spawn('/bin/true', ['true'], os.environ)",
        "subprocess.run(['/bin/true'])",
        "_thread.start_new_thread(int, ())",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
        "resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))",
    ],
)
def test_code_that_ran_inside_could_open_nothing(attempt: str) -> None:
    """What fails inside works outside."""
    program = (
        "import _thread, os, resource, socket, subprocess, sys\n"
        "from webhook.playground.limits import close_in\n"
        "{}\n"
        f"try:\n    {attempt}\n"
        "except (OSError, ValueError, RuntimeError) as error:\n"
        "    sys.stdout.write(type(error).__name__)\n"
    )
    inside, outside = (
        subprocess.run(
            [sys.executable, "-c", program.format(first)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        for first in ("close_in()", "")
    )
    assert (
        inside.stdout in ("OSError", "PermissionError", "BlockingIOError", "RuntimeError", "ValueError"),
        inside.stderr,
    ) == (
        True,
        "",
    ), inside
    assert (outside.stdout, outside.stderr) == ("", "")


def test_everything_is_imported_before_the_process_is_closed(explainer: Explainer) -> None:
    """What is imported later would fail, so no text that a test has may need it."""
    for one in EXAMPLES:
        found = whole(explainer.explain(one.documents, one.policy, one.profile))
        assert found["faults"] == []


def test_the_process_ends_with_its_input() -> None:
    with explaining() as one:
        assert one.ended() == 0
    with explaining() as one:
        assert one.process.stdin is not None
        one.process.stdin.write((1000).to_bytes(4) + b"{")
        assert one.ended() == 0


def test_ctrl_c_in_the_terminal_is_left_to_the_parent() -> None:
    with explaining() as one:
        before = one.explain(PLAIN)
        one.process.send_signal(signal.SIGINT)
        assert one.explain(PLAIN) == before
