"""Every rule of rotation, with the clock in hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.authority import KeyPair, issue, new_authority
from certs.keyring import read_keyring
from certs.material import names, pem_files, read
from certs.pem import encode, read_certificates
from certs.state import PatchBundle, WriteSecret
from tests.certs.odd import KINDS, certificate_for, unreadable
from tests.certs.simulation import HOST, START, TARGET, Keeper, Simulation, installed, verifies
from tests.certs.test_authority import assert_is_ca, openssl_verify

SETTLE = timedelta(minutes=10)
YEAR = timedelta(days=365)


def serving_certificate(simulation: Simulation) -> x509.Certificate:
    assert simulation.serving
    return read_certificates(simulation.serving.data["tls.crt"])[0]


def current_ca(simulation: Simulation) -> x509.Certificate:
    assert simulation.ca
    return read_certificates(simulation.ca.data["tls.crt"])[0]


def issuer_is_current(simulation: Simulation) -> bool:
    return serving_certificate(simulation).issuer == current_ca(simulation).subject


def assert_sound(simulation: Simulation) -> None:
    """All is as it should be, nothing is left to do, and everyone trusts the same CAs."""
    assert simulation.ca
    assert simulation.serving
    ring = read_keyring(simulation.ca.data, simulation.now)
    assert ring.problems == ()
    assert ring.current
    assert not read(simulation.serving.data, TARGET.hosts, simulation.now).problems
    assert simulation.serving.data["ca.crt"] == encode(ring.trusted)
    if simulation.configuration:
        assert set(simulation.configuration.bundles.values()) <= {simulation.serving.data["ca.crt"]}
        assert simulation.trust_holds
    assert Keeper(simulation).think() is None


def common_names(pem: bytes) -> list[str]:
    return [certificate.subject.rfc4514_string() for certificate in x509.load_pem_x509_certificates(pem)]


def test_a_first_install_makes_the_ca_publishes_it_and_then_issues() -> None:
    simulation = Simulation()
    keeper = Keeper(simulation)
    first = keeper.think()
    assert isinstance(first, WriteSecret)
    assert (first.name, first.type, first.replaces, first.reason) == ("webhook-ca", "Opaque", None, "CACreated")
    simulation.apply(first)
    second = keeper.think()
    assert isinstance(second, PatchBundle)
    assert second.webhooks == ("driver.spark", "executor.spark")
    simulation.apply(second)
    third = keeper.think()
    assert isinstance(third, WriteSecret)
    assert (third.name, third.type, third.replaces) == ("webhook-tls", "kubernetes.io/tls", None)
    simulation.apply(third)
    assert keeper.think() is None
    assert not keeper.problems
    assert simulation.ca
    assert simulation.serving
    assert sorted(simulation.ca.data) == ["tls.crt", "tls.key"]
    assert sorted(simulation.serving.data) == ["ca.crt", "tls.crt", "tls.key"]
    assert simulation.serving.data["ca.crt"] == simulation.ca.data["tls.crt"] == simulation.trusted_by_api_server
    assert names(serving_certificate(simulation)) == (
        "webhook", "webhook.spark", "webhook.spark.svc", "webhook.spark.svc.cluster.local",
    )  # fmt: skip
    assert_is_ca(current_ca(simulation))
    assert_sound(simulation)


def test_no_secret_ever_shows_in_a_message_or_representation() -> None:
    simulation, _ = installed()
    simulation.damage_serving(tls_key=None)
    action = Keeper(simulation).think()
    assert "PRIVATE KEY" not in repr(action) + repr(simulation.ca) + repr(simulation.objects())


def test_without_a_configuration_the_secrets_are_made_and_its_lack_is_reported() -> None:
    simulation = Simulation(webhooks=None)
    keeper = Keeper(simulation)
    assert keeper.settle() == ["CACreated", "CertificateIssued"]
    assert keeper.problems == (
        "MutatingWebhookConfiguration spark-eci-webhook does not exist, so no API server calls the service.",
    )
    simulation.configuration = Simulation().configuration
    assert keeper.settle() == ["CABundlePatched"]
    assert not keeper.problems
    assert_sound(simulation)


def test_a_pod_that_gets_its_files_minutes_late_is_trusted_all_the_same() -> None:
    """Kubelet takes up to two minutes: what was served or published so long ago still meets what is new."""
    simulation, keeper = installed()
    late = timedelta(minutes=5)
    states = [(simulation.now, simulation.serving, simulation.trusted_by_api_server)]
    while simulation.now < START + 10 * YEAR:
        if not keeper.step():
            simulation.now = keeper.due or simulation.now + YEAR
        states.append((simulation.now, simulation.serving, simulation.trusted_by_api_server))
    met = 0
    for (earlier, before, trusted_before), (later, after, trusted_after) in combinations(states, 2):
        if later - earlier > late or not before or not after:
            continue
        for bundle in (before.data["ca.crt"], trusted_before, after.data["ca.crt"], trusted_after):
            assert verifies(bundle, before.data["tls.crt"], later)
            assert verifies(bundle, after.data["tls.crt"], later)
            met += 1
    assert met > 100


def test_a_configuration_without_webhooks_is_well_as_it_is() -> None:
    simulation = Simulation(webhooks=())
    assert Keeper(simulation).settle() == ["CACreated", "CertificateIssued"]
    assert_sound(simulation)


def test_a_serving_certificate_is_renewed_thirty_days_before_it_expires() -> None:
    simulation, keeper = installed()
    assert keeper.wait(timedelta(days=60) - timedelta(seconds=1)) == []
    assert keeper.wait(timedelta(seconds=1)) == [(START + timedelta(days=60), "CertificateIssued")]
    assert serving_certificate(simulation).not_valid_after_utc == START + timedelta(days=150)
    assert_sound(simulation)


def test_the_moment_to_look_again_is_known_beforehand() -> None:
    simulation, keeper = installed()
    assert keeper.due == START + SETTLE
    simulation.now += SETTLE
    keeper.settle()
    assert keeper.due == START + timedelta(days=60)


@pytest.mark.needs("openssl")
def test_four_hundred_days_ahead_the_serving_certificate_is_renewed(tmp_path: Path) -> None:
    simulation, keeper = installed()
    simulation.now += timedelta(days=400)
    assert not simulation.trust_holds
    assert keeper.settle() == ["CertificateIssued"]
    assert openssl_says(simulation, tmp_path) == ["OK", "OK"]
    assert_sound(simulation)


@pytest.mark.needs("openssl")
def test_nine_years_and_a_day_ahead_the_ca_is_renewed_and_then_the_serving_certificate(tmp_path: Path) -> None:
    simulation, keeper = installed()
    old = current_ca(simulation)
    simulation.now += 9 * YEAR + timedelta(days=1)
    begin = simulation.now
    assert keeper.settle() == ["CAIntroduced", "CABundlePatched", "CertificateIssued"]
    assert current_ca(simulation) == old, "a new CA signs only once it has been trusted everywhere for a while"
    assert len(common_names(simulation.trusted_by_api_server)) == 2
    assert openssl_says(simulation, tmp_path) == ["OK", "OK"]
    assert keeper.wait(SETTLE) == [(begin + SETTLE, "CARotated"), (begin + SETTLE, "CertificateIssued")]
    assert current_ca(simulation) != old
    assert issuer_is_current(simulation)
    assert len(common_names(simulation.trusted_by_api_server)) == 2
    assert openssl_says(simulation, tmp_path) == ["OK", "OK"]
    assert_sound(simulation)


def openssl_says(simulation: Simulation, folder: Path) -> list[str]:
    """What openssl says of the certificate served now, against each published bundle."""
    assert simulation.serving
    data = simulation.serving.data
    pair = KeyPair(serving_certificate(simulation), new_authority(simulation.now).key)
    return [
        openssl_verify(folder, bundle, pair, HOST, simulation.now)
        for bundle in (simulation.trusted_by_api_server, data["ca.crt"])
    ]


def test_eleven_years_pass_without_a_moment_of_distrust() -> None:
    """The steps of the CA's rotation come in their order, each at its moment, and nothing else is ever done."""
    simulation, keeper = installed()
    seen = keeper.wait(11 * YEAR)
    rotation = [(moment, reason) for moment, reason in seen if reason != "CertificateIssued"]
    introduced = START + 9 * YEAR
    retired = introduced + SETTLE + timedelta(days=90, hours=1)
    assert rotation == [
        (introduced, "CAIntroduced"),
        (introduced, "CABundlePatched"),
        (introduced, "BundleWritten"),
        (introduced + SETTLE, "CARotated"),
        (retired, "CARetired"),
        (retired, "CABundlePatched"),
        (retired, "BundleWritten"),
    ]
    issued = [moment for moment, reason in seen if reason == "CertificateIssued"]
    gaps = {later - earlier for earlier, later in pairwise(issued)}
    assert max(gaps) == timedelta(days=60)
    assert introduced + SETTLE in issued
    assert_sound(simulation)


