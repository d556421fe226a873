// Small pieces that all views use; trust in the figures, judged from the newest answer and the page's own clock; how the page
// asks for answers; and what stands around each view: head, banner and foot.

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

/** True if a link that the answer gives leads to a page: scripts and other schemes do not. */
export const isPage = (href) => /^https?:\/\//.test(href);

/** Age of an answer, in milliseconds, from which the page says that it is old. */
export const ANSWER_OLD_MS = 5_000;
/** Age of the figures, which is a second while all is well, from which the page says that they stand still. */
export const FIGURES_LATE_MS = 3_500;
/** Age of the figures from which distances to the plan are not shown, unless the answer gives that of its clock. */
export const FIGURES_OLD_MS = 60_000;

/**
 * Judges the figures. `answer` is the newest `/api/v1/now` or null, `receivedMs` and `contactMs` are when it came and when
 * the server last answered, `failures` counts failed requests in a row, and `clockMs` is the same clock now.
 */
export function judge({ answer, receivedMs, contactMs, failures, busy, clockMs }) {
  const silentMs = clockMs - contactMs;
  const away = failures >= 2 || (failures > 0 && silentMs > ANSWER_OLD_MS) || (answer !== null && silentMs > ANSWER_OLD_MS);
  if (!answer) return { kind: away ? (busy ? "busy" : "away") : "loading", old: true, reasons: [], untilMs: null, ageMs: null, nowMs: null, sinceMs: null };
  const nowMs = answer.now_ms + Math.max(0, clockMs - receivedMs);
  const { ready, complete_until_ms: untilMs = null, reasons = [] } = answer.trust;
  const ageMs = untilMs === null ? null : Math.max(0, nowMs - untilMs);
  const maxAgeMs = answer.trust.max_age_ms === undefined ? FIGURES_OLD_MS : answer.trust.max_age_ms ?? Infinity;
  const tooOld = ageMs === null || ageMs > maxAgeMs;
  // A clock that runs fast makes every age great; then the answer allows more.
  const isLate = maxAgeMs <= FIGURES_OLD_MS && ageMs - silentMs > FIGURES_LATE_MS;
  const kind = away ? (busy ? "busy" : "away") : !ready ? "unready" : tooOld ? "old" : reasons.length ? "warned" : isLate ? "late" : "exact";
  return {
    kind, reasons, untilMs, ageMs, nowMs, tooOld,
    old: !ready || tooOld || silentMs > ANSWER_OLD_MS,
    sinceMs: away ? answer.now_ms + Math.max(0, contactMs - receivedMs) : reasons[0]?.since_ms ?? untilMs,
  };
}

/** Parts of the page that show an older answer since their requests fail. One failure may be an accident. */
export const stuckParts = (list) => list.filter(({ times }) => times > 1);

/** Banner for a judgement: title, sentences and links; null when all is well. */
export function banner(ctx, trust) {
  const time = (ms) => (trust.nowMs === null || ms === null ? "" : ctx.d.brief(ms, trust.nowMs).replace(/\d\d:\d\d$/, ctx.d.seconds(ms)));
  if (trust.kind === "exact" || trust.kind === "loading") return null;
  const until = trust.untilMs === null ? null : time(trust.untilMs);
  const titles = {
    away: trust.sinceMs === null ? ctx.w("away-first") : ctx.w("away-title", { since: time(trust.sinceMs) }),
    busy: ctx.w("busy-title"),
    unready: until && trust.tooOld ? ctx.w("old-title", { until }) : ctx.w("unready-title"),
    old: until ? ctx.w("old-title", { until }) : ctx.w("unready-title"),
    warned: ctx.w("warned-title"),
    late: ctx.w("late-title", { until }),
  };
  const away = trust.kind === "away" || trust.kind === "busy";
  const lines = away ? [{ text: trust.sinceMs === null ? ctx.w("away-wait") : ctx.w("away-text", { until: until ?? "\u2013" }), link: null }]
    : trust.reasons.map((reason) => ({
      text: ctx.say(reason.say, reason.text),
      since: reason.since_ms == null ? null : ctx.w("since", { since: time(reason.since_ms) }),
      todo: ctx.has(`do-${reason.kind}`) ? ctx.w(`do-${reason.kind}`) : null,
      link: reason.runbook,
    }));
  if (!away && trust.old && until) lines.push({ text: ctx.w("old-text"), link: null });
  return { title: titles[trust.kind], lines, calm: trust.kind === "warned" || trust.kind === "late" };
}

/** Line in the head of the page: as of when the figures are exact. */
export function trustLine(ctx, trust) {
  const { kind, untilMs } = trust;
  if (kind === "loading") return ctx.w("trust-loading");
  if (untilMs === null) return ctx.w(kind === "away" || kind === "busy" ? "trust-away" : "trust-none");
  const at = `${ctx.d.day(untilMs)}, ${ctx.d.seconds(untilMs)}`;
  return ctx.w(trust.old || kind === "away" ? "trust-old" : "trust-exact", { at });
}

const PAUSES = [1_000, 1_000, 2_000, 4_000, 8_000, 15_000];
const TIMEOUT_MS = 4_000;

/** Pause before the next request, after so many failures in a row. */
export const pauseAfter = (failures) => PAUSES[Math.min(failures, PAUSES.length - 1)];

