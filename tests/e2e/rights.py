"""Rights of ServiceAccounts. The API server authorizes by its own watches, which tell it of a binding after it is stored."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.deadline import wait_for
from tests.e2e.control_plane import ControlPlane

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def await_rights(
    control_plane: ControlPlane, account: str, rules: Iterable[Mapping[str, Any]], inside: str = ""
) -> None:
    """Returns once `account`, as `namespace:name`, has the rights of `rules` in the namespace `inside`, or else everywhere.

    The rules of a Role arrive together, so the first right of each is enough.
    """
    for rule in rules:
        resource, _, subresource = rule["resources"][0].partition("/")
        asked = {"verb": rule["verbs"][0], "group": rule["apiGroups"][0], "resource": resource, "namespace": inside}
        asked |= {"subresource": subresource, "name": rule.get("resourceNames", [""])[0]}
        review = {"spec": {"user": f"system:serviceaccount:{account}", "resourceAttributes": asked}}
        wait_for(lambda: control_plane.create(REVIEWS, review)["status"]["allowed"])  # noqa: B023, called at once