def test_an_expired_ca_is_replaced_at_once_and_forgotten() -> None:
    simulation, keeper = installed()
    simulation.now += 11 * YEAR
    assert keeper.settle() == ["CACreated", "CABundlePatched", "CertificateIssued"]
    assert len(common_names(simulation.trusted_by_api_server)) == 1
    assert_sound(simulation)


@pytest.mark.parametrize("place", ["caBundle", "ca.crt"])
def test_a_next_ca_signs_no_sooner_than_it_has_been_trusted_everywhere_without_a_break(place: str) -> None:
    simulation, keeper = installed()
    before = simulation.trusted_by_api_server
    keeper.wait(9 * YEAR)
    assert simulation.done[-1] == "BundleWritten"
    assert keeper.wait(SETTLE - timedelta(seconds=1)) == []
    if place == "caBundle":
        simulation.set_bundles(**{"driver.spark": before})
    else:
        simulation.damage_serving(ca_crt=before)
    assert keeper.settle() == ["CABundlePatched" if place == "caBundle" else "BundleWritten"]
    reverted = simulation.now
    assert keeper.wait(SETTLE - timedelta(seconds=1)) == []
    assert [reason for _, reason in keeper.wait(timedelta(seconds=1))] == ["CARotated", "CertificateIssued"]
    assert simulation.now == reverted + SETTLE


