"""The review and the command that the page shows, sent to a real service, give the patch that the page shows."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.live_service import issue, service
from tests.playground.explainer import Explainer
from tests.playground.inputs import PLAIN
from webhook.core.policy import Policy
from webhook.playground.examples import EXAMPLES
from webhook.service.policy_file import parse_policy

HERE: dict[str, Any] = {"url": "https://127.0.0.1:8443", "ca": "ca.crt", "inCluster": False}


def answered(command: str, review: str, folder: Path) -> Any:
    """The patch that the service answers to `review` by the shown command; None if it sends none."""
    (folder / "review.json").write_text(review, encoding="utf-8")
    ran = subprocess.run(  # noqa: S602, the shown line is for a shell
        f"{command} --silent --fail-with-body",
        shell=True,
        cwd=folder,
        capture_output=True,
        check=True,
    )
    patch = json.loads(ran.stdout)["response"].get("patch")
    return None if patch is None else json.loads(base64.b64decode(patch))


def test_the_shown_curl_command_gives_the_shown_patch(explainer: Explainer, tmp_path: Path) -> None:
    """One service has the profiles of all examples, under the names of the examples."""
    tls = issue(tmp_path / "tls")
    profiles = {
        one.name: parse_policy(one.policy.encode(), "policy")
        .profiles["default"]
        .model_dump(mode="json", by_alias=True, exclude_unset=True)
        for one in EXAMPLES
    }
    policy: dict[str, Any] = {"overflow": {}, "selector": {"anyOf": ["kubeflow", "apache"]}, "profiles": profiles}
    (tmp_path / "policy.yaml").write_text(json.dumps(policy))
    explainer.started(policy)
    compared = 0
    with service(tls, tmp_path / "log", ["--policy", str(tmp_path / "policy.yaml")]) as running:
        for one in EXAMPLES:
            found = explainer.explained(
                one.documents, json.dumps(policy), one.name, url=running.url, ca=str(tls / "ca.crt")
            )
            for view in found["views"]:
                for pod in view["pods"]:
                    patch = answered(pod["curl"], pod["review"], tmp_path)
                    if pod["state"] == "never runs":
                        assert pod["curlNote"].startswith("The pod is never made"), pod
                        continue
                    assert (patch or [], pod["curlNote"]) == (json.loads(pod["patch"]), ""), one.name
                    compared += 1
    assert compared > len(EXAMPLES)


def note(explainer: Explainer, policy: str = "", documents: str = PLAIN, **where: Any) -> tuple[str, str]:
    (view,) = explainer.explained(documents, policy, **where)["views"]
    return view["pods"][0]["curl"], view["pods"][0]["curlNote"]


def test_a_note_tells_why_the_service_would_answer_otherwise(explainer: Explainer) -> None:
    explainer.started({})
    line = "curl --cacert ca.crt -d @review.json https://127.0.0.1:8443/mutate/default"
    assert note(explainer, **HERE) == (line, "")
    # The same policy in other words.
    assert note(explainer, "selector: {}\n", **HERE) == (line, "")
    other = f"The service has another policy, {Policy().digest}, and answers by that one."
    assert note(explainer, "profiles: {default: {}}\n", **HERE) == (line, other)
    assert note(explainer, **HERE | {"inCluster": True}) == (
        line,
        "The service runs in a cluster: forward its port, take the CA certificate from its Secret, and let curl call it "
        "by a name that its certificate has (--connect-to).",
    )
    out = "apiVersion: v1\nkind: Namespace\nmetadata: {name: analytics}\n---\n" + PLAIN
    assert note(explainer, documents=out, **HERE) == (
        "",
        "No review of this pod is sent: the namespace analytics has no label spark-eci-webhook/profile.",
    )
    spaces = {"ca": "a folder/ca.crt"}
    assert note(explainer, **HERE | spaces)[0].startswith("curl --cacert 'a folder/ca.crt' ")
