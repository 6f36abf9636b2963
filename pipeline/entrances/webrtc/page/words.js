// Words: what stands on a page, in the visitor's language, and kept so when the language changes.

import { TEXTS } from "./texts.js";

const filled = new WeakMap(); // element -> what stands in the gaps of its text

let current = navigator.language.startsWith("zh") ? "zh" : "en";

/** The languages that the pages speak. */
export const LANGUAGES = Object.keys(TEXTS);

/** The language that is spoken now. */
export const language = () => current;

/** Whether there is a text of this name. */
export const known = (name) => Object.hasOwn(TEXTS.en, name);

/** Returns a text, its {gaps} filled in. What has no text of its own is OTHER. */
export function text(name, values = {}) {
  const found = TEXTS[current][name] ?? TEXTS[current].OTHER;
  return found.replace(/\{(\w+)\}/g, (_, gap) => values[gap] ?? "");
}

/** Writes a text into an element, for good: a change of the language changes it. */
export function say(element, name, values = {}) {
  element.dataset.text = name;
  filled.set(element, values);
  const words = text(name, values);
  if (element.textContent !== words) element.textContent = words;
  return element;
}

/** Gives an element that shows no words a name for screen readers, likewise for good. */
export function label(element, name) {
  element.dataset.label = name;
  element.setAttribute("aria-label", text(name));
  if (element.tagName === "BUTTON") element.title = text(name);
  return element;
}

/** Returns a new element that says something. */
export const worded = (tag, name, className = "", values = {}) =>
  say(Object.assign(document.createElement(tag), { className }), name, values);

/** Speaks another language, or the same, everywhere on the page. */
export function speak(tag) {
  current = LANGUAGES.includes(tag) ? tag : "en";
  document.documentElement.lang = current === "zh" ? "zh-Hans" : "en";
  for (const one of document.querySelectorAll("[data-text]")) say(one, one.dataset.text, filled.get(one));
  for (const one of document.querySelectorAll("[data-placeholder]")) one.placeholder = text(one.dataset.placeholder);
  for (const one of document.querySelectorAll("[data-empty]")) one.dataset.hint = text(one.dataset.empty);
  for (const one of document.querySelectorAll("[data-label]")) label(one, one.dataset.label);
}
