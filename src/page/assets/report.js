// Figures and cards that reports of cuts and of periods share. Each figure stands beside what is known of it today; people
// are never added over programmes.

import { valueAt } from "./curve.js";
import { h } from "./dom.js";
import { card, chip, facts, figure, table, targetPath } from "./parts.js";
import { centavos, difference, moneyText } from "./words.js";

const FIELDS = ["beneficiaries", "dispersals", "net_pesos"];

const add = (a, b) => {
  if (a == null || b == null) return null;
  return typeof a === "string" ? moneyText(centavos(a) + centavos(b)) : a + b;
};

/** Sum of figures. Their people are added only where they are of one programme. */
function total(list, onePeople) {
  if (!list.length || list.some((figures) => !figures)) return null;
  return Object.fromEntries(FIELDS.map((field) => [field,
    field === "beneficiaries" && !onePeople ? null : list.map((figures) => figures[field] ?? null).reduce(add)]));
}

/** Cells `{programme, state, then, today}` of a period of a cut. */
export const cutCells = (period) => period.cells.map(({ programme, state, today, ...then }) => ({ programme, state, then, today: today ?? null }));

/** Cells of an answer on a period: `then` is how it closed. */
export const periodCells = (answer) => answer.programmes.flatMap(({ programme, states }) =>
  states.map(({ state, closed, today }) => ({ programme, state, then: closed ?? null, today: today ?? null })));

const byKey = (cells, key) => {
  const groups = new Map();
  for (const cell of cells) groups.set(cell[key], [...(groups.get(cell[key]) ?? []), cell]);
  return groups;
};

/** Figures of each programme; its states count distinct people, so they add up. */
export const byProgramme = (cells) => [...byKey(cells, "programme")].map(([programme, list]) => ({
  programme, then: total(list.map((c) => c.then), true), today: total(list.map((c) => c.today), true),
}));

/** Figures of each state, greatest first; people are null where several programmes paid. */
export function byState(cells) {
  const one = byKey(cells, "programme").size <= 1;
  const rows = [...byKey(cells, "state")].map(([state, list]) => ({
    state, then: total(list.map((c) => c.then), one), today: total(list.map((c) => c.today), one),
  }));
  const size = (row) => Number((row.then ?? row.today)?.net_pesos ?? 0);
  return rows.sort((a, b) => size(b) - size(a));
}

/** Difference of what is known today to what was known then. */
export const since = (row, field) => difference(row.today?.[field] ?? null, row.then?.[field] ?? null);

/** True if people are known in a list of rows. */
export const hasPeople = (rows) => rows.some((row) => (row.then ?? row.today)?.beneficiaries != null);

const UNITS = { beneficiaries: "people", dispersals: "count", net_pesos: "pesos" };
/** Unit of a measure that a cut names. */
export const unitOf = (measure) => (measure === "net_pesos" ? "pesos" : measure === "service_level" ? "ratio" : "count");

/** Title of a target by its name; the name itself if it is no longer a target. */
export const titleOf = ({ ctx, data }, name) => ctx.say((data.now.targets ?? []).find((target) => target.name === name)?.title, name);

/** Difference to today, quiet where nothing changed. */
export function changed(ctx, unit, value) {
  if (value == null) return ctx.n.amount();
  const none = Number(value) === 0;
  return h("data", { value: String(value), class: none ? "quiet" : Number(value) < 0 ? "neg" : "pos" }, none ? "0" : ctx.n.signed(unit, value));
}

/** Table of rows `{name, then, today}`: people if known, supports, pesos, each with its change since. */
export function figuresTable(ctx, label, head, rows, cls = "rep") {
  const { w } = ctx;
  const fields = hasPeople(rows) ? ["beneficiaries", "net_pesos"] : ["dispersals", "net_pesos"];
  const heads = [head, ...fields.flatMap((field) => [w(`field-${field}`), w("today-known"), w("since-then")])];
  return table(cls, label, heads, rows.map((row) => [row.name, ...fields.flatMap((field) => {
    const unit = UNITS[field];
    return [h("b", null, figure(ctx, unit, row.then?.[field])), figure(ctx, unit, row.today?.[field]), changed(ctx, unit, since(row, field))];
  })]));
}

