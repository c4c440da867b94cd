// The live view: what this replica does right now, by server-sent events.

import { Decisions } from "./decisions.js";
import { byId, element, setText } from "./dom.js";

/** Milliseconds without an event after which the view says that it is cut off. Events come each second. */
const SILENCE = 5000;
/** Milliseconds. A browser tries again by itself only if the connection broke, not if it was refused. */
const AGAIN = 2000;
const PERCENTILES = { p50: "Half of them within", p90: "9 of 10 within", p99: "99 of 100 within", max: "The slowest" };

const large = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** The view of that name. */
export class LiveView {
  #source = null;
  #decisions = new Decisions();
  #heard = false;
  #since = null;
  #watch = 0;
  #again = 0;

  constructor() {
    byId("pause").addEventListener("click", () => this.#pause());
  }

  /** Connects if the view is shown, and disconnects if not. */
  show(shown) {
    if (shown && !this.#source) this.#connect();
    if (!shown) this.#disconnect();
  }

  #connect() {
    this.#heard = false;
    this.#sayState();
    const source = (this.#source = new EventSource("live"));
    source.addEventListener("snapshot", (event) => this.#take(JSON.parse(event.data)));
    source.addEventListener("tick", (event) => this.#take(JSON.parse(event.data)));
    source.addEventListener("stale", (event) => {
      this.#expect();
      this.#cutOff(JSON.parse(event.data).seconds);
    });
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
    // The browser itself may have connected meanwhile, or the connection was only slow.
    clearTimeout(this.#again);
    this.#watch = setTimeout(() => {
      this.#cutOff();
      this.#retry();
    }, SILENCE);
  }

  /** Says so. The last news came `seconds` ago. */
  #cutOff(seconds = 0) {
    this.#since ??= new Date(Date.now() - seconds * 1000);
    this.#sayState();
  }

  #take(state) {
    this.#expect();
    [this.#heard, this.#since] = [true, null];
    this.#decisions.take(state);
    this.#showFacts(state);
    this.#sayState();
  }

  #pause() {
    const paused = (this.#decisions.paused = !this.#decisions.paused);
    const button = byId("pause");
    button.textContent = paused ? "Resume" : "Pause";
    button.setAttribute("aria-pressed", String(paused));
    this.#sayState();
  }

  #sayState() {
    const parts = [];
    if (this.#since) parts.push(`Cut off since ${clock.format(this.#since)}. Trying again.`);
    const { paused, unseen } = this.#decisions;
    if (paused) parts.push(`Paused; ${format(unseen)} new ${unseen === 1 ? "decision" : "decisions"}`);
    setText(byId("connection"), parts.join(" ") || (this.#heard ? "Connected" : "Connecting"));
    byId("connection").classList.toggle("cut-off", this.#since !== null);
  }

  #showFacts(state) {
    const days = state.certificateDaysLeft;
    facts("facts", [
      ["Policy", state.policy],
      ["Certificate", days === null ? "none yet" : remaining(days)],
      ["Up for", duration(state.now - state.started)],
      ["Admissions", `${format(state.rates.total)} in all, ${format(state.rates.perSecond)} a second`],
    ]);
    const { latency } = state;
    setText(byId("latency-says"), latency ? source(latency.count) : "No decision in the last minute.");
    const percentiles = latency ? Object.entries(PERCENTILES) : [];
    facts(
      "latency",
      percentiles.map(([key, name]) => [name, `${format(latency[key])} µs`]),
    );
    const cells = (one) => [one.mode || "none", one.outcome, one.perSecond, one.total];
    rows("admissions", state.rates.by, cells, "No admissions yet");
    rows("warnings", state.warnings, (one) => [one.reason, one.perMinute, one.total], "No warnings yet");
  }
}

/** What the latencies are of. */
function source(count) {
  const decisions = `${format(count)} ${count === 1 ? "decision" : "decisions"}`;
  return `From a review's last byte to its answer; ${decisions} of the last minute, at most 200 of each second.`;
}

/** Shows terms and their descriptions. Elements stay, so that nobody loses the place that is being read. */
function facts(id, entries) {
  const shown = byId(id);
  while (shown.childElementCount > entries.length) shown.lastElementChild.remove();
  entries.forEach(([term, description], index) => {
    shown.children[index] ?? shown.append(element("div", {}, element("dt"), element("dd")));
    const [dt, dd] = shown.children[index].children;
    setText(dt, term);
    setText(dd, description);
  });
}

/** Shows rows of texts and numbers, or what to say if there are none. Elements stay here too. */
function rows(id, entries, cells, otherwise) {
  const body = byId(id);
  const columns = body.closest("table").tHead.rows[0].cells.length;
  const wanted = entries.length ? entries.map(cells) : [[otherwise]];
  while (body.rows.length > wanted.length) body.lastElementChild.remove();
  wanted.forEach((texts, index) => {
    const old = body.rows[index];
    const shown = old?.cells.length === texts.length ? old : row(texts, columns);
    if (!old) body.append(shown);
    else if (shown !== old) old.replaceWith(shown);
    texts.forEach((one, at) => setText(shown.cells[at], typeof one === "number" ? format(one) : one));
  });
}

function row(texts, columns) {
  const span = texts.length === columns ? null : String(columns);
  return element(
    "tr",
    {},
    ...texts.map((one) => element("td", { class: typeof one === "number" ? "number" : null, colspan: span })),
  );
}

function format(value) {
  return (Math.abs(value) < 1 ? small : large).format(value);
}

function remaining(days) {
  if (days <= 0) return "expired";
  const told = format(days);
  return `${told} ${told === "1" ? "day" : "days"} left`;
}

function duration(seconds) {
  const [days, hours, minutes] = [86400, 3600, 60].map((unit) => Math.floor(seconds / unit));
  if (days) return `${days} d ${hours % 24} h`;
  if (hours) return `${hours} h ${minutes % 60} min`;
  return minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
}
