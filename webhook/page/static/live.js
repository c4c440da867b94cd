// The live view: what this replica does right now, by server-sent events.

import { byId, element } from "./dom.js";

const MOST = 200;
/** Milliseconds without an event after which the view says that it is cut off. Events come each second. */
const SILENCE = 5000;
/** Milliseconds. A browser tries again by itself only if the connection broke, not if it was refused. */
const AGAIN = 2000;
const COLUMNS = ["namespace", "application", "role", "mode", "outcome", "reason"];
const PERCENTILES = { p50: "Half of them within", p90: "9 of 10 within", p99: "99 of 100 within", max: "The slowest" };

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** The view of that name. */
export class LiveView {
  #source = null;
  #decisions = [];
  #started = null;
  #seq = 0;
  #paused = false;
  #unseen = 0;
  #since = null;
  #watch = 0;
  #again = 0;

  constructor() {
    byId("filter").addEventListener("input", () => this.#showDecisions());
    byId("pause").addEventListener("click", () => this.#pause());
  }

  /** Connects if the view is shown, and disconnects if not. */
  show(shown) {
    if (shown && !this.#source) this.#connect();
    if (!shown) this.#disconnect();
  }

  #connect() {
    this.#say("Connecting");
    const source = (this.#source = new EventSource("live"));
    source.addEventListener("snapshot", (event) => this.#take(JSON.parse(event.data)));
    source.addEventListener("tick", (event) => this.#take(JSON.parse(event.data)));
    source.addEventListener("stale", () => this.#cutOff());
    source.addEventListener("error", () => {
      this.#cutOff();
      if (source.readyState === EventSource.CLOSED) this.#retry();
    });
    this.#expect();
  }

  #disconnect() {
    clearTimeout(this.#watch);
    clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
  }

  #retry() {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      this.#disconnect();
      this.#connect();
    }, AGAIN);
  }

  #expect() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#cutOff();
      this.#retry();
    }, SILENCE);
  }

  #cutOff() {
    this.#since ??= new Date();
    this.#sayState();
  }

  #take(state) {
    this.#expect();
    this.#since = null;
    if (state.started !== this.#started) {
      // Another process counts from the beginning.
      [this.#decisions, this.#seq, this.#started] = [[], 0, state.started];
    }
    const fresh = state.decisions.filter(({ seq }) => seq > this.#seq);
    const first = fresh[0]?.seq ?? state.seq + 1;
    const missed = this.#seq ? first - this.#seq - 1 : 0;
    if (missed > 0) this.#decisions.push({ missed });
    this.#decisions.push(...fresh);
    this.#seq = Math.max(this.#seq, state.seq);
    this.#decisions = this.#decisions.slice(-MOST);
    this.#unseen += this.#paused ? fresh.length + Math.max(missed, 0) : 0;
    this.#showFacts(state);
    if (!this.#paused) this.#showDecisions();
    this.#sayState();
  }

  #pause() {
    this.#paused = !this.#paused;
    this.#unseen = 0;
    const button = byId("pause");
    button.textContent = this.#paused ? "Resume" : "Pause";
    button.setAttribute("aria-pressed", String(this.#paused));
    if (!this.#paused) this.#showDecisions();
    this.#sayState();
  }

  #sayState() {
    const parts = [];
    if (this.#since) parts.push(`Cut off since ${clock.format(this.#since)}. Trying again.`);
    if (this.#paused) parts.push(`Paused; ${number.format(this.#unseen)} new ${this.#unseen === 1 ? "decision" : "decisions"}`);
    this.#say(parts.join(" ") || "Connected");
    byId("connection").classList.toggle("cut-off", this.#since !== null);
  }

  #say(sentence) {
    // A live region is read out for each change, so nothing is written that is there already.
    const region = byId("connection");
    if (region.textContent !== sentence) region.textContent = sentence;
  }

  #showFacts(state) {
    const days = state.certificateDaysLeft;
    facts("facts", [
      ["Policy", state.policy],
      ["Certificate", days === null ? "none yet" : `${number.format(days)} days left`],
      ["Up for", duration(state.now - state.started)],
      ["Admissions", `${number.format(state.rates.total)} in all, ${number.format(state.rates.perSecond)} a second`],
    ]);
    const { latency } = state;
    byId("latency-says").textContent = latency
      ? `From a review's last byte to its answer; ${number.format(latency.count)} decisions of the last minute.`
      : "No decision in the last minute.";
    facts("latency", latency ? Object.entries(PERCENTILES).map(([key, name]) => [name, `${number.format(latency[key])} µs`]) : []);
    rows("admissions", state.rates.by, (one) => [one.mode || "none", one.outcome, one.perSecond, one.total], "No admissions yet");
    rows("warnings", state.warnings, (one) => [one.reason, one.perMinute, one.total], "No warnings yet");
  }

  #showDecisions() {
    const wanted = byId("filter").value.trim().toLowerCase();
    const shown = this.#decisions.filter((one) => !wanted || COLUMNS.some((key) => one[key]?.toLowerCase().includes(wanted)));
    byId("decisions").replaceChildren(...shown.toReversed().map(decision));
    const all = this.#decisions.filter((one) => !one.missed).length;
    byId("shown").textContent = wanted ? `${shown.length} of ${all} decisions` : `${all} decisions, at most ${MOST}`;
  }
}

function decision(one) {
  if (one.missed) {
    const told = `${number.format(one.missed)} ${one.missed === 1 ? "decision is" : "decisions are"} not shown`;
    return element("tr", { class: "missed" }, element("td", { colspan: "8" }, `… ${told}`));
  }
  const time = element("time", { datetime: new Date(one.time * 1000).toISOString() }, clock.format(one.time * 1000));
  return element(
    "tr",
    { "data-seq": String(one.seq) },
    element("td", {}, time),
    ...COLUMNS.map((key) => element("td", {}, one[key] || "–")),
    element("td", { class: "number" }, number.format(one.microseconds)),
  );
}

/** Shows terms and their descriptions. Elements stay, so that nobody loses the place that is being read. */
function facts(id, entries) {
  const shown = byId(id);
  while (shown.childElementCount > entries.length) shown.lastElementChild.remove();
  entries.forEach(([term, description], index) => {
    shown.children[index] ?? shown.append(element("div", {}, element("dt"), element("dd")));
    const [dt, dd] = shown.children[index].children;
    if (dt.textContent !== term) dt.textContent = term;
    if (dd.textContent !== description) dd.textContent = description;
  });
}

function rows(id, entries, cells, otherwise) {
  const made = entries.map((one) =>
    element(
      "tr",
      {},
      ...cells(one).map((cell) =>
        typeof cell === "number" ? element("td", { class: "number" }, number.format(cell)) : element("td", {}, cell),
      ),
    ),
  );
  const columns = String(byId(id).closest("table").tHead.rows[0].cells.length);
  byId(id).replaceChildren(...(made.length ? made : [element("tr", {}, element("td", { colspan: columns }, otherwise))]));
}

function duration(seconds) {
  const [days, hours, minutes] = [86400, 3600, 60].map((unit) => Math.floor(seconds / unit));
  if (days) return `${days} d ${hours % 24} h`;
  if (hours) return `${hours} h ${minutes % 60} min`;
  return minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
}
