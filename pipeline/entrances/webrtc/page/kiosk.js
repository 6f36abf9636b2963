// The kiosk: invites, holds one visitor's call, and forgets it. Its address says how, see docs/guide.md.

import { dial, microphone, phaseOf } from "./call.js";
import { Captions } from "./captions.js";
import { asked, CallError } from "./connection.js";
import { Gauges } from "./gauges.js";
import { photograph, Pictures } from "./pictures.js";
import { PushToTalk } from "./push.js";
import { Countdown, PASSING } from "./trouble.js";
import { LANGUAGES, language, say, speak } from "./words.js";

const $ = (id) => document.getElementById(id);
const WISHES = new URLSearchParams(location.search);
const PUSH = WISHES.get("mode") === "push";
const IDLE = seconds("idle", 30, 2, 120); // the contract has no longer silence
const WARNING = seconds("warning", 15, 2, 60);
const LOOK = 30; // s between two looks, while nobody is here, whether the service still is
const RETRY = [3, 5, 10, 20]; // s until it is looked for again, the last one for ever
const NAMES = { en: "English", zh: "中文" };
const FORM_OF_PUSH = { speechCompleteMs: 5000, speechIncompleteMs: 10_000 }; // letting go ends a turn, not a pause

const captions = new Captions($("captions"));
let visit = null; // all that is known of who stands here
let countdown = null;
let attempts = 0;
let looking = 0;

function seconds(name, usual, least, most) {
  const wished = Number(WISHES.get(name) ?? usual);
  return Number.isFinite(wished) ? Math.min(most, Math.max(least, wished)) : usual;
}

function show(screen) {
  document.body.dataset.screen = screen;
  countdown?.stop();
  countdown = null;
  clearTimeout(looking);
}

/** One visitor, from first touch to last: whatever a call leaves behind is in here, or in what ``end`` empties. */
class Visit {
  call = null;
  sound = null;
  gauges = null;
  push = null;
  pictures = null;

  async begin() {
    this.sound = await microphone();
    this.gauges = new Gauges(this.sound, $("level"));
    const start = {
      agentId: WISHES.get("agent") ?? "",
      languages: [language()],
      caller: { channel: "CALLER_CHANNEL_KIOSK" },
      endpointing: { noInputMs: Math.round(IDLE * 1000), ...(PUSH ? FORM_OF_PUSH : {}) },
      output: { interimTranscripts: true },
    };
    if (PUSH) this.push = new PushToTalk($("push"), this.sound, (kind) => this.call.order(kind));
    this.call = await dial(this.sound, start, {
      sound: (stream) => { $("speaker").srcObject = stream; },
      message: (message) => this.heed(message),
      broken: () => say($("phase"), "reconnecting"),
      resumed: () => say($("phase"), "speak"),
      ended: ({ reason }) => left(this, reason),
    });
  }

  heed(message) {
    const phase = phaseOf(message);
    if (phase) say($("phase"), phase).dataset.phase = phase;
    this.push?.heed(message);
    captions.take(message);
    if (message.started) this.started(message.started);
    else if (message.inputEvent?.kind === "INPUT_EVENT_KIND_NO_INPUT") warn();
    else if (message.inputEvent?.kind === "INPUT_EVENT_KIND_SPEECH_STARTED") stay();
    else if (message.pictureNoted) this.pictures.noted(message.pictureNoted);
  }

  started({ conversationId, limits = {} }) {
    attempts = 0;
    this.pictures = new Pictures(captions, conversationId, Number(limits.maxImageBytes ?? 0));
    $("picture").hidden = !this.pictures.served;
    $("push").hidden = !PUSH;
    show("talk");
    $(PUSH ? "push" : "end").focus();
  }

  /** Lets go of everything, on the screen too. */
  end() {
    this.push?.stop();
    this.gauges?.stop();
    for (const track of this.sound?.getTracks() ?? []) track.stop();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    captions.clear();
    $("speaker").srcObject = null;
    $("picture").hidden = true;
    $("level").value = 0;
    $("warningEnds").textContent = "";
    say($("phase"), "speak").dataset.phase = "speak";
  }
}

