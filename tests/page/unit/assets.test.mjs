import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { labelFiles, labels } from "../mock/labels.mjs";

const FOLDER = new URL("../../../src/page/assets/", import.meta.url);
const names = readdirSync(FOLDER);
const read = (name) => readFileSync(new URL(name, FOLDER), "utf8");
const modules = names.filter((name) => name.endsWith(".js"));

test("both languages have the same labels and marks", () => {
  const [es, en] = [labels("es"), labels("en")];
  assert.deepEqual(Object.keys(es), Object.keys(en));
  const marks = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  for (const key of Object.keys(es)) assert.equal(marks(es[key]), marks(en[key]), key);
});

/** Module with all modules that it imports. */
function withImports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const [, from] of read(name).matchAll(/from "\.\/([^"]+)"/g)) withImports(from, found);
  return found;
}

test("every label that a module names exists, and the view of now loads those that it shows", () => {
  const [first, more] = labelFiles("es");
  const inFirst = new Set(["main.js", "view-now.js", "curve-table.js"].flatMap((name) => [...withImports(name)]));
  assert.ok(inFirst.size < modules.length);
  for (const name of modules) for (const [, key] of read(name).matchAll(/\b(?:w|words)\("([^"$]+)"/g)) assert.ok(Object.hasOwn(inFirst.has(name) ? first : { ...first, ...more }, key), `${name}: ${key}`);
  for (const key of Object.keys(more)) assert.ok(!Object.hasOwn(first, key), key);
  for (const kind of ["agent", "closed", "count", "do", "kind", "nav", "part", "status"]) assert.ok(Object.keys(first).some((key) => key.startsWith(`${kind}-`)), kind);
});

test("no label is left over", () => {
  const code = modules.map(read).join("\n");
  const families = /^(agent|closed|count|do|field|formula|kind|measure|nav|part|seal|status|stream)-/;
  for (const key of Object.keys(labels("es"))) assert.ok(families.test(key) || code.includes(`"${key}"`), key);
});

test("nothing but text nodes and attributes reaches the page", () => {
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\("(style|on)|DOMParser|createContextualFragment|srcdoc/;
  for (const name of modules) assert.doesNotMatch(read(name), forbidden, name);
  for (const name of modules.filter((n) => !["dom.js", "main.js", "early.js"].includes(n))) assert.doesNotMatch(read(name), /\bdocument\b|getElementById|querySelector/, name);
  assert.doesNotMatch(read("document.html"), /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  for (const name of modules) assert.doesNotMatch(read(name), /\bstyle:/, name);
});

test("assets ask for nothing elsewhere", () => {
  for (const name of names) assert.doesNotMatch(read(name).replaceAll("http://www.w3.org/2000/svg", ""), /https?:\/\/[a-z]|url\((?!#)/, name);
  for (const name of modules) for (const [, from] of read(name).matchAll(/(?:from |import\()"([^"]+)"/g)) assert.ok(names.includes(from.slice(2)), `${name}: ${from}`);
});

test("modules are small enough to read", () => {
  for (const name of modules) assert.ok(read(name).split("\n").length < 300, name);
});