def test_what_another_controller_published_has_to_settle_too() -> None:
    """It may have done so since this one last looked, however long that one had seen the bundle before."""
    simulation, keeper = installed()
    keeper.wait(9 * YEAR - timedelta(seconds=1))
    simulation.now += timedelta(seconds=1)
    assert Keeper(simulation).settle() == ["CAIntroduced", "CABundlePatched", "BundleWritten"]
    assert keeper.settle() == []
    assert [reason for _, reason in keeper.wait(SETTLE)] == ["CARotated", "CertificateIssued"]


def test_a_clock_set_back_amid_a_rotation_delays_it_by_no_more_than_its_usual_wait() -> None:
    simulation, keeper = installed()
    keeper.wait(9 * YEAR)
    simulation.now -= timedelta(minutes=30)
    assert keeper.settle() == []
    assert [reason for _, reason in keeper.wait(SETTLE)] == ["CARotated", "CertificateIssued"]


def test_a_ca_that_lost_its_key_stays_trusted_though_no_ca_bundle_names_it_any_more() -> None:
    simulation, keeper = installed()
    old = current_ca(simulation)
    simulation.damage_ca(tls_key=None)
    simulation.set_every_bundle(b"")
    assert keeper.settle() == ["CACreated", "CABundlePatched", "BundleWritten"]
    assert old.subject.rfc4514_string() in common_names(simulation.trusted_by_api_server)
    assert simulation.trust_holds


def test_a_damaged_serving_secret_amid_a_rotation_is_healed_by_the_ca_that_everyone_trusts_already() -> None:
    simulation, keeper = installed()
    old = current_ca(simulation)
    keeper.wait(9 * YEAR)
    assert read_keyring(simulation.ca.data if simulation.ca else {}, simulation.now).next
    simulation.serving = None
    assert keeper.settle() == ["CertificateIssued"]
    assert serving_certificate(simulation).issuer == old.subject


def test_a_lost_ca_secret_brings_a_new_ca_beside_the_old_one_and_only_later_a_new_certificate() -> None:
    simulation, keeper = installed()
    old, served = current_ca(simulation), serving_certificate(simulation)
    simulation.now += timedelta(hours=2)
    simulation.ca = None
    assert keeper.settle() == ["CACreated", "CABundlePatched", "BundleWritten"]
    assert serving_certificate(simulation) == served
    assert common_names(simulation.trusted_by_api_server) == [
        old.subject.rfc4514_string(), current_ca(simulation).subject.rfc4514_string(),
    ]  # fmt: skip
    assert [reason for _, reason in keeper.wait(SETTLE)] == ["CertificateIssued"]
    assert issuer_is_current(simulation)
    assert_sound(simulation)
    later = keeper.wait(timedelta(days=91))
    assert [reason for _, reason in later] == ["CertificateIssued", "CARetired", "CABundlePatched", "BundleWritten"]
    assert old.subject.rfc4514_string() not in common_names(simulation.trusted_by_api_server)
    assert_sound(simulation)


