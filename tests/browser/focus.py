"""Where the keyboard is in a page, and where it can go."""

from typing import Any, Final, NamedTuple

from playwright.sync_api import Page

#: Functions that look into shadow roots, too.
_DEEP: Final = """
const deep = root => [...root.querySelectorAll("*")].flatMap(one => [one, ...(one.shadowRoot ? deep(one.shadowRoot) : [])]);
const innermost = () => {
  let found = document.activeElement;
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found;
};
const label = one => `${one.tagName.toLowerCase()} ${one.getAttribute("aria-label") ?? one.id ?? ""} ${one.textContent.slice(0, 60)}`;
"""
_TARGETS: Final = f"""() => {{
  {_DEEP}
  return deep(document).filter(one => one.tabIndex >= 0 && one.checkVisibility({{visibilityProperty: true}}) && !one.disabled)
    .filter(one => !one.shadowRoot).map(label);
}}"""
_FOCUSED: Final = f"""() => {{
  {_DEEP}
  const one = innermost();
  if (!one || one === document.body) return null;
  const box = one.getBoundingClientRect();
  const around = one.getRootNode().host ?? one;
  const outlined = [one, around].some(el => {{
    const style = getComputedStyle(el);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  }});
  const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return [label(one), outlined, seen];
}}"""


class Focused(NamedTuple):
    """The element that gets what one types."""

    label: str
    outlined: bool
    """Whether one sees that it has the focus."""
    in_window: bool


def targets(page: Page) -> list[str]:
    """A label of each element that Tab should reach, in the order of the document."""
    found: list[str] = page.evaluate(_TARGETS)
    return found


def focused(page: Page) -> Focused | None:
    """The element with the focus; None if none has it."""
    found: list[Any] | None = page.evaluate(_FOCUSED)
    return Focused(*found) if found else None


def walk(page: Page, most: int, key: str = "Tab") -> list[Focused]:
    """Presses Tab, or another key, until the focus has left the page, or `most` times."""
    passed: list[Focused] = []
    for _ in range(most):
        page.keyboard.press(key)
        one = focused(page)
        if one is None:
            break
        passed.append(one)
    return passed


def tab_to(page: Page, label: str, most: int = 60) -> None:
    """Presses Tab until the element whose label begins so has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        one = focused(page)
        if one is not None and one.label.startswith(label):
            return
    raise AssertionError(f"Tab does not reach {label}")
