"""templates/overflow/networkpolicy.yaml: who may call the overflow controller, and whom it may call."""

from tests.chart.manifests import FULLNAME, render

NAME = f"{FULLNAME}-overflow"


def test_it_calls_the_api_server_alone_and_its_metrics_can_be_read() -> None:
    monitoring = {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    port = {"ports": [{"port": 8080, "protocol": "TCP"}]}
    for peers, ingress in (([], port), ([monitoring], {**port, "from": [monitoring]})):
        policy = {"enabled": True, "apiServerPorts": [6443], "monitoring": peers}
        rendered = render({"overflow": {"enabled": True}, "networkPolicy": policy})
        assert rendered.one("NetworkPolicy", NAME)["spec"] == {
            "podSelector": rendered.one("Deployment", NAME)["spec"]["selector"],
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [ingress],
            "egress": [{"ports": [{"port": 6443, "protocol": "TCP"}]}],
        }


def test_there_is_one_only_if_asked_for() -> None:
    assert render({"overflow": {"enabled": True}}).template("overflow/networkpolicy.yaml") == []
