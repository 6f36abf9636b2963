// A call that is taped: microphone and reply as two channels of one clock.

const TAPE = `registerProcessor("tape", class extends AudioWorkletProcessor {
  process([sides]) {
    this.port.postMessage([0, 1].map((side) => sides[side]?.slice() ?? new Float32Array(128)));
    return true;
  }
})`;
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

let connection, context;
const pieces = [];
const told = [];

/** Opens a call and begins to tape it; returns once the service has started it. */
async function startCall(rate) {
  context = new AudioContext({ sampleRate: rate });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([TAPE], { type: "text/javascript" })));
  const sides = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const tape = new AudioWorkletNode(context, "tape", { channelCount: 2, channelCountMode: "explicit" });
  tape.port.onmessage = ({ data }) => pieces.push(data);
  sides.connect(tape).connect(context.destination);
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: RAW });
  context.createMediaStreamSource(microphone).connect(sides, 0, 0);
  connection = new RTCPeerConnection();
  const channel = connection.createDataChannel("oai-events");
  connection.addTrack(microphone.getAudioTracks()[0], microphone);
  connection.ontrack = ({ track }) => {
    const stream = new MediaStream([track]);
    const speaker = new Audio(); // without one, Chromium gives a remote track no sound
    speaker.srcObject = stream;
    speaker.muted = true;
    speaker.play();
    context.createMediaStreamSource(stream).connect(sides, 0, 1);
  };
  const started = new Promise((done) => {
    channel.onmessage = ({ data }) => {
      if (!data) return;
      const message = JSON.parse(data);
      told.push({ at: context.currentTime, message });
      if (message.started) done();
    };
  });
  channel.onopen = () => channel.send(JSON.stringify({ start: {} }));
  await connection.setLocalDescription(await connection.createOffer());
  await new Promise((done) => {
    if (connection.iceGatheringState === "complete") done();
    connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && done();
  });
  const answer = await fetch("/v1/rtc", {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: connection.localDescription.sdp,
  });
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  await started;
}

/** Hangs up and returns {tape, told}: 16-bit stereo in base64, and the service's messages. */
async function endCall() {
  connection.close();
  await context.suspend();
  const samples = new Int16Array(pieces.length * 256);
  pieces.forEach(([left, right], index) => {
    for (let at = 0; at < 128; at++) {
      samples[index * 256 + 2 * at] = Math.max(-1, Math.min(1, left[at])) * 32767;
      samples[index * 256 + 2 * at + 1] = Math.max(-1, Math.min(1, right[at])) * 32767;
    }
  });
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { tape: btoa(text), told };
}
