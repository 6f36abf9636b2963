// The page: shows what a call tells, and tells the call what the visitor does.

import { dial, microphone, phaseOf, silence } from "./call.js";
import { Captions } from "./captions.js";
import { asked, CallError } from "./connection.js";
import { Feedback } from "./feedback.js";
import { Gauges } from "./gauges.js";
import { photograph, pictureIn, Pictures } from "./pictures.js";
import { Timeline } from "./timeline.js";
import { Trouble } from "./trouble.js";
import { language, say, speak, text } from "./words.js";

const $ = (id) => document.getElementById(id);
const EXPECTED = ["CLIENT", "HANGUP"]; // ends that are no trouble

const captions = new Captions($("captions"));
const timeline = new Timeline($("timeline"));
const trouble = new Trouble($("trouble"));
let placing = false; // the button is not disabled meanwhile: it would lose the focus
let call = null;
let sound = null;
let gauges = null;
let feedback = null;
let pictures = new Pictures(captions, "", 0);
const ways = { again: () => place(), mute: () => place(silence) }; // out of trouble

// The call

async function place(take = () => microphone($("microphone").value)) {
  if (placing) return;
  placing = true;
  forget();
  say($("state"), "connecting");
  try {
    sound = await take();
    await listMicrophones();
    gauges = new Gauges(sound, $("level"));
    const start = {
      agentId: $("agent").value,
      caller: { channel: "CALLER_CHANNEL_BROWSER" },
      output: { interimTranscripts: true },
    };
    call = await dial(sound, start, {
      sound: play,
      message: heed,
      broken: () => reaches(false),
      resumed: () => reaches(true),
      ended: ({ reason }) => over(reason),
    });
    gauges.watch(call, $("network"), $("figures"));
    opened(true);
  } catch (error) {
    over(error instanceof CallError ? error.reason : "OTHER", error.retryAfter);
    if (!(error instanceof CallError)) throw error;
  } finally {
    placing = false;
  }
}

function forget() {
  trouble.clear();
  captions.clear();
  timeline.clear();
}

function play(stream) {
  $("speaker").srcObject = stream;
  gauges.hear(stream, $("agentLevel"), () => timeline.sounds());
}

function heed(message) {
  const phase = phaseOf(message);
  if (phase) say($("phase"), phase).dataset.phase = phase;
  timeline.take(message);
  const line = captions.take(message);
  if (message.started) begin(message.started);
  else if (line) answered(line, message.responseDone);
  else if (message.goingAway) say($("state"), "endsIn", { seconds: Math.round(message.goingAway.timeLeftMs / 1000) });
  else if (message.pictureNoted) pictures.noted(message.pictureNoted);
}

function begin({ conversationId, limits = {} }) {
  say($("state"), "open");
  feedback = new Feedback(conversationId);
  pictures = new Pictures(captions, conversationId, Number(limits.maxImageBytes ?? 0));
  for (const one of document.querySelectorAll(".pictures")) one.hidden = !pictures.served;
}

function answered(line, done) {
  const bar = feedback?.bar(done);
  if (bar) line.append(bar);
}

function over(reason, retryAfter = 0) {
  gauges?.stop();
  for (const track of sound?.getTracks() ?? []) track.stop();
  say($("state"), call ? "over" : "ready");
  call = sound = gauges = null;
  opened(false);
  for (const one of document.querySelectorAll(".pictures")) one.hidden = true;
  if ($("camera").open) $("camera").close();
  if (!EXPECTED.includes(reason)) trouble.show(reason, { retryAfter, ...ways });
}

/** The call goes on, or tries to. */
function reaches(connected) {
  say($("state"), connected ? "open" : "reconnecting");
  for (const one of $("typing").elements) one.disabled = !connected;
}

function opened(open) {
  say($("call"), open ? "end" : "start");
  document.body.classList.toggle("calling", open);
  for (const one of $("typing").elements) one.disabled = !open;
  $("agent").disabled = open;
  $("gauges").hidden = !open;
  $("phase").hidden = !open;
}

// What is chosen

async function listMicrophones() {
  const chosen = $("microphone").value;
  const found = (await navigator.mediaDevices?.enumerateDevices() ?? []).filter(({ kind }) => kind === "audioinput");
  const named = found.map((one, at) => new Option(one.label || `${text("microphone")} ${at + 1}`, one.deviceId));
  $("microphone").replaceChildren(...named);
  if (found.some(({ deviceId }) => deviceId === chosen)) $("microphone").value = chosen;
}

async function listAgents() {
  const { agents = [] } = await asked("/v1/agents");
  $("agent").replaceChildren(
    ...agents.map((one) => new Option(one.displayName || one.agentId, one.agentId, one.isDefault, one.isDefault)),
  );
}

async function changeMicrophone() {
  if (!call) return;
  const taken = await microphone($("microphone").value);
  await call.replaceMicrophone(taken);
  for (const track of sound.getTracks()) track.stop();
  sound = taken;
  gauges.replace(taken);
}

// What is written and shown

function write(event) {
  event.preventDefault();
  const typed = $("typed").value.trim();
  if (call && typed) call.send({ text: { text: typed } });
  $("typed").value = "";
}

async function useCamera() {
  if (matchMedia("(pointer: coarse)").matches) return $("photo").click(); // a phone's own camera is better at it
  const taken = await photograph($("camera")).catch(() => say($("state"), "cameraRefused") && null);
  if (taken) pictures.send(taken);
}

function chosen({ target }) {
  for (const file of target.files) pictures.send(file);
  target.value = "";
}

function takeDrops(place) {
  const carried = (event) => pictures.served && [...event.dataTransfer.types].includes("Files");
  place.addEventListener("dragover", (event) => {
    if (!carried(event)) return;
    event.preventDefault();
    place.classList.add("dropping");
  });
  place.addEventListener("dragleave", () => place.classList.remove("dropping"));
  place.addEventListener("drop", (event) => {
    place.classList.remove("dropping");
    if (!carried(event)) return;
    event.preventDefault();
    for (const file of event.dataTransfer.files) pictures.send(file);
  });
}

function paste(event) {
  const picture = pictures.served && pictureIn(event.clipboardData);
  if (!picture) return;
  event.preventDefault();
  pictures.send(picture);
}

$("call").addEventListener("click", () => (call ? call.hangUp() : place()));
$("language").addEventListener("click", () => speak(language() === "en" ? "zh" : "en"));
$("microphone").addEventListener("change", changeMicrophone);
$("typing").addEventListener("submit", write);
$("attach").addEventListener("click", () => $("file").click());
$("useCamera").addEventListener("click", useCamera);
for (const input of [$("file"), $("photo")]) input.addEventListener("change", chosen);
takeDrops($("talk"));
document.addEventListener("paste", paste);
$("aloud").addEventListener("change", ({ target }) => { $("captions").ariaLive = target.checked ? "polite" : "off"; });
addEventListener("pagehide", () => call?.hangUp());

speak(language());
listMicrophones();
listAgents().catch(() => trouble.show("UNREACHABLE", { again: () => location.reload() }));
if (!isSecureContext) trouble.show("MICROPHONE_INSECURE", ways);
