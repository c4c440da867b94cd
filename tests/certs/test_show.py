"""What `show` says about a folder or a running server, without faults and with each fault."""

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form

from benchmarks.process import free_port
from certs.__main__ import main
from certs.authority import KeyPair, issue, new_authority
from certs.errors import InputError
from certs.files import write_folder
from certs.keyring import Keyring
from certs.material import common_name, date, pem_files
from certs.pem import encode
from certs.report import lines, report
from certs.server import Address, read_address
from tests.certs.odd import KINDS, certificate_for, unreadable

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def pair_of(hosts: list[str], now: datetime) -> tuple[KeyPair, KeyPair]:
    authority = new_authority(now)
    return authority, issue(authority, hosts, now)


@contextlib.contextmanager
def tls_server(folder: Path, pair: KeyPair, chain: bytes = b"") -> Iterator[str]:
    """Serves TLS handshakes and nothing more; yields the address."""
    (folder / "server.pem").write_bytes(pair.certificate_pem + chain + pair.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), connection:
                    if connection.recv(1, socket.MSG_PEEK) == b"":
                        return
                    context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = listener.getsockname()
        try:
            yield f"{host}:{port}"
        finally:
            socket.create_connection((host, port)).close()
            thread.join()


def test_a_sound_folder_is_explained_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    authority, pair = pair_of(["localhost", "::1"], now)
    write_folder(tmp_path, pem_files(pair, [authority.certificate]))
    assert main(["show", "--dir", str(tmp_path)]) == 0
    name, begin = common_name(authority.certificate), date(now - timedelta(hours=1))
    assert capsys.readouterr().out.splitlines() == [
        f"the folder {tmp_path}",
        f"  tls.crt: spark-eci-webhook, issued by {name}",
        "    for localhost, ::1",
        f"    valid from {begin} to {date(now + timedelta(days=90))}, 89 days left",
        "    its key matches",
        f"  ca.crt: {name}, issued by itself",
        f"    valid from {begin} to {date(now + timedelta(days=3650))}, 3649 days left",
        "  nothing is wrong",
    ]


AUTHORITY, PAIR = pair_of(["localhost"], NOW)
OTHER, OTHER_PAIR = pair_of(["localhost"], NOW)
FILES = pem_files(PAIR, [AUTHORITY.certificate])
ENCRYPTED = PAIR.key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"x"))
EXPIRED = new_authority(NOW - timedelta(days=3651))


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, ()),
        (dict.fromkeys(FILES), ("tls.crt is missing", "tls.key is missing", "ca.crt is missing")),
        ({"tls.crt": b"", "tls.key": b" \n"}, ("tls.crt is empty", "tls.key is empty")),
        ({"tls.crt": b"\xffrubbish"}, ("tls.crt holds no readable PEM certificate",)),
        ({"tls.key": OTHER_PAIR.key_pem}, ("tls.key does not belong to tls.crt",)),
        ({"tls.key": b"-----BEGIN PRIVATE KEY-----\n"}, ("tls.key holds no readable PEM private key",)),
        ({"tls.key": ENCRYPTED}, ("tls.key is encrypted, but must be readable without a password",)),
        ({"ca.crt": b"rubbish"}, ("ca.crt holds no readable PEM certificate",)),
        (
            {"ca.crt": OTHER.certificate_pem},
            (f"tls.crt is not signed by any certificate of ca.crt, but by CN={common_name(AUTHORITY.certificate)}",),
        ),
        ({"ca.crt": OTHER.certificate_pem + AUTHORITY.certificate_pem}, ()),
        ({"ca.crt": EXPIRED.certificate_pem + AUTHORITY.certificate_pem}, ()),
        ({"ca.crt": PAIR.certificate_pem}, ()),
        (
            {"tls.crt": AUTHORITY.certificate_pem, "tls.key": AUTHORITY.key_pem},
            ("tls.crt names no DNS name or IP address (subjectAltName)",),
        ),
    ],
)
def test_each_fault_of_a_folder_is_one_sentence(changes: dict[str, bytes | None], problems: tuple[str, ...]) -> None:
    data = {name: content for name, content in {**FILES, **changes}.items() if content is not None}
    found = report("here", data, ["localhost"], NOW)
    assert found.problems == problems
    assert list(lines(found))[-1] == (f"  wrong: {problems[-1]}" if problems else "  nothing is wrong")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["tls.crt", "ca.crt"])
def test_a_certificate_that_cannot_be_read_is_one_sentence(file: str, kind: str) -> None:
    data = {**FILES, file: unreadable(AUTHORITY.certificate_pem, kind)}
    assert report("here", data, [], NOW).problems == (f"{file} holds no readable PEM certificate",)


@pytest.mark.parametrize("name", ["*.example.org", "web_hook.example.org", "webhook.example.org."])
def test_a_chain_is_followed_whatever_kind_of_name_the_certificate_has(name: str) -> None:
    pair = certificate_for(name, AUTHORITY, NOW)
    assert report("here", pem_files(pair, [AUTHORITY.certificate]), [], NOW).problems == ()
    assert report("here", pem_files(pair, [OTHER.certificate]), [], NOW).problems == (
        f"tls.crt is not signed by any certificate of ca.crt, but by CN={common_name(AUTHORITY.certificate)}",
    )


