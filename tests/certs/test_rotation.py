"""Every rule of rotation, with a clock that the test moves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certs.authority import KeyPair, issue, new_authority
from certs.keyring import read_keyring
from certs.material import common_name, issuer_name, names, pem_files, read
from certs.pem import encode
from certs.state import PatchBundle, WriteSecret
from tests.certs.odd import KINDS, certificate_for, unreadable
from tests.certs.simulation import HOST, START, TARGET, Keeper, Simulation, installed, verifies
from tests.certs.test_authority import assert_is_ca, openssl_verify

SETTLE = timedelta(minutes=10)
YEAR = timedelta(days=365)
INSTALL = ["CACreated", "CABundlePatched", "CertificateIssued"]
NEW_CA = ["CACreated", "CABundlePatched", "BundleWritten"]


def assert_sound(simulation: Simulation) -> None:
    """Nothing is left to do, and all clients trust the same CAs."""
    ring = read_keyring(simulation.keys, simulation.now)
    assert ring.problems == ()
    assert ring.current
    assert not read(simulation.files, TARGET.hosts, simulation.now).problems
    assert simulation.files["ca.crt"] == encode(ring.trusted)
    if simulation.configuration:
        assert set(simulation.configuration.bundles.values()) <= {simulation.files["ca.crt"]}
        assert simulation.trust_holds
    assert Keeper(simulation).think() is None


def assert_rotated(simulation: Simulation) -> None:
    """Nothing is left to do, and the current CA signed what is served."""
    assert_sound(simulation)
    assert simulation.leaf.issuer == simulation.current.subject


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
    assert (keeper.think(), keeper.problems) == (None, ())
    assert [sorted(simulation.keys), sorted(simulation.files)] == [
        ["tls.crt", "tls.key"],
        ["ca.crt", "tls.crt", "tls.key"],
    ]
    assert simulation.files["ca.crt"] == simulation.keys["tls.crt"] == simulation.trusted_by_api_server
    assert names(simulation.leaf) == TARGET.hosts
    assert_is_ca(simulation.current)
    assert_rotated(simulation)


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


def test_a_configuration_without_webhooks_needs_no_patch() -> None:
    simulation = Simulation(webhooks=())
    assert Keeper(simulation).settle() == ["CACreated", "CertificateIssued"]
    assert_sound(simulation)


def test_a_pod_that_gets_its_files_minutes_late_is_still_trusted() -> None:
    """Kubelet takes up to two minutes. What was served or published before must still work with what is new."""
    simulation, keeper = installed()
    states = [(simulation.now, simulation.files, simulation.trusted_by_api_server)]
    while simulation.now < START + 10 * YEAR:
        if not keeper.step():
            simulation.now = keeper.due or simulation.now + YEAR
        states.append((simulation.now, simulation.files, simulation.trusted_by_api_server))
    met = 0
    for (earlier, before, trusted_before), (later, after, trusted_after) in combinations(states, 2):
        if later - earlier > timedelta(minutes=5):
            continue
        for bundle in (before["ca.crt"], trusted_before, after["ca.crt"], trusted_after):
            assert verifies(bundle, before["tls.crt"], later)
            assert verifies(bundle, after["tls.crt"], later)
            met += 1
    assert met > 100


def test_a_serving_certificate_is_renewed_thirty_days_before_it_expires() -> None:
    simulation, keeper = installed()
    assert keeper.wait(timedelta(days=60) - timedelta(seconds=1)) == []
    assert keeper.wait(timedelta(seconds=1)) == [(START + timedelta(days=60), "CertificateIssued")]
    assert simulation.leaf.not_valid_after_utc == START + timedelta(days=150)
    assert_sound(simulation)


def test_the_moment_to_look_again_is_known_beforehand() -> None:
    simulation, keeper = installed()
    assert keeper.due == START + SETTLE
    simulation.now += SETTLE
    keeper.settle()
    assert keeper.due == START + timedelta(days=60)


def openssl_says(simulation: Simulation, folder: Path) -> list[str]:
    """What openssl says about the certificate served now, with each published bundle."""
    pair = KeyPair(simulation.leaf, OTHER.key)
    bundles = (simulation.trusted_by_api_server, simulation.files["ca.crt"])
    return [openssl_verify(folder, bundle, pair, HOST, simulation.now) for bundle in bundles]


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
    old = simulation.current
    simulation.now += 9 * YEAR + timedelta(days=1)
    assert keeper.settle() == ["CAIntroduced", "CABundlePatched", "CertificateIssued"]
    assert simulation.current == old, "a new CA signs only once it has been trusted everywhere for a while"
    assert len(simulation.trusted) == 2
    assert openssl_says(simulation, tmp_path) == ["OK", "OK"]
    moment = simulation.now + SETTLE
    assert keeper.wait(SETTLE) == [(moment, "CARotated"), (moment, "CertificateIssued")]
    assert simulation.current != old
    assert len(simulation.trusted) == 2
    assert openssl_says(simulation, tmp_path) == ["OK", "OK"]
    assert_rotated(simulation)


def test_eleven_years_pass_without_a_moment_of_distrust() -> None:
    """The steps of the CA's rotation come in order, each at the right moment, and nothing else is done."""
    simulation, keeper = installed()
    seen = keeper.wait(11 * YEAR)
    introduced = START + 9 * YEAR
    retired = introduced + SETTLE + timedelta(days=90, hours=1)
    assert [(moment, reason) for moment, reason in seen if reason != "CertificateIssued"] == [
        (introduced, "CAIntroduced"),
        (introduced, "CABundlePatched"),
        (introduced, "BundleWritten"),
        (introduced + SETTLE, "CARotated"),
        (retired, "CARetired"),
        (retired, "CABundlePatched"),
        (retired, "BundleWritten"),
    ]
    issued = [moment for moment, reason in seen if reason == "CertificateIssued"]
    assert max(later - earlier for earlier, later in pairwise(issued)) == timedelta(days=60)
    assert introduced + SETTLE in issued
    assert_sound(simulation)


