// The playground: sends the texts as one types, and shows what becomes of the pods.

import { announce, byId, copyButton, copy, element, setText } from "./dom.js";
import { fragment, isLink, read } from "./link.js";
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
  #profile = byId("profile");
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
    this.#profiles = start.profiles;
    for (const [name, [id]] of Object.entries(EDITORS)) {
      this.#editors[name] = byId(id);
      this.#editors[name].addEventListener("change", () => this.#later());
    }
    for (const [index, { title }] of start.examples.entries()) this.#example.append(new Option(title, String(index)));
    this.#example.addEventListener("change", () => this.#take(this.#chosen()));
    this.#profile.addEventListener("change", () => this.#changedProfile());
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
    this.#showProfiles(profile);
    this.#explain();
  }

  #input() {
    return {
      documents: this.#editors.documents.value,
      policy: this.#editors.policy.value,
      profile: this.#profile.value,
    };
  }

  #later() {
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
      this.#showFaults([{ sentence: `The texts are too large; accepted: at most ${most / 1024 ** 2} MiB together, as JSON`, in: "", line: null }]);
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
    if (answer.profiles) {
      this.#profiles = answer.profiles;
      this.#showProfiles(this.#profile.value);
    }
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
    this.#showByHand(command, views[index].pods);
  }

  #showByHand(command, pods) {
    const part = byId("by-hand");
    const title = part.firstElementChild;
    const lines = [line("explain", "The application and the policy in files of these names:", command)];
    const pod = pods.find((one) => one.curl);
    if (pod) lines.push(line("curl", `An AdmissionReview in a file of this name. ${pod.curlNote}`, pod.curl));
    part.replaceChildren(title, ...lines);
    part.hidden = false;
  }

  #showNothing() {
    setText(byId("summary"), "");
    byId("workload-field").hidden = true;
    byId("workload-view").replaceChildren();
    byId("by-hand").hidden = true;
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
    const button = element("button", { type: "button", class: "place" }, `${EDITORS[name][1]}, line ${number}: ${sentence}`);
    button.addEventListener("click", () => {
      if (name === "policy") byId("policy-part").open = true;
      this.#editors[name].focusLine(number);
    });
    return button;
  }

  #showProfiles(chosen) {
    const names = this.#profiles.map(({ name }) => name);
    const options = [new Option("as the namespace says", ""), ...names.map((name) => new Option(name, name))];
    // A name that the policy does not have is the fault that the command reports.
    if (chosen && !names.includes(chosen)) options.push(new Option(`${chosen} (not in the policy)`, chosen));
    this.#profile.replaceChildren(...options);
    this.#profile.value = chosen;
    this.#sayProfile();
  }

  #changedProfile() {
    this.#sayProfile();
    this.#explain();
  }

  #sayProfile() {
    const chosen = this.#profile.value;
    const found = this.#profiles.find(({ name }) => name === chosen);
    const sentences = found?.sentences ?? [
      "The label of the namespace names the profile. If the texts describe no namespace, it is the profile default.",
    ];
    byId("profile-says").replaceChildren(...sentences.map((one) => element("p", {}, one)));
  }

  async #copyLink() {
    const hash = await fragment(this.#input());
    this.#link = hash;
    history.replaceState(null, "", hash);
    const copied = await copy(location.href);
    announce(copied ? "Copied link" : "The link is in the address bar; the browser does not allow the page to copy it");
  }
}

function line(name, sentence, command) {
  return element(
    "div",
    { class: "line" },
    element("p", { class: "says" }, sentence),
    element("pre", { tabindex: "0", role: "group", "aria-label": `The line of ${name}` }, element("code", {}, command)),
    copyButton(name, () => command),
  );
}

/** How many pods there are, and what happens to them. */
function summary(workloads) {
  const pods = workloads.flatMap((one) => one.pods);
  const fates = new Map();
  for (const { fate } of pods) fates.set(fate, (fates.get(fate) ?? 0) + 1);
  const parts = [...fates].map(([fate, number]) => `${number} ${number === 1 ? fate : fate.replace("runs", "run")}`);
  const warned = pods.filter(({ warnings }) => warnings.length).length;
  if (warned) parts.push(`${warned} with warnings`);
  const refused = workloads.filter((one) => one.refused.length && !one.pods.length).length;
  if (refused) parts.push(`${refused} without pods`);
  const kinds = workloads.length > 1 ? `${workloads.length} applications, ` : "";
  return `${kinds}${pods.length} ${pods.length === 1 ? "kind" : "kinds"} of pods: ${parts.join(", ")}`;
}
