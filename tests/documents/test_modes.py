"""What docs/modes.md shows is what the modes do."""

import re

import yaml

from tests.cases import CASES
from tests.live_service import ROOT
from webhook.core.modes import SchedulingMode, Side

MODES = (ROOT / "docs/modes.md").read_text(encoding="utf-8")


def test_all_modes_that_put_ecs_first_are_compared() -> None:
    header = MODES.split("## Which of the ECS-first forms for me?")[1].split("\n|")[1]
    compared = [one for one in SchedulingMode if one.prefers is Side.OTHERS or one.needs_ack_scheduler]
    assert re.findall(r"`(.*?)`", header) == compared


def test_what_it_takes_by_hand_is_what_the_webhook_adds() -> None:
    by_hand, plain = (yaml.safe_load(text)["executor"] for text in re.findall(r"```yaml\n(.*?)```", MODES, re.DOTALL))
    assert plain == {"instances": 2, "cores": 2, "memory": "4g"}
    (case,) = [case for case in CASES if case.name == "mode-ecs-first-executor"]
    assert {"affinity": case.expected["spec"]["affinity"]} == {
        key: value for key, value in by_hand.items() if key not in plain and key != "tolerations"
    }
    assert case.expected["spec"]["tolerations"] == case.pod["spec"]["tolerations"] + by_hand["tolerations"]
