// Entry: which view, what to ask and when, what to write. Everything else is functions of answers.

import { liveCurve } from "./curve.js";
import { show } from "./dom.js";
import { ask, banner, bannerTree, footer, header, isFine, judge, repeat, stuckParts } from "./parts.js";
import { makeContext } from "./words.js";

/** Path of a view, the view's name, and its module, which only that view loads. */
const ROUTES = [
  [/^\/$/, "now", () => import("./view-now.js")],
  [/^\/targets\/([^/]+)$/, "target", () => import("./view-target.js")],
  [/^\/cuts$/, "cuts", () => import("./view-cuts.js")], [/^\/cuts\/([^/]+)$/, "cut", () => import("./view-report.js")],
  [/^\/periods\/([^/]+)\/([^/]+)$/, "period", () => import("./view-report.js")], [/^\/health$/, "health", () => import("./view-health.js")],
];
const PAPER_WIDTH = 900;
/** Time from the start until which the view waits for all of its answers, so that nothing shifts. */
const PATIENCE_MS = 3_000;
const root = document.documentElement;
const asset = (name) => new URL(name, import.meta.url);
const at = (id) => document.getElementById(id);
const path = location.pathname.replace(/(.)\/$/, "$1");
const decoded = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
const [pattern, viewName, loadView] = ROUTES.find(([expected]) => expected.test(path)) ?? ROUTES[0];
const params = (pattern.exec(path) ?? []).slice(1).map(decoded);
const pages = loadView();

const labels = {};
const data = {};
const errors = {};
const loaded = new Map();
/** Instant of the figures when an answer came last; and of those that could not be renewed since, how often in a row. */
const good = new Map();
const stuck = new Map();
/** Targets in a phone's list: those that needed attention when the page opened. It keeps them, so that it does not jump. */
let listed = null;
const ui = { allTargets: false, allStates: false, tableOpen: false, curveTable: null };
const link = { answer: null, tag: null, receivedMs: 0, contactMs: performance.now(), failures: 0, busy: false };
let page = null;
let ctx = null;
let written = [];
let spoken = null;
let isPaper = false;
let isReady = false;

const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
const keep = (key, value) => {
  try { localStorage.setItem(key, value); sessionStorage.setItem(key, value); } catch { /* storage is off: it lasts for this page */ }
};

/** Loads labels; those that `/` does not show are in a file of their own. */
async function useLanguage(code) {
  page ??= (await pages)[viewName];
  const files = viewName === "now" ? [code] : [code, `${code}-more`];
  labels[code] ??= Object.assign({}, ...await Promise.all(files.map((file) => fetch(asset(`${file}.json`)).then((response) => response.json()))));
  root.lang = code;
  ctx = null;
  render();
}

/** Words and formats for the zone of the newest answer. */
function context() {
  const zone = data.now?.zone ?? "UTC";
  if (ctx?.zone !== zone) ctx = { ...makeContext(root.lang, labels[root.lang], zone), zone };
  return ctx;
}

/** Loads the style of paper, which only reports have from the start: nobody prints without a key or a pointer. */
function loadPrintStyle() {
  if (at("print-style")) return;
  document.head.append(Object.assign(document.createElement("link"), { id: "print-style", rel: "stylesheet", media: "print", href: asset("print.css") }));
}

const toggle = (key) => () => { ui[key] = !ui[key]; render(); };
const actions = {
  onLanguage: (code) => { keep("lang", code); useLanguage(code); },
  onTheme: () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep("theme", root.dataset.theme);
    render();
  },
  onAllTargets: toggle("allTargets"),
  onAllStates: toggle("allStates"),
  onTable: async ({ target }) => {
    if (target.open === ui.tableOpen) return;
    ui.curveTable ??= (await import("./curve-table.js")).curveTable;
    ui.tableOpen = target.open;
    render();
  },
};

