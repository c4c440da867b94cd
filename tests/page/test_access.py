"""Which requests are answered, and the headers of every answer."""

import pytest

from webhook.page.access import fault

Headers = dict[str, str]
HOSTS = ("localhost", "localhost:8081", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8081", "[::1]", "[::1]:65535")
FOREIGN_HOSTS = (
    "",
    "evil.com",
    "evil.com:8081",
    "localhost.evil.com",
    "evil.localhost",
    "127.0.0.1.evil.com:8081",
    "127.0.0.2",
    "10.0.0.1:8081",
    "0.0.0.0",
    "[::1]x",
    "[::2]:8081",
    "::1",
    "localhost:",
    "localhost:8081:1",
    "localhost:port",
    "localhost:123456",
    "localhost@evil.com",
    "evil.com#localhost",
    "localhost ",
    "localhost\n",
    "user@localhost",
    "xn--lcalhost-n2a",
)
OWN = {"host": "localhost:8081", "origin": "http://localhost:8081"}


def judged(method: str = "GET", path: str = "/", **headers: str) -> str | None:
    return fault(method, path, [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()])


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_of_this_machine_is_answered(host: str) -> None:
    assert judged(host=host) is None
    assert judged("POST", "/explain", host=host, origin=f"http://{host}") is None


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_any_other_name_is_refused(host: str) -> None:
    sentence = judged(host=host)
    assert sentence is not None
    assert sentence.startswith('Host: found "')
    assert sentence.endswith("; accepted: localhost, 127.0.0.1 or [::1], with any port")


def test_a_request_needs_one_host() -> None:
    ending = "; accepted: localhost, 127.0.0.1 or [::1], with any port"
    assert fault("GET", "/", []) == f"Host: found none{ending}"
    twice = [(b"host", b"localhost"), (b"host", b"localhost")]
    assert fault("GET", "/", twice) == f'Host: found "localhost, localhost"{ending}'


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.com",
        "https://localhost:8081",
        "http://localhost",
        "http://localhost:8082",
        "http://127.0.0.1:8081",
        "http://localhost:8081.evil.com",
        "http://localhost:8081/",
        "http://localhost:8081, http://localhost:8081",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_origin_is_refused(method: str, origin: str) -> None:
    sentence = judged(method, "/explain", host="localhost:8081", origin=origin)
    assert sentence == f'Origin: found "{origin}"; accepted: http://localhost:8081'


def test_a_post_needs_an_origin_and_a_get_does_not() -> None:
    assert judged("POST", "/explain", host="localhost:8081") == "Origin: missing; accepted: http://localhost:8081"
    assert judged("GET", "/live", host="localhost:8081") is None


def test_two_origins_are_refused() -> None:
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"http://evil.com")]
    told = 'Origin: found "http://localhost, http://evil.com"; accepted: http://localhost'
    assert fault("POST", "/explain", headers) == told


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "same-origin, none"])
def test_a_request_that_another_site_causes_is_refused(site: str) -> None:
    told = f'Sec-Fetch-Site: found "{site}"; accepted: requests of this page'
    assert judged("GET", "/live", host="localhost", sec_fetch_site=site) == told
    assert judged("GET", "/", host="localhost", sec_fetch_site=site) == told
    assert judged("POST", "/explain", sec_fetch_site=site, **OWN) == told


def test_a_link_of_another_site_leads_to_the_page_and_to_nothing_else() -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert judged("GET", "/", host="localhost", **link) is None
    assert judged("GET", "/start", host="localhost", **link) is not None
    assert judged("POST", "/", **OWN, **link) is not None
    assert judged("GET", "/", host="localhost", **link | {"sec_fetch_dest": "iframe"}) is not None
    assert judged("GET", "/", host="localhost", **link | {"sec_fetch_mode": "no-cors"}) is not None


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_itself_and_the_address_bar_are_answered(site: str) -> None:
    assert judged("GET", "/start", host="localhost", sec_fetch_site=site) is None
    assert judged("POST", "/explain", sec_fetch_site=site, **OWN) is None
