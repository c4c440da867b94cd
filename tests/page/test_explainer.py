"""Explanations by HTTP: a real page process, and a process in the place of the one that explains that does as told."""

import contextlib
import json
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.page.page_process import Page, greeting, page, wait_until
from tests.page.stand_in import START

ACCEPTED = "; accepted: fewer or smaller applications, which the command explain reads without this limit"
TOO_LONG = (504, f"the explanation takes too long{ACCEPTED}")
TOO_MUCH = (507, f"the explanation takes too much memory{ACCEPTED}")
ENDED = (500, "the process that explains has ended; its log says why")

#: How often a test tries to ask while another question is answered, which takes 12 s at most.
MOST_ATTEMPTS = 5


@pytest.fixture(scope="module")
def obedient() -> Iterator[Page]:
    with page() as started:
        yield started


def question(instruction: str) -> dict[str, Any]:
    return {"op": "explain", "documents": instruction, "policy": "", "profile": "", "service": greeting()["service"]}


def raw(instruction: str) -> bytes:
    """A request as it is sent."""
    content = json.dumps({"documents": instruction, "policy": ""})
    return (
        "POST /explain HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(content)}\r\n\r\n{content}"
    ).encode()


def answered(answer: httpx.Response, instruction: str) -> int:
    """Judges an ordinary answer, and returns the process that gave it."""
    assert answer.status_code == httpx.codes.OK
    found = answer.json()
    process: int = found.pop("process")
    assert found == question(instruction)
    return process


def asking(page: Page) -> httpx.Client:
    """A client for many questions, also of several threads. To make one for each takes long on a busy machine."""
    # httpcore may close an idle connection that it has just given to another thread (encode/httpcore#1110), so none is kept.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=page.url, headers=page.origin, limits=limits, timeout=60)


def asked(client: httpx.Client, instruction: str) -> httpx.Response:
    return client.post("/explain", json={"documents": instruction, "policy": ""})


def alive(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False


def test_a_question_reaches_the_process_whole_and_its_answer_the_browser_byte_for_byte(obedient: Page) -> None:
    documents = 'kind: "\u2028é\U0001f600\x00\\"\n' * 1000
    answer = obedient.explain(documents, "mode: ecs-only\n", "batch")
    found = answer.json()
    assert found.pop("process") in obedient.children
    assert found == question(documents) | {"policy": "mode: ecs-only\n", "profile": "batch"}
    assert answer.headers["content-type"] == "application/json"
    assert obedient.explain("bytes 1000").content == b'"' + b"x" * 998 + b'"'


def test_the_page_begins_with_what_the_process_says_and_what_serve_said(obedient: Page) -> None:
    with httpx.Client(base_url=obedient.url, timeout=60) as client:
        found = client.get("/start").json()
    said = greeting()
    policy = START["policy"] | {"of": said["policy"]["document"]}
    most = {"version": said["version"], "mostBytes": 1024 * 1024, "service": said["service"]}
    assert found == START | {"policy": policy} | most


@pytest.mark.parametrize(
    ("instruction", "told"),
    [
        ("forever", TOO_LONG),
        ("alarm", TOO_LONG),
        ("processor", TOO_LONG),
        ("memory", TOO_MUCH),
        ("abort", TOO_MUCH),
        ("exit 3", ENDED),
        ("exit 0", ENDED),
        ("half", ENDED),
        (f"bytes {9 * 1024**2 + 1}", (507, f"the explanation is too large{ACCEPTED}")),
    ],
)
def test_a_question_without_an_answer_is_told_and_the_next_one_is_answered(
    obedient: Page, instruction: str, told: tuple[int, str]
) -> None:
    before = answered(obedient.explain("before"), "before")
    answer = obedient.explain(instruction)
    assert (answer.status_code, answer.json()) == (told[0], {"error": told[1]})
    after = answered(obedient.explain("after"), "after")
    assert before != after
    assert not alive(before)
    assert obedient.children == [after]


def test_a_process_that_was_killed_between_two_questions_is_started_again(obedient: Page) -> None:
    before = answered(obedient.explain("before"), "before")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: not obedient.children)
    assert answered(obedient.explain("after"), "after") != before


def test_the_largest_answer_arrives_whole_also_at_a_slow_client(obedient: Page) -> None:
    size = 8 * 1024**2
    for _ in range(3):
        with ThreadPoolExecutor(1) as pool, socket.create_connection(("127.0.0.1", obedient.port), 30) as slow:
            slow.sendall(raw(f"bytes {size}"))
            other = pool.submit(obedient.explain, f"bytes {size}")
            received, longest = slowly(slow)
            assert len(other.result().content) == size
        body = received.partition(b"\r\n\r\n")[2]
        # Else the client itself stood still for as long as it has for one piece.
        if len(body) == size or longest < 4:
            break
    assert body == b'"' + b"x" * (size - 2) + b'"'


def slowly(connection: socket.socket) -> tuple[bytes, float]:
    """All that comes, and the longest time between two pieces. In all it takes longer than a client has for one."""
    received, longest, last = b"", 0.0, time.monotonic()
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(64 * 1024):
            received += piece
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
            time.sleep(0.05)
    return received, max(longest, time.monotonic() - last)


