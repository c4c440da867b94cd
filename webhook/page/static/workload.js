// One application: a card for each kind of its pods.

import { copyButton, element } from "./dom.js";
import { picture } from "./picture.js";

let cards = 0;
/** Which texts are open, by their title and the number of their card: the cards are made anew as one types. */
const open = new Map();

/** The cards of `explained`, a workload, with its `view`; `lead` takes one to a line of the application. */
export function workload(explained, view, lead) {
  const head = [`${explained.kind} ${explained.namespace}/${explained.name}`];
  if (explained.profile) head.push(`profile ${explained.profile}${explained.profileAssumed ? " (assumed)" : ""}`);
  if (explained.operator) head.push(explained.operator);
  const titles = explained.pods.map(title);
  if (explained.sparkVersion) head.push(`Spark ${explained.sparkVersion}`);
  return element(
    "div",
    { class: "workload" },
    element("p", { class: "says head" }, head.join(", ")),
    list("Refusals", "refusal", view.refusals.map((one) => refusal(one, lead)), "h3"),
    list("Notes", "note", view.notes, "h3"),
    ...explained.pods.map((pod, index) => card(pod, view.pods[index], index, titles, lead)),
  );
}

/** What a card is called, such as "Executor × 4" or "Executor, 2 of 4". */
function title({ title: role, count }) {
  const name = `${role.charAt(0).toUpperCase()}${role.slice(1)}`;
  if (!count) return name;
  return /^[0-9]+$/.test(count) ? `${name} × ${count}` : `${name}, ${count}`;
}

function card(pod, view, number, titles, lead) {
  const called = title(pod);
  const alone = titles.filter((one) => one === called).length === 1;
  const id = `pod-${(cards += 1)}`;
  const texts = new Texts(view, number);
  return element(
    "section",
    { class: "card", "aria-labelledby": alone ? id : `${id} ${id}-name`, "data-title": pod.title },
    element(
      "div",
      { class: "card-head" },
      element("h3", { id }, called),
      pod.mode ? element("code", { class: "mode" }, pod.mode) : null,
      element("code", { class: "pod-name", id: `${id}-name` }, view.name),
    ),
    view.state === pod.mode ? null : element("p", { class: "state", "data-fate": pod.fate }, view.state),
    pod.source ? element("p", { class: "source" }, sentence(pod.source)) : null,
    list("Refusals", "refusal", view.refusals.map((one) => refusal(one, lead))),
    pod.denied ? element("p", { class: "refusal" }, `Denied: ${pod.denied}`) : null,
    list("Warnings", "warning", pod.warnings),
    pod.fate === "never runs" ? null : picture(view.standings, (line) => texts.lead(line)),
    list("Reasons", "reason", [
      ...view.added.map((one) => element("span", { class: "added" }, one)),
      ...view.kept.map((one) => element("span", { class: "kept" }, one)),
    ]),
    ...texts.parts,
  );
}

/** The texts of a pod: its diff, the patch, the review, and the pod itself. */
class Texts {
  #pod;

  /** `number` is that of the card. */
  constructor(view, number) {
    this.#pod = text(number, "Pod", "pod", view.podText, numbered(view.podText), false);
    const diff = view.diff.map(({ text: line }) => line).join("\n");
    const empty = view.diff.length ? null : "The webhook changes nothing of this pod.";
    this.parts = [
      text(number, "Diff", "diff", diff, empty ?? coloured(view.diff), true),
      text(number, "JSON Patch", "patch", view.patch, view.patch, false),
      text(number, "AdmissionReview", "review", view.review, view.review, false),
      this.#pod,
    ];
  }

  /** Opens the pod at a line, counted from 1, and marks the line. */
  lead(number) {
    this.#pod.open = true;
    const lines = this.#pod.querySelectorAll("pre .numbered");
    for (const one of lines) one.classList.remove("marked");
    const line = lines[number - 1];
    line.classList.add("marked");
    line.focus({ preventScroll: true });
    line.scrollIntoView({ block: "center" });
  }
}

function text(card, title, what, plain, shown, atFirst) {
  const children = Array.isArray(shown) ? shown : [shown];
  const pre = element("pre", { tabindex: "0", role: "group", "aria-label": `${title}, text` }, ...children);
  const part = element("details", { class: "text" }, element("summary", {}, title), copyButton(what, () => plain), pre);
  const key = `${card} ${title}`;
  part.open = open.get(key) ?? atFirst;
  part.addEventListener("toggle", () => open.set(key, part.open));
  return part;
}

function coloured(lines) {
  return lines.map(({ text: line, kind }) => element("span", { class: `diff-line ${kind}` }, `${line}\n`));
}

function numbered(plain) {
  const lines = plain.replace(/\n$/, "").split("\n");
  return lines.map((line, index) =>
    element("span", { class: "numbered", tabindex: "-1", "data-line": String(index + 1) }, `${line}\n`),
  );
}

function refusal({ sentence: told, line }, lead) {
  if (!line) return told;
  return element("button", { type: "button", class: "place", onclick: () => lead(line) }, `Line ${line}: ${told}`);
}

function list(title, kind, entries, heading = "h4") {
  if (!entries.length) return null;
  return element(
    "div",
    { class: "listed" },
    element(heading, {}, title),
    element("ul", { "aria-label": title, class: kind }, ...entries.map((one) => element("li", {}, one))),
  );
}

function sentence(clause) {
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
}
