import { readFileSync } from "node:fs";

const read = (name) => JSON.parse(readFileSync(new URL(`../../../src/page/assets/${name}.json`, import.meta.url), "utf8"));

/** Labels of a language that `/` loads, and those that other views load beside them. */
export const labelFiles = (code) => [read(code), read(`${code}-more`)];

/** Labels of a language, as a view other than `/` loads them. */
export const labels = (code) => Object.assign({}, ...labelFiles(code));