/** Asks for JSON. The answer has its tag; with `tag` of an answer that is still valid, `body` is null and `status` 304. */
export async function ask(path, tag = null) {
  const headers = tag ? { Accept: "application/json", "If-None-Match": tag } : { Accept: "application/json" };
  const response = await fetch(path, { headers, cache: "no-store", redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status === 304) return { status: 304, body: null, tag };
  const body = await response.json();
  return { status: response.status, body, tag: response.headers.get("ETag") };
}

/**
 * Repeats `turn`, a task that returns true if it succeeded. `isHidden` holds it back; `wake` runs it at once.
 * `timers` is for tests.
 */
export function repeat(turn, isHidden, timers = globalThis) {
  let failures = 0;
  let timer = null;
  let running = false;
  const run = async () => {
    timer = null;
    if (running || isHidden()) return;
    running = true;
    const began = Date.now();
    const ok = await turn(failures).catch((error) => { globalThis.reportError?.(error); return false; });
    running = false;
    failures = ok ? 0 : failures + 1;
    if (!isHidden() && timer === null) timer = timers.setTimeout(run, Math.max(0, pauseAfter(failures) - (ok ? Date.now() - began : 0)));
  };
  const wake = () => {
    if (timer !== null) timers.clearTimeout(timer);
    return run();
  };
  const sleep = () => {
    if (timer !== null) timers.clearTimeout(timer);
    timer = null;
  };
  return { wake, sleep };
}

const VIEWS = [["/", "now"], ["/cuts", "cuts"], ["/periods/week/current", "periods"], ["/health", "health"]];

/** Bar with name, views, trust, language and theme. */
export function header(view) {
  const { ctx, trust, path } = view;
  const { w } = ctx;
  const isAt = (href) => (href === "/" ? path === "/" : path.startsWith(`/${href.split("/")[1]}`));
  return [h("div", { class: "bar" },
    h("a", { class: "mark", href: "/" },
      h("svg", { width: 26, height: 26, viewBox: "0 0 26 26", "aria-hidden": "true" },
        h("rect", { class: "m1", width: 26, height: 26, rx: 6 }), h("rect", { class: "m2", x: 5, y: 11, width: 12, height: 4, rx: 1 }), h("rect", { class: "m2", x: 18.5, y: 6, width: 2.5, height: 14, rx: 1 })),
      h("span", null, ctx.say(view.programme, "Pacemeter"))),
    h("nav", { "aria-label": w("views") }, VIEWS.map(([href, key]) => h("a", { href, "aria-current": isAt(href) ? "page" : null }, w(`nav-${key}`))), h("a", { href: "#data" }, w("nav-data"))),
    h("p", { line: true, class: "trust" }, h("span", { class: trust.kind === "loading" ? "dot wait" : ["exact", "warned", "late"].includes(trust.kind) ? "dot" : "dot bad", "aria-hidden": "true" }), h("b", null, trustLine(ctx, trust))),
    h("div", { class: "ctl", role: "group", "aria-label": "Idioma / Language" }, ["es", "en"].map((code) =>
      h("button", { type: "button", lang: code, "aria-pressed": String(ctx.language === code), "aria-label": code === "es" ? "ES, español" : "EN, English", onclick: () => view.onLanguage(code) }, code.toUpperCase()))),
    h("div", { class: "ctl" }, h("button", { type: "button", "aria-pressed": String(view.isDark), "aria-label": w("dark"), onclick: view.onTheme },
      h("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, h("circle", { cx: 7, cy: 7, r: 6, class: "o" }), h("path", { d: "M7 1a6 6 0 0 1 0 12z", class: "f" })))))];
}

/** Banner over everything: what is the matter, since when, why, and what to do. */
export function bannerTree(view) {
  const { ctx, trust } = view;
  const told = banner(ctx, trust);
  return [told && alert(view, told, trust.kind), view.stuck?.length > 0 && alert(view, {
    title: ctx.w("stuck-title"), calm: true,
    lines: [{ text: view.stuck.map(({ key, sinceMs }) => `${ctx.w(`part-${key}`)} (${ctx.w("since", { since: ctx.d.brief(sinceMs, trust.nowMs) })})`).join(", ") + "." }],
  }, "stuck")].filter(Boolean);
}

function alert({ ctx }, told, kind) {
  const todo = (href) => (isPage(href) ? h("a", { href }, ctx.w("what-to-do")) : h("small", null, `${ctx.w("what-to-do")}: `, h("code", null, href)));
  return h("section", { key: kind, class: told.calm ? "alert calm" : "alert", "data-kind": kind, "aria-label": told.title },
    h("p", null, h("b", null, told.title)),
    told.lines.map((line) => h("p", null, line.text, line.since && h("small", null, ` ${line.since}.`), line.todo && ` ${line.todo}`, line.link && [" ", todo(line.link)])));
}

/** Foot: what kind of figures these are, where their time and their data come from. */
export function footer({ ctx, data }) {
  const { w } = ctx;
  const now = data.now;
  return [
    h("p", null, w("preliminary")),
    h("p", null, now ? w("time-of", { zone: now.zone }) : ""),
    h("p", { id: "data", tabindex: "-1" }, now ? `Pacemeter ${now.version}` : "Pacemeter", [["/metrics", "/metrics"], ["/api/v1/now", "API"], ["/openapi.json", "OpenAPI"]].map(([href, text]) => [" \u00b7 ", h("a", { href }, text)])),
  ];
}
