// The playground: sends the texts as one types, and shows what becomes of the pods.

import { hideByHand, showByHand } from "./by-hand.js";
import { announce, byId, copy, element, setText } from "./dom.js";
import { fragment, isLink, read } from "./link.js";
import { ProfilePicker } from "./profiles.js";
import { summary } from "./summary.js";
import { workload } from "./workload.js";

/** Milliseconds after the last key press. */
const REST = 250;
const EDITORS = { documents: ["application", "Application"], policy: ["policy", "Policy"] };
const SILENT = "The service does not answer; is it still running?";

/** The view of that name. */
export class Playground {
  #start;
  #editors = {};
  #example = byId("example");
  #workload = byId("workload");
  #profiles;
  #answer = null;
  #timer = 0;
  #request = null;
  #link = "";
  #told = "";

  /** Shows the first example; `start` is what the service says at first. */
  constructor(start) {
    this.#start = start;
    this.#profiles = new ProfilePicker(start.profiles, () => this.#changed());
    for (const [name, [id]] of Object.entries(EDITORS)) {
      this.#editors[name] = byId(id);
      this.#editors[name].addEventListener("change", () => this.#typed());
    }
    for (const [index, { title }] of start.examples.entries()) this.#example.append(new Option(title, String(index)));
    this.#example.addEventListener("change", () => {
      this.#leaveLink();
      this.#take(this.#chosen());
    });
    this.#workload.addEventListener("change", () => this.#showWorkload());
    byId("copy-link").addEventListener("click", () => this.#copyLink());
    // On a small screen the results come sooner if the policy is closed.
    byId("policy-part").open = matchMedia("(min-width: 70rem)").matches;
    this.#take(start.examples[0]);
  }

  /** Takes the input of the link with the fragment `hash`, if it is one. */
  async follow(hash) {
    if (!isLink(hash) || hash === this.#link) return;
    this.#link = hash;
    try {
      const { documents, policy, profile } = await read(hash);
      this.#example.value = "";
      byId("example-says").textContent = "This input comes from a link.";
      this.#fill(documents, policy, profile);
    } catch (error) {
      this.#stop();
      this.#showFaults([{ sentence: error.message, in: "", line: null }]);
    }
  }

  #chosen() {
    return this.#start.examples[Number(this.#example.value)];
  }

  #take({ sentence, documents, policy, profile }) {
    byId("example-says").textContent = sentence;
    this.#fill(documents, policy || this.#start.policy.text, profile);
  }

  #fill(documents, policy, profile) {
    this.#editors.documents.value = documents;
    this.#editors.policy.value = policy;
    this.#profiles.pick(profile);
    this.#explain();
  }

  #input() {
    return {
      documents: this.#editors.documents.value,
      policy: this.#editors.policy.value,
      profile: this.#profiles.value,
    };
  }

  #changed() {
    this.#leaveLink();
    this.#explain();
  }

  /** From now on the address is not that of the input. */
  #leaveLink() {
    if (isLink(location.hash)) history.replaceState(null, "", "#playground");
  }

  #typed() {
    this.#leaveLink();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#explain(), REST);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#request?.abort();
  }

  async #explain() {
    this.#stop();
    const body = JSON.stringify(this.#input());
    const most = this.#start.mostBytes;
    if (new TextEncoder().encode(body).length > most) {
      // While the browser still sends, it would not see the answer that says so.
      const sentence = `The texts are too large; accepted: at most ${most / 1024 ** 2} MiB together, as JSON`;
      this.#showFaults([{ sentence, in: "", line: null }]);
      this.#showNothing();
      return;
    }
    const request = (this.#request = new AbortController());
    const results = document.querySelector(".results");
    results.setAttribute("aria-busy", "true");
    let answer, found;
    try {
      answer = await fetch("explain", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: request.signal,
      });
      found = await answer.json();
    } catch {
      if (request.signal.aborted) return;
    } finally {
      if (this.#request === request) results.removeAttribute("aria-busy");
    }
    if (found && answer.ok) {
      this.#show(found);
      return;
    }
    this.#showFaults([{ sentence: found?.error ?? SILENT, in: "", line: null }]);
    this.#showNothing();
  }

  #show(answer) {
    this.#answer = answer;
    if (answer.profiles) this.#profiles.offer(answer.profiles);
    this.#showFaults(answer.faults, answer.cautions);
    const workloads = answer.explanation?.workloads ?? [];
    if (!workloads.length) {
      this.#showNothing();
      return;
    }
    setText(byId("summary"), summary(workloads));
    const before = this.#workload.value;
    this.#workload.replaceChildren(
      ...workloads.map(({ kind, namespace, name }, index) => new Option(`${kind} ${namespace}/${name}`, String(index))),
    );
    this.#workload.value = Number(before) < workloads.length ? before || "0" : "0";
    byId("workload-field").hidden = workloads.length === 1;
    this.#showWorkload();
  }

  #showWorkload() {
    const index = Number(this.#workload.value);
    const { explanation, views, command } = this.#answer;
    const shown = workload(explanation.workloads[index], views[index], (line) => {
      this.#editors.documents.focusLine(line);
    });
    byId("workload-view").replaceChildren(shown);
    showByHand(command, views[index].pods);
  }

  #showNothing() {
    setText(byId("summary"), "");
    byId("workload-field").hidden = true;
    byId("workload-view").replaceChildren();
    hideByHand();
  }

  #showFaults(faults, cautions = []) {
    const part = byId("faults");
    part.hidden = !faults.length && !cautions.length;
    const told = JSON.stringify([faults, cautions]);
    if (told !== this.#told) {
      // What is made anew is read out again, and loses the focus.
      part.querySelector("ul").replaceChildren(
        ...faults.map((one) => element("li", { class: "fault" }, this.#fault(one))),
        ...cautions.map((one) => element("li", { class: "caution" }, this.#fault(one))),
      );
      this.#told = told;
    }
    for (const [name, editor] of Object.entries(this.#editors)) {
      editor.faults = faults.filter((one) => one.in === name && one.line);
    }
  }

  #fault({ sentence, in: name, line: number }) {
    if (!name || !number) return sentence;
    const told = `${EDITORS[name][1]}, line ${number}: ${sentence}`;
    const button = element("button", { type: "button", class: "place" }, told);
    button.addEventListener("click", () => {
      if (name === "policy") byId("policy-part").open = true;
      this.#editors[name].focusLine(number);
    });
    return button;
  }

  async #copyLink() {
    const hash = await fragment(this.#input());
    this.#link = hash;
    history.replaceState(null, "", hash);
    const copied = await copy(location.href);
    announce(copied ? "Copied link" : "The link is in the address bar; the browser does not allow the page to copy it");
  }
}
