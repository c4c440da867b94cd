"""What is said of a kubeconfig that cannot be used; the library's own sentences name places in its objects."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.config import incluster_config

from certs.cluster import connect
from certs.errors import InputError
from certs.kubeconfig import context_namespace, current_context


def kubeconfig(folder: Path, contexts: Sequence[str], current: str | None = None, **cluster: Any) -> Path:
    """A kubeconfig with these contexts, all of one cluster."""
    content = {
        "contexts": [{"name": name, "context": {"cluster": "one", "user": "me"}} for name in contexts],
        "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"} | cluster}],
        "users": [{"name": "me", "user": {}}],
    }
    path = folder / "my config"
    path.write_text(yaml.safe_dump(content if current is None else content | {"current-context": current}))
    return path


def refused(path: Path, context: str | None = None) -> str:
    with pytest.raises(InputError) as error:
        connect(path, context)
    (sentence,) = error.value.sentences
    return sentence


@pytest.mark.parametrize(
    ("context", "instead"),
    [
        ("nosuch", "accepted: production, staging, lab"),
        ("prodution", "did you mean production?"),
        ("x\n=", "accepted: production, staging, lab"),
    ],
)
@pytest.mark.parametrize("current", [None, "lab", "gone"])
def test_a_context_that_does_not_exist(tmp_path: Path, context: str, instead: str, current: str | None) -> None:
    path = kubeconfig(tmp_path, ["production", "staging", "lab"], current)
    assert refused(path, context) == f'no cluster: found no context "{context}"; {instead}'


@pytest.mark.parametrize("current", [None, ""])
def test_no_current_context(tmp_path: Path, current: str | None) -> None:
    sentence = "no cluster: found no current context; accepted: production, staging"
    path = kubeconfig(tmp_path, ["production", "staging"], current)
    assert refused(path) == sentence
    for ask in (current_context, context_namespace):
        with pytest.raises(InputError, match=f"^{sentence}$"):
            ask(path)


def test_a_current_context_that_does_not_exist(tmp_path: Path) -> None:
    assert refused(kubeconfig(tmp_path, ["a"], "gone")) == 'no cluster: found no context "gone"; accepted: a'


def test_many_contexts_are_cut(tmp_path: Path) -> None:
    names = [f"arn:aws-cn:eks:cn-northwest-1:123456789012:cluster/{number}" for number in range(400)]
    sentence = refused(kubeconfig(tmp_path, names), "x")
    assert sentence.endswith(f"{names[4]}, and 395 more")
    assert len(sentence) < 400


def test_a_file_without_contexts(tmp_path: Path) -> None:
    sentence = 'no cluster: found no context "a"; accepted: a kubeconfig with one'
    assert refused(kubeconfig(tmp_path, []), "a") == sentence


def test_a_context_whose_cluster_does_not_exist(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, ["a"], "a")
    path.write_text(path.read_text().replace("cluster: one", "cluster: two"))
    sentence = 'the context names the cluster "two", which the kubeconfig does not have; accepted: one'
    assert refused(path) == f"no cluster: {sentence}"


@pytest.mark.parametrize("server", ["", "127.0.0.1:6443", "ftp://a"])
def test_a_cluster_without_a_url_is_one_sentence_and_no_warning(tmp_path: Path, server: str) -> None:
    path = kubeconfig(tmp_path, ["a"], "a", server=server)
    expected = "no cluster: the context has no server with https:// or http://; accepted: a kubeconfig"
    assert refused(path) == expected
    path.write_text(path.read_text().replace(f"server: {server or repr(server)}", "certificate-authority: x"))
    assert refused(path) == expected


@pytest.mark.parametrize(
    ("host", "shown"),
    [("10.0.0.1", "10.0.0.1"), ("fd00::1", "[fd00::1]"), ("kubernetes.default", "kubernetes.default")],
)
def test_in_a_pod_the_cluster_may_have_an_address_of_either_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, shown: str
) -> None:
    for variable, name in (("SERVICE_TOKEN_FILENAME", "token"), ("SERVICE_CERT_FILENAME", "ca.crt")):
        (tmp_path / name).write_text("content")
        monkeypatch.setattr(incluster_config, variable, str(tmp_path / name))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert connect(in_cluster=True).host == f"https://{shown}:443"
