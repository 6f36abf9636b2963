// Pictures: made small in the browser, sent beside the call, shown in the captions with what became of them.

import { say } from "./words.js";

const LONGEST_SIDE = 2000; // pixels: small print can be read, and a phone's photo is a tenth of its size
const QUALITIES = [0.88, 0.7, 0.5]; // of JPEG, tried in turn until it is small enough

const REFUSALS = {
  400: "pictureUnreadable",
  404: "pictureCallOver",
  409: "pictureUnwanted",
  413: "pictureTooLarge",
  415: "pictureUnreadable",
  429: "pictureTooMany",
};

/** Sends the pictures of one call. */
export class Pictures {
  #captions;
  #conversation;
  #most;
  #fates = new Map(); // media id -> where its state is told
  #early = new Map(); // media id -> news that came before the answer to its upload
  #sending = 0;

  /** Pictures of at most ``most`` bytes are taken; 0: none are. */
  constructor(captions, conversation, most) {
    this.#captions = captions;
    this.#conversation = conversation;
    this.#most = most;
  }

  /** Whether the service takes any. */
  get served() {
    return this.#most > 0;
  }

  /** Makes a picture small and sends it; the captions tell how it went. */
  async send(file) {
    if (!this.served) return;
    const small = await reduced(file, this.#most).catch(() => null);
    const fate = this.#captions.picture(small);
    if (!small) return;
    const path = `/v1/conversations/${encodeURIComponent(this.#conversation)}/media`;
    this.#sending += 1;
    try {
      const response = await fetch(path, { method: "POST", headers: { "Content-Type": small.type }, body: small });
      const told = await response.json().catch(() => ({}));
      say(fate, response.status === 201 ? "pictureSent" : (REFUSALS[response.status] ?? "pictureFailed"));
      if (told.media_id) this.#known(told.media_id, fate);
    } catch {
      say(fate, "pictureFailed");
    } finally {
      this.#sending -= 1;
    }
  }

  /** Takes the news of a picture, which may have come from another device. */
  noted(news) {
    const fate = this.#fates.get(news.mediaId);
    if (fate) tell(fate, news);
    else if (this.#sending) this.#early.set(news.mediaId, news);
    else {
      this.#known(news.mediaId, say(this.#captions.picture(null), "pictureElsewhere"));
      this.noted(news);
    }
  }

  #known(media, fate) {
    this.#fates.set(media, fate);
    if (this.#early.has(media)) tell(fate, this.#early.get(media));
    this.#early.delete(media);
  }
}

/** Shows what became of a picture, and what was read in it. */
function tell(fate, { state, note = "" }) {
  if (state === "PICTURE_STATE_FAILED") say(fate, "pictureNotSeen");
  else if (state === "PICTURE_STATE_READY") say(fate, note ? "pictureRead" : "pictureSeen");
  if (note) fate.after(Object.assign(document.createElement("p"), { className: "read", textContent: note }));
}

/** Returns a picture as a JPEG of at most so many bytes, turned as its camera was held. Throws for what is none. */
async function reduced(file, most) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const share = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * share));
  canvas.height = Math.max(1, Math.round(bitmap.height * share));
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff"; // JPEG knows nothing of transparency
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  for (const quality of QUALITIES) {
    const blob = await new Promise((take) => canvas.toBlob(take, "image/jpeg", quality));
    if (blob.size <= most) return blob;
  }
  throw new Error("too large");
}

/** Returns a still of the camera, or null when it was not taken. Throws what getUserMedia throws. */
export async function photograph(dialog) {
  const wanted = { facingMode: "environment", width: { ideal: 1920 } };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
  const video = dialog.querySelector("video");
  const take = dialog.querySelector("[value=take]");
  try {
    video.srcObject = stream;
    dialog.returnValue = "";
    take.disabled = true; // there is nothing to be seen yet
    const closed = new Promise((over) => dialog.addEventListener("close", over, { once: true }));
    dialog.showModal();
    video.play().then(() => { take.disabled = false; take.focus(); }, () => dialog.close());
    await closed;
    if (dialog.returnValue !== "take") return null;
    const size = { width: video.videoWidth, height: video.videoHeight };
    const canvas = Object.assign(document.createElement("canvas"), size);
    canvas.getContext("2d").drawImage(video, 0, 0);
    return await new Promise((take) => canvas.toBlob(take, "image/jpeg", 0.95));
  } finally {
    video.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}

/** Returns the first picture of a drop or a paste, if there is one. */
export const pictureIn = (transfer) => [...(transfer?.files ?? [])].find(({ type }) => type.startsWith("image/"));
