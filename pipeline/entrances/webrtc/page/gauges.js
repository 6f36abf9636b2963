// Gauges: how loud both sides are, and how good the network is.

import { say } from "./words.js";

const LEVEL = 50; // ms between two looks at the levels
const NETWORK = 1000;
const AUDIBLE = 0.02; // of the scale of a meter; below is noise

/** Shows the levels and the network of a call until ``stop``. */
export class Gauges {
  #context = new AudioContext();
  #timers = [];
  #microphone = null;
  #agent = null;
  #level = () => 0;

  /** Takes the microphone and its meter. */
  constructor(sound, meter) {
    this.replace(sound);
    this.#every(LEVEL, () => { meter.value = this.#level(); });
  }

  /** Measures another microphone. */
  replace(sound) {
    this.#microphone?.disconnect();
    [this.#microphone, this.#level] = this.#measured(sound);
  }

  /** Measures the agent's sound too, in place of the stream before; ``begins`` is called whenever it begins. */
  hear(sound, meter, begins) {
    const [source, level] = this.#measured(sound);
    this.#agent?.disconnect();
    this.#agent = source;
    let quiet = true;
    this.#every(LEVEL, () => {
      if (source !== this.#agent) return;
      meter.value = level();
      if (meter.value > AUDIBLE && quiet) begins();
      quiet = meter.value <= AUDIBLE;
    });
  }

  /** Shows the network: a word, and figures. */
  watch(call, word, figures) {
    this.#every(NETWORK, async () => {
      const { lost, jitter, roundTrip } = await call.network();
      const worst = Math.max(lost / 0.05, roundTrip / 0.4, jitter / 0.06);
      const quality = worst > 1 ? "poor" : worst > 0.4 ? "fair" : "good";
      say(word, quality);
      word.parentElement.dataset.quality = quality;
      figures.textContent = `${Math.round(roundTrip * 1000)} ms · ${(lost * 100).toFixed(1)} %`;
    });
  }

  /** Lets go of everything. */
  stop() {
    for (const timer of this.#timers) clearInterval(timer);
    this.#context.close();
  }

  #measured(sound) {
    const source = this.#context.createMediaStreamSource(sound);
    const analyser = this.#context.createAnalyser();
    const samples = new Float32Array(analyser.fftSize);
    source.connect(analyser);
    return [source, () => {
      analyser.getFloatTimeDomainData(samples);
      return Math.min(1, 4 * Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length));
    }];
  }

  #every(ms, look) {
    this.#timers.push(setInterval(look, ms));
  }
}
