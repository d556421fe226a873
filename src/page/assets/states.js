// States: a map of tiles and a table, against the week before at the same share of working time.

import { h } from "./dom.js";
import { button, card, figure } from "./parts.js";

const GRID = `BCN SON CHH COA NLE TAM . . . .
BCS SIN DUR ZAC SLP . . . . .
. NAY JAL AGU QUE HID VER . . .
. COL MIC GUA MEX CMX TLA . . YUC
. . . GRO MOR PUE . TAB CAM ROO
. . . . . OAX CHP . . .`.split("\n").map((row) => row.split(" "));
const TILE = 44;
const STEP = 47;
/** Least change that is marked, in per cent, if it is also beyond chance. */
const NOTABLE = 7;
/** Dispersion that is assumed of a state, as of a target without history. */
const DISPERSION = 4;

/** Change against the week before: per cent, and true if it is more than chance. Null without a week before. */
export function change(state) {
  const before = state.before?.beneficiaries;
  if (!(before > 0)) return null;
  const distance = state.week.beneficiaries - before;
  const percent = (distance / before) * 100;
  return { percent, notable: Math.abs(percent) >= NOTABLE && Math.abs(distance) > 3 * Math.sqrt(DISPERSION * before) };
}

/** States for the short table: those that fell most beyond chance, then the largest. */
export function shortList(states, fallen = 5, all = 8) {
  const falls = states.filter((s) => change(s)?.notable && change(s).percent < 0)
    .sort((a, b) => change(a).percent - change(b).percent).slice(0, fallen);
  const rest = states.filter((s) => !falls.includes(s)).sort((a, b) => b.week.beneficiaries - a.week.beneficiaries);
  return [...falls, ...rest].slice(0, all);
}

const signedPercent = (ctx, percent, digits) => {
  const text = ctx.n.plain(Math.abs(percent), digits);
  return /[1-9]/.test(text) ? (percent < 0 ? "\u2212" : "+") + text : text;
};

/** Card of the states. */
export function statesCard(view, states) {
  const { ctx } = view;
  const { w } = ctx;
  if (!states.length) return card("w7", w("by-state"), null, h("p", { class: "none" }, w("no-states")));
  const any = states.some((s) => change(s));
  const listed = view.allStates ? [...states].sort((a, b) => b.week.beneficiaries - a.week.beneficiaries) : shortList(states);
  return card("w7 pb", w("by-state"), any ? w("by-state-remark") : null,
    h("div", { class: "grid2" }, any ? h("div", { class: "tiles" }, tiles(ctx, states)) : null, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": w("by-state") }, stateTable(ctx, listed, any))),
    h("p", { class: "act" },
      states.length > listed.length || view.allStates ? h("button", { class: "btn", type: "button", "aria-expanded": String(Boolean(view.allStates)), onclick: view.onAllStates },
        w(view.allStates ? "fewer-states" : "all-states", { n: states.length })) : null,
      button("/api/v1/periods/week/current.csv", "CSV", { download: true }), button("/api/v1/periods/week/current.xlsx", "XLSX", { download: true })));
}

function stateTable(ctx, states, any) {
  const { w } = ctx;
  return h("table", { class: "st" },
    h("thead", null, h("tr", null, ["state", "week", "today-col", any && "vs-before"].filter(Boolean).map((key, i) => h("th", { scope: "col", class: i ? null : "l" }, w(key))))),
    h("tbody", null, states.map((s) => {
      const c = change(s);
      return h("tr", { "data-state": s.state }, h("th", { scope: "row", class: "l" }, ctx.say(s.name, s.state)),
        h("td", null, h("b", null, figure(ctx, "people", s.week.beneficiaries))), h("td", null, figure(ctx, "people", s.day.beneficiaries)),
        any && h("td", { class: c?.notable ? (c.percent < 0 ? "neg" : "pos") : null }, c ? `${signedPercent(ctx, c.percent, 1)}\u00a0%` : ctx.n.amount()));
    })));
}

function tiles(ctx, states) {
  const byCode = new Map(states.map((s) => [String(s.state).replace(/^MX-/, ""), s]));
  const squares = GRID.flatMap((row, y) => row.map((code, x) => (code === "." ? null : tile(ctx, code, byCode.get(code), x, y))));
  return h("svg", { viewBox: `0 0 ${10 * STEP - 3} ${6 * STEP - 3}`, role: "img", "aria-label": ctx.w("tiles-label") }, squares);
}

function tile(ctx, code, state, x, y) {
  const c = state && change(state);
  const strength = c?.notable ? (Math.abs(c.percent) > 25 ? 3 : Math.abs(c.percent) > 14 ? 2 : 1) : 0;
  const text = c ? signedPercent(ctx, c.percent, 0) : "\u2013";
  return h("g", { transform: `translate(${x * STEP} ${y * STEP})`, class: `tile ${c?.percent < 0 ? "fell" : "rose"}${strength}` },
    h("title", null, state ? `${ctx.say(state.name, state.state)}: ${ctx.n.whole(state.week.beneficiaries)}${c ? ` (${text}\u00a0%)` : ""}` : code),
    h("rect", { width: TILE, height: TILE, rx: 5 }),
    h("text", { x: TILE / 2, y: 19, "text-anchor": "middle", class: "t" }, code),
    h("text", { x: TILE / 2, y: 35, "text-anchor": "middle" }, text));
}
