// View of one target, at `/targets/NAME`: its figure, how it is counted, and its closed periods.

import { h } from "./dom.js";
import { button, card, facts, figure, targetPath } from "./parts.js";
import { hero } from "./targets.js";
import { closedCard, curveSource, headline, historySource } from "./view-now.js";

const find = (answer, name) => (answer.targets ?? []).find((target) => target.name === name);

export const target = {
  sources: ({ now: answer, params: [name] }) => {
    const entry = find(answer, name);
    return entry ? [entry.current && curveSource(entry), historySource(entry, 100)].filter(Boolean) : [];
  },
  title: ({ ctx, old, data, params: [name] }) => headline(ctx, find(data.now, name), old),
  lead: (answer, [name]) => find(answer, name),
  render: (view) => {
    const { ctx, params: [name], data } = view;
    const entry = find(data.now, name);
    if (!entry) return [h("h1", { class: "vh" }, name), h("p", { class: "card w12 none" }, ctx.w(data.now.targets ? "no-such-target" : "no-figures", { name }))];
    return [
      h("h1", { class: "vh" }, ctx.say(entry.title, name)),
      hero(view, entry),
      card("w5", ctx.w("how-counted"), null, counted(view, entry)),
      closedCard(view, data.history, "w7", 100),
      h("p", { class: "act w12" }, button(`/api/v1${targetPath(name, "/history.csv")}`, "CSV", { download: true }), button(`/api/v1${targetPath(name, "/history.xlsx")}`, "XLSX", { download: true }),
        button(`/api/v1${targetPath(name)}`, "JSON")),
    ];
  },
};

/** Rule of a target with its figures put in, so that anybody can work them out again. */
function counted(view, entry) {
  const { ctx, old } = view;
  const { w, n } = ctx;
  const c = entry.current;
  const value = (v) => n.amount(entry.unit, v);
  const filters = Object.values(entry.filter ?? {}).flat();
  const rows = [
    entry.description && [w("description"), entry.description],
    [w("measure"), ctx.named("measure", entry.measure)],
    filters.length > 0 && [w("only"), filters.join(", ")],
    [w("calendar"), `${entry.calendar?.name ?? entry.calendar} \u00b7 ${w(entry.calendar?.open ? "open" : "closed")}`],
    c && [w("goal"), figure(ctx, entry.unit, c.goal)],
    c && entry.unit !== "ratio" && c.plan_share != null && [w("plan-by-now-fact"), w("formula-plan", { goal: value(c.goal), share: n.percent(c.plan_share, 2), plan: value(c.plan) })],
    c?.pace_ratio != null && !old && [w("pace"), w("formula-pace", { actual: value(c.actual), plan: value(c.plan), pace: n.percent(c.pace_ratio) })],
    c?.pace_tolerance != null && [w("tolerance"), w(entry.unit === "ratio" || entry.unit === "pesos" ? "formula-tolerance-plain" : "formula-tolerance", { phi: n.plain(c.dispersion ?? 4, 1), plan: value(c.plan), tolerance: entry.unit === "ratio" ? n.signed("ratio", c.pace_tolerance).slice(1) : value(c.pace_tolerance) })],
    c?.projection != null && !old && [w("projection"), w("formula-projection", { actual: value(c.actual), share: n.percent(c.plan_share, 2), projection: value(c.projection) })],
    c?.projection_low != null && !old && [w("eight-of-ten"), w("range", { from: value(c.projection_low), to: value(c.projection_high) })],
    c?.dispersion != null && [w("dispersion"), w("dispersion-text", { n: n.plain(c.dispersion, 1) })],
  ].filter(Boolean);
  return facts(rows);
}
