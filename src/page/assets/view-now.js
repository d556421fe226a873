// View of now, at `/`, and its cards: the strip, states, events, closed periods, calls, health, programmes and milestones.
// States are a map of tiles and a table, against the week before at the same share of working time.

import { leadTarget } from "./curve.js";
import { h } from "./dom.js";
import { button, card, chip, facts, figure, levelIcon, table, targetPath } from "./parts.js";
import { hero, targetsCard } from "./targets.js";
import { duration } from "./words.js";

const MINUTE = 60_000;

/** Step of a curve: hours, or days where hours would be thinner than a line. */
const step = (target) => (["day", "week"].includes(target.current?.period.period) ? "hour" : "day");
export const curveSource = (target) => ({ key: "curve", path: `/api/v1${targetPath(target.name, `/curve?step=${step(target)}`)}`, every: 10_000, live: true });
export const historySource = (target, limit) => ({ key: "history", path: `/api/v1${targetPath(target.name, `/history?limit=${limit}`)}`, every: MINUTE });

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

/** Title of a target: its figure and its status. */
export function headline(ctx, entry, old) {
  const c = entry?.current;
  if (!c) return null;
  return `${ctx.n.amount(entry.unit, c.actual)} ${ctx.w("of", { goal: ctx.n.amount(entry.unit, c.goal) })} \u00b7 ${ctx.named("status", old ? "unknown" : c.status)}`;
}

const number = (view, value) => figure(view.ctx, "count", value);
const pesos = (view, value) => figure(view.ctx, "pesos", value);
const sum = (list, field) => list.reduce((total, entry) => total + (entry[field] ?? 0), 0);
/** Ratio of two counts; null without anything to divide by. */
export const ratio = (part, whole) => (part == null || !(whole > 0) ? null : part / whole);

/** Six figures in a row. */
export function strip(view, now) {
  const { ctx } = view;
  const { w, n } = ctx;
  const items = [...paymentItems(view, now), ...callItems(view, now)];
  if (!items.length) return null;
  return h("dl", { class: "card strip" }, items.map(([name, value, remark, isLong]) =>
    h("div", null, h("dt", null, w(name)), h("dd", { line: true, class: isLong ? "mid" : null }, value ?? n.amount()), h("dd", { line: true }, remark || "\u00a0"))));
}

function paymentItems(view, { payments, now_ms: nowMs }) {
  if (!payments) return [];
  const { w, n } = view.ctx;
  const { day, week, backlog, programmes = [] } = payments;
  const people = programmes.length === 1 ? programmes[0].day?.beneficiaries : null;
  return [
    day && ["today", people == null ? number(view, day.dispersals) : number(view, people), [w(people == null ? "supports" : "people"), " \u00b7 ", pesos(view, day.net_pesos)]],
    week && ["pesos-week", pesos(view, week.net_pesos), w("net-of-returns"), n.money(week.net_pesos).length > 11],
    week?.returned != null && ["returned-week", number(view, week.returned), [pesos(view, week.returned_pesos), week.dispersals > 0 && ` \u00b7 ${n.percent(week.returned / week.dispersals, 2)}`]],
    backlog && ["to-pay", number(view, backlog.supports), [pesos(view, backlog.pesos), backlog.oldest_approval_ms != null && ` \u00b7 ${w("up-to", { age: duration(nowMs - backlog.oldest_approval_ms) })}`]],
  ].filter(Boolean);
}

function callItems({ ctx }, { calls, targets }) {
  if (!calls) return [];
  const { w, n } = ctx;
  const goal = targets.find((t) => t.measure === "service_level" && t.current)?.current.goal;
  const agents = calls.agents ?? [];
  const active = agents.filter((a) => a.status !== "signed_out");
  const count = (status) => sum(active.filter((a) => a.status === status), "count");
  return [
    calls.day && ["in-time-today", figure(ctx, "ratio", calls.day.service_level_ratio),
      [goal != null && `${w("goal-low")} ${n.percent(goal)} \u00b7 `, w(calls.waiting === 1 ? "waits" : "wait", { n: n.whole(calls.waiting) })]],
    agents.length > 0 && ["agents", figure(ctx, "count", sum(active, "count")), w("agents-remark", { busy: n.whole(count("handling")), free: n.whole(count("available")) })],
  ].filter(Boolean);
}

/** Events, newest first. */
export function eventsCard({ ctx }, answer, nowMs, cls = "w5") {
  const events = answer?.events ?? [];
  return card(`${cls} evs`, ctx.w("events"), null, events.length
    ? h("div", { class: "ev", tabindex: "0", role: "region", "aria-label": ctx.w("events") }, h("ol", { key: `${events[0].at_ms} ${events[0].event} ${events.length}` }, events.map((e) => h("li", { "data-event": e.event },
      h("time", { datetime: e.at ?? null }, ctx.d.brief(e.at_ms, nowMs)), levelIcon(e.level), h("span", null, ctx.say(e.say, e.event))))))
    : h("p", { class: "none" }, ctx.w(answer ? "no-events" : "loading")));
}