def test_both_secrets_lost_at_once_keep_the_old_ca_trusted_for_the_pods_that_still_serve_by_it() -> None:
    simulation, keeper = installed()
    old, served = current_ca(simulation), serving_certificate(simulation)
    simulation.ca = simulation.serving = None
    assert keeper.settle() == ["CACreated", "CABundlePatched", "CertificateIssued"]
    assert old.subject.rfc4514_string() in common_names(simulation.trusted_by_api_server)
    assert served.issuer == old.subject
    assert_sound(simulation)


def test_an_older_ca_secret_restored_from_a_backup_breaks_nothing() -> None:
    """The CA in use is not in the restored Secret, and has to stay trusted."""
    simulation, keeper = installed()
    backup = dict(simulation.ca.data) if simulation.ca else {}
    simulation.ca = None
    keeper.settle()
    keeper.wait(timedelta(days=1))
    in_use = current_ca(simulation)
    keeper.wait(timedelta(days=120))
    simulation.ca = simulation.secret(backup)
    assert simulation.trust_holds
    assert keeper.settle() == ["CAKept", "CABundlePatched", "BundleWritten"]
    assert in_use.subject.rfc4514_string() in common_names(simulation.trusted_by_api_server)
    keeper.wait(SETTLE)
    assert issuer_is_current(simulation)
    assert_sound(simulation)