const curveWidth = () => {
  if (isPaper) return PAPER_WIDTH;
  const room = at("curve-room");
  if (!room) return 0;
  const style = getComputedStyle(room);
  return Math.floor(room.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
};

/** Writes head, banner and foot, and the view if anything that it shows has changed. */
function render() {
  if (!labels[root.lang] || !page) return;
  const c = context();
  const trust = judge({ ...link, clockMs: performance.now() });
  const answer = data.now;
  const untilText = trust.untilMs == null ? null : c.d.brief(trust.untilMs, trust.nowMs).replace(/\d\d:\d\d$/, c.d.seconds(trust.untilMs));
  if (answer?.targets?.length) listed ??= new Set(answer.targets.filter(({ current }) => trust.old || !isFine(current?.status)).map(({ name }) => name));
  const view = { ctx: c, trust, old: trust.old, untilText, data: { ...data }, errors, listed, stuck: stuckParts([...stuck.values()]), params, path, programme: answer?.programme, isDark: isDark(), ...ui, ...actions };
  show(at("head"), header(view));
  show(at("banner"), bannerTree(view));
  if (!answer || (!isReady && performance.now() < PATIENCE_MS)) return;
  const entry = data.curve && (answer.targets ?? []).find((t) => t.name === data.curve.name);
  view.curve = entry && page.lead ? liveCurve(data.curve, entry, answer.now_ms) : data.curve;
  view.curveMissing = Boolean(errors.curve);
  view.data.curve = view.curve;
  const paint = (width) => {
    const key = [trust.kind, trust.old, c, width, isPaper, ...Object.values(ui), ...Object.values(data), ...Object.values(errors)];
    if (key.length === written.length && key.every((value, i) => value === written[i])) return;
    written = key;
    show(at("main"), page.render({ ...view, width: Math.max(240, width || 720) }).flat(9));
  };
  paint(curveWidth());
  paint(curveWidth());
  at("main").dataset.revision = answer.revision;
  show(at("foot"), footer(view));
  const name = c.say(answer.programme, "Pacemeter");
  const title = page.title(view);
  document.title = title ? `${title} \u00b7 ${name}` : name;
  speak(view);
}

/** Tells a change of trust or of the leading status to whoever listens to the page; nothing else interrupts. */
function speak({ ctx: c, trust, data: { now: answer } }) {
  const lead = page.lead?.(answer, params);
  const status = trust.old ? "unknown" : lead?.current?.status;
  if (spoken && (spoken.kind !== trust.kind || spoken.status !== status)) {
    const told = banner(c, trust);
    const word = lead && status ? `${c.say(lead.title, lead.name)}: ${c.named("status", status)}. ${trust.old ? "" : c.say(lead.current?.say)}` : "";
    at("spoken").textContent = [spoken.kind !== trust.kind && (told?.title ?? c.w("trust-back")), spoken.status !== status && word].filter(Boolean).join(" ");
  }
  spoken = { kind: trust.kind, status };
}

/** Asks for `/api/v1/now`, then for whatever of the view's other answers is due. True if the server answered. */
async function turn(failures) {
  link.failures = failures;
  const reply = await ask("/api/v1/now", link.tag).catch(() => null);
  link.busy = reply !== null && reply.status >= 400;
  if (!reply || link.busy) {
    link.failures = failures + 1;
    render();
    return false;
  }
  link.failures = 0;
  link.contactMs = performance.now();
  if (reply.body) {
    if (data.now && data.now.version !== reply.body.version) { location.reload(); return true; }
    Object.assign(link, { answer: reply.body, tag: reply.tag, receivedMs: link.contactMs });
    data.now = reply.body;
  }
  page ??= (await pages)[viewName];
  await more();
  isReady = true;
  render();
  return true;
}

async function more() {
  for (let round = 0; round < 3 && !document.hidden; round++) {
    const due = page.sources({ now: data.now, data, params }).filter(isDue);
    if (!due.length) return;
    await Promise.all(due.map(load));
  }
}

function isDue({ key, path: address, every, live }) {
  const last = loaded.get(key);
  if (!last || last.address !== address) return true;
  const passed = live && data[key]?.points?.some((p) => p.at_ms > data[key].now_ms && p.at_ms <= data.now.now_ms);
  return performance.now() - last.atMs >= (passed ? 1_000 : errors[key] ? 10_000 : every);
}

async function load({ key, path: address }) {
  const isOther = loaded.get(key)?.address !== address;
  loaded.set(key, { address, atMs: performance.now() });
  const reply = await ask(address).catch(() => null);
  if (reply?.status === 200) {
    data[key] = reply.body;
    delete errors[key];
    stuck.delete(key);
    good.set(key, data.now.now_ms);
  } else {
    if (isOther || reply?.status === 404) delete data[key];
    if (data[key]) stuck.set(key, { key, sinceMs: good.get(key), times: (stuck.get(key)?.times ?? 0) + 1 });
    else stuck.delete(key);
    errors[key] = reply?.status ?? 0;
  }
}

const rhythm = repeat(turn, () => document.hidden);
setInterval(() => { if (!document.hidden) render(); }, 1_000);
document.addEventListener("visibilitychange", () => (document.hidden ? rhythm.sleep() : rhythm.wake()));
addEventListener("resize", render);
for (const type of ["keydown", "pointermove", "pointerdown"]) addEventListener(type, loadPrintStyle, { once: true });
if (viewName === "cut" || viewName === "period") loadPrintStyle();
matchMedia("print").addEventListener("change", (event) => { isPaper = event.matches; render(); });
addEventListener("beforeprint", () => { isPaper = true; render(); });
addEventListener("afterprint", () => { isPaper = false; render(); });
addEventListener("keydown", (event) => root.classList.toggle("quiet", event.key === "Escape"));
useLanguage(root.lang === "en" ? "en" : "es").catch(() => setTimeout(() => location.reload(), 5_000));
rhythm.wake();