/** Closed periods of a target: was the goal reached, and what has changed since. */
export function closedCard(view, history, cls = "w4", limit = 5) {
  const { ctx } = view;
  const { w, n } = ctx;
  const periods = (history?.periods ?? []).slice(0, limit);
  const kind = periods[0]?.period.period ?? "week";
  const unit = history?.unit;
  const rows = periods.map((p) => {
    const reached = Number(p.actual) >= Number(p.goal);
    const link = ["day", "week", "month"].includes(p.period.period) && !p.period.id.includes("--") ? `/periods/${p.period.period}/${encodeURIComponent(p.period.id)}` : `/cuts/${encodeURIComponent(p.cut)}`;
    return [
      [h("a", { href: link }, p.period.id.replace(/^\d{4}-(?=W)/, "")), " ", h("small", null, ctx.d.span(p.period.start_ms, p.period.end_ms))],
      [h("b", null, figure(ctx, unit, p.actual)), " ", h("small", null, w("of", { goal: n.short(unit, p.goal) }))],
      p.difference == null ? n.amount() : n.signed(unit, p.difference),
      p.actual == null ? chip(ctx, "unknown") : chip(ctx, reached ? "reached" : "at_risk", w(reached ? "yes" : "no")),
    ];
  });
  const title = ctx.has(`closed-${kind}`) ? w(`closed-${kind}`) : w("closed-week");
  return card(cls, title, w("goal-reached?"), rows.length
    ? table("cl", title, [w("period"), w("at-cut"), w("since-then"), w("goal")], rows, [3])
    : h("p", { class: "none" }, w(history ? "no-closed" : "loading")));
}

/** Call centre: now and today, and its queues. */
export function callsCard(view, now) {
  const { ctx } = view;
  const { w, n } = ctx;
  const { calls } = now;
  if (!calls) return null;
  const day = calls.day ?? {};
  const small = (text) => h("small", null, ` \u00b7 ${text}`);
  const longest = calls.oldest_waiting_ms == null ? null : duration(now.now_ms - calls.oldest_waiting_ms);
  const queues = calls.queues ?? [];
  return card("w4", w("call-centre"), null, facts([
    [w("waiting-now"), number(view, calls.waiting), longest && small(w("longest", { age: longest }))],
    ...(calls.day ? [[w("offered-today"), number(view, day.offered)],
    [w("answered-today"), number(view, day.answered), day.service_level_ratio != null && small(w("in-time", { p: n.percent(day.service_level_ratio) }))],
    [w("abandoned-today"), number(view, day.abandoned), ratio(day.abandoned, day.offered) != null && small(n.percent(ratio(day.abandoned, day.offered)))],
    [w("last-hour"), number(view, calls.hour?.answered), calls.hour && small(w("of", { goal: n.whole(calls.hour?.offered) }))],] : []),
  ]), queues.length > 1 && h("details", { class: "same in" }, h("summary", null, w("by-queue")),
    table("mini", w("by-queue"), [w("queue"), w("wait-col"), w("answered"), w("in-time-col")],
      queues.map((q) => [ctx.say(q.name, q.queue), number(view, q.waiting), number(view, q.day?.answered), n.percent(q.day?.service_level_ratio ?? null)]))),
  calls.agents?.length > 0 && h("details", { class: "same in" }, h("summary", null, w("by-site")),
    table("mini", w("by-site"), [w("site"), w("status"), w("agents")],
      calls.agents.map((a) => [ctx.say(a.name, a.site), ctx.named("agent", a.status), number(view, a.count)]), [1])));
}

/** Rows of health that the page of now and that of health share. */
export function healthFacts(view, now) {
  const { ctx, trust } = view;
  const { w, n } = ctx;
  const health = now.health ?? {};
  const small = (text) => h("small", null, ` ${text}`);
  const rejected = health.rejected_today ?? health.rejected;
  const age = now.trust.age_ms;
  return facts([
    [w("complete-until"), trust.untilMs == null ? n.amount() : ctx.d.seconds(trust.untilMs), age != null && small(w("ago", { age: duration(age) }))],
    [w("records"), w("a-second", { n: n.rate("count", health.records_per_second ?? null) }), small(`\u00b7 ${w("unread", { n: n.whole(health.lag_records) })}`)],
    [w(health.rejected_today ? "rejected-today" : "rejected"), number(view, rejected ? sum(rejected, "count") : null)],
    [w("oldest-unsaved"), health.checkpoint_age_ms == null ? n.amount() : duration(health.checkpoint_age_ms)],
    [w("stalled-partitions"), number(view, health.stalled_partitions), small(w("of", { goal: n.whole(health.partitions) }))],
    [w("dead-letters-failed"), number(view, health.dead_letters_failed)],
  ]);
}

/** Card of trust on the page of now. */
export const healthCard = (view, now) => card("w4", view.ctx.w(view.trust.old ? "trusted-no" : "trusted-yes"), h("a", { href: "/health" }, view.ctx.w("details")), healthFacts(view, now));

/** Programmes with their people, which are never added together, and their pesos. */
export function programmesCard(view, now) {
  const { ctx } = view;
  const { w } = ctx;
  const list = now.payments?.programmes ?? [];
  if (!list.length) return null;
  const cell = (p) => [number(view, p?.beneficiaries), h("small", null, pesos(view, p?.net_pesos))];
  return card("w7", w("by-programme"), w("by-programme-remark"), table("pr", w("by-programme"), [w("programme"), w("today-col"), w("week"), w("month"), w("to-pay")],
    list.map((p) => [ctx.say(p.title, p.programme), cell(p.day), cell(p.week), cell(p.month), number(view, p.backlog?.supports)])));
}

/** Milestones of each initiative. */
export function milestonesCard(view, now) {
  const { ctx } = view;
  const { w } = ctx;
  const list = now.milestones ?? [];
  if (!list.length) return null;
  return card("w5", w("milestones"), null, table("mini", w("milestones"), [w("milestone"), w("today-col"), w("week"), w("total")],
    list.map((m) => [[ctx.say(m.name, m.milestone), " ", h("small", null, ctx.say(m.initiative_name, m.initiative))], number(view, m.day), number(view, m.week), h("b", null, number(view, m.total))])));
}

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
