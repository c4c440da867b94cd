// Elements are made by these functions alone: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element. Keys of `attributes` that begin with "on" are listeners; null leaves an attribute out. */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** A new element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Makes `text` the text of `shown`. What is there already stays: a live region would be read out again. */
export function setText(shown, text) {
  if (shown.textContent !== text) shown.textContent = text;
}

/** Makes `wanted` the children of `parent`. Those that stay are left alone, so that nobody loses what is being read. */
export function setChildren(parent, wanted) {
  const kept = new Set(wanted);
  for (const one of [...parent.children]) if (!kept.has(one)) one.remove();
  let at = parent.firstElementChild;
  for (const one of wanted) {
    if (one === at) at = at.nextElementSibling;
    else parent.insertBefore(one, at);
  }
}

/** Says `sentence` to people who hear the page. */
export function announce(sentence) {
  byId("announcement").textContent = sentence;
}

/** A button that copies what `text()` returns, or a promise of it. Its name is "Copy" and `what`. */
export function copyButton(what, text) {
  const button = element("button", { type: "button", class: "copy" }, `Copy ${what}`);
  button.addEventListener("click", async () => {
    const copied = await copy(await text());
    announce(copied ? `Copied ${what}` : `The browser does not allow the page to copy the ${what}`);
    button.classList.toggle("copied", copied);
    setTimeout(() => button.classList.remove("copied"), 2000);
  });
  return button;
}

/** Copies `text`; returns whether the browser let it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without the clipboard's permission, browsers still copy what is selected.
    const area = element("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return copied;
  }
}
