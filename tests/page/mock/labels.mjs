import { readFileSync } from "node:fs";

/** Labels of a language, as the page loads them. */
export const labels = (code) => JSON.parse(readFileSync(new URL(`../../../src/page/assets/${code}.json`, import.meta.url), "utf8"));
