// The command lines that do the same as the page.

import { byId, copyButton, element } from "./dom.js";

const PART = byId("by-hand");

/** Shows the line of explain, and that of curl for the first of `pods` that has one. */
export function showByHand(command, pods) {
  const lines = [line("explain", "The application and the policy in files of these names:", command)];
  const pod = pods.find((one) => one.curl);
  if (pod) lines.push(line("curl", `An AdmissionReview in a file of this name. ${pod.curlNote}`, pod.curl));
  PART.replaceChildren(PART.firstElementChild, ...lines);
  PART.hidden = false;
}

/** Shows nothing. */
export function hideByHand() {
  PART.hidden = true;
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
