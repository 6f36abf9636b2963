// Call: one conversation, in the messages of the contract. Knows nothing of the page.

import { asked, CallError, Connection } from "./connection.js";

const RESUME = 15_000; // ms for which the service keeps a call whose connection broke
const AGAIN = 1000; // ms between two tries

const MICROPHONES = {
  NotFoundError: "MICROPHONE_MISSING",
  OverconstrainedError: "MICROPHONE_MISSING",
  NotReadableError: "MICROPHONE_BUSY",
};

/** Asks for a microphone. Throws CallError MICROPHONE_… REFUSED, MISSING, BUSY, INSECURE. */
export async function microphone(device = "") {
  if (!navigator.mediaDevices) throw new CallError("MICROPHONE_INSECURE", "the page is not on https");
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  if (device) wanted.deviceId = { exact: device };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: wanted });
  } catch (error) {
    throw new CallError(MICROPHONES[error.name] ?? "MICROPHONE_REFUSED", error.message);
  }
}

/** Returns a microphone that says nothing, for who types. */
export const silence = () => new AudioContext().createMediaStreamDestination().stream;

/** Returns a call that is being placed; ``on`` are its listeners by event. Throws CallError. */
export async function dial(sound, start, on) {
  const call = new Call(sound, start);
  for (const [event, take] of Object.entries(on)) call.addEventListener(event, ({ detail }) => take(detail));
  await call.open();
  return call;
}

/**
 * Events, each with its news as detail: "message" for every one of the service's, "sound" for the stream that is to be
 * heard, "broken" when the connection is lost and another one is tried, "resumed" when the call goes on over that, and
 * "ended" once, when it is over for whatever reason: {reason, message}. A call that could not be opened tells no end:
 * ``open`` has thrown.
 */
export class Call extends EventTarget {
  #sound;
  #start;
  #connection = null;
  #token = ""; // by which it can be resumed
  #seen = 0; // the number of the last message
  #brokenAt = 0;
  #over = false;
  #ended = null;

  /** Takes a microphone's stream and the ConversationStart. */
  constructor(sound, start) {
    super();
    this.#sound = sound;
    this.#start = start;
  }

  /** Places the call. Throws CallError. */
  open() {
    return this.#connect(this.#start);
  }

  /** Sends a message of the contract. */
  send(message) {
    this.#connection.send(message);
  }

  /** Gives an order, such as "COMMIT_INPUT". */
  order(kind) {
    this.send({ control: { kind: `CONTROL_KIND_${kind}` } });
  }

  /** Hangs up. The end comes as an event. */
  hangUp() {
    if (this.#connection.isOpen) this.order("END");
    else this.#finish("CLIENT", "");
  }

  /** Takes another microphone, in mid-call. */
  replaceMicrophone(sound) {
    this.#sound = sound;
    return this.#connection.replaceMicrophone(sound);
  }

  /** Returns {lost, jitter, roundTrip}: share of packets, seconds, seconds. */
  network() {
    return this.#connection.network();
  }

  async #connect(start) {
    const connection = new Connection(this.#sound, await asked("/v1/rtc"));
    const on = (event, take) => connection.addEventListener(event, ({ detail }) => take(detail));
    on("open", () => connection.send({ start }));
    on("message", (message) => this.#take(message));
    on("sound", (stream) => this.#tell("sound", stream));
    on("lost", ({ reason, message }) => this.#lost(reason, message));
    this.#connection = connection;
    await connection.open();
  }

  #take(message) {
    this.#seen = Math.max(this.#seen, Number(message.seq ?? 0));
    this.#token = message.resumptionUpdate?.token || message.started?.resumeToken || this.#token;
    if (message.ended) this.#ended = message.ended;
    if (message.status) {
      const info = (message.status.details ?? []).find((one) => one["@type"]?.endsWith("ErrorInfo"));
      const reason = info?.reason ?? this.#ended?.reason?.replace("END_REASON_", "") ?? "CLIENT";
      this.#finish(this.#brokenAt ? "CLIENT_LOST" : reason, message.status.message ?? "");
    } else if (message.started && this.#brokenAt) {
      this.#brokenAt = 0;
      this.#tell("resumed");
    } else this.#tell("message", message);
  }

  /** Tries to go on with a call whose connection broke, for as long as the service waits for it. */
  #lost(reason, message) {
    const now = performance.now();
    if (this.#over) return;
    if (!this.#token || this.#ended || (this.#brokenAt && now - this.#brokenAt > RESUME)) {
      this.#connection.forsake();
      this.#finish(reason, message);
      return;
    }
    const first = !this.#brokenAt;
    this.#brokenAt ||= now;
    if (first) this.#tell("broken");
    setTimeout(() => this.#resume(reason, message), first ? 0 : AGAIN);
  }

  async #resume(reason, message) {
    if (this.#over) return;
    const start = { ...this.#start, resumeToken: this.#token, lastSeenSeq: this.#seen };
    try {
      await this.#connect(start);
    } catch {
      this.#lost(reason, message);
    }
  }

  #finish(reason, message) {
    if (this.#over) return;
    this.#over = true;
    this.#connection.close();
    this.dispatchEvent(new CustomEvent("ended", { detail: { reason, message } }));
  }

  #tell(event, detail = null) {
    if (!this.#over) this.dispatchEvent(new CustomEvent(event, { detail }));
  }
}

const PHASES = {
  SPEECH_STARTED: "hears",
  SPEECH_ENDED: "hears",
  TURN_ENDED: "thinks",
  NO_INPUT: "speak",
  NO_MATCH: "speak",
};

/** Returns what the call is doing from this message on: "hears", "thinks", "answers", "speak"; "" for no change. */
export function phaseOf(message) {
  if (message.inputEvent) return PHASES[message.inputEvent.kind.replace("INPUT_EVENT_KIND_", "")] ?? "";
  if (message.responseStarted) return message.responseStarted.turnId ? "thinks" : "answers";
  if (message.responseText) return "answers";
  return message.responseDone || message.started ? "speak" : "";
}
