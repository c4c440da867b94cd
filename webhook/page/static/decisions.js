// The decisions of the live view: the last ones, those with a word, and none that are newer than a pause.

import { byId, element, setChildren, setText } from "./dom.js";

const MOST = 200;
const COLUMNS = ["namespace", "application", "role", "mode", "outcome", "reason"];

const number = new Intl.NumberFormat("en");
const moment = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** The table of decisions, newest first. */
export class Decisions {
  #kept = [];
  #held = null;
  #started = null;
  #seq = 0;
  #unseen = 0;
  #rows = new WeakMap();

  constructor() {
    byId("filter").addEventListener("input", () => this.#show());
  }

  /** Whether the table is held as it is. */
  get paused() {
    return this.#held !== null;
  }

  /** Holds the table as it is, or shows what came meanwhile. */
  set paused(paused) {
    this.#held = paused ? this.#kept : null;
    this.#unseen = 0;
    this.#show();
  }

  /** How many decisions came since the pause began. */
  get unseen() {
    return this.#unseen;
  }

  /** Takes a state that the service sent. It may tell decisions that are known. */
  take({ started, decisions }) {
    if (started !== this.#started) {
      // Another process counts from the beginning.
      [this.#kept, this.#seq, this.#started] = [[], 0, started];
    }
    const fresh = decisions.filter(({ seq }) => seq > this.#seq);
    if (fresh.length) {
      const missed = this.#seq ? fresh[0].seq - this.#seq - 1 : 0;
      // The hole belongs to the decision after it, and goes with it.
      fresh[0] = { ...fresh[0], missed };
      this.#unseen += fresh.length + missed;
      this.#seq = fresh.at(-1).seq;
      this.#kept = [...this.#kept, ...fresh].slice(-MOST);
    }
    this.#show();
  }

  #show() {
    const shown = this.#held ?? this.#kept;
    const wanted = byId("filter").value.trim().toLowerCase();
    const found = shown.filter((one) => !wanted || COLUMNS.some((key) => one[key]?.toLowerCase().includes(wanted)));
    const matching = new Set(found);
    const rows = shown.toReversed().flatMap((one) => {
      const [row, ...hole] = this.#rowsOf(one);
      return matching.has(one) ? [row, ...hole] : hole;
    });
    setChildren(byId("decisions"), rows);
    const all = `${shown.length} ${shown.length === 1 ? "decision" : "decisions"}`;
    setText(byId("shown"), wanted ? `${found.length} of ${all}` : `${all}, at most ${MOST}`);
  }

  /** The row of a decision, and the row of the hole before it if there is one. They are made once. */
  #rowsOf(one) {
    if (!this.#rows.has(one)) this.#rows.set(one, one.missed ? [row(one), hole(one.missed)] : [row(one)]);
    return this.#rows.get(one);
  }
}

function row(one) {
  const time = element("time", { datetime: new Date(one.time * 1000).toISOString() }, moment.format(one.time * 1000));
  return element(
    "tr",
    { "data-seq": String(one.seq) },
    element("td", {}, time),
    ...COLUMNS.map((key) => element("td", {}, one[key] || "–")),
    element("td", { class: "number" }, number.format(one.microseconds)),
  );
}

function hole(missed) {
  const told = `${number.format(missed)} ${missed === 1 ? "decision is" : "decisions are"} not shown`;
  return element("tr", { class: "missed" }, element("td", { colspan: "8" }, `… ${told}`));
}
