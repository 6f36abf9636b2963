// Connection: one WebRTC connection to the service: sound both ways and a channel for messages. Knows nothing of calls.

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

/** Returns what the service answers to a GET. Throws CallError UNREACHABLE. */
export async function asked(path) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", headers: permit() });
    if (response.ok) return await response.json();
  } catch (error) {
    throw new CallError("UNREACHABLE", error.message);
  }
  throw await refusal(response);
}

/** Returns the header that lets the page call, where its address holds a token: behind #, so that it is sent to nobody. */
function permit() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function refusal(response) {
  const told = await response.json().catch(() => ({ reason: "UNREACHABLE", message: response.statusText }));
  return new CallError(told.reason, told.message, Number(response.headers.get("Retry-After") || 0));
}

/**
 * Events, each with its news as detail: "open" when messages can be sent, "message", "sound" with the stream that is to
 * be heard, and "lost" once, when it broke by itself: {reason, message}.
 */
export class Connection extends EventTarget {
  #connection;
  #channel;
  #location = "";
  #timer = 0;
  #heardAt = 0;
  #over = false;

  /** Takes a microphone's stream and what GET /v1/rtc tells. */
  constructor(sound, servers) {
    super();
    this.#connection = new RTCPeerConnection(servers);
    this.#channel = this.#connection.createDataChannel("oai-events");
    this.#connection.ontrack = ({ track }) => this.#tell("sound", new MediaStream([track]));
    for (const track of sound.getTracks()) this.#connection.addTrack(track, sound);
    this.#channel.onopen = () => {
      this.#heardAt = performance.now();
      this.#timer = setInterval(() => this.#beat(), HEARTBEAT);
      this.#tell("open");
    };
    this.#channel.onmessage = ({ data }) => {
      this.#heardAt = performance.now();
      if (data) this.#tell("message", JSON.parse(data));
    };
    this.#channel.onclose = () => this.#lose("CLIENT_LOST", "the service hung up");
    this.#connection.onconnectionstatechange = () => {
      if (this.#connection.connectionState === "failed") this.#lose("CONNECTION_FAILED", "no way to the service");
    };
  }

  /** Whether messages can be sent. */
  get isOpen() {
    return this.#channel.readyState === "open";
  }

  /** Makes the connection. Throws CallError. */
  async open() {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    await this.#gathered();
    const headers = { "Content-Type": "application/sdp", ...permit() };
    const body = this.#connection.localDescription.sdp;
    const response = await fetch("/v1/rtc", { method: "POST", headers, body }).catch((error) => {
      this.close();
      throw new CallError("UNREACHABLE", error.message);
    });
    if (response.status !== 201) {
      this.close();
      throw await refusal(response);
    }
    this.#location = response.headers.get("Location");
    await this.#connection.setRemoteDescription({ type: "answer", sdp: await response.text() });
  }

  /** Sends a message; what cannot be sent is dropped. */
  send(message) {
    if (this.isOpen) this.#channel.send(JSON.stringify(message));
  }

  /** Takes another microphone. */
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

  /** Closes it; nothing more is told. */
  close() {
    this.#over = true;
    clearInterval(this.#timer);
    this.#connection.close();
  }

  /** Lets the service know, by another way, that a connection that was lost is not needed any more. */
  forsake() {
    if (this.#location) fetch(this.#location, { method: "DELETE", keepalive: true }).catch(() => {});
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
    if (performance.now() - this.#heardAt > LOST) this.#lose("CLIENT_LOST", "the service is silent");
    else if (this.isOpen) this.#channel.send("");
  }

  #lose(reason, message) {
    if (this.#over) return;
    this.close();
    this.#tell("lost", { reason, message });
  }

  #tell(event, detail = null) {
    if (event === "lost" || !this.#over) this.dispatchEvent(new CustomEvent(event, { detail }));
  }
}
