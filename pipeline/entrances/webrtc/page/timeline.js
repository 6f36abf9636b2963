// Timeline: where the time of each turn goes, drawn while it goes, and set right by the service's own figures.

import { say, worded } from "./words.js";

const SPANS = ["endpointing", "recognition", "knowledge", "first_token", "first_clause", "synthesis", "handover"];
const SCALE = 1500; // ms that a bar shows, until a longer gap comes
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** One turn: the spans that are over, the one that runs, and what they are drawn with. */
class Row {
  constructor(turn) {
    this.spans = {};
    this.name = ""; // of the span that runs
    this.since = 0;
    this.heard = false; // its answer is, or was
    this.settled = false; // the figures are the service's
    this.line = document.createElement("li");
    this.head = document.createElement("p");
    this.head.className = "head";
    this.bar = Object.assign(document.createElement("div"), { className: "bar", ariaHidden: "true" });
    this.parts = Object.assign(document.createElement("p"), { className: "parts" });
    this.head.append(worded("strong", "turn", "", { turn }));
    this.gap = this.head.appendChild(worded("span", "timeSpeaking", "gap"));
    this.line.append(this.head, this.bar, this.parts);
  }

  /** Ends the span that runs, and begins another; "" begins none. */
  pass(name, at) {
    if (this.name) this.spans[this.name] = (this.spans[this.name] ?? 0) + at - this.since;
    this.name = name;
    this.since = at;
  }

  /** The answer is to be heard: no span runs any more. */
  hear(at) {
    this.pass("", at);
    this.heard = true;
    this.line.classList.add("heard");
  }

  /** Returns the spans as they are at this moment. */
  at(now) {
    return this.name ? { ...this.spans, [this.name]: (this.spans[this.name] ?? 0) + now - this.since } : this.spans;
  }
}

/** The times of one call. */
export class Timeline {
  #list;
  #rows = new Map();
  #replies = new Map(); // response -> turn, until its first word
  #scale = SCALE;
  #frame = 0;

  /** Takes the list that it draws into, the newest turn first. */
  constructor(list) {
    this.#list = list;
  }

  /** Forgets everything. */
  clear() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#scale = SCALE;
    this.#rows.clear();
    this.#replies.clear();
    this.#list.replaceChildren();
  }

  /** Takes a message of the call. */
  take(message) {
    const at = performance.now();
    if (message.inputEvent) this.#input(message.inputEvent, at);
    else if (message.transcript?.isFinal) this.#understood(message.transcript, at);
    else if (message.responseStarted) this.#begun(message.responseStarted);
    else if (message.responseText) this.#written(message.responseText, at);
    else if (message.responseDone) this.#done(message.responseDone);
    this.#draw();
  }

  /** Takes note that the agent is to be heard. */
  sounds() {
    for (const row of this.#rows.values()) if (row.name === "synthesis") row.hear(performance.now());
    this.#draw();
  }

  #input({ kind, turnId = 0 }, at) {
    if (kind === "INPUT_EVENT_KIND_SPEECH_STARTED") {
      const row = this.#row(turnId);
      row.spans = {};
      row.name = "";
    } else if (kind === "INPUT_EVENT_KIND_SPEECH_ENDED") this.#rows.get(turnId)?.pass("endpointing", at);
    else if (kind === "INPUT_EVENT_KIND_TURN_ENDED") this.#rows.get(turnId)?.pass("recognition", at);
  }

  #understood({ turnId = 0, text: said = "" }, at) {
    if (said) this.#row(turnId).pass("first_token", at);
    else this.#drop(turnId);
  }

  #begun({ responseId, turnId = 0 }) {
    if (this.#rows.has(turnId) && !this.#rows.get(turnId).settled) this.#replies.set(responseId, turnId);
  }

  #written({ responseId }, at) {
    const row = this.#rows.get(this.#replies.get(responseId));
    this.#replies.delete(responseId);
    if (row?.name) row.pass("synthesis", at);
  }

  #done({ turnId = 0, status = "", heardMs = 0, spansMs = {} }) {
    const row = this.#rows.get(turnId);
    if (status === "RESPONSE_STATUS_BARGE_IN") this.#interrupted(turnId, heardMs, spansMs.stop);
    if (!row || row.settled) return;
    row.name = "";
    row.settled = true;
    if (!spansMs.response_gap) return this.#drop(turnId); // nothing was said to it: the next turn's answer is to both
    row.hear(0);
    row.spans = spansMs;
  }

  #interrupted(turnId, heardMs, stop) {
    const row = this.#rows.get(turnId);
    if (!row) return;
    const told = { seconds: (heardMs / 1000).toFixed(1), ms: Math.round(stop ?? 0) };
    row.line.append(worded("p", stop ? "cutAfterStopped" : "cutAfter", "cut", told));
  }

  #row(turn) {
    if (!this.#rows.has(turn)) {
      this.#dropForgotten();
      const row = new Row(turn);
      this.#rows.set(turn, row);
      this.#list.prepend(row.line);
    }
    return this.#rows.get(turn);
  }

  /** Drops turns that never ended: the caller typed instead, say. */
  #dropForgotten() {
    for (const [turn, row] of this.#rows) if (!row.heard && ["", "endpointing"].includes(row.name)) this.#drop(turn);
  }

  #drop(turn) {
    this.#rows.get(turn)?.line.remove();
    this.#rows.delete(turn);
  }

  #draw() {
    const now = performance.now();
    const all = [...this.#rows.values()];
    const longest = Math.max(SCALE, ...all.map((row) => total(row.at(now))));
    const changed = longest !== this.#scale;
    this.#scale = longest;
    for (const row of all) if (changed || !row.drawn) this.#drawRow(row, now);
    const runs = all.some((row) => row.name);
    if (runs && !this.#frame && !STILL.matches) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#draw();
      });
    }
  }

  #drawRow(row, now) {
    const spans = row.at(now);
    const gap = total(spans);
    row.drawn = row.settled;
    row.line.classList.toggle("settled", row.settled);
    sayGap(row, gap);
    row.bar.replaceChildren(...SPANS.filter((name) => spans[name] > 0).map((name) => this.#piece(name, spans[name])));
    if (!row.settled) return;
    row.parts.replaceChildren(...SPANS.filter((name) => spans[name] >= 0.5).map((name) => chip(name, spans[name])));
  }

  #piece(name, ms) {
    const piece = document.createElement("i");
    piece.dataset.span = name;
    piece.style.width = `${(100 * ms) / this.#scale}%`;
    return piece;
  }
}

const total = (spans) => SPANS.reduce((sum, name) => sum + (spans[name] ?? 0), 0);

function sayGap(row, gap) {
  if (gap) say(row.gap, row.settled ? "timeGap" : "timeSoFar", { ms: Math.round(gap) });
  else say(row.gap, "timeSpeaking");
}

function chip(name, ms) {
  const one = document.createElement("span");
  one.className = "chip";
  const dot = document.createElement("i");
  dot.dataset.span = name;
  one.append(dot, worded("span", `span_${name}`), " ", worded("span", "timeGap", "", { ms: Math.round(ms) }), " ");
  return one;
}