def test_an_expired_ca_is_replaced_at_once_and_forgotten() -> None:
    simulation, keeper = installed()
    simulation.now += 11 * YEAR
    assert keeper.settle() == INSTALL
    assert len(simulation.trusted) == 1
    assert_sound(simulation)


@pytest.mark.parametrize("place", ["caBundle", "ca.crt"])
def test_a_next_ca_signs_only_after_it_was_trusted_everywhere_without_a_break(place: str) -> None:
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
    assert keeper.wait(SETTLE - timedelta(seconds=1)) == []
    assert keeper.after(timedelta(seconds=1)) == ["CARotated", "CertificateIssued"]


def test_a_bundle_that_another_controller_published_must_settle_too() -> None:
    """It may have been published since this controller last looked, however long ago that was."""
    simulation, keeper = installed()
    keeper.wait(9 * YEAR - timedelta(seconds=1))
    simulation.now += timedelta(seconds=1)
    assert Keeper(simulation).settle() == ["CAIntroduced", "CABundlePatched", "BundleWritten"]
    assert keeper.settle() == []
    assert keeper.after(SETTLE) == ["CARotated", "CertificateIssued"]


def test_a_clock_set_back_during_a_rotation_delays_it_by_no_more_than_the_usual_wait() -> None:
    simulation, keeper = installed()
    keeper.wait(9 * YEAR)
    simulation.now -= timedelta(minutes=30)
    assert keeper.settle() == []
    assert keeper.after(SETTLE) == ["CARotated", "CertificateIssued"]