@pytest.mark.parametrize(
    ("later", "problems", "left"),
    [
        (timedelta(days=89), (), "1 day left"),
        (timedelta(days=90), (), "0 days left"),
        (timedelta(days=90, seconds=1), ("tls.crt expired on 2027-05-30 12:00 UTC",), "expired 1 day ago"),
        (
            timedelta(hours=-2),
            (
                "tls.crt is not valid before 2027-03-01 11:00 UTC",
                "ca.crt holds no valid certificate: it is not valid before 2027-03-01 11:00 UTC",
            ),
            "90 days left",
        ),
        (
            timedelta(days=3651),
            (
                "tls.crt expired on 2027-05-30 12:00 UTC",
                "ca.crt holds no valid certificate: it expired on 2037-02-26 12:00 UTC",
            ),
            "expired 3561 days ago",
        ),
    ],
)
def test_dates_are_judged_to_the_second(later: timedelta, problems: tuple[str, ...], left: str) -> None:
    found = report("here", FILES, ["localhost"], NOW + later)
    assert found.problems == problems
    assert next(line for line in lines(found) if "valid from" in line).endswith(f" UTC, {left}")


def test_a_missing_name_is_said_with_the_names_that_are_there() -> None:
    found = report("here", FILES, ["LOCALHOST", "webhook.spark.svc", "::1"], NOW)
    assert found.problems == ("tls.crt does not name webhook.spark.svc, ::1, only localhost",)


def test_a_chain_through_an_intermediate_is_followed() -> None:
    """As with a company's own CA: the intermediate comes with the certificate, and the root is in the bundle."""
    root, middle = new_authority(NOW), new_authority(NOW)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "root")])

    def sign(subject: x509.Name, pair: KeyPair) -> x509.Certificate:
        builder = x509.CertificateBuilder().issuer_name(name).subject_name(subject).public_key(pair.key.public_key())
        builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=9))
        return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
            root.key, hashes.SHA256()
        )

    top, intermediate = sign(name, root), sign(middle.certificate.subject, middle)
    leaf = issue(middle, ["localhost"], NOW)
    data = pem_files(leaf, [top])
    assert report("here", data, [], NOW).problems == (
        f"tls.crt is not signed by any certificate of ca.crt, but by CN={common_name(middle.certificate)}",
    )
    data["tls.crt"] += encode([intermediate])
    assert report("here", data, ["localhost"], NOW).problems == ()


def test_the_secret_of_the_ca_is_explained_as_what_it_is() -> None:
    old, current, following = new_authority(NOW - timedelta(days=3000)), new_authority(NOW), new_authority(NOW)
    ring = Keyring(current, following).retire([old.certificate], NOW)
    found = report("the Secret spark/webhook-ca", ring.data(), ["localhost"], NOW)
    assert found.problems == ()
    assert [(shown.file, shown.remark) for shown in found.certificates] == [
        ("tls.crt", "signs"),
        ("next.crt", "will sign once it is trusted everywhere"),
        ("retired", "no longer signs, trusted until 2027-05-30 13:00 UTC"),
    ]
    data = {**ring.data(), "tls.key": b"", "retired-x.crt": b""}
    assert report("here", data, [], NOW).problems == (
        "tls.key is empty",
        "retired-x.crt is not the certificate of a retired CA",
    )


def test_a_server_is_verified_as_a_client_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    authority, pair = pair_of(["localhost", "127.0.0.1", "webhook.spark.svc"], now)
    (tmp_path / "ca.crt").write_bytes(authority.certificate_pem)
    (tmp_path / "other.crt").write_bytes(OTHER.certificate_pem)
    with tls_server(tmp_path, pair) as address:
        arguments = ["show", "--server", address]
        assert main([*arguments, "--ca", str(tmp_path / "ca.crt")]) == 0
        assert capsys.readouterr().out.splitlines() == [
            f"the server {address}",
            f"  tls.crt: spark-eci-webhook, issued by {common_name(authority.certificate)}",
            "    for localhost, 127.0.0.1, webhook.spark.svc",
            f"    valid from {date(now - timedelta(hours=1))} to {date(now + timedelta(days=90))}, 89 days left",
            "  nothing is wrong",
        ]
        assert main([*arguments, "--ca", str(tmp_path / "ca.crt"), "--server-name", "webhook.spark.svc"]) == 0
        capsys.readouterr()
        assert main([*arguments, "--ca", str(tmp_path / "other.crt")]) == 1
        assert capsys.readouterr().out.splitlines()[-1] == (
            f"  wrong: a client that calls it 127.0.0.1 and trusts {tmp_path / 'other.crt'} refuses it:"
            " unable to get local issuer certificate"
        )
        assert main([*arguments, "--ca", str(tmp_path / "ca.crt"), "--server-name", "other.example"]) == 1
        *_, names, refusal = capsys.readouterr().out.splitlines()
        assert names.startswith("  wrong: tls.crt does not name other.example, only localhost")
        assert "Hostname mismatch" in refusal
        assert main(arguments) == 0
        *_, note, verdict = capsys.readouterr().out.splitlines()
        assert note == "  note: no CA was given by --ca, so the chain was not verified"
        assert verdict == "  nothing is wrong"


