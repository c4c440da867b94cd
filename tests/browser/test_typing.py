"""The page follows what one types, and says what is wrong in the sentences of the command."""

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chromium import Tab
from tests.browser.commands import explained
from tests.browser.playground import APPLICATION, POLICY, Playground
from webhook.core.modes import SchedulingMode

pytestmark = pytest.mark.needs("chromium")

MODES = """\
overflow: {{}}
profiles:
  default:
    driver:
      mode: {0}
    executor:
      mode: {1}"""


def _modes(playground: Playground) -> list[str]:
    return [card.mode for card in playground.cards()]


def test_the_cards_follow_the_policy(playground: Playground) -> None:
    modes = [str(mode) for mode in SchedulingMode]
    for driver, executor in zip(modes, modes[1:] + modes[:1], strict=True):
        playground.replace(POLICY, MODES.format(driver, executor))
        assert (_modes(playground), playground.sentences()) == ([driver, executor], [])


def test_an_example_chosen_by_mistake_does_not_lose_what_was_typed(playground: Playground) -> None:
    begun = playground.text(APPLICATION)
    playground.replace(APPLICATION, "kind: mine")
    playground.choose("Executors in a mix")
    playground.editor(APPLICATION).focus()
    with playground.explaining():
        playground.page.keyboard.press("Control+z")
    assert playground.text(APPLICATION) == "kind: mine"
    with playground.explaining():
        playground.page.keyboard.press("Control+z")
    assert playground.text(APPLICATION) == begun
    # What was there before the first text is nothing that somebody wants back.
    playground.page.keyboard.press("Control+z")
    assert playground.text(APPLICATION) == begun


def test_typing_letter_by_letter_ends_in_what_is_typed(playground: Playground, tmp_path: Path) -> None:
    playground.replace(POLICY, MODES.format(SchedulingMode.ECS_ONLY, SchedulingMode.ECI_ONLY))
    playground.page.keyboard.press("Control+End")
    for _ in "only":
        playground.page.keyboard.press("Backspace")
    with playground.explaining():
        playground.page.keyboard.type("first", delay=20)
    expect(playground.page.locator(".mode")).to_have_text([SchedulingMode.ECS_ONLY, SchedulingMode.ECI_FIRST])
    assert playground.asked().json()["explanation"] == explained(playground.texts(), tmp_path).explanation


def test_the_summary_counts_what_the_cards_show(playground: Playground) -> None:
    playground.replace(POLICY, MODES.format(SchedulingMode.ECS_ONLY, SchedulingMode.ECI_ONLY))
    expect(playground.says).to_have_text("2 kinds of pods: 2 placed")


def test_the_profile_that_is_chosen_places_the_pods_and_is_described(playground: Playground, tmp_path: Path) -> None:
    policy = "profiles: {default: {}, night: {driver: {mode: eci-only}, executor: {mode: eci-only}}}"
    playground.replace(POLICY, policy)
    with playground.explaining():
        playground.profile.select_option("night")
    assert _modes(playground) == [SchedulingMode.ECI_ONLY, SchedulingMode.ECI_ONLY]
    told = explained(playground.texts(), tmp_path).explanation
    assert playground.asked().json()["explanation"] == told
    assert told["workloads"][0]["profile"] == "night"
    (night,) = [one for one in playground.asked().json()["profiles"] if one["name"] == "night"]
    says = playground.page.locator("#profile-says p").all_text_contents()
    assert says == night["sentences"]
    assert SchedulingMode.ECI_ONLY in " ".join(says)
    expect(playground.profile).to_have_accessible_description(" ".join(says))


