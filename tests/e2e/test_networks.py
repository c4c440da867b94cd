"""Each process in networks of one family of addresses, and where the machine has no IPv6: its probes answer everywhere."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from tests.live_service import ROOT, issue, service

pytestmark = pytest.mark.needs("networks")

IPV4, IPV6 = "192.0.2.7", "fd00:2::7"
LOOPBACK = "ip link set lo up"
#: What is done in a new network, the addresses that lead to this pod there, and those that do not.
NETWORKS = {
    "both families": (
        f"{LOOPBACK}; ip addr add {IPV4}/32 dev lo; ip addr add {IPV6}/128 dev lo;"
        " echo 1 >/proc/sys/net/ipv6/bindv6only",
        [IPV4, IPV6],
        [],
    ),
    "IPv6 alone": (
        f"{LOOPBACK}; ip addr del 127.0.0.1/8 dev lo; ip addr add {IPV6}/128 dev lo",
        [IPV6, "::1"],
        ["127.0.0.1"],
    ),
    "IPv6 disabled": (
        f"echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; {LOOPBACK}; ip addr add {IPV4}/32 dev lo",
        [IPV4, "127.0.0.1"],
        ["::1"],
    ),
    "no IPv6 in the kernel": (f"{LOOPBACK}; ip addr add {IPV4}/32 dev lo", [IPV4, "127.0.0.1"], ["::1"]),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_probes_of_every_process_answer(tmp_path: Path, network: str) -> None:
    issue(tmp_path / "tls")
    (tmp_path / "policy.yaml").write_text("overflow: {}\n")
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(KUBECONFIG))
    setting, own, others = NETWORKS[network]
    trial = [sys.executable, "-m", "tests.e2e.network_trial", str(tmp_path), str(len(own)), *own, *others]
    if network == "no IPv6 in the kernel":
        trial = [sys.executable, "-m", "tests.e2e.without_ipv6", *trial]
    command = ["unshare", "--net", "sh", "-ec", f'{setting}; exec "$@"', "sh", *trial]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    logs = {log.name: log.read_text() for log in tmp_path.glob("*.log")}
    probes = ("service /livez", "service /readyz", "certificates /healthz", "overflow /healthz")
    expected = {f"{probe} at {one}": "200" for one in own for probe in probes}
    assert json.loads(done.stdout) == expected | {f"{probe} at {one}": "none" for one in others for probe in probes}, (
        logs
    )
    every = "0.0.0.0" if network == "no IPv6 in the kernel" else "[::]"
    assert f"http://{every}:8081/healthz" in logs["certificates.log"]
    assert f"http://{every}:8080" in logs["service.log"]
    assert f"http://{every}:8082" in logs["overflow.log"]


#: Of a cluster that does not answer.
KUBECONFIG = {
    "clusters": [{"name": "a", "cluster": {"server": "https://[fd00:2::8]:6443"}}],
    "users": [{"name": "a", "user": {}}],
    "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    "current-context": "a",
}


def test_the_commands_take_an_address_of_ipv6(tmp_path: Path) -> None:
    """In brackets in a URL and before a port, without them as a host, and in the certificate."""
    tls = tmp_path / "tls"
    assert run("certs", "issue", "--out", str(tls), "--host", "::1").returncode == 0
    with service(tls, tmp_path / "log", ["--host", "::1", "--operations-host", "::1"]) as running:
        (line,) = [one for one in running.lines() if one["event"] == "serving"]
        place = f"[::1]:{running.port}"
        assert line["reviews"] == f"https://{place}"
        assert httpx.get(f"{line['operations']}/readyz", timeout=60).text == "ok\n"
        probe = run("webhook", "probe", "--url", f"https://{place}", "--ca-file", str(tls / "ca.crt"))
        assert (probe.returncode, probe.stderr) == (0, "")
        assert probe.stdout == "profile default: left as it is\n"
        shown = run("certs", "show", "--server", place, "--ca", str(tls / "ca.crt"))
        assert shown.returncode == 0, shown.stdout
        assert shown.stdout.splitlines()[0] == f"the server {place}"
        assert shown.stdout.splitlines()[-1] == "  nothing is wrong"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False, cwd=ROOT)
