// Smaller cards of the page of now: the strip, events, closed periods, calls, health, programmes and milestones.

import { duration } from "./dates.js";
import { h } from "./dom.js";
import { card, chip, facts, figure, levelIcon, table } from "./parts.js";

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