async function begin(tag) {
  if (visit) return;
  speak(tag);
  show("connecting");
  const ours = (visit = new Visit());
  try {
    await ours.begin();
  } catch (error) {
    left(ours, error instanceof CallError ? error.reason : "OTHER", error.retryAfter);
    if (!(error instanceof CallError)) throw error;
  }
}

/** The visit is over: nothing of it is left. */
function left(ours, reason, retryAfter = 0) {
  if (ours !== visit) return;
  visit = null;
  ours.end();
  if (["CLIENT", "HANGUP", "NO_INPUT", "MAX_DURATION"].includes(reason)) attract();
  else outOfOrder(reason, retryAfter);
}

/** The service has heard nothing for too long: so has asked whether somebody is there, and the screen asks with it. */
function warn() {
  if ($("warning").open || !visit) return;
  $("warning").showModal();
  countdown = new Countdown(WARNING, (left) => say($("warningEnds"), "kioskEnds", { seconds: left }), leave);
}

function stay() {
  countdown?.stop();
  countdown = null;
  if ($("warning").open) $("warning").close();
}

function leave() {
  stay();
  visit?.call?.hangUp();
}

// Nobody is here

async function attract() {
  let agents;
  try {
    ({ agents = [] } = await asked("/v1/agents"));
  } catch {
    return outOfOrder("UNREACHABLE");
  }
  if (visit) return;
  const agent = agents.find((one) => (WISHES.has("agent") ? one.agentId === WISHES.get("agent") : one.isDefault));
  if (!agent) return outOfOrder("UNKNOWN_AGENT");
  speak(WISHES.get("language") ?? agent.languages?.[0]);
  $("name").textContent = agent.displayName || agent.agentId;
  offer(WISHES.has("language") ? [WISHES.get("language")] : (agent.languages ?? []));
  show("attract");
  if (!document.hasFocus() || document.activeElement === document.body) $("starts").firstChild.focus();
  looking = setTimeout(attract, LOOK * 1000);
}

/** Offers a button for each language that the agent and this page speak; one that says what it does where it is one. */
function offer(tags) {
  const spoken = tags.filter((tag) => LANGUAGES.includes(tag));
  const wanted = spoken.length ? spoken : [language()];
  if ([...$("starts").children].map((one) => one.lang).join() === wanted.join()) return; // they keep their focus
  $("starts").replaceChildren(...wanted.map((tag) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "call", lang: tag });
    if (wanted.length > 1) button.textContent = NAMES[tag];
    else say(button, "kioskStart");
    button.addEventListener("click", () => begin(tag));
    return button;
  }));
}

function outOfOrder(reason, retryAfter = 0) {
  const passing = PASSING.includes(reason);
  const wait = retryAfter || RETRY[Math.min(attempts++, RETRY.length - 1)];
  show("out");
  say($("outTitle"), passing ? "kioskBusy" : "kioskOut");
  say($("outWhy"), reason.startsWith("MICROPHONE") || passing ? reason : "kioskOutWhy");
  countdown = new Countdown(wait, (left) => say($("outAgain"), "kioskAgain", { seconds: left }), attract);
}

// What is pressed and touched

async function takePicture() {
  const { pictures } = visit;
  const taken = await photograph($("camera")).catch(() => null);
  if (taken && visit?.pictures === pictures) pictures.send(taken);
}

$("end").addEventListener("click", leave);
$("leave").addEventListener("click", leave);
$("picture").addEventListener("click", takePicture);
$("warning").addEventListener("close", () => {
  stay();
  visit?.call?.order("START_INPUT_TIMERS");
});
for (const kind of ["pointerdown", "keydown"]) {
  addEventListener(kind, () => visit?.call && !$("warning").open && visit.call.order("START_INPUT_TIMERS"));
}
addEventListener("contextmenu", (event) => event.preventDefault());
addEventListener("pagehide", () => visit?.call?.hangUp());

speak(WISHES.get("language") ?? language());
attract();
