// Captions: what both sides say, as it is said, what of it was not heard, and the pictures that were sent.

import { say, text, worded } from "./words.js";

/** The log of one call. */
export class Captions {
  #list;
  #lines = new Map(); // "caller 3" or "agent 5" -> {line, words}
  #pictures = [];
  #follows = true;

  /** Takes the list that it writes into. Its end stays in sight, unless somebody reads further up. */
  constructor(list) {
    this.#list = list;
    list.addEventListener("scroll", () => {
      this.#follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    });
    new MutationObserver(() => this.#follow()).observe(list, { childList: true, subtree: true, characterData: true });
  }

  /** Forgets everything. */
  clear() {
    this.#list.replaceChildren();
    this.#lines.clear();
    this.#follows = true;
    for (const url of this.#pictures.splice(0)) URL.revokeObjectURL(url);
  }

  /** Takes a message of the call; returns the line of a reply that is over, null for all else. */
  take({ transcript, responseStarted, responseText, clearAudio, responseDone }) {
    if (transcript) this.caller(transcript);
    else if (responseStarted) this.agent(responseStarted);
    else if (responseText) this.agent(responseText);
    else if (clearAudio) this.cut(clearAudio);
    else if (responseDone) return this.finish(responseDone);
    return null;
  }

  /** Shows what the caller said, or may have said so far. */
  caller({ turnId = 0, text: said = "", isFinal = false }) {
    const { line, words } = this.#at(`caller ${turnId}`, "caller");
    words.textContent = said;
    line.classList.toggle("interim", !isFinal);
    line.hidden = !said;
  }

  /** Shows a reply that begins, or goes on with ``delta``. */
  agent({ responseId, delta = "" }) {
    const { line, words } = this.#at(`agent ${responseId}`, "agent");
    words.append(delta);
    line.hidden = !words.textContent;
  }

  /** Marks a reply whose sound was stopped because the caller spoke; how much of it was heard comes with its end. */
  cut({ responseId, reason }) {
    const { line } = this.#at(`agent ${responseId}`, "agent");
    line.classList.toggle("interrupted", reason === "CLEAR_REASON_BARGE_IN");
  }

  /** Shows how a reply ended; returns its line, or null where there was none to be seen. */
  finish({ responseId, text: written = "", heardText = "", status = "", sources = [] }) {
    const { line, words } = this.#at(`agent ${responseId}`, "agent");
    const interrupted = status === "RESPONSE_STATUS_BARGE_IN";
    line.classList.toggle("interrupted", interrupted);
    if (interrupted && written.startsWith(heardText)) words.replaceChildren(...cutOff(written, heardText));
    if (sources.length) line.append(worded("p", "sources", "note", { sources: sources.join(", ") }));
    if (!words.textContent) {
      line.remove();
      return null;
    }
    return line;
  }

  /** Shows a picture of the caller's, null for what is none; returns what tells of its fate, to ``say`` into. */
  picture(blob) {
    const line = this.#line("caller picture");
    if (blob) {
      const url = URL.createObjectURL(blob);
      this.#pictures.push(url);
      line.append(Object.assign(new Image(), { src: url, alt: text("pictureYours"), onload: () => this.#follow() }));
    }
    const fate = worded("p", blob ? "pictureSending" : "pictureUnreadable", "note");
    fate.setAttribute("role", "status");
    line.append(fate);
    return fate;
  }

  #at(key, side) {
    if (!this.#lines.has(key)) {
      const line = this.#line(side);
      const words = Object.assign(document.createElement("p"), { className: "words", dir: "auto" });
      line.append(words);
      line.hidden = true;
      this.#lines.set(key, { line, words });
    }
    return this.#lines.get(key);
  }

  #line(classes) {
    const line = Object.assign(document.createElement("li"), { className: classes });
    line.append(worded("span", classes.startsWith("caller") ? "you" : "theAgent", "aside"));
    this.#list.append(line);
    return line;
  }

  #follow() {
    if (this.#follows) this.#list.scrollTop = this.#list.scrollHeight;
  }
}

/** Returns what was heard, the place where the caller spoke, and what was not heard. */
function cutOff(written, heard) {
  const mark = worded("strong", "interrupted", "cut");
  const rest = document.createElement("del");
  rest.append(say(Object.assign(document.createElement("span"), { className: "aside" }), "notHeard"));
  rest.append(written.slice(heard.length));
  return heard.length < written.length ? [heard, mark, rest] : [heard, mark];
}
