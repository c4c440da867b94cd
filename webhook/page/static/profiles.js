// The profiles of the policy, to pick one and to read what it means.

import { byId, element } from "./dom.js";

/** The list of profiles. */
export class ProfilePicker {
  #select = byId("profile");
  #profiles;

  /** Offers `profiles`, and calls `changed` if somebody picks another one. */
  constructor(profiles, changed) {
    this.#profiles = profiles;
    this.#select.addEventListener("change", () => {
      this.#say();
      changed();
    });
  }

  /** The name of the picked profile; empty if the namespace names it. */
  get value() {
    return this.#select.value;
  }

  /** Offers other profiles, and keeps the name that is picked. */
  offer(profiles) {
    this.#profiles = profiles;
    this.pick(this.value);
  }

  /** Picks the profile with the name `chosen`. */
  pick(chosen) {
    const names = this.#profiles.map(({ name }) => name);
    const options = [new Option("as the namespace says", ""), ...names.map((name) => new Option(name, name))];
    // A name that the policy does not have is the fault that the command reports.
    if (chosen && !names.includes(chosen)) options.push(new Option(`${chosen} (not in the policy)`, chosen));
    this.#select.replaceChildren(...options);
    this.#select.value = chosen;
    this.#say();
  }

  #say() {
    const found = this.#profiles.find(({ name }) => name === this.value);
    const sentences = found?.sentences ?? [
      "The label of the namespace names the profile. If the texts describe no namespace, it is the profile default.",
    ];
    byId("profile-says").replaceChildren(...sentences.map((one) => element("p", {}, one)));
  }
}
