import "./editor.js";
import { byId, element } from "./dom.js";
import { LiveView } from "./live.js";
import { Playground } from "./playground.js";

const views = { playground: byId("playground-view"), live: byId("live-view") };
const live = new LiveView();
let playground = null;

function shown() {
  return location.hash === "#live" ? "live" : "playground";
}

function show() {
  const name = shown();
  for (const [one, view] of Object.entries(views)) view.hidden = one !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  live.show(name === "live");
  if (name === "playground") playground?.follow(location.hash);
}

async function begin() {
  show();
  try {
    const answer = await fetch("start");
    const start = await answer.json();
    if (!answer.ok) throw new Error(start.error);
    byId("version").textContent = `${start.version}, policy ${start.policy.digest}`;
    playground = new Playground(start);
    views.playground.inert = false;
    await playground.follow(location.hash);
  } catch (error) {
    views.playground.inert = false;
    views.playground.replaceChildren(
      element("p", { class: "plain", role: "alert" }, `The page cannot begin: ${error.message}. Load it again.`),
    );
  }
}

document.querySelector(".skip").addEventListener("click", (event) => {
  // The part of the address behind # belongs to the views.
  event.preventDefault();
  byId("main").focus();
});
addEventListener("hashchange", show);
begin();
