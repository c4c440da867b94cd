"""templates/networkpolicy.yaml: who may call the pods, and whom they may call."""

from tests.chart.manifests import FULLNAME, render

TEMPLATE = "networkpolicy.yaml"


def test_the_service_is_called_on_its_two_ports_and_calls_nobody() -> None:
    rendered = render({"networkPolicy": {"enabled": True}})
    policy = rendered.one("NetworkPolicy")
    assert policy["spec"] == {
        "podSelector": rendered.one("Deployment")["spec"]["selector"],
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": [{"port": 8443, "protocol": "TCP"}]}, {"ports": [{"port": 8080, "protocol": "TCP"}]}],
    }


def test_callers_can_be_named() -> None:
    api_server, monitoring = {"ipBlock": {"cidr": "10.0.0.0/28"}}, {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    values = {"networkPolicy": {"enabled": True, "apiServer": [api_server], "monitoring": [monitoring]}}
    ingress = render(values).one("NetworkPolicy")["spec"]["ingress"]
    assert [rule["from"] for rule in ingress] == [[api_server], [monitoring]]


def test_the_certificate_controller_calls_the_api_server_alone_and_nobody_calls_it() -> None:
    name = f"{FULLNAME}-certificate-controller"
    rendered = render({"networkPolicy": {"enabled": True, "apiServerPorts": [6443]}})
    assert rendered.one("NetworkPolicy", name)["spec"] == {
        "podSelector": rendered.one("Deployment", name)["spec"]["selector"],
        "policyTypes": ["Ingress", "Egress"],
        "egress": [{"ports": [{"port": 6443, "protocol": "TCP"}]}],
    }
    other = {"networkPolicy": {"enabled": True}, "certificates": {"source": "cert-manager"}}
    assert len(render(other).template(TEMPLATE)) == 1
