// Labels of a language, and what else the page says by itself. Sentences and titles come with the answers.

import { makeDates } from "./dates.js";
import { makeNumbers } from "./numbers.js";

const LOCALES = { es: "es-MX", en: "en-US" };

/** Reads labels; `{name}` in a label is replaced by a value. A key without a label is shown as it is. */
export function makeWords(labels) {
  return (key, values = {}) => {
    const label = Object.hasOwn(labels, key) ? labels[key] : String(key);
    return label.replace(/\{(\w+)\}/g, (mark, name) => (Object.hasOwn(values, name) ? values[name] : mark));
  };
}

/** Everything that depends on language and zone. */
export function makeContext(language, labels, zone) {
  const w = makeWords(labels);
  const has = (key) => Object.hasOwn(labels, key);
  return {
    language, w, has,
    n: makeNumbers(LOCALES[language], w),
    d: makeDates(LOCALES[language], zone, w),
    /** Text of the reader's language out of one in both; `otherwise` without it. */
    say: (text, otherwise = "") => (text && typeof text === "object" ? text[language] ?? text.es : text) ?? otherwise,
    /** Label of a word that the answer gives, such as a status; the word itself if it has no label. */
    named: (kind, word) => (has(`${kind}-${word}`) ? w(`${kind}-${word}`) : String(word)),
  };
}

/** Splits a text into its first sentence, which is the verdict, and the rest. */
export function verdict(text) {
  const end = /[.!?](?=\s)/.exec(text);
  return end ? [text.slice(0, end.index + 1), text.slice(end.index + 2)] : [text, ""];
}

/** Language of the page: the one asked for, the one kept, the browser's if it is known; else Spanish. */
export function chooseLanguage(asked, kept, browser) {
  const found = [asked, kept, String(browser ?? "").slice(0, 2)].find((word) => word === "es" || word === "en");
  return found ?? "es";
}
