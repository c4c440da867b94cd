"""Rules of the API server and the Spark Operator that hold for applications and for SparkConnect alike.

Source: kubeflow/spark-operator, the CRDs and internal/webhook (the validators).
"""

import re
from collections.abc import Iterator
from typing import Final

from webhook.core.selectors import Role
from webhook.spark import properties
from webhook.spark.manifest import PodPart
from webhook.spark.properties import Conf
from webhook.spark.versions import OperatorVersion, too_old_for_templates
from webhook.spark.workloads import Refusal, Refuser, refusal

#: What is wrong, and what is accepted.
Fault = tuple[str, str]

#: The most characters of a label's value, and of the name of a Service.
LONGEST_LABEL: Final = 63
_LONGEST_NAME: Final = 253
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL: Final = re.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DNS_1035: Final = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
DNS_1035_ACCEPTED: Final = (
    "lower case letters, digits and -, a letter first, a letter or digit last, at most {} characters"
)
#: The first release that checks names.
CHECKS_NAMES: Final = OperatorVersion(2, 4)
#: The first release that refuses keys of sparkConf.
CHECKS_CONF: Final = OperatorVersion(2, 5, 2)
#: Keys of sparkConf that the operator refuses, each with what is accepted.
_DENIED: Final = {
    properties.IMAGE: "spec.image instead",
    properties.of(Role.DRIVER, "container.image"): "spec.driver.image instead",
    properties.of(Role.EXECUTOR, "container.image"): "spec.executor.image instead",
    "spark.kubernetes.authenticate.driver.serviceAccountName": "spec.driver.serviceAccount instead",
    "spark.kubernetes.authenticate.executor.serviceAccountName": "spec.executor.serviceAccount instead",
    **dict.fromkeys(
        (
            "spark.master",
            "spark.kubernetes.driver.master",
            "spark.kubernetes.authenticate.oauthTokenFile",
            "spark.kubernetes.authenticate.oauthToken",
            "spark.kubernetes.authenticate.driver.oauthTokenFile",
            "spark.kubernetes.authenticate.driver.oauthToken",
            "spark.kubernetes.authenticate.executor.oauthTokenFile",
            "spark.kubernetes.authenticate.executor.oauthToken",
        ),
        "nothing: the operator sets it",
    ),
}


def name_refusals(name: str, namespace: str, operator: OperatorVersion) -> Iterator[Refusal]:
    """Why a SparkApplication or its schedule cannot be called `name`, or be in `namespace`."""
    if operator < CHECKS_NAMES:
        yield from unchecked_name_refusals(name, namespace)
        return
    yield from _namespace_refusals(namespace)
    sentence = f'metadata.name is "{name}"'
    if not is_subdomain(name):
        yield refusal(Refuser.API_SERVER, "", sentence, DNS_1035_ACCEPTED.format(LONGEST_LABEL))
    elif not DNS_1035.fullmatch(name) or len(name) > LONGEST_LABEL:
        yield refusal(Refuser.OPERATOR, "", sentence, DNS_1035_ACCEPTED.format(LONGEST_LABEL))


def unchecked_name_refusals(name: str, namespace: str) -> Iterator[Refusal]:
    """Why an application cannot be called `name`, or be in `namespace`, if its operator does not look at the name."""
    yield from _namespace_refusals(namespace)
    if not is_subdomain(name):
        accepted = "lower case letters, digits, - and ., a letter or digit first and last, at most 253 characters"
        yield refusal(Refuser.API_SERVER, "", f'metadata.name is "{name}"', accepted)
    elif len(name) > LONGEST_LABEL:
        sentence = f"metadata.name has {len(name)} characters, and it becomes a label of the pods"
        yield refusal(Refuser.API_SERVER, "", sentence, f"at most {LONGEST_LABEL} characters")


def is_subdomain(name: str) -> bool:
    """Whether the API server accepts `name` for an object."""
    return _SUBDOMAIN.fullmatch(name) is not None and len(name) <= _LONGEST_NAME


def _namespace_refusals(namespace: str) -> Iterator[Refusal]:
    if not _LABEL.fullmatch(namespace) or len(namespace) > LONGEST_LABEL:
        accepted = (
            f"lower case letters, digits and -, a letter or digit first and last, at most {LONGEST_LABEL} characters"
        )
        yield refusal(Refuser.API_SERVER, "", f'metadata.namespace is "{namespace}"', accepted)


def old_spark(version: str | None, parts: list[PodPart]) -> Iterator[Fault]:
    """Whether a pod template is used with a version of Spark that the operator takes for older than 3.0.0."""
    if too_old_for_templates(version) and any(one.template is not None for one in parts):
        told = f'is "{version}"' if version else "is missing"
        yield f"spec.sparkVersion {told}, and spec has a pod template", "a version from 3.0.0 on, such as 3.5.2"


def denied_properties(conf: Conf, namespace: str, operator: OperatorVersion) -> Iterator[Fault]:
    """The keys of sparkConf, `conf`, that the operator does not let users set; the application is in `namespace`."""
    if operator < CHECKS_CONF:
        return
    for key, value in conf.items():
        if key in _DENIED:
            yield f'spec.sparkConf["{key}"] is not allowed', _DENIED[key]
        elif key == properties.NAMESPACE and value != namespace:
            yield f'spec.sparkConf["{key}"] is "{value}"', f'"{namespace}", the namespace of the application'
