// View of now, at `/`, and of one target, at `/targets/NAME`.

import { leadTarget } from "./curve.js";
import { h } from "./dom.js";
import { hero } from "./hero.js";
import { button, card, facts, figure, targetPath } from "./parts.js";
import { callsCard, closedCard, eventsCard, healthCard, milestonesCard, programmesCard, strip } from "./sections.js";
import { statesCard } from "./states.js";
import { targetsCard } from "./targets.js";

const MINUTE = 60_000;

/** Step of a curve: hours, or days where hours would be thinner than a line. */
const step = (target) => (["day", "week"].includes(target.current?.period.period) ? "hour" : "day");
const curveSource = (target) => ({ key: "curve", path: `/api/v1${targetPath(target.name, `/curve?step=${step(target)}`)}`, every: 10_000, live: true });
const historySource = (target, limit) => ({ key: "history", path: `/api/v1${targetPath(target.name, `/history?limit=${limit}`)}`, every: MINUTE });

export const now = {
  sources: ({ now: answer }) => {
    const lead = leadTarget(answer.targets ?? []);
    return [lead?.current && curveSource(lead), { key: "events", path: "/api/v1/events?limit=9", every: 5_000 }, lead && historySource(lead, 5)].filter(Boolean);
  },
  title: ({ ctx, old, data }) => headline(ctx, leadTarget(data.now.targets ?? []), old),
  lead: (answer) => leadTarget(answer.targets ?? []),
  render: (view) => {
    const answer = view.data.now;
    const targets = answer.targets ?? [];
    const lead = leadTarget(targets);
    const { ctx } = view;
    return [
      h("h1", { class: "vh" }, ctx.w("now-heading", { programme: ctx.say(answer.programme, "Pacemeter") })),
      lead && hero({ ...view, linked: true }, lead),
      strip(view, { ...answer, targets }),
      targetsCard(view, targets),
      statesCard(view, answer.states ?? []),
      eventsCard(view, view.data.events, answer.now_ms),
      lead && closedCard(view, view.data.history),
      callsCard(view, answer),
      healthCard(view, answer),
      programmesCard(view, answer),
      milestonesCard(view, answer),
    ];
  },
};

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

function headline(ctx, entry, old) {
  const c = entry?.current;
  if (!c) return null;
  return `${ctx.n.amount(entry.unit, c.actual)} ${ctx.w("of", { goal: ctx.n.amount(entry.unit, c.goal) })} \u00b7 ${ctx.named("status", old ? "unknown" : c.status)}`;
}