def test_each_of_several_questions_at_once_gets_its_own_answer(obedient: Page) -> None:
    questions = [f"question {number}" for number in range(9)]
    with ThreadPoolExecutor(len(questions)) as pool:
        answers = list(pool.map(obedient.explain, questions))
    for instruction, answer in zip(questions, answers, strict=True):
        answered(answer, instruction)


def test_eight_questions_wait_and_further_ones_are_told_to_come_back(obedient: Page, tmp_path: Path) -> None:
    for attempt in range(MOST_ATTEMPTS):
        working, unwanted = tmp_path / f"working-{attempt}", tmp_path / f"unwanted-{attempt}"
        with ThreadPoolExecutor(10) as pool, asking(obedient) as client:
            first = pool.submit(asked, client, f"forever {working}")
            wait_until(working.exists)
            # These leave before their turn.
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", obedient.port), 30) as leaving:
                    leaving.sendall(raw(f"touch {unwanted}"))
            client.get("/")
            waiting = [pool.submit(asked, client, f"waiting {number}") for number in range(9)]
            answers = [one.result() for one in waiting]
            assert first.result().status_code == httpx.codes.GATEWAY_TIMEOUT
        refused = [one for one in answers if one.status_code == httpx.codes.SERVICE_UNAVAILABLE]
        # Else some came only after the first had its answer.
        if refused:
            break
    assert [one.json() for one in refused] == [
        {"error": "too many questions wait for an explanation; try again in a second"}
    ]
    for number, answer in enumerate(answers):
        if answer not in refused:
            answered(answer, f"waiting {number}")
    assert not unwanted.exists()


def test_files_and_the_beginning_do_not_wait_for_an_explanation(obedient: Page, tmp_path: Path) -> None:
    for attempt in range(MOST_ATTEMPTS):
        working = tmp_path / f"working-{attempt}"
        with ThreadPoolExecutor(1) as pool, asking(obedient) as client:
            client.get("/start")
            first = pool.submit(asked, client, f"forever {working}")
            wait_until(working.exists)
            for path in ("/", "/start"):
                assert client.get(path).status_code == httpx.codes.OK
            in_time = not first.done()
            assert first.result().status_code == httpx.codes.GATEWAY_TIMEOUT
        if in_time:
            break
    assert in_time


def test_the_process_holds_no_socket_and_no_file_of_the_page(obedient: Page) -> None:
    found = obedient.explain("open").json()
    # Its two pipes and its log, and copies of them that uvloop leaves.
    assert set(found.values()) == {found[fd] for fd in "012"}
    of_the_page = set()
    for one in Path(f"/proc/{obedient.process.pid}/fd").iterdir():
        # It may be that of a connection that has just ended.
        with contextlib.suppress(FileNotFoundError):
            of_the_page.add(str(one.readlink()))
    assert of_the_page & set(found.values()) == {found["2"]}


def test_a_process_that_does_not_start_is_told_and_the_page_is_served() -> None:
    with page({**greeting(), "policy": {"digest": "x", "document": "refused"}}) as running:
        told = {"error": "the process that explains does not start; its log says why"}
        for answer in (httpx.get(f"{running.url}/start", timeout=60), running.explain("anything")):
            assert (answer.status_code, answer.json()) == (503, told)
        assert httpx.get(running.url, timeout=60).status_code == httpx.codes.OK


@pytest.mark.parametrize("way", ["feed", "terminate", "kill"])
def test_the_process_ends_with_the_page(way: str, tmp_path: Path) -> None:
    working = tmp_path / "working"
    with page() as running, ThreadPoolExecutor(1) as pool:
        answered(running.explain("before"), "before")
        (process,) = running.children
        question = pool.submit(running.explain, f"forever {working}") if way != "kill" else None
        if question is not None:
            wait_until(working.exists)
        began = time.monotonic()
        {
            "feed": running.feed.close,
            "terminate": running.process.terminate,
            "kill": running.process.kill,
        }[way]()
        running.process.wait(30)
        took = time.monotonic() - began
        wait_until(lambda: not alive(process))
        if question is None:
            return
        try:
            told = question.result()
        except httpx.RemoteProtocolError:
            # The page waits a second for its answers.
            assert took >= 1
        else:
            assert (told.status_code, told.json()) == (503, {"error": "the page ends; try again in a second"})


def test_a_process_that_the_system_does_not_start_is_one_sentence() -> None:
    """No descriptors are left for its pipes. Later there are enough."""
    with (
        page(module="tests.page.stand_in_page") as started,
        # It keeps its connection: for another one the page would have no descriptor.
        httpx.Client(base_url=started.url, headers=started.origin, timeout=60) as client,
    ):
        answered(asked(client, "a"), "a")
        (process,) = started.children
        soft, hard = resource.prlimit(started.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(started.process.pid, resource.RLIMIT_NOFILE, (3, hard))
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: not alive(process))
        answer = asked(client, "b")
        told = "the system starts no process that explains; try again in a second"
        assert (answer.status_code, answer.json()) == (503, {"error": told})
        resource.prlimit(started.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        answered(asked(client, "c"), "c")