def test_a_server_with_an_expired_certificate_is_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = datetime.now(UTC) - timedelta(days=100)
    authority, pair = pair_of(["127.0.0.1"], then)
    (tmp_path / "ca.crt").write_bytes(authority.certificate_pem)
    with tls_server(tmp_path, pair) as address:
        assert main(["show", "--server", address, "--ca", str(tmp_path / "ca.crt")]) == 1
    *_, dates, refusal = capsys.readouterr().out.splitlines()
    assert dates == f"  wrong: tls.crt expired on {date(then + timedelta(days=90))}"
    assert refusal.endswith("refuses it: certificate has expired")


@pytest.mark.parametrize("comment", ["# Zertifikat für Köln\n".encode(), "# 证书\n".encode(), b"# caf\xe9\n"])
def test_a_comment_in_a_ca_file_may_be_in_any_language(comment: bytes, tmp_path: Path) -> None:
    authority, pair = pair_of(["127.0.0.1"], datetime.now(UTC))
    (tmp_path / "ca.crt").write_bytes(comment + authority.certificate_pem + comment)
    with tls_server(tmp_path, pair) as address:
        assert main(["show", "--server", address, "--ca", str(tmp_path / "ca.crt")]) == 0


def test_where_no_server_answers_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert main(["show", "--server", f"127.0.0.1:{port}"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"the server 127.0.0.1:{port}",
        f"  wrong: no TLS server answers at 127.0.0.1:{port}: Connection refused",
    ]


def test_a_server_that_speaks_no_tls_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(4096)

        thread = threading.Thread(target=serve)
        thread.start()
        assert main(["show", "--server", f"127.0.0.1:{port}"]) == 1
        thread.join()
    assert f"no TLS server answers at 127.0.0.1:{port}: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:1", Address("localhost", 1)),
        ("[::1]:65535", Address("::1", 65535)),
        ("10.0.0.1:443", Address("10.0.0.1", 443)),
    ],
)
def test_addresses_are_read_and_written_alike(text: str, address: Address) -> None:
    assert read_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "localhost", ":443", "a:", "a:b", "a:0", "a:65536", "a:-1", "a:\u00b2", "a:" + "9" * 5000, "[::1]", "[]:1"],
)
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"; accepted: HOST:PORT, such as 127\.0\.0\.1:8443 or \[::1\]:8443$"):
        read_address(text)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "found 0 sources; accepted: exactly one of --dir, --secret and --server"),
        (["--dir", ".", "--server", "a:1"], "found 2 sources; accepted: exactly one of --dir, --secret and --server"),
        (["--dir", "/nowhere/at/all"], "--dir: /nowhere/at/all is not a folder"),
        (
            ["--secret", "webhook-tls"],
            "--secret: found 'webhook-tls'; accepted: NAMESPACE/NAME, such as spark/webhook-tls",
        ),
        (["--secret", "a/b/c"], "--secret: found 'a/b/c'; accepted: NAMESPACE/NAME, such as spark/webhook-tls"),
        (["--secret", "a/b?c"], "--secret: found 'a/b?c'; accepted: NAMESPACE/NAME, such as spark/webhook-tls"),
        (["--server", "a:1", "--ca", "/nowhere"], "--ca: /nowhere cannot be read: No such file or directory"),
        (["--server", "a:1", "--ca", "/dev/null"], "--ca: /dev/null is empty"),
        (
            ["--secret", "a/b", "--kubeconfig", "/nowhere"],
            "no cluster: Invalid kube-config file. No configuration found; accepted: a kubeconfig",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *arguments]) == 2
    assert capsys.readouterr() == ("", f"{sentence}\n")


def kubeconfig(user: dict[str, Any]) -> str:
    return json.dumps(
        {
            "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "one", "user": user}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "current-context": "one",
        }
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("a: b: c", 'mapping values are not allowed here in "{}", line 1, column 5'),
        ("[1, 2]", "not a kubeconfig, or one with an auth-provider that is not supported"),
        ("a name", "not a kubeconfig, or one with an auth-provider that is not supported"),
        (
            kubeconfig({"auth-provider": {"name": "gcp"}}),
            "not a kubeconfig, or one with an auth-provider that is not supported",
        ),
        (
            kubeconfig({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}}),
            "[Errno 2] No such file or directory: 'no-such-plugin'",
        ),
    ],
)
def test_an_unusable_kubeconfig_is_one_sentence_and_exit_code_2(
    content: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config"
    file.write_text(content, encoding="utf-8")
    assert main(["show", "--secret", "a/b", "--kubeconfig", str(file)]) == 2
    assert capsys.readouterr() == ("", f"no cluster: {fault.format(file)}; accepted: a kubeconfig\n")


def test_the_commands_that_need_no_cluster_import_no_client() -> None:
    code = (
        "import sys; from certs.__main__ import main; main(['issue', '--help']); sys.exit('kubernetes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