def test_a_ca_that_lost_its_key_stays_trusted_though_no_ca_bundle_names_it_any_more() -> None:
    simulation, keeper = installed()
    old = simulation.current
    simulation.damage_ca(tls_key=None)
    simulation.set_every_bundle(b"")
    assert keeper.settle() == NEW_CA
    assert old in simulation.trusted
    assert simulation.trust_holds


def test_a_serving_secret_lost_during_a_rotation_is_repaired_by_the_ca_that_everyone_trusts_already() -> None:
    simulation, keeper = installed()
    old = simulation.current
    keeper.wait(9 * YEAR)
    assert "next.crt" in simulation.keys
    simulation.serving = None
    assert keeper.settle() == ["CertificateIssued"]
    assert simulation.leaf.issuer == old.subject


def test_a_lost_ca_secret_brings_a_new_ca_and_only_later_a_new_certificate() -> None:
    simulation, keeper = installed()
    old, served = simulation.current, simulation.leaf
    simulation.now += timedelta(hours=2)
    simulation.ca = None
    assert keeper.settle() == NEW_CA
    assert simulation.leaf == served
    assert simulation.trusted == [old, simulation.current]
    assert keeper.after(SETTLE) == ["CertificateIssued"]
    assert_rotated(simulation)
    assert keeper.after(timedelta(days=91)) == ["CertificateIssued", "CARetired", "CABundlePatched", "BundleWritten"]
    assert old not in simulation.trusted
    assert_sound(simulation)


def test_both_secrets_lost_at_once_keep_the_old_ca_trusted_for_pods_that_still_serve_by_it() -> None:
    simulation, keeper = installed()
    old = simulation.current
    simulation.ca = simulation.serving = None
    assert keeper.settle() == INSTALL
    assert old in simulation.trusted
    assert_sound(simulation)


def test_an_older_ca_secret_restored_from_a_backup_breaks_nothing() -> None:
    """The CA in use is not in the restored Secret, and must stay trusted."""
    simulation, keeper = installed()
    backup = simulation.keys
    simulation.ca = None
    keeper.settle()
    keeper.wait(timedelta(days=1))
    in_use = simulation.current
    keeper.wait(timedelta(days=120))
    simulation.ca = simulation.secret(backup)
    assert simulation.trust_holds
    assert keeper.settle() == ["CAKept", "CABundlePatched", "BundleWritten"]
    assert in_use in simulation.trusted
    keeper.wait(SETTLE)
    assert_rotated(simulation)


def test_another_working_ca_under_our_label_signs_once_it_is_trusted() -> None:
    simulation, keeper = installed()
    old = simulation.current
    simulation.ca = simulation.secret(ca_files(OTHER))
    assert keeper.settle() == ["CAKept", "CABundlePatched", "BundleWritten"]
    assert simulation.leaf.issuer == old.subject
    keeper.wait(SETTLE)
    assert_rotated(simulation)


@pytest.mark.parametrize("damage", ["half", "garbage", "mismatch"])
def test_a_damaged_next_ca_is_dropped_and_made_again(damage: str) -> None:
    simulation, keeper = installed()
    keeper.wait(9 * YEAR)
    simulation.damage_ca(next_key={"half": None, "garbage": b"rubbish", "mismatch": OTHER.key_pem}[damage])
    assert keeper.settle() == ["CAIntroduced", "CABundlePatched", "BundleWritten"]
    keeper.wait(SETTLE)
    assert_sound(simulation)


def test_a_current_ca_lost_during_a_rotation_is_followed_by_the_next_one() -> None:
    simulation, keeper = installed()
    old = simulation.current
    keeper.wait(9 * YEAR)
    following = simulation.keys["next.crt"]
    simulation.damage_ca(tls_key=b"")
    assert keeper.settle() == ["CACreated"]
    assert simulation.keys["tls.crt"] == following
    assert old in simulation.trusted
    keeper.wait(SETTLE)
    assert_rotated(simulation)


