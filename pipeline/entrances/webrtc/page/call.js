// Call: one call over WebRTC, in the messages of the contract. Knows nothing of the page.

const HEARTBEAT = 2000; // ms; the service gives a silent browser up after three of them
const LOST = 6000; // ms without anything from the service
const GATHER = 1000; // ms; what is not gathered by then is no address in this network

/** A refusal or a fault, with the stable reason of the service, and in how many seconds to come again. */
export class CallError extends Error {
  constructor(reason, message, retryAfter = 0) {
    super(message);
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

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

/** Returns what the service answers to a GET. Throws CallError UNREACHABLE. */
export async function asked(path) {
  try {
    const response = await fetch(path, { cache: "no-store" });
    if (!response.ok) throw new Error(response.statusText);
    return await response.json();
  } catch (error) {
    throw new CallError("UNREACHABLE", error.message);
  }
}

/** Returns a call that is being placed; ``on`` are its listeners by event. Throws CallError. */
export async function dial(sound, start, on) {
  const call = new Call(sound, start, await asked("/v1/rtc"));
  for (const [event, take] of Object.entries(on)) call.addEventListener(event, ({ detail }) => take(detail));
  await call.open(new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
  return call;
}

/**
 * Events, each with the message as detail: "message" for every one of the service's, "sound" for its sound, "ended"
 * once, when the call is over for whatever reason: {reason, message}. A call that could not be opened tells no end:
 * ``open`` has thrown.
 */
export class Call extends EventTarget {
  #connection;
  #channel;
  #location = "";
  #timer = 0;
  #heardAt = 0;
  #over = false;
  #ended = null;

  /** Takes a microphone's stream, the ConversationStart, and what GET /v1/rtc tells. */
  constructor(sound, start, servers = {}) {
    super();
    this.#connection = new RTCPeerConnection(servers);
    this.#channel = this.#connection.createDataChannel("oai-events");
    this.#connection.ontrack = ({ track }) => {
      this.dispatchEvent(new CustomEvent("sound", { detail: new MediaStream([track]) }));
    };
    for (const track of sound.getTracks()) this.#connection.addTrack(track, sound);
    this.#channel.onopen = () => {
      this.#heardAt = performance.now();
      this.send({ start });
      this.#timer = setInterval(() => this.#beat(), HEARTBEAT);
    };
    this.#channel.onmessage = ({ data }) => this.#take(data);
    this.#channel.onclose = () => this.#finish("CLIENT_LOST", "the service hung up");
    this.#connection.onconnectionstatechange = () => {
      if (this.#connection.connectionState === "failed") this.#finish("CONNECTION_FAILED", "no way to the service");
    };
  }

  /** Places the call. Throws CallError. */
  async open(token = "") {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    await this.#gathered();
    const headers = { "Content-Type": "application/sdp" };
    if (token) headers.Authorization = `Bearer ${token}`;
    const body = this.#connection.localDescription.sdp;
    let response;
    try {
      response = await fetch("/v1/rtc", { method: "POST", headers, body });
    } catch (error) {
      this.#close();
      throw new CallError("UNREACHABLE", error.message);
    }
    if (response.status !== 201) {
      this.#close();
      const told = await response.json().catch(() => ({ reason: "UNREACHABLE", message: response.statusText }));
      throw new CallError(told.reason, told.message, Number(response.headers.get("Retry-After") || 0));
    }
    this.#location = response.headers.get("Location");
    await this.#connection.setRemoteDescription({ type: "answer", sdp: await response.text() });
  }

  /** Sends a message of the contract. */
  send(message) {
    if (this.#channel.readyState === "open") this.#channel.send(JSON.stringify(message));
  }

  /** Gives an order, such as "COMMIT_INPUT". */
  order(kind) {
    this.send({ control: { kind: `CONTROL_KIND_${kind}` } });
  }

  /** Hangs up. The end comes as an event. */
  hangUp() {
    if (this.#channel.readyState === "open") this.order("END");
    else this.#finish("CLIENT", "");
  }

  /** Takes another microphone, in mid-call. */
  async replaceMicrophone(sound) {
    const [sender] = this.#connection.getSenders().filter(({ track }) => track?.kind === "audio");
    await sender.replaceTrack(sound.getAudioTracks()[0]);
  }

  /** Returns {lost, jitter, roundTrip}: share of packets, seconds, seconds. */
  async network() {
    const found = { lost: 0, jitter: 0, roundTrip: 0 };
    for (const one of (await this.#connection.getStats()).values()) {
      if (one.type === "inbound-rtp") {
        found.lost = one.packetsLost / Math.max(1, one.packetsLost + one.packetsReceived);
        found.jitter = one.jitter;
      } else if (one.type === "candidate-pair" && one.nominated) {
        found.roundTrip = one.currentRoundTripTime ?? 0;
      }
    }
    return found;
  }

  #gathered() {
    const connection = this.#connection;
    return new Promise((done) => {
      const look = () => connection.iceGatheringState === "complete" && done();
      connection.addEventListener("icegatheringstatechange", look);
      setTimeout(done, GATHER);
      look();
    });
  }

  #beat() {
    if (performance.now() - this.#heardAt > LOST) this.#finish("CLIENT_LOST", "the service is silent");
    else if (this.#channel.readyState === "open") this.#channel.send("");
  }

  #take(data) {
    this.#heardAt = performance.now();
    if (!data) return;
    const message = JSON.parse(data);
    if (message.ended) this.#ended = message.ended;
    if (message.status) {
      const info = (message.status.details ?? []).find((one) => one["@type"]?.endsWith("ErrorInfo"));
      const reason = info?.reason ?? this.#ended?.reason?.replace("END_REASON_", "") ?? "CLIENT";
      this.#finish(reason, message.status.message ?? "");
      return;
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  #close() {
    this.#over = true;
    clearInterval(this.#timer);
    this.#connection.close();
  }

  #finish(reason, message) {
    if (this.#over) return;
    this.#close();
    if (this.#location && reason === "CLIENT_LOST") {
      fetch(this.#location, { method: "DELETE", keepalive: true }).catch(() => {});
    }
    this.dispatchEvent(new CustomEvent("ended", { detail: { reason, message } }));
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
