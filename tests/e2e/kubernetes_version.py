"""What differs between Kubernetes 1.20 and 1.36 for these tests. No test compares versions itself.

Each fact names the change of Kubernetes from which it comes.
"""

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple, Self


class KubernetesVersion(NamedTuple):
    """The major and the minor version of an API server and its scheduler."""

    major: int
    minor: int

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Self:
        """The version in an API server's answer to `GET /version`; some distributions write the minor one as `31+`."""
        return cls(int(answer["major"]), int(re.sub(r"\D.*", "", answer["minor"])))

    @classmethod
    def of_program(cls, program: Path) -> Self:
        """The version that a program of Kubernetes prints, such as `Kubernetes v1.20.2`."""
        printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        major, minor = re.findall(r"\d+", printed)[:2]
        return cls(int(major), int(minor))

    @property
    def accepts_empty_strings(self) -> bool:
        """Whether a custom resource may have an empty string, also as a default; 1.20 takes some for null."""
        return self >= (1, 21)

    @property
    def completes_ports(self) -> bool:
        """Whether server-side apply is sure to accept a port without a protocol (kubernetes#98576); late 1.20 does so too."""
        return self >= (1, 21)

    @property
    def failed_open_records(self) -> tuple[str, ...]:
        """Where the API server records a call that failed open: its `log`, and the `audit` log (kubernetes#92739)."""
        return ("audit", "log") if self >= (1, 22) else ("log",)

    @property
    def gate_of_families(self) -> str | None:
        """The feature gate without which a Service has no `ipFamilies`; None if it always has them (KEP-563)."""
        return "IPv6DualStack" if self < (1, 21) else None

    @property
    def has_scheduling_gates(self) -> bool:
        """Whether a pod may have `schedulingGates` without a feature gate (KEP-3521)."""
        return self >= (1, 27)

    @property
    def names_items_by_index(self) -> bool:
        """Whether the path of a value that a schema does not accept has the index of an item: not in 1.20, but in 1.25."""
        return self >= (1, 25)

    @property
    def scheduler_has_plain_port(self) -> bool:
        """Whether the scheduler also serves without TLS, on one port for the whole machine (kubernetes#96345)."""
        return self < (1, 23)

    @property
    def serves_match_conditions(self) -> bool:
        """Whether a webhook's `matchConditions` are stored without a feature gate (kubernetes#119380)."""
        return self >= (1, 28)

    @property
    def serves_validating_admission_policies(self) -> bool:
        """Whether the API server serves ValidatingAdmissionPolicy in v1 without a feature gate (kubernetes#123405)."""
        return self >= (1, 30)

    @property
    def undecodable_patch_fails_the_call(self) -> bool:
        """Whether a call fails, as the failurePolicy covers it, if its patch is no JSON Patch (kubernetes#131627).

        Before, the API server refuses the object under either failurePolicy. It still does so if it cannot apply a JSON Patch.
        """
        return self >= (1, 34)


def without_version(review: dict[str, Any]) -> dict[str, Any]:
    """An AdmissionReview of a pod without the fields that differ between versions.

    Those of 1.36 lack a creationTimestamp, and have a resizePolicy, the namespace in the pod of a client that did not write it, and
    the id of the user's token. Managed fields differ in form.
    """
    request, pod = review["request"], review["request"]["object"]
    changed = ("creationTimestamp", "managedFields", "namespace")
    metadata = {key: value for key, value in pod["metadata"].items() if key not in changed}
    containers = [
        {key: value for key, value in container.items() if key != "resizePolicy"}
        for container in pod["spec"]["containers"]
    ]
    user = {key: value for key, value in request["userInfo"].items() if key != "extra"}
    stripped = pod | {"metadata": metadata, "spec": pod["spec"] | {"containers": containers}}
    return review | {"request": request | {"userInfo": user, "object": stripped}}