def test_a_ca_in_another_encoding_is_the_same_ca() -> None:
    simulation, keeper = installed()
    simulation.ca = None
    keeper.settle()
    keeper.wait(SETTLE)
    assert any(key.startswith("retired-") for key in simulation.keys)
    simulation.ca = simulation.secret({key: b"# ours\n\n" + pem.strip() for key, pem in simulation.keys.items()})
    assert keeper.settle() == []
    assert_sound(simulation)


def test_other_keys_in_our_secrets_stay() -> None:
    simulation, keeper = installed()
    simulation.damage_ca(note_txt=b"mine", tls_key=b"")
    simulation.damage_serving(keystore_jks=b"yours", tls_key=b"")
    keeper.settle()
    assert (simulation.keys["note.txt"], simulation.files["keystore.jks"]) == (b"mine", b"yours")


def ca_files(pair: KeyPair) -> dict[str, bytes]:
    return {"tls.crt": pair.certificate_pem, "tls.key": pair.key_pem}


def authority_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *, identified: bool) -> dict[str, bytes]:
    """A CA with any kind of key, and with or without a subject key identifier."""
    name = x509.Name.from_rfc4514_string("CN=another CA")
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(START).not_valid_after(START + YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )  # fmt: skip
    if identified:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return {"tls.crt": encode([builder.sign(key, hashes.SHA256())]), "tls.key": private}


OTHER, ANOTHER = new_authority(START), new_authority(START)
FOREIGN = pem_files(issue(OTHER, TARGET.hosts, START), [OTHER.certificate])
UNREADABLE = {kind: unreadable(OTHER.certificate_pem, kind) for kind in KINDS}
NO_CERTIFICATE = "tls.crt holds no readable PEM certificate"
NOT_OURS = f"tls.crt is not signed by any certificate of ca.crt, but by {issuer_name(OTHER.certificate)}"
CA_DAMAGES: dict[str, tuple[dict[str, bytes], str]] = {
    "an empty Secret": ({}, "tls.crt is missing; tls.key is missing"),
    "no certificate": ({"tls.key": OTHER.key_pem}, "tls.crt is missing"),
    "no key": ({"tls.crt": OTHER.certificate_pem}, "tls.key is missing"),
    "garbage for both": (
        {"tls.crt": b"\xff\x00", "tls.key": b"rubbish"},
        f"{NO_CERTIFICATE}; tls.key holds no readable PEM private key",
    ),
    "empty values": ({"tls.crt": b"", "tls.key": b"\n"}, "tls.crt is empty; tls.key is empty"),
    "two halves": ({**ca_files(OTHER), "tls.key": ANOTHER.key_pem}, "tls.key does not belong to tls.crt"),
    "a leaf": (ca_files(issue(OTHER, ["localhost"], START)), "tls.crt is not the certificate of a CA"),
    "an RSA key": (
        authority_of(rsa.generate_private_key(public_exponent=65537, key_size=2048), identified=True),
        "tls.key is not of an elliptic curve",
    ),
    "no key identifier": (authority_of(OTHER.key, identified=False), "tls.crt has no subject key identifier"),
    "an expired CA": (
        ca_files(new_authority(START - 10 * YEAR - timedelta(days=1))),
        "tls.crt expired on 2026-12-31 00:00 UTC",
    ),
    "a CA of the future": (
        ca_files(new_authority(START + timedelta(days=1))),
        "tls.crt is not valid before 2027-01-01 23:00 UTC",
    ),
    "two certificates": (
        {**ca_files(OTHER), "tls.crt": OTHER.certificate_pem * 2},
        "tls.crt holds more than one certificate",
    ),
    **{kind: ({**ca_files(OTHER), "tls.crt": pem}, NO_CERTIFICATE) for kind, pem in UNREADABLE.items()},
}
SERVING_DAMAGES: dict[str, tuple[dict[str, bytes | None], str]] = {
    "no certificate": ({"tls_crt": None}, "tls.crt is missing"),
    "no key": ({"tls_key": None}, "tls.key is missing"),
    "an empty key": ({"tls_key": b""}, "tls.key is empty"),
    "garbage for a certificate": ({"tls_crt": b"\x80rubbish"}, NO_CERTIFICATE),
    "garbage for a key": ({"tls_key": b"rubbish"}, "tls.key holds no readable PEM private key"),
    "another's key": ({"tls_key": FOREIGN["tls.key"]}, "tls.key does not belong to tls.crt"),
    "another's pair": ({"tls_crt": FOREIGN["tls.crt"], "tls_key": FOREIGN["tls.key"]}, NOT_OURS),
    "another's files": ({name.replace(".", "_"): content for name, content in FOREIGN.items()}, NOT_OURS),
    **{kind: ({"tls_crt": pem}, NO_CERTIFICATE) for kind, pem in UNREADABLE.items()},
}
NOT_RETIRED = (
    ("retired-20280101T000000Z-00000000.crt", b"rubbish"),
    ("retired-20280101T000000Z-00000000.crt", b""),
    ("retired-sometime.crt", b""),
    ("retired-99999999T999999Z-00000000.crt", b""),
    ("retired-20280101T000000Z-00000000.crt", FOREIGN["tls.crt"]),
)
ISSUED = "Issued a serving certificate into Secret spark/webhook-tls, signed by <CA>, valid until 2027-04-01 00:00 UTC"
BUNDLES = (b"", b"rubbish", FOREIGN["ca.crt"], *UNREADABLE.values())


