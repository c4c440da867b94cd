"""What Helm makes of files of values: its own library reads, merges, validates and renders."""

import tempfile
from pathlib import Path
from typing import Any

import helm_python

from tests.chart.manifests import render
from webhook.chart import merge
from webhook.chart.defaults import default_values
from webhook.chart.merge import with_defaults
from webhook.chart.policy import release_of_values
from webhook.chart.template import policy_document
from webhook.chart.values_file import parse_values
from webhook.core.policy import Policy
from webhook.service.policy_file import PolicyError, parse_policy
from webhook.service.yaml_loader import YAMLFaultError, documents


def merged(*files: str) -> dict[str, Any]:
    """The values of several files, merged by Helm. Raises HelmError.

    Helm 4 merges the documents of one file as it merges files, so a chart whose defaults are all of them has the result.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Chart.yaml").write_text("apiVersion: v2\nname: any\nversion: 0.1.0\n")
        (Path(folder) / "values.yaml").write_text("\n---\n".join(files))
        with helm_python.Chart.load(folder) as chart:
            return dict(chart.values or {})


def policy_text(*files: str) -> str:
    """The policy file that Helm deploys with the files. Raises HelmError."""
    (found,) = render(merged(*files)).template("configmap-policy.yaml")
    return str(found["data"]["policy.yaml"])


def by_helm(*files: str) -> tuple[Policy, Any] | str:
    """The policy that Helm deploys, and its document; or why there is none."""
    try:
        text = policy_text(*files).encode()
        return parse_policy(text, "policy.yaml"), documents(text)[0]
    except (helm_python.HelmError, PolicyError, YAMLFaultError) as error:
        return f"{type(error).__name__}: {error}"


def by_us(*files: str) -> tuple[Policy, Any] | str:
    """The same as this project says it."""
    try:
        read = [parse_values(text.encode(), f"{number}.yaml") for number, text in enumerate(files, 1)]
        found = release_of_values(read).policy
    except PolicyError as error:
        return str(error)
    return found, policy_document(with_defaults(merge.merged(file.values for file in read), default_values()))
