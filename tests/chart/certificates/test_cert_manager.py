"""templates/certificates/cert-manager.yaml: a CA and a serving certificate by cert-manager."""

from typing import Any

from tests.chart.manifests import FULLNAME, NAMESPACE, render

TEMPLATE = "certificates/cert-manager.yaml"


def objects(**settings: Any) -> list[dict[str, Any]]:
    return render({"certificates": {"source": "cert-manager", "certManager": settings}}).template(TEMPLATE)


def test_a_ca_of_its_own_signs_the_serving_certificate() -> None:
    assert [(one["kind"], one["metadata"]["name"]) for one in objects()] == [
        ("Issuer", f"{FULLNAME}-selfsigned"),
        ("Certificate", f"{FULLNAME}-ca"),
        ("Issuer", f"{FULLNAME}-ca"),
        ("Certificate", FULLNAME),
    ]
    root, authority, issuer, serving = (one["spec"] for one in objects())
    assert root == {"selfSigned": {}}
    assert authority["isCA"] is True
    assert authority["issuerRef"]["name"] == f"{FULLNAME}-selfsigned"
    assert issuer == {"ca": {"secretName": authority["secretName"]}}
    assert serving == {
        "secretName": f"{FULLNAME}-tls",
        "duration": "2160h",
        "renewBefore": "720h",
        "dnsNames": [f"{FULLNAME}.{NAMESPACE}.svc", f"{FULLNAME}.{NAMESPACE}.svc.cluster.local"],
        "usages": ["digital signature", "server auth"],
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": f"{FULLNAME}-ca"},
    }


def test_an_issuer_of_the_user_signs_it_instead() -> None:
    (serving,) = objects(issuerRef={"name": "platform", "kind": "ClusterIssuer"}, duration="240h", renewBefore="80h")
    assert serving["spec"]["issuerRef"] == {"name": "platform", "kind": "ClusterIssuer"}
    assert (serving["spec"]["duration"], serving["spec"]["renewBefore"]) == ("240h", "80h")


def test_the_service_mounts_what_the_certificate_fills() -> None:
    rendered = render({"certificates": {"source": "cert-manager"}})
    (mounted,) = [
        one["secret"]["secretName"]
        for one in rendered.one("Deployment")["spec"]["template"]["spec"]["volumes"]
        if "secret" in one
    ]
    assert mounted == rendered.one("Certificate")["spec"]["secretName"]