FAULTY = {
    "a mode that does not exist": (POLICY, MODES.format("ecs", SchedulingMode.ECI_ONLY), 5),
    "a policy that is no YAML": (POLICY, "profiles:\n  default: {driver: {\n  ]", 3),
    "an application that is no YAML": (APPLICATION, "kind: SparkApplication\nspec: [1, 2\nother: }", 3),
    "a field of another type": (
        APPLICATION,
        "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: a}\n"
        "spec:\n  driver:\n    cores: many\n  type: Scala",
        6,
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_told_at_its_line_as_the_command_tells_it(playground: Playground, tmp_path: Path, name: str) -> None:
    where, text, line = FAULTY[name]
    playground.replace(where, text)
    answer = playground.asked().json()
    told = explained(playground.texts(), tmp_path)
    assert [one["sentence"] for one in answer["faults"]] == told.sentences
    assert answer["explanation"] == told.explanation
    (fault,) = answer["faults"]
    assert fault["line"] == line
    button = playground.faults.get_by_role("button", name=f"{where}, line {line}: {fault['sentence']}", exact=True)
    button.focus()
    playground.page.keyboard.press("Enter")
    expect(playground.editor(where)).to_be_focused()
    editor = playground.page.locator(f'code-editor[label="{where}"]')
    for marked in (".cm-activeLine", ".cm-line.fault"):
        assert editor.locator(marked).all_text_contents() == [text.split("\n")[line - 1]]
    expect(playground.editor(where)).to_have_attribute("aria-invalid", "true")
    expect(playground.editor(where)).to_have_accessible_description(f"Line {line}: {fault['sentence']}.")


def test_a_fault_goes_once_it_is_mended(playground: Playground) -> None:
    playground.replace(POLICY, MODES.format("ecs", SchedulingMode.ECI_ONLY))
    expect(playground.faults).to_be_visible()
    playground.replace(POLICY, MODES.format(SchedulingMode.ECS_ONLY, SchedulingMode.ECI_ONLY))
    expect(playground.faults).to_be_hidden()
    assert playground.sentences() == []
    assert _modes(playground) == [SchedulingMode.ECS_ONLY, SchedulingMode.ECI_ONLY]
    expect(playground.editor(POLICY)).not_to_have_attribute("aria-invalid", "true")


def test_a_text_that_is_too_large_is_refused_in_a_sentence(playground: Playground) -> None:
    """It is not sent: a service that refuses a text while it comes would leave the browser without an answer."""
    before = len(playground.tab.requests)
    playground.page.locator('code-editor[label="Application"]').evaluate(
        "one => { one.value = '# ' + 'x'.repeat(1100000); one.dispatchEvent(new Event('change')) }"
    )
    expect(playground.page.locator("#faults li")).to_have_text(
        ["The texts are too large; accepted: at most 1 MiB together, as JSON"]
    )
    assert (playground.cards(), len(playground.tab.requests)) == ([], before)
    playground.choose(playground.titles()[0])
    assert playground.sentences() == []


def test_nothing_can_be_typed_that_the_first_example_would_replace(opened: Tab) -> None:
    held: list[Route] = []
    opened.page.route("**/start", lambda route: held.append(route))  # noqa: PLW0108, Playwright sets an attribute of it
    with opened.page.expect_request("**/start"):
        opened.open()
    shown = Playground(opened)
    expect(opened.page.locator("#summary")).to_have_text("Starting")
    opened.page.locator("#application").evaluate("one => one.focus()")
    opened.page.keyboard.insert_text("kind: Mine")
    assert shown.text(APPLICATION) == ""
    (route,) = held
    with shown.explaining():
        route.continue_()
    shown.replace(APPLICATION, "kind: Mine")
    assert shown.text(APPLICATION) == "kind: Mine"


#: Counts in `globalThis.told` how often the parts that are read out change.
_COUNT = """() => {
  globalThis.told = 0;
  const observer = new MutationObserver(found => globalThis.told += found.length);
  for (const id of ["faults", "summary"]) {
    observer.observe(document.getElementById(id), {childList: true, subtree: true, characterData: true});
  }
}"""


def test_what_stays_true_is_told_once(playground: Playground) -> None:
    """Else everything is read out again at each pause in typing, and the focus is lost."""
    for policy in (MODES.format("ecs", SchedulingMode.ECI_ONLY), MODES.format("ecs-only", SchedulingMode.ECI_ONLY)):
        playground.replace(POLICY, policy)
        playground.page.evaluate(_COUNT)
        playground.replace(APPLICATION, f"{playground.text(APPLICATION)}\n# more")
        assert playground.page.evaluate("told") == 0


def test_a_text_that_is_open_stays_open_as_one_types(playground: Playground) -> None:
    review = playground.page.locator("details", has_text="AdmissionReview").first
    review.locator("summary").click()
    playground.replace(APPLICATION, playground.text(APPLICATION).replace("name: spark-pi", "name: another"))
    expect(review.get_by_text("another-driver").first).to_be_visible()


def test_several_applications_are_shown_one_at_a_time(playground: Playground) -> None:
    text = playground.text(APPLICATION)
    (told,) = playground.asked().json()["explanation"]["workloads"]
    name, namespace = told["name"], told["namespace"]
    expect(playground.workload).to_be_hidden()
    playground.replace(APPLICATION, f"{text}\n---\n{text.replace(name, 'another')}")
    options = playground.workload.locator("option").all_text_contents()
    assert options == [f"SparkApplication {namespace}/{one}" for one in (name, "another")]
    playground.workload.select_option(label=options[1])
    expect(playground.page.locator(".pod-name").first).to_have_text("another-driver")
