"""Groups of tests that need more of a machine than Python and make.

A test module sets `pytestmark = pytest.mark.needs("control-plane")`. If the machine lacks what a group needs, the group is left
out, and one line says so and how to get it. If the variable CI is set, the run fails before any test instead.
"""

import importlib.util
import logging
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.spark.judge.spark import installed

# What an example costs depends on the machine, so none has a deadline.
settings.register_profile("default", deadline=None)
settings.load_profile("default")

#: npm writes them last.
PACKAGES = [Path(__file__).parents[1] / folder / "node_modules/.package-lock.json" for folder in ("page", "docs")]
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-scheduler")


def control_plane() -> bool:
    assets = os.environ.get("KUBEBUILDER_ASSETS", "")
    return bool(assets) and all((Path(assets) / name).exists() for name in CONTROL_PLANE)


def buildah() -> bool:
    return shutil.which("buildah") is not None and bool(os.environ.get("BASE_IMAGE"))


def spark() -> bool:
    java = shutil.which("java")
    if java is None or importlib.util.find_spec("pyspark") is None:
        return False
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    return 'version "17.' in said


def networks() -> bool:
    """Whether this process may make a network of its own, and add addresses of IPv6 to the machine's."""
    enabled = Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6")
    if not all(map(shutil.which, ("ip", "unshare"))) or not enabled.exists() or int(enabled.read_text()):
        return False
    made = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    return made.returncode == 0


NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "control-plane": (
        control_plane,
        "KUBEBUILDER_ASSETS set to a folder with etcd, kube-apiserver and kube-scheduler (see CONTRIBUTING)",
    ),
    "buildah": (buildah, "the buildah command, root, and BASE_IMAGE set to an image with Python 3.11 or newer"),
    "spark": (spark, "the java command of Java 17, and pyspark (`make spark` installs it)"),
    "spark-4": (
        lambda: len(installed()) > 1,
        "the jars of Spark 4 (`make spark` installs them)",
    ),
    "promtool": (lambda: shutil.which("promtool") is not None, "the promtool command (part of Prometheus)"),
    "kubectl": (lambda: shutil.which("kubectl") is not None, "the kubectl command (Debian: kubernetes-client)"),
    "chromium": (lambda: shutil.which("chromium") is not None, "the chromium command (Debian: chromium)"),
    "npm": (
        lambda: shutil.which("node") is not None and all(one.exists() for one in PACKAGES),
        "the node command, and the packages of page/ and docs/ (`make npm` installs them)",
    ),
    "registry": (
        lambda: all(map(shutil.which, ("docker-registry", "skopeo"))),
        "the commands docker-registry and skopeo (Debian: packages of the same names)",
    ),
    "git": (lambda: shutil.which("git") is not None, "the git command"),
    "networks": (networks, "root, IPv6, and the commands ip and unshare (Debian: iproute2 and util-linux)"),
    "openssl": (lambda: shutil.which("openssl") is not None, "the openssl command"),
}
LEFT_OUT = pytest.StashKey[Counter[str]]()


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Restores the handlers of logging after each test. The service sets one, which writes to the test's output."""
    before = list(logging.root.handlers)
    yield
    logging.root.handlers[:] = before


ATTACK = Path(__file__).parent / "attack"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(name): for machines that have what tests/conftest.py lists by that name")
    config.stash[LEFT_OUT] = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unmet = {name for name, (met, _) in NEEDS.items() if not met()}
    counted = config.stash[LEFT_OUT]
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        missing = {marker.args[0] for marker in item.iter_markers("needs")} & unmet
        counted.update(missing)
        (left_out if missing else kept).append(item)
    if left_out and os.environ.get("CI"):
        lines = [f"{name}: {NEEDS[name][1]}" for name in sorted(counted)]
        raise pytest.UsageError("nothing may be left out in CI, but this machine lacks " + "; ".join(lines))
    config.hook.pytest_deselected(items=left_out)
    # The attacks come last: they measure how long turns take, and CI runs other tests beside the first ones.
    items[:] = sorted(kept, key=lambda item: ATTACK in item.path.parents)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, count in sorted(config.stash[LEFT_OUT].items()):
        line = f"left out: {count} tests of the group {name}, which needs {NEEDS[name][1]}"
        terminalreporter.write_line(line, yellow=True)
