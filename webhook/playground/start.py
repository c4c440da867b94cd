"""What the page shows first: the policy of the service, its profiles, and the examples."""

from typing import Any

from webhook.cli.pod_text import yaml_text
from webhook.core.policy import Policy
from webhook.playground.examples import EXAMPLES
from webhook.playground.profile_sentences import profiles
from webhook.service.policy_file import read_policy_document


def start(document: dict[str, Any]) -> dict[str, Any]:
    """All of it, JSON-like; `document` is the policy of the service. Raises DocumentError if it is none."""
    policy = read_policy_document(document)
    return {
        "policy": {"digest": policy.digest, "text": policy_yaml(policy, document)},
        "profiles": profiles(policy),
        "examples": [one.told() for one in EXAMPLES],
    }


def policy_yaml(policy: Policy, document: dict[str, Any]) -> str:
    """The text of `policy`, which `document` states. The built-in profiles are written out, so that one can edit them.

    The digest of the text is that of the policy.
    """
    if "profiles" not in document:
        roles = {
            name: {"driver": {"mode": one.driver.mode.value}, "executor": {"mode": one.executor.mode.value}}
            for name, one in policy.profiles.items()
        }
        document = document | {"profiles": roles}
    return yaml_text(document)
