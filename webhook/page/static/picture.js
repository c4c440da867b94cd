// Where a pod may run: ECS nodes on one side, the virtual node on the other, and the pod between them.

import { element, svg } from "./dom.js";

const SIDES = { ecs: "ECS nodes", virtual: "Virtual node (ECI)" };
const STANDINGS = {
  may: "may run here",
  prefers: "prefers to run here",
  "may not": "may not run here",
  "may not yet": "may not run here yet",
};

/** A figure of `standings`; `lead` takes one to a line of the pod. */
export function picture(standings, lead) {
  const [ecs, virtual] = ["ecs", "virtual"].map((side) => standings.find((one) => one.side === side));
  return element(
    "figure",
    { class: "picture", "aria-label": "Where it may run" },
    side(ecs, lead),
    element(
      "div",
      { class: "between", "aria-hidden": "true" },
      way(ecs.standing, true),
      element("span", { class: "pod-mark" }, "pod"),
      way(virtual.standing, false),
    ),
    side(virtual, lead),
  );
}

function side({ side: name, standing, because }, lead) {
  return element(
    "div",
    { class: "side", role: "group", "aria-label": SIDES[name], "data-side": name, "data-standing": standing },
    element("div", { class: "side-head" }, name === "ecs" ? servers() : cloud(), element("h4", {}, SIDES[name])),
    element("p", { class: "stance" }, STANDINGS[standing]),
    element("ul", {}, ...because.map((one) => element("li", {}, reason(one, lead)))),
  );
}

function reason({ sentence, line }, lead) {
  if (!line) return sentence;
  return element(
    "button",
    { type: "button", class: "place", onclick: () => lead(line) },
    sentence,
    element("span", { class: "where" }, ` (line ${line} of the pod)`),
  );
}

/** The way from the pod to one side: thick, thin, dashed, or crossed out. It points to the left if `mirrored`. */
function way(standing, mirrored) {
  const cross = { d: "M19 5l12 14M31 5L19 19", class: "cross" };
  const tip = { d: "M46 4l12 8-12 8z", class: "tip" };
  const kind = mirrored ? "way mirrored" : "way";
  return svg(
    "svg",
    { viewBox: "0 0 60 24", class: kind, "data-standing": standing, "aria-hidden": "true" },
    svg("path", { d: "M2 12H48", class: "track" }),
    svg("path", standing === "may not" ? cross : tip),
  );
}

function servers() {
  const boxes = [3, 10, 17].map((y) => svg("rect", { x: "3", y: String(y), width: "18", height: "5", rx: "1.5" }));
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, ...boxes);
}

function cloud() {
  const outline = "M18 19H7.5a4.5 4.5 0 0 1-.4-9 5.5 5.5 0 0 1 10.6 1.6A3.8 3.8 0 0 1 18 19z";
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: outline }));
}