/** Mark of a closed period: whether its goal was reached, or that there is no figure. */
export const outcome = (ctx, actual, reached) => (actual == null ? chip(ctx, "unknown")
  : chip(ctx, reached ? "reached" : "at_risk", ctx.w(reached ? "reached-yes" : "reached-no")));

/** Targets of a report: goal, plan, as reported, as known today. */
export function targetsReport(view, title, targets) {
  const { ctx } = view;
  const { w } = ctx;
  if (!targets.length) return null;
  const rows = targets.map((t) => {
    const unit = unitOf(t.measure);
    const reached = t.actual != null && Number(t.actual) >= Number(t.goal);
    return [
      [h("a", { href: targetPath(t.target) }, titleOf(view, t.target)), " ", h("small", null, t.period)],
      figure(ctx, unit, t.goal),
      unit === "ratio" ? ctx.n.amount() : ctx.n.amount(unit, t.plan ?? null),
      h("b", null, figure(ctx, unit, t.actual)),
      figure(ctx, unit, t.today),
      changed(ctx, unit, t.today == null || t.actual == null ? null : sub(t.today, t.actual)),
      t.closes ? outcome(ctx, t.actual, reached) : h("span", { class: "quiet" }, w("running")),
    ];
  });
  return card("w12", title, null, table("rep tr", title, [w("target"), w("goal"), w("plan"), w("at-cut"), w("today-known"), w("since-then"), w("reached?")], rows, [6]));
}

const sub = (today, then) => since({ today: { v: today }, then: { v: then } }, "v");

/** Identity of a report, for its foot: id, huella, instant, what lies behind it. */
export const identity = (ctx, rows) => card("w12 identity", ctx.w("identity"), null, facts(rows.filter((row) => row[1] != null).map(([name, value]) => [name, h("code", null, value)])));

/** Ids of the periods before and after one, by the civil calendar. */
export function neighbours(kind, id) {
  const shift = (by) => {
    if (kind === "month") {
      const [year, month] = id.split("-").map(Number);
      return new Date(Date.UTC(year, month - 1 + by, 1)).toISOString().slice(0, 7);
    }
    if (kind === "day") return new Date(Date.parse(`${id}T00:00:00Z`) + by * 864e5).toISOString().slice(0, 10);
    return isoWeek(weekStart(id) + by * 7 * 864e5);
  };
  const shapes = new Map([["month", /^\d{4}-\d\d$/], ["day", /^\d{4}-\d\d-\d\d$/], ["week", /^\d{4}-W\d\d$/]]);
  const valid = shapes.get(kind)?.test(id);
  return valid ? { previous: shift(-1), next: shift(1) } : null;
}

/** Monday of an ISO week, as UTC midnight. */
function weekStart(id) {
  const [year, week] = id.split("-W").map(Number);
  const january4 = Date.UTC(year, 0, 4);
  return january4 + ((week - 1) * 7 - ((new Date(january4).getUTCDay() + 6) % 7)) * 864e5;
}

function isoWeek(monday) {
  const thursday = new Date(monday + 3 * 864e5);
  const year = thursday.getUTCFullYear();
  const week = 1 + Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * 864e5));
  return `${year}-W${String(week).padStart(2, "0")}`;
}

/** Curve as it stood at an instant in its period: nothing after it, and no projection. */
export function curveUpTo(curve, atMs) {
  const points = curve.points.map((point) => (point.at_ms > atMs ? { ...point, actual: null, count: null } : point));
  const days = curve.days.map((day) => (day.end_ms > atMs && day.start_ms < atMs
    ? { ...day, count: difference(valueAt(curve, atMs, "actual"), valueAt(curve, day.start_ms, "actual")) }
    : day.start_ms >= atMs ? { ...day, count: null } : day));
  const cuts = curve.cuts.filter((cut) => cut.at_ms <= atMs);
  // What the headline says may have happened later.
  const headline = atMs < Math.min(curve.now_ms, curve.period.end_ms) ? null : curve.headline;
  return { ...curve, headline, now_ms: Math.min(curve.now_ms, atMs), points, days, cuts, projection: [], worst: null };
}
