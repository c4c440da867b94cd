"""Which tolerations tolerate a taint with a value, with any value, and with an empty value."""

import pytest

from webhook.core.pod import Toleration
from webhook.core.tolerations import may_tolerate, tolerates
from webhook.core.virtual_node import Taint

TAINTS = {"valued": Taint(key="k", value="v"), "any": Taint(key="k"), "empty": Taint(key="k", value="")}


@pytest.mark.parametrize(
    ("key", "operator", "value", "effect", "all_values", "some_value"),
    [
        ("k", "Exists", None, None, "valued any empty", "valued any empty"),
        ("k", "Exists", None, "NoSchedule", "valued any empty", "valued any empty"),
        ("k", "Exists", None, "NoExecute", "", ""),
        ("l", "Exists", None, None, "", ""),
        (None, "Exists", None, "", "valued any empty", "valued any empty"),
        ("", "Exists", None, "NoExecute", "", ""),
        (None, "Equal", "v", None, "", ""),
        ("", None, "v", None, "", ""),
        ("k", None, "v", None, "valued", "valued any"),
        ("k", "", "v", "NoSchedule", "valued", "valued any"),
        ("k", "Equal", "w", None, "", "any"),
        ("k", "Equal", None, None, "empty", "any empty"),
        ("k", "Equal", "v", "NoExecute", "", ""),
        ("l", "Equal", "v", None, "", ""),
        ("k", "Gt", "v", None, "", ""),
    ],
)
def test_a_toleration_tolerates(
    key: str | None, operator: str | None, value: str | None, effect: str | None, all_values: str, some_value: str
) -> None:
    toleration = Toleration(key, operator, value, effect)
    assert [name for name, taint in TAINTS.items() if tolerates(toleration, taint)] == all_values.split()
    assert [name for name, taint in TAINTS.items() if may_tolerate(toleration, taint)] == some_value.split()
