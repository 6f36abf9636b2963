// PushToTalk: the microphone is open while a button, or the space bar on it, is held.

import { say } from "./words.js";

const TAIL = 300; // ms that are still heard: people let go while the last word is on its way

/** Opens and closes a microphone, and tells the service when a turn is over. */
export class PushToTalk {
  #button;
  #track;
  #order;
  #held = false;
  #heard = false; // the service hears speech
  #closing = 0;
  #off = new AbortController();

  /** Takes the button, the microphone's sound, and what gives the service an order. */
  constructor(button, sound, order) {
    this.#button = button;
    this.#order = order;
    [this.#track] = sound.getAudioTracks();
    this.#track.enabled = false;
    this.#show();
    const on = (kind, act, target = button) => target.addEventListener(kind, act, { signal: this.#off.signal });
    on("pointerdown", () => this.#press());
    for (const kind of ["pointerup", "pointercancel", "blur"]) on(kind, () => this.#release(), window);
    on("keydown", (event) => {
      if (![" ", "Enter"].includes(event.key)) return;
      event.preventDefault();
      if (!event.repeat) this.#press();
    });
    on("keyup", (event) => [" ", "Enter"].includes(event.key) && this.#release());
  }

  /** Takes a message of the call. Orders overtake sound: a turn is over when its sound was heard to the end. */
  heed({ inputEvent }) {
    if (inputEvent?.kind === "INPUT_EVENT_KIND_SPEECH_STARTED") this.#heard = true;
    if (inputEvent?.kind !== "INPUT_EVENT_KIND_SPEECH_ENDED") return;
    this.#heard = false;
    if (!this.#track.enabled) this.#order("COMMIT_INPUT");
  }

  /** Lets go of the button. */
  stop() {
    clearTimeout(this.#closing);
    this.#held = false;
    this.#show();
    this.#off.abort();
  }

  #press() {
    if (this.#held) return;
    clearTimeout(this.#closing);
    this.#held = this.#track.enabled = true;
    this.#order("CANCEL_RESPONSE"); // who presses wants to be heard
    this.#show();
  }

  #release() {
    if (!this.#held) return;
    this.#held = false;
    this.#show();
    this.#closing = setTimeout(() => {
      this.#track.enabled = false;
      if (!this.#heard) this.#order("COMMIT_INPUT"); // ended in a pause; otherwise its end is told at once
    }, TAIL);
  }

  #show() {
    this.#button.setAttribute("aria-pressed", this.#held);
    say(this.#button, this.#held ? "kioskHeld" : "kioskPush");
  }
}
