"""What a browser, or something in its place, may send to the page, and what it gets."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.page.page_process import Page, page
from webhook.page.access import HEADERS
from webhook.page.files import FOLDER, page_files
from webhook.service.listener import authority

MOST = 1024 * 1024
TOO_DEEP = "the body: found too many levels; accepted: JSON of one level"


@pytest.fixture(scope="module")
def running() -> Iterator[Page]:
    with page() as started:
        yield started


@pytest.fixture
def client(running: Page) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=60) as opened:
        yield opened


def post(client: httpx.Client, content: Any, **headers: str) -> httpx.Response:
    return client.post(
        "/explain",
        content=content,
        headers={"Origin": str(client.base_url).rstrip("/"), "Content-Type": "application/json"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    )


def error(answer: httpx.Response, status: int) -> str:
    """The sentence of an answer that is an error."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert list(found) == ["error"]
    sentence: str = found["error"]
    assert "\n" not in sentence
    return sentence


def test_every_file_is_served_as_it_is_and_compressed(client: httpx.Client) -> None:
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript", "txt": "text/plain"}
    names = sorted(file.name for file in FOLDER.iterdir())
    assert len(names) == len(page_files()) > 5
    for name in names:
        path = "/" if name == "index.html" else f"/{name}"
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        media_type = types.get(name.rpartition(".")[2])
        assert plain.headers["content-type"] == (f"{media_type}; charset=utf-8" if media_type else "image/svg+xml")
        assert plain.content == (FOLDER / name).read_bytes()
        assert "content-encoding" not in plain.headers
        with client.stream("GET", path, headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8, *;q=0.1"}) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            assert gzip.decompress(b"".join(answer.iter_raw())) == plain.content
        assert plain.headers["vary"] == answer.headers["vary"] == "accept-encoding"


def test_each_loopback_address_is_served(running: Page) -> None:
    assert len({port for _, port, *_ in running.addresses}) == 1
    for host, port, *_ in running.addresses:
        url = f"http://{authority(host, port)}"
        assert httpx.get(url, headers={"Origin": url}, timeout=60).status_code == httpx.codes.OK


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "identity, gzip; q=0.000", "gzipped"])
def test_a_file_is_not_compressed_for_whom_it_does_not_serve(client: httpx.Client, accepted: str) -> None:
    answer = client.get("/style.css", headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in answer.headers
    assert answer.content == (FOLDER / "style.css").read_bytes()


def test_every_answer_has_the_headers_that_protect_the_page(client: httpx.Client, running: Page) -> None:
    answers = [
        client.get("/"),
        client.get("/start"),
        client.get("/nothing"),
        client.put("/"),
        post(client, b"{"),
        post(client, b"{}", Origin="http://evil.com"),
        client.get("/", headers={"Host": "evil.com"}),
        client.get("/", headers={"Padding": "x" * 20_000}),
        running.explain("anything"),
    ]
    assert [one.status_code for one in answers] == [200, 200, 404, 405, 400, 403, 403, 431, 200]
    for answer in answers:
        for name, value in HEADERS:
            assert answer.headers.get_list(name) == [value]
        assert "set-cookie" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    (policy,) = {answer.headers["content-security-policy"] for answer in answers}
    assert "unsafe" not in policy
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))


@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/../process.py",
        "/static/../../process.py",
        "//etc/passwd",
        "/%2e%2e/process.py",
        "/..%2fprocess.py",
        "/index.html",
        "/style.css/",
        "/style.css%00",
        "/docs",
        "/openapi.json",
        "/explain/",
        "/mutate",
        "/metrics",
    ],
)
def test_other_paths_are_not_served(running: Page, path: str) -> None:
    # As it is written, because httpx would simplify it.
    with httpx.Client(timeout=60) as client:
        answer = client.send(httpx.Request("GET", running.url, extensions={"target": path.encode()}))
    assert error(answer, 404) == "not found"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "POST"])
def test_other_methods_are_told_which_is_accepted(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/start", headers={"Origin": str(client.base_url).rstrip("/")})
    assert answer.status_code == httpx.codes.METHOD_NOT_ALLOWED
    assert answer.headers["allow"] == "GET"


def test_a_browser_that_asks_whether_another_page_may_post_gets_no_leave(client: httpx.Client) -> None:
    asks = {"Origin": "http://evil.com", "Access-Control-Request-Method": "POST"}
    answer = client.options("/explain", headers=asks)
    assert error(answer, 403).startswith('Origin: found "http://evil.com"; accepted: http://127.0.0.1:')
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.com"},
        {"Host": "127.0.0.1.evil.com"},
        {"Origin": "http://evil.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "localhost", "Origin": "http://127.0.0.1"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/start", "/live", "/explain"])
def test_a_foreign_page_reaches_nothing(client: httpx.Client, path: str, headers: dict[str, str]) -> None:
    if path == "/explain":
        answer = post(client, json.dumps({"documents": "a", "policy": ""}), **headers)
    else:
        answer = client.get(path, headers=headers)
    assert "; accepted: " in error(answer, 403)


def test_a_post_without_an_origin_is_refused(client: httpx.Client) -> None:
    answer = client.post("/explain", json={"documents": "a", "policy": ""})
    assert error(answer, 403).startswith("Origin: missing; accepted: http://127.0.0.1:")


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_what_a_form_can_send_is_refused(client: httpx.Client, media_type: str) -> None:
    answer = post(client, b'{"documents": "a", "policy": ""}', Content_Type=media_type)
    assert error(answer, 415) == "Content-Type: found another type; accepted: application/json"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the body: input data was truncated"),
        (b"{", "the body: input data was truncated"),
        (b"[]", "the body: expected object, got array"),
        (b"{}", "documents: required, but missing"),
        (b'{"documents": 1, "policy": ""}', "documents: expected str, got int"),
        (b'{"documents": "", "policy": null}', "policy: expected str, got null"),
        (
            b'{"documents": "\\ud800", "policy": ""}',
            "the body: JSON is malformed: unexpected end of escaped utf-16 surrogate pair (byte 21)",
        ),
        (b'{"documents": "", "policy": ""} x', "the body: JSON is malformed: trailing characters (byte 33)"),
        (b'{"documents": "\xff", "policy": ""}', "the body: found bytes that are no UTF-8; accepted: JSON in UTF-8"),
        (b'{"documents": "", "policy": "", "x": ' + b"[" * 500_000, TOO_DEEP),
    ],
)
def test_a_body_that_is_no_question_is_refused(client: httpx.Client, content: bytes, told: str) -> None:
    assert error(post(client, content), 400) == told


def test_a_question_may_have_1_mib_and_no_more(client: httpx.Client) -> None:
    frame = len(json.dumps({"documents": "", "policy": "", "profile": ""}))
    longest = "x" * (MOST - frame)
    body = json.dumps({"documents": longest, "policy": "", "profile": ""})
    assert len(body) == MOST
    found = post(client, body.encode()).json()
    assert (found["documents"], found["policy"]) == (longest, "")
    told = f"application and policy are too large; accepted: at most {MOST} bytes together, as JSON"
    assert error(post(client, body.encode() + b" "), 413) == told
    # Without a length, in chunks.
    assert error(post(client, iter([body.encode(), b" "])), 413) == told
    assert post(client, iter([body[:1000].encode(), body[1000:].encode()])).json()["documents"] == longest
    assert client.get("/").status_code == httpx.codes.OK
