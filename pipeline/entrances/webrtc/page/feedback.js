// Feedback: thumbs under each answer, and what should have been said instead.

import { label, say, worded } from "./words.js";

const TEXT_CHARS = 4000; // of the contract

/** Takes feedback on the turns of one call. */
export class Feedback {
  #conversation;
  #rated = new Set();

  /** Takes the call's id. */
  constructor(conversation) {
    this.#conversation = conversation;
  }

  /** Returns the thumbs of a reply, null where it answers no turn or one that has them. Prompts have the last id. */
  bar({ turnId = 0 }) {
    if (!turnId || this.#rated.has(turnId)) return null;
    this.#rated.add(turnId);
    return new Bar(this.#conversation, turnId).element;
  }
}

/** The thumbs of one turn; the one that points down asks what was wrong. */
class Bar {
  #path;
  #turn;
  #form = null;
  #latest = 0;

  constructor(conversation, turn) {
    this.#path = `/v1/conversations/${encodeURIComponent(conversation)}/feedback`;
    this.#turn = turn;
    this.element = Object.assign(document.createElement("div"), { className: "feedback" });
    this.up = thumb("thumbUp", "up");
    this.down = thumb("thumbDown", "down");
    this.told = Object.assign(document.createElement("span"), { className: "told" });
    this.told.setAttribute("role", "status");
    this.element.append(this.up, this.down, this.told);
    this.up.addEventListener("click", () => this.#rate("RATING_UP"));
    this.down.addEventListener("click", () => {
      this.#rate("RATING_DOWN");
      this.#ask();
    });
  }

  #rate(rating) {
    this.up.setAttribute("aria-pressed", rating === "RATING_UP");
    this.down.setAttribute("aria-pressed", rating === "RATING_DOWN");
    if (rating === "RATING_UP") this.#dismiss();
    this.#send({ rating });
  }

  #ask() {
    if (this.#form) return;
    const form = (this.#form = document.createElement("form"));
    const correction = field("feedbackCorrection");
    const comment = field("feedbackComment");
    const send = Object.assign(worded("button", "feedbackSend"), { type: "submit" });
    const leave = Object.assign(worded("button", "feedbackLeave", "plain"), { type: "button" });
    form.append(correction, comment, send, leave);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = [correction, comment].map((one) => one.querySelector("textarea").value.trim());
      if (said.some(Boolean)) this.#send({ rating: "RATING_DOWN", correction: said[0], comment: said[1] });
      this.#dismiss();
      this.down.focus();
    });
    leave.addEventListener("click", () => {
      this.#dismiss();
      this.down.focus();
    });
    this.element.append(form);
    form.querySelector("textarea").focus();
  }

  #dismiss() {
    this.#form?.remove();
    this.#form = null;
  }

  /** Sends what is said; the same key however often it has to be tried. What was said since is not overwritten. */
  async #send(said, key = newKey()) {
    const number = ++this.#latest;
    say(this.told, "feedbackSending");
    const body = JSON.stringify({ turnId: this.#turn, idempotencyKey: key, ...said });
    const outcome = await posted(this.#path, body);
    if (number !== this.#latest) return;
    say(this.told, outcome);
    if (outcome !== "feedbackFailed") return;
    const again = Object.assign(worded("button", "tryAgain", "plain"), { type: "button" });
    again.addEventListener("click", () => this.#send(said, key));
    this.told.append(" ", again);
  }
}

/** Returns the name of what is told of it. */
async function posted(path, body) {
  try {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (response.ok) return "feedbackKept";
    const { reason } = await response.json();
    return reason === "NO_RECORDS" ? "feedbackUnwanted" : "feedbackFailed";
  } catch {
    return "feedbackFailed";
  }
}

function thumb(name, way) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: `thumb ${way}` });
  button.setAttribute("aria-pressed", "false");
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#thumb");
  icon.setAttribute("aria-hidden", "true");
  icon.append(use);
  button.append(icon);
  return label(button, name);
}

function field(name) {
  const whole = document.createElement("label");
  const words = Object.assign(document.createElement("textarea"), { rows: 2, maxLength: TEXT_CHARS });
  whole.append(worded("span", name), words);
  return whole;
}

/** Returns 128 random bits; crypto.randomUUID is for https only. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");
}