def repaired(damage: Callable[[Simulation], None], message: str, reasons: list[str]) -> None:
    """The first action names the damage. It is repaired at once, and nothing that was trusted stops being trusted."""
    simulation, keeper = installed()
    served = simulation.leaf
    damage(simulation)
    action = keeper.think()
    assert action
    simulation.apply(action)
    assert action.message == message.replace("<CA>", common_name(simulation.current))
    assert [action.reason, *keeper.settle()] == reasons
    assert simulation.trust_holds
    assert (simulation.leaf == served) == ("CertificateIssued" not in reasons)
    keeper.wait(SETTLE)
    assert_rotated(simulation)


@pytest.mark.parametrize("damage", CA_DAMAGES)
def test_a_damaged_ca_secret_is_named_and_repaired(damage: str) -> None:
    content, fault = CA_DAMAGES[damage]
    message = f"Made <CA> the CA in Secret spark/webhook-ca, because {fault}."
    repaired(lambda it: setattr(it, "ca", it.secret(content)), message, NEW_CA)


@pytest.mark.parametrize(("key", "content"), NOT_RETIRED)
def test_what_cannot_be_a_retired_ca_is_removed_and_named(key: str, content: bytes) -> None:
    why = f"because {key} is not the certificate of a retired CA"
    message = f"Removed {key} from Secret spark/webhook-ca, {why}."
    repaired(lambda it: setattr(it, "ca", it.secret({**it.keys, key: content})), message, ["CARetired"])


@pytest.mark.parametrize("damage", SERVING_DAMAGES)
def test_a_damaged_serving_secret_is_named_and_repaired(damage: str) -> None:
    changes, fault = SERVING_DAMAGES[damage]
    repaired(lambda it: it.damage_serving(**changes), f"{ISSUED}, because {fault}.", ["CertificateIssued"])


@pytest.mark.parametrize("bundle", [None, *BUNDLES])
def test_a_wrong_bundle_in_the_serving_secret_is_set_right_and_the_pair_stays(bundle: bytes | None) -> None:
    message = "Set ca.crt in Secret spark/webhook-tls to <CA>."
    repaired(lambda it: it.damage_serving(ca_crt=bundle), message, ["BundleWritten"])


