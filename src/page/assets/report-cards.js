// Cards that reports of cuts and of periods share. Each figure stands beside what is known of it today.

import { h } from "./dom.js";
import { card, chip, facts, figure, table, targetPath } from "./parts.js";
import { hasPeople, since } from "./report.js";

const UNITS = { beneficiaries: "people", dispersals: "count", net_pesos: "pesos" };
/** Unit of a measure that a cut names. */
export const unitOf = (measure) => (measure === "net_pesos" ? "pesos" : measure === "service_level" ? "ratio" : "count");

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
    const known = ctx.titles.get(t.target);
    return [
      [h("a", { href: targetPath(t.target) }, ctx.say(known, t.target)), " ", h("small", null, t.period)],
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
