// Trouble: says what is wrong, and offers the way out of it: again now, again by itself in some seconds, or by typing.

import { known, say, worded } from "./words.js";

/** Reasons that pass by themselves. */
export const PASSING = ["TOO_MANY_CALLS", "TOO_MANY_OFFERS", "NOT_READY", "DRAINING"];
/** Reasons for which a call can do without a microphone. */
export const MUTE = ["MICROPHONE_REFUSED", "MICROPHONE_MISSING", "MICROPHONE_BUSY", "MICROPHONE_INSECURE"];
const PATIENCE = 5; // s, where the service does not say how long

/** Counts seconds down: ``tick`` at each, 0 not included, and then ``over``. */
export class Countdown {
  #timer;

  constructor(seconds, tick, over) {
    let left = seconds;
    tick(left);
    this.#timer = setInterval(() => {
      left -= 1;
      if (left > 0) return tick(left);
      this.stop();
      over();
    }, 1000);
  }

  stop() {
    clearInterval(this.#timer);
  }
}

/** One place on the page for what is wrong. */
export class Trouble {
  #panel;
  #countdown = null;

  /** Takes the element, which is an alert. */
  constructor(panel) {
    this.#panel = panel;
  }

  /** Shows nothing. */
  clear() {
    this.#countdown?.stop();
    this.#countdown = null;
    this.#panel.hidden = true;
    this.#panel.replaceChildren();
  }

  /** Says what is wrong; ``again`` places the call anew, ``mute`` without a microphone. */
  show(reason, { retryAfter = 0, again, mute }) {
    this.clear();
    this.#panel.append(worded("p", known(reason) ? reason : "OTHER"));
    if (PASSING.includes(reason)) this.#wait(retryAfter || PATIENCE, again);
    else if (MUTE.includes(reason)) this.#offer("tryAgain", again), this.#offer("typeInstead", mute);
    else if (again) this.#offer("callAgain", again);
    this.#panel.hidden = false;
  }

  #wait(seconds, again) {
    const when = document.createElement("p");
    when.setAttribute("aria-live", "off"); // once a second is too often to be read out
    this.#panel.append(when);
    this.#countdown = new Countdown(seconds, (left) => say(when, "againIn", { seconds: left }), again);
    this.#offer("callNow", again);
    this.#offer("giveUp", () => this.clear());
  }

  #offer(name, act) {
    const button = Object.assign(worded("button", name), { type: "button" });
    button.addEventListener("click", () => {
      this.clear();
      act();
    });
    this.#panel.append(button);
  }
}