@pytest.mark.parametrize(
    ("webhook", "bundle"), [("a-new-one.spark", b""), *(("executor.spark", bundle) for bundle in BUNDLES)]
)
def test_a_wrong_ca_bundle_is_patched_and_no_other(webhook: str, bundle: bytes) -> None:
    message = f"Set the caBundle of {webhook} in MutatingWebhookConfiguration spark-eci-webhook to <CA>."
    repaired(lambda it: it.set_bundles(**{webhook: bundle}), message, ["CABundlePatched"])


def test_a_certificate_for_another_service_is_replaced() -> None:
    def damage(it: Simulation) -> None:
        current = read_keyring(it.keys, START).current
        assert current
        pair = issue(current, TARGET.hosts[:3], START)
        it.damage_serving(tls_crt=pair.certificate_pem, tls_key=pair.key_pem)

    why = "tls.crt does not name webhook.spark.svc.cluster.local, only webhook, webhook.spark, webhook.spark.svc"
    repaired(damage, f"{ISSUED}, because {why}.", ["CertificateIssued"])


@pytest.mark.parametrize("name", ["*.webhook.spark.svc", "web_hook", "webhook.", "", HOST])
def test_a_certificate_with_an_odd_name_or_without_an_end_is_replaced(name: str) -> None:
    simulation, keeper = installed()
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) if name == HOST else None
    simulation.damage_serving(tls_crt=certificate_for(name, OTHER, START, end).certificate_pem)
    assert keeper.settle() == ["CertificateIssued"]
    assert_sound(simulation)


def test_a_foreign_ca_beside_ours_in_the_ca_bundle_is_removed() -> None:
    simulation, keeper = installed()
    ours = simulation.trusted_by_api_server
    simulation.set_every_bundle(ours + FOREIGN["ca.crt"])
    assert keeper.settle() == ["CABundlePatched"]
    assert simulation.trusted_by_api_server == ours


@pytest.mark.parametrize(("which", "name"), [("ca", "webhook-ca"), ("serving", "webhook-tls")])
@pytest.mark.parametrize("content", [{}, {"tls.crt": b"rubbish"}, FOREIGN])
def test_a_secret_without_our_label_is_reported_and_nothing_is_changed(
    which: str, name: str, content: dict[str, bytes]
) -> None:
    simulation, keeper = installed()
    setattr(simulation, which, simulation.secret(content, owned=False))
    simulation.set_every_bundle(b"")
    assert keeper.settle() == []
    assert keeper.problems == (
        (
            f"Secret spark/{name} was not made by this controller (it lacks the label"
            " app.kubernetes.io/managed-by=spark-eci-webhook-certs), so nothing is changed: delete it, or have the"
            " chart use it as provided."
        ),
    )


def test_once_a_foreign_secret_is_removed_the_controller_installs() -> None:
    simulation = Simulation()
    simulation.serving = simulation.secret(FOREIGN, owned=False)
    keeper = Keeper(simulation)
    assert keeper.settle() == []
    assert simulation.ca is None
    simulation.serving = None
    assert keeper.settle() == INSTALL
    assert_sound(simulation)


def test_a_clock_set_back_by_a_day_ends_in_a_sound_state_without_a_loop() -> None:
    simulation, keeper = installed()
    for change in (-timedelta(days=1), timedelta(days=1)):
        simulation.now += change
        keeper.settle()
        keeper.wait(SETTLE)
        assert_sound(simulation)


def test_a_ca_about_to_expire_that_is_never_trusted_for_long_enough_causes_no_loop() -> None:
    """Someone reverts the caBundle all the time, and no certificate can be valid longer than its CA."""
    simulation, keeper = installed()
    keeper.wait(9 * YEAR)
    before = len(simulation.done)
    while simulation.now < START + 10 * YEAR:
        simulation.set_every_bundle(b"")
        keeper.settle()
        simulation.now += timedelta(minutes=9, hours=12)
        keeper.published = None
    assert simulation.done[before:].count("CertificateIssued") < 12