def rsa_authority(now: datetime) -> dict[str, bytes]:
    """A CA that works, but not one of ours."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "another CA")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"tls.crt": encode([certificate]), "tls.key": private}


def ca_files(pair: KeyPair) -> dict[str, bytes]:
    return {"tls.crt": pair.certificate_pem, "tls.key": pair.key_pem}


def leaf_as_ca(now: datetime) -> dict[str, bytes]:
    return ca_files(issue(new_authority(now), ["localhost"], now))


CA_DAMAGES: dict[str, tuple[Callable[[datetime], dict[str, bytes]], str]] = {
    "an empty Secret": (lambda _: {}, "tls.crt is missing; tls.key is missing"),
    "no certificate": (lambda now: {"tls.key": new_authority(now).key_pem}, "tls.crt is missing"),
    "no key": (lambda now: {"tls.crt": new_authority(now).certificate_pem}, "tls.key is missing"),
    "garbage for both": (
        lambda _: {"tls.crt": b"\xff\x00", "tls.key": b"rubbish"},
        "tls.crt holds no readable PEM certificate; tls.key holds no readable PEM private key",
    ),
    "empty values": (lambda _: {"tls.crt": b"", "tls.key": b"\n"}, "tls.crt is empty; tls.key is empty"),
    "two halves of two pairs": (
        lambda now: {"tls.crt": new_authority(now).certificate_pem, "tls.key": new_authority(now).key_pem},
        "tls.key does not belong to tls.crt",
    ),
    "a serving certificate": (leaf_as_ca, "tls.crt is not the certificate of a CA"),
    "a key of another kind": (rsa_authority, "tls.key is not of an elliptic curve"),
    "an expired CA": (
        lambda now: ca_files(new_authority(now - 10 * YEAR - timedelta(days=1))),
        f"tls.crt expired on {START - timedelta(days=1):%Y-%m-%d} 00:00 UTC",
    ),
    "a CA of the future": (
        lambda now: ca_files(new_authority(now + timedelta(days=1))),
        f"tls.crt is not valid before {START:%Y-%m-%d} 23:00 UTC",
    ),
    "two certificates": (
        lambda now: {**ca_files(new_authority(now)), "tls.crt": new_authority(now).certificate_pem * 2},
        "tls.crt holds more than one certificate",
    ),
}


@pytest.mark.parametrize("damage", CA_DAMAGES)
def test_a_damaged_ca_secret_is_named_and_healed_and_what_is_served_stays_trusted(damage: str) -> None:
    content, fault = CA_DAMAGES[damage]
    simulation, keeper = installed()
    served = serving_certificate(simulation)
    simulation.ca = simulation.secret(content(START))
    action = keeper.think()
    assert isinstance(action, WriteSecret)
    assert action.reason == "CACreated"
    assert action.message.endswith(f" the CA in Secret spark/webhook-ca, because {fault}.")
    assert keeper.settle()[0] == "CACreated"
    assert simulation.trust_holds
    assert serving_certificate(simulation) == served
    keeper.wait(SETTLE)
    assert issuer_is_current(simulation)
    assert_sound(simulation)


def test_someone_elses_working_ca_under_our_label_signs_after_it_is_trusted() -> None:
    simulation, keeper = installed()
    old = current_ca(simulation)
    simulation.ca = simulation.secret(ca_files(new_authority(START)))
    assert keeper.settle() == ["CAKept", "CABundlePatched", "BundleWritten"]
    assert serving_certificate(simulation).issuer == old.subject
    keeper.wait(SETTLE)
    assert issuer_is_current(simulation)
    assert_sound(simulation)


@pytest.mark.parametrize("damage", ["half", "garbage", "mismatch"])
def test_a_damaged_next_ca_is_dropped_and_made_anew(damage: str) -> None:
    simulation, keeper = installed()
    keeper.wait(9 * YEAR)
    key = {"half": None, "garbage": b"rubbish", "mismatch": new_authority(simulation.now).key_pem}[damage]
    simulation.damage_ca(next_key=key)
    assert keeper.settle() == ["CAIntroduced", "CABundlePatched", "BundleWritten"]
    keeper.wait(SETTLE)
    assert_sound(simulation)


def test_a_current_ca_lost_amid_a_rotation_is_followed_by_the_next_one() -> None:
    simulation, keeper = installed()
    old = current_ca(simulation)
    keeper.wait(9 * YEAR)
    following = read_certificates((simulation.ca.data if simulation.ca else {})["next.crt"])[0]
    simulation.damage_ca(tls_key=b"")
    assert keeper.settle() == ["CACreated"]
    assert current_ca(simulation) == following
    assert old.subject.rfc4514_string() in common_names(simulation.trusted_by_api_server)
    keeper.wait(SETTLE)
    assert issuer_is_current(simulation)
    assert_sound(simulation)


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("retired-20280101T000000Z-00000000.crt", b"rubbish"),
        ("retired-20280101T000000Z-00000000.crt", b""),
        ("retired-sometime.crt", b""),
        ("retired-99999999T999999Z-00000000.crt", b""),
        ("retired-20280101T000000Z-00000000.crt", issue(new_authority(START), ["a"], START).certificate_pem),
    ],
)
def test_what_cannot_be_a_retired_ca_is_removed_and_named(key: str, content: bytes) -> None:
    simulation, keeper = installed()
    simulation.ca = simulation.secret({**(simulation.ca.data if simulation.ca else {}), key: content})
    action = keeper.think()
    assert action
    assert action.reason == "CARetired"
    assert (
        action.message
        == f"Removed {key} from Secret spark/webhook-ca, because {key} is not the certificate of a retired CA."
    )
    assert keeper.settle() == ["CARetired"]
    assert_sound(simulation)


def test_a_ca_written_otherwise_is_the_same_ca() -> None:
    simulation, keeper = installed()
    simulation.ca = None
    keeper.settle()
    keeper.wait(SETTLE)
    assert simulation.ca
    stored = simulation.ca.data
    assert any(key.startswith("retired-") for key in stored)
    simulation.ca = simulation.secret({key: b"# ours\n\n" + pem.strip() for key, pem in stored.items()})
    assert keeper.settle() == []
    assert_sound(simulation)


def test_keys_of_others_in_our_secrets_stay() -> None:
    simulation, keeper = installed()
    simulation.damage_ca(note_txt=b"mine", tls_key=b"")
    simulation.damage_serving(keystore_jks=b"yours", tls_key=b"")
    keeper.settle()
    assert simulation.ca
    assert simulation.serving
    assert simulation.ca.data["note.txt"] == b"mine"
    assert simulation.serving.data["keystore.jks"] == b"yours"


def foreign_files() -> dict[str, bytes]:
    authority = new_authority(START)
    return pem_files(issue(authority, TARGET.hosts, START), [authority.certificate])


FOREIGN = foreign_files()
NOT_OURS = f"by {x509.load_pem_x509_certificate(FOREIGN['ca.crt']).subject.rfc4514_string()}"
SERVING_DAMAGES: dict[str, tuple[dict[str, bytes | None], str]] = {
    "no certificate": ({"tls_crt": None}, "tls.crt is missing"),
    "no key": ({"tls_key": None}, "tls.key is missing"),
    "an empty key": ({"tls_key": b""}, "tls.key is empty"),
    "garbage for a certificate": ({"tls_crt": b"\x80rubbish"}, "tls.crt holds no readable PEM certificate"),
    "garbage for a key": ({"tls_key": b"rubbish"}, "tls.key holds no readable PEM private key"),
    "another's key": ({"tls_key": FOREIGN["tls.key"]}, "tls.key does not belong to tls.crt"),
    "another's pair": (
        {"tls_crt": FOREIGN["tls.crt"], "tls_key": FOREIGN["tls.key"]},
        f"tls.crt is not signed by any certificate of ca.crt, but {NOT_OURS}",
    ),
    "another's everything": (
        {"tls_crt": FOREIGN["tls.crt"], "tls_key": FOREIGN["tls.key"], "ca_crt": FOREIGN["ca.crt"]},
        f"tls.crt is not signed by any certificate of ca.crt, but {NOT_OURS}",
    ),
}


@pytest.mark.parametrize("damage", SERVING_DAMAGES)
def test_a_damaged_serving_secret_is_named_and_healed_at_once(damage: str) -> None:
    changes, fault = SERVING_DAMAGES[damage]
    simulation, keeper = installed()
    simulation.damage_serving(**changes)
    action = keeper.think()
    assert action
    assert action.message.startswith("Issued a serving certificate into Secret spark/webhook-tls, signed by spark-eci-")
    assert action.message.endswith(f", because {fault}.")
    assert keeper.settle() == ["CertificateIssued"]
    assert_sound(simulation)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreadable_certificate_is_healed_like_any_other_garbage(kind: str) -> None:
    simulation, keeper = installed()
    simulation.damage_ca(tls_crt=unreadable(FOREIGN["ca.crt"], kind))
    action = keeper.think()
    assert action
    assert action.message.endswith("because tls.crt holds no readable PEM certificate.")
    assert keeper.settle() == ["CACreated", "CABundlePatched", "BundleWritten"]
    keeper.wait(SETTLE)
    simulation.damage_serving(tls_crt=unreadable(FOREIGN["ca.crt"], kind))
    action = keeper.think()
    assert action
    assert action.message.endswith("because tls.crt holds no readable PEM certificate.")
    assert keeper.settle() == ["CertificateIssued"]
    simulation.set_every_bundle(unreadable(FOREIGN["ca.crt"], kind))
    assert keeper.settle() == ["CABundlePatched"]
    assert_sound(simulation)


@pytest.mark.parametrize("name", ["*.webhook.spark.svc", "web_hook", "webhook.", ""])
def test_a_certificate_for_a_name_of_another_kind_is_replaced(name: str) -> None:
    simulation, keeper = installed()
    simulation.damage_serving(tls_crt=certificate_for(name, new_authority(START), START).certificate_pem)
    assert keeper.settle() == ["CertificateIssued"]
    assert_sound(simulation)


def test_a_certificate_without_an_end_is_replaced() -> None:
    simulation, keeper = installed()
    endless = certificate_for(HOST, new_authority(START), START, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    simulation.damage_serving(tls_crt=endless.certificate_pem)
    assert keeper.settle() == ["CertificateIssued"]
    assert_sound(simulation)


@pytest.mark.parametrize("bundle", [None, b"", b"rubbish", FOREIGN["ca.crt"]])
def test_a_wrong_bundle_in_the_serving_secret_is_set_right_and_the_pair_stays(bundle: bytes | None) -> None:
    simulation, keeper = installed()
    served = serving_certificate(simulation)
    simulation.damage_serving(ca_crt=bundle)
    action = keeper.think()
    assert action
    name = current_ca(simulation).subject.rfc4514_string().removeprefix("CN=")
    assert action.message == f"Set ca.crt in Secret spark/webhook-tls to {name}."
    assert keeper.settle() == ["BundleWritten"]
    assert serving_certificate(simulation) == served
    assert_sound(simulation)


def test_a_certificate_for_another_service_is_replaced() -> None:
    simulation, keeper = installed()
    assert simulation.ca
    ring = read_keyring(simulation.ca.data, START)
    assert ring.current
    pair = issue(ring.current, ["webhook", "webhook.spark", "webhook.spark.svc"], START)
    simulation.damage_serving(tls_crt=pair.certificate_pem, tls_key=pair.key_pem)
    action = keeper.think()
    assert action
    assert action.message.endswith(
        "because tls.crt does not name webhook.spark.svc.cluster.local, only webhook, webhook.spark, webhook.spark.svc."
    )
    keeper.settle()
    assert_sound(simulation)


@pytest.mark.parametrize("bundle", [b"", b"rubbish", FOREIGN["ca.crt"]])
def test_a_wrong_ca_bundle_is_patched_where_it_is_wrong_and_nowhere_else(bundle: bytes) -> None:
    simulation, keeper = installed()
    simulation.set_bundles(**{"executor.spark": bundle})
    action = keeper.think()
    assert isinstance(action, PatchBundle)
    assert action.webhooks == ("executor.spark",)
    name = current_ca(simulation).subject.rfc4514_string().removeprefix("CN=")
    assert action.message == (
        f"Set the caBundle of executor.spark in MutatingWebhookConfiguration spark-eci-webhook to {name}."
    )
    assert keeper.settle() == ["CABundlePatched"]
    assert_sound(simulation)


def test_a_new_webhook_of_the_configuration_gets_the_bundle() -> None:
    simulation, keeper = installed()
    simulation.set_bundles(**{"another.spark": b""})
    assert keeper.settle() == ["CABundlePatched"]
    assert simulation.configuration
    assert set(simulation.configuration.bundles) == {"driver.spark", "executor.spark", "another.spark"}
    assert_sound(simulation)


def test_a_foreign_ca_beside_ours_in_the_ca_bundle_is_removed() -> None:
    simulation, keeper = installed()
    ours = simulation.trusted_by_api_server
    simulation.set_every_bundle(ours + FOREIGN["ca.crt"])
    assert keeper.settle() == ["CABundlePatched"]
    assert simulation.trusted_by_api_server == ours


@pytest.mark.parametrize("which", ["ca", "serving"])
@pytest.mark.parametrize("content", [{}, {"tls.crt": b"rubbish"}, FOREIGN])
def test_a_secret_without_our_label_is_reported_and_nothing_is_touched(which: str, content: dict[str, bytes]) -> None:
    simulation, keeper = installed()
    setattr(simulation, which, simulation.secret(content, owned=False))
    simulation.set_every_bundle(b"")
    assert keeper.settle() == []
    name = {"ca": "webhook-ca", "serving": "webhook-tls"}[which]
    assert keeper.problems == (
        (
            f"Secret spark/{name} was not made by this controller (it lacks the label"
            " app.kubernetes.io/managed-by=spark-eci-webhook-certs), so nothing is changed: delete it, or have the"
            " chart use it as provided."
        ),
    )


def test_a_foreign_secret_at_first_leaves_the_cluster_as_it_is_and_its_removal_lets_the_controller_begin() -> None:
    simulation = Simulation()
    simulation.serving = simulation.secret(FOREIGN, owned=False)
    keeper = Keeper(simulation)
    assert keeper.settle() == []
    assert simulation.ca is None
    simulation.serving = None
    assert keeper.settle() == ["CACreated", "CABundlePatched", "CertificateIssued"]
    assert_sound(simulation)


def test_a_clock_set_back_by_a_day_ends_in_a_sound_state_without_a_loop() -> None:
    simulation, keeper = installed()
    simulation.now -= timedelta(days=1)
    keeper.settle()
    keeper.wait(SETTLE)
    assert_sound(simulation)
    simulation.now += timedelta(days=1)
    keeper.settle()
    keeper.wait(SETTLE)
    assert_sound(simulation)


def test_a_ca_about_to_expire_that_is_never_trusted_for_long_enough_is_no_reason_for_a_loop() -> None:
    """Someone reverts the caBundle all the time; certificates can live no longer than their CA."""
    simulation, keeper = installed()
    keeper.wait(9 * YEAR)
    before = len(simulation.done)
    while simulation.now < START + 10 * YEAR:
        simulation.set_every_bundle(b"")
        keeper.settle()
        simulation.now += timedelta(minutes=9, hours=12)
        keeper.published = None
    issued = [reason for reason in simulation.done[before:] if reason == "CertificateIssued"]
    assert len(issued) < 12
