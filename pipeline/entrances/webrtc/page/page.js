// The page: draws what a call tells, and tells the call what the visitor does.

import { Call, CallError, microphone } from "./call.js";
import { TEXTS } from "./texts.js";

const SPANS = ["endpointing", "recognition", "knowledge", "first_token", "first_clause", "synthesis", "handover"];
const $ = (id) => document.getElementById(id);

let language = navigator.language.startsWith("zh") ? "zh" : "en";
let call = null;
let sound = null;
let stopGauges = () => {};
const captions = new Map(); // "caller 3" or "agent 5" -> its line

const text = (name) => TEXTS[language][name] ?? TEXTS[language].OTHER;

function translate() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
  for (const one of document.querySelectorAll("[data-placeholder]")) one.placeholder = text(one.dataset.placeholder);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", text(one.dataset.label));
}

function say(element, name) {
  element.dataset.text = name;
  element.textContent = text(name);
}

function trouble(reason) {
  $("trouble").hidden = !reason;
  if (reason) say($("trouble"), TEXTS.en[reason] ? reason : "OTHER");
}

function opened(open) {
  say($("call"), open ? "end" : "start");
  $("call").classList.toggle("open", open);
  for (const one of $("typing").elements) one.disabled = !open;
  $("agent").disabled = open;
  document.querySelector(".gauges").hidden = !open;
}

async function place() {
  trouble("");
  say($("state"), "connecting");
  $("call").disabled = true;
  $("captions").replaceChildren();
  $("timeline").replaceChildren();
  captions.clear();
  try {
    sound = await microphone($("microphone").value);
    await listMicrophones();
    const start = {
      agentId: $("agent").value,
      caller: { channel: "CALLER_CHANNEL_BROWSER" },
      output: { interimTranscripts: true },
    };
    call = new Call(sound, start, await servers());
    call.addEventListener("sound", ({ detail }) => { $("speaker").srcObject = detail; });
    call.addEventListener("message", ({ detail }) => take(detail));
    call.addEventListener("ended", ({ detail }) => over(detail.reason));
    await call.open(new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
    opened(true);
    stopGauges = gauges(sound, call);
  } catch (error) {
    over(error instanceof CallError ? error.reason : "OTHER");
    if (!(error instanceof CallError)) throw error;
  } finally {
    $("call").disabled = false;
  }
}

function over(reason) {
  stopGauges();
  stopGauges = () => {};
  for (const track of sound?.getTracks() ?? []) track.stop();
  call = sound = null;
  opened(false);
  say($("state"), "over");
  trouble(["CLIENT", "HANGUP"].includes(reason) ? "" : reason);
}

function take(message) {
  if (message.started) say($("state"), "speak");
  else if (message.transcript) transcript(message.transcript);
  else if (message.responseStarted) caption(`agent ${message.responseStarted.responseId}`, "agent");
  else if (message.responseText) caption(`agent ${message.responseText.responseId}`, "agent").words.append(message.responseText.delta);
  else if (message.clearAudio) caption(`agent ${message.clearAudio.responseId}`, "agent").line.classList.add("interrupted");
  else if (message.responseDone) done(message.responseDone);
}

function caption(key, side) {
  if (!captions.has(key)) {
    const line = document.createElement("li");
    const words = document.createElement("span");
    line.className = side;
    line.append(words);
    $("captions").append(line);
    captions.set(key, { line, words });
  }
  $("captions").scrollTop = $("captions").scrollHeight;
  return captions.get(key);
}

function transcript({ turnId = 0, text: said = "", isFinal = false }) {
  const { line, words } = caption(`caller ${turnId}`, "caller");
  words.textContent = said;
  line.classList.toggle("interim", !isFinal);
  if (isFinal && !said) line.remove();
}

function done({ responseId, turnId = 0, text: written = "", heardText = "", status = "", spansMs = {}, sources = [] }) {
  const { line, words } = caption(`agent ${responseId}`, "agent");
  if (written.startsWith(heardText) && heardText.length < written.length) {
    const rest = document.createElement("span");
    rest.className = "unheard";
    rest.textContent = written.slice(heardText.length);
    words.replaceChildren(heardText, rest);
  }
  const notes = [];
  if (status === "RESPONSE_STATUS_BARGE_IN") notes.push(text("interrupted"));
  if (sources.length) notes.push(`${text("sources")} ${sources.join(", ")}`);
  if (notes.length) line.append(Object.assign(document.createElement("small"), { textContent: notes.join(" · ") }));
  if (!line.textContent) line.remove();
  if (turnId && spansMs.response_gap) drawSpans(turnId, spansMs);
}

function drawSpans(turn, spans) {
  const line = document.createElement("li");
  const bar = Object.assign(document.createElement("div"), { className: "bar" });
  const known = SPANS.filter((name) => spans[name] > 0);
  for (const name of known) {
    const part = document.createElement("i");
    part.style.cssText = `flex: ${spans[name]}; background: var(--${name})`;
    part.title = `${name} ${Math.round(spans[name])} ms`;
    bar.append(part);
  }
  const head = Object.assign(document.createElement("strong"), { textContent: `${turn}: ${Math.round(spans.response_gap)} ms` });
  const parts = Object.assign(document.createElement("div"), {
    className: "parts",
    textContent: known.map((name) => `${name} ${Math.round(spans[name])}`).join(" · "),
  });
  line.append(head, bar, parts);
  $("timeline").prepend(line);
}

function gauges(stream, live) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const level = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    $("level").value = Math.min(1, 4 * Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length));
  }, 100);
  const network = setInterval(async () => {
    const { lost, jitter, roundTrip } = await live.network();
    const worst = Math.max(lost / 0.05, roundTrip / 0.4, jitter / 0.06);
    say($("network"), worst > 1 ? "poor" : worst > 0.4 ? "fair" : "good");
    $("figures").textContent = `${Math.round(roundTrip * 1000)} ms, ${(lost * 100).toFixed(1)} %`;
  }, 1000);
  return () => {
    clearInterval(level);
    clearInterval(network);
    context.close();
  };
}

async function listMicrophones() {
  const chosen = $("microphone").value;
  const found = (await navigator.mediaDevices?.enumerateDevices() ?? []).filter(({ kind }) => kind === "audioinput");
  $("microphone").replaceChildren(...found.map((one, at) => new Option(one.label || `${text("microphone")} ${at + 1}`, one.deviceId)));
  if (found.some(({ deviceId }) => deviceId === chosen)) $("microphone").value = chosen;
}

async function servers() {
  try {
    return await (await fetch("/v1/rtc")).json();
  } catch (error) {
    throw new CallError("UNREACHABLE", error.message);
  }
}

async function listAgents() {
  const { agents = [] } = await (await fetch("/v1/agents")).json();
  $("agent").replaceChildren(...agents.map((one) => new Option(one.displayName || one.agentId, one.agentId, one.isDefault, one.isDefault)));
}

$("call").addEventListener("click", () => (call ? call.hangUp() : place()));
$("language").addEventListener("click", () => {
  language = language === "en" ? "zh" : "en";
  translate();
});
$("microphone").addEventListener("change", async () => {
  if (!call) return;
  const taken = await microphone($("microphone").value);
  await call.replaceMicrophone(taken);
  for (const track of sound.getTracks()) track.stop();
  sound = taken;
});
$("typing").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = $("typed").value.trim();
  if (call && typed) call.send({ text: { text: typed } });
  $("typed").value = "";
});
addEventListener("pagehide", () => call?.hangUp());

translate();
listMicrophones();
listAgents().catch(() => trouble("UNREACHABLE"));
