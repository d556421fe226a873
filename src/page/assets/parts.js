// Small pieces that all views use.

import { h } from "./dom.js";

const SHAPES = {
  fall: "M1 3h8L5 9z", rise: "M1 8h8L5 2z", bar: "M1 4h8v2H1z", tick: "M1 5l3 3 5-6",
};
const STATUS_SHAPES = {
  at_risk: "fall", behind: "fall", slightly_behind: "fall", within_chance: "bar", on_pace: "tick", ahead: "rise", reached: "tick",
  starting: "bar", closed: "bar", unknown: "bar",
};
const LEVELS = { error: "at_risk", warn: "behind", info: "on_pace" };

/** Statuses that need no attention. */
export const isFine = (status) => status === "on_pace" || status === "ahead" || status === "reached";

/** Shape of a status, so that colour is never the only sign. */
export function icon(status) {
  const shape = Object.hasOwn(STATUS_SHAPES, status) ? STATUS_SHAPES[status] : "bar";
  return h("svg", { class: shape === "tick" ? "i tick" : "i", width: 10, height: 10, viewBox: "0 0 10 10", "aria-hidden": "true" }, h("path", { d: SHAPES[shape] }));
}

/** Status as a shape and a word. */
export function chip(ctx, status, word) {
  const known = Object.hasOwn(STATUS_SHAPES, status) ? status : "unknown";
  return h("span", { key: status, class: `chip s-${known}`, "data-status": status }, icon(known), word ?? ctx.named("status", status));
}

/** Shape of an event's level. */
export const levelIcon = (level) =>
  h("span", { class: `lv s-${LEVELS[level] ?? "unknown"}` }, icon(LEVELS[level] ?? "unknown"));

/** Figure with its value beside it in the markup; money shows every digit on hover, focus and paper. */
export function figure(ctx, unit, value, text = ctx.n.amount(unit, value)) {
  if (value == null) return text;
  const data = h("data", { value: String(value) }, text);
  if (unit !== "pesos" || typeof value !== "string") return data;
  return h("span", { class: "exact", tabindex: "0" }, data, h("span", { class: "tip", role: "tooltip" }, ctx.n.exact(value)));
}

/** Distance with its sign, coloured by its side. */
export const gap = (ctx, unit, value) => (value == null ? ctx.n.signed(unit, value)
  : h("data", { value: String(value), class: Number(value) < 0 ? "neg" : "pos" }, ctx.n.signed(unit, value)));

/** Card with a heading and a remark beside it. */
export const card = (cls, title, remark, ...children) => h("section", { class: `card ${cls}` },
  h("div", { class: "hd" }, h("h2", null, title), remark && h("p", { class: "sub" }, remark)), children);

/** Table of names and values. */
export const facts = (rows) => h("dl", { class: "kv" },
  rows.map(([name, ...value]) => h("div", null, h("dt", null, name), h("dd", { line: true }, value))));

/** Table with a head, whose first column and columns named in `left` stand at the left. Wide ones scroll in themselves. */
export function table(cls, label, heads, rows, left = []) {
  const side = (i) => (i === 0 || left.includes(i) ? "l" : null);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", { class: cls },
      h("thead", null, h("tr", null, heads.map((head, i) => h("th", { scope: "col", class: side(i) }, head)))),
      h("tbody", null, rows.map((cells) => h("tr", null, cells.map((cell, i) =>
        i === 0 ? h("th", { scope: "row", class: "l" }, cell) : h("td", { class: side(i) }, cell)))))));
}

/** Link to a file or a view. */
export const button = (href, text, props) => h("a", { class: "btn", href, ...props }, text);

/** Address of a target's view, file or answer. */
export const targetPath = (name, rest = "") => `/targets/${encodeURIComponent(name)}${rest}`;

/** Link that the answer gives, if it leads to a page; scripts and other schemes do not pass. */
export const safeLink = (href) => (typeof href === "string" && /^(https?:\/\/|\/(?!\/))/.test(href) ? href : null);
