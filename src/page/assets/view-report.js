// Views of a cut, at `/cuts/ID`, and of a period, at `/periods/KIND/ID`. Printed, each is the report of its day or week:
// the programme on the first page, states, closes and the huella on the second.

import { h } from "./dom.js";
import { button, card, chip, figure, targetPath } from "./parts.js";
import { byProgramme, byState, changed, curveUpTo, cutCells, figuresTable, identity, neighbours, outcome, periodCells, targetsReport, titleOf, unitOf } from "./report.js";
import { curveOf } from "./targets.js";
import { cutPath, periodPath, seal } from "./view-cuts.js";
import { difference } from "./words.js";

const MINUTE = 60_000;
const encoded = encodeURIComponent;

/** Target that leads a report: the first that counts people, else the first. */
const leadOf = (targets) => targets.find((t) => t.measure === "beneficiaries") ?? targets[0] ?? null;

/** Curve of a target in the period that contains an instant, if it is the current one or the one before. */
function curveSource(now, lead) {
  const entry = (now.targets ?? []).find((t) => t.name === lead?.target);
  if (!entry) return null;
  const which = entry.current?.period.id === lead?.period ? "current" : entry.previous?.period.id === lead?.period ? "previous" : null;
  const kind = which && entry[which].period.period;
  return which && { key: "curve", path: `/api/v1${targetPath(entry.name, `/curve?step=${kind === "month" || kind === "campaign" ? "day" : "hour"}&period=${which}`)}`, every: which === "current" ? MINUTE : Infinity };
}

export const cut = {
  sources: ({ now, data, params: [id] }) => [
    { key: "cut", path: `/api/v1/cuts/${encoded(id)}`, every: MINUTE / 2 },
    { key: "before", path: data.cut && `/api/v1/cuts?limit=1&before_ms=${data.cut.at_ms}`, every: Infinity },
    { key: "newer", path: data.cut && "/api/v1/cuts?limit=1000", every: Infinity },
    data.cut && curveSource(now, leadOf(data.cut.targets)),
  ].filter((source) => source?.path),
  title: ({ ctx, data }) => data.cut && ctx.w("cut-title", { at: ctx.d.dated(data.cut.at_ms) }),
  render: (view) => {
    const { ctx, data } = view;
    const { w } = ctx;
    const c = data.cut;
    if (!c) return missing(view, "cut", "no-such-cut");
    const lead = leadOf(c.targets);
    const week = c.periods.find((p) => p.period === "week") ?? c.periods.at(-1);
    const newer = (data.newer?.cuts ?? []).findLast((other) => other.at_ms > c.at_ms);
    const older = data.before?.cuts[0];
    return [
      heading(view, w("cut-title", { at: ctx.d.dated(c.at_ms) }), [seal(ctx, c), c.nearest_to_ms != null && h("span", null, w("nearest", { at: ctx.d.dated(c.nearest_to_ms) }))],
        [older && cutPath(older.id), newer && cutPath(newer.id)], `/api/v1/cuts/${encoded(c.id)}`),
      lead && reportHero(view, lead, c.at_ms),
      card("w12", w("periods-of-cut"), w("periods-of-cut-remark"), figuresTable(ctx, w("periods-of-cut"), w("period"), c.periods.map((p) => ({
        name: h("a", { href: periodPath(p.period, p.id) }, ctx.d.period(p)), then: p.total, today: p.total?.today })))),
      targetsReport(view, w("targets"), c.targets),
      week && stateAndProgramme(view, cutCells(week), ctx.d.period(week)),
      corrections(view, c.corrections ?? []),
      identity(ctx, [[w("cut"), c.id], [w("huella"), c.huella], [w("taken"), c.taken_ms == null ? null : ctx.d.dated(c.taken_ms)], [w("hash"), c.hash], [w("partitions"), String((c.offsets ?? []).length)]]),
    ];
  },
};

export const period = {
  sources: ({ now, data, params: [kind, id] }) => [
    { key: "period", path: `/api/v1/periods/${encoded(kind)}/${encoded(id)}`, every: MINUTE / 2 },
    data.period?.cut && { key: "cut", path: `/api/v1/cuts/${encoded(data.period.cut)}`, every: MINUTE },
    data.period && curveSource(now, leadOfPeriod(now, data)),
  ].filter(Boolean),
  title: ({ ctx, data }) => data.period && capital(ctx.d.period(data.period.period)),
  render: (view) => {
    const { ctx, data, params: [kind] } = view;
    const { w } = ctx;
    const p = data.period;
    if (!p) return missing(view, "period", "no-such-period");
    const { id, end_ms: end } = p.period;
    const near = neighbours(kind, id);
    const closing = (data.cut?.targets ?? []).filter((t) => t.closes && t.end_ms === end);
    const lead = leadOfPeriod(data.now, data);
    const total = { name: ctx.d.period(p.period), then: p.closed, today: p.today };
    return [
      heading(view, capital(ctx.d.period(p.period)), [p.closed ? chip(ctx, "on_pace", w("closed-final")) : chip(ctx, "within_chance", w(end > data.now.now_ms ? "running" : "without-cut")),
        p.cut && h("a", { href: cutPath(p.cut) }, w("its-cut"))],
      [near && periodPath(kind, near.previous), near && end <= data.now.now_ms && periodPath(kind, near.next)], `/api/v1/periods/${encoded(kind)}/${encoded(id)}`, kind),
      lead && reportHero(view, lead, end),
      card("w12", w("whole-programme"), w("whole-programme-remark"), figuresTable(ctx, w("whole-programme"), w("period"), [total])),
      targetsReport(view, w("closed-targets"), closing),
      stateAndProgramme(view, periodCells(p), ctx.d.period(p.period)),
      identity(ctx, [[w("period"), `${kind} ${id}`], [w("huella"), p.huella], [w("cut"), p.cut], [w("complete-until"), p.complete_until_ms == null ? null : ctx.d.dated(p.complete_until_ms)]]),
    ];
  },
};

function leadOfPeriod(now, data) {
  const { id, end_ms: end } = data.period.period;
  const closing = (data.cut?.targets ?? []).filter((t) => t.closes && t.end_ms === end);
  if (closing.length) return leadOf(closing);
  const running = (now.targets ?? []).filter((t) => t.current?.period.id === id)
    .map((t) => ({ ...t.current, target: t.name, measure: t.measure, period: id, closes: false }));
  return leadOf(running);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function missing({ ctx, errors }, key, none) {
  const { w } = ctx;
  return [h("h1", { class: "vh" }, w("nav-cuts")), h("p", { class: "card w12 none" }, key in errors ? w(errors[key] === 404 || errors[key] === 400 ? none : "no-answer", { status: errors[key] || "–" }) : w("loading"))];
}

function heading({ ctx, data }, title, remarks, [older, newer], files, kind) {
  const { w } = ctx;
  return h("div", { class: "head w12" },
    h("p", { class: "programme" }, ctx.say(data.now.programme, "Pacemeter")),
    h("h1", { class: "page" }, title), h("p", { class: "marks" }, remarks),
    h("p", { class: "act" },
      older ? button(older, `\u2190 ${w("previous")}`, { rel: "prev" }) : null, newer ? button(newer, `${w("next")} \u2192`, { rel: "next" }) : null,
      kind && ["day", "week", "month"].map((k) => k !== kind && button(periodPath(k, "current"), w(`kind-${k}`))),
      h("span", { class: "push" }), button(`${files}.csv`, "CSV", { download: true }), button(`${files}.xlsx`, "XLSX", { download: true }),
      h("button", { class: "btn", type: "button", onclick: () => print() }, w("print"))));
}

/** First card of a report: the figure as it was reported, what is known today, and the curve up to then. */
function reportHero(view, t, atMs) {
  const { ctx, data } = view;
  const { w, n } = ctx;
  const unit = unitOf(t.measure);
  const value = (v) => n.amount(unit, v);
  const share = unit !== "ratio" && t.actual != null && Number(t.goal) > 0 ? ` \u00b7 ${n.percent(Number(t.actual) / Number(t.goal))}` : "";
  const reached = t.actual != null && (t.closes || unit !== "ratio") && Number(t.actual) >= Number(t.goal);
  // A running period says no distance and no verdict while its figures are old.
  const silent = view.old && Object.hasOwn(t, "status");
  const today = Object.hasOwn(t, "today") ? t.today : undefined;
  const strong = reached ? w("report-reached") : t.closes && t.actual != null ? w("report-missed") : w("report-so-far");
  const rest = unit === "ratio" || t.plan == null || t.closes ? w("report-of", { actual: value(t.actual), goal: value(t.goal) }) : w("report-plan", { plan: value(t.plan) });
  const curve = data.curve?.name === t.target && data.curve.period.id === t.period ? curveUpTo(data.curve, atMs) : null;
  const gapToPlan = silent || t.actual == null || t.plan == null || unit === "ratio" ? null : Number(t.actual) - t.plan;
  const rows = [
    [w("plan-then"), unit === "ratio" ? n.amount() : value(t.plan ?? null), gapToPlan == null ? "" : w("to-plan", { n: n.signed(unit, gapToPlan) })],
    [w("today-known"), today === undefined ? n.amount() : figure(ctx, unit, today), today == null || t.actual == null ? "" : ["\u2009", changed(ctx, unit, difference(today, t.actual))]],
  ];
  const say = silent ? "" : ctx.say(t.say);
  return h("section", { class: curve ? "card hero" : "card hero alone", "data-target": t.target },
    h("div", { class: "lead" },
      h("p", { class: "kick" }, h("span", null, h("strong", null, h("a", { href: targetPath(t.target) }, titleOf(view, t.target))), ` \u00b7 ${t.period}`), t.closes && outcome(ctx, t.actual, reached)),
      h("p", { class: "big" }, h("b", { class: value(t.actual).length > 7 ? "mid" : null }, figure(ctx, unit, t.actual)), " ", h("span", null, w("of", { goal: value(t.goal) }), share)),
      h("p", { class: "say" }, say || [h("b", null, strong), ` ${rest}`]),
      h("dl", { class: "facts two" }, rows.map(([name, v, remark]) => h("div", null, h("dt", null, name), h("dd", null, v, h("small", null, remark || "\u00a0")))))),
    curve && h("div", { class: "fig", id: "curve-room" }, curveOf(ctx, curve, view, true), h("p", { class: "sub" }, w("curve-as-known"))));
}

function stateAndProgramme({ ctx, data: { now } }, cells, name) {
  const { w } = ctx;
  const stateNames = new Map((now.states ?? []).map((one) => [one.state, one.name]));
  const programmeNames = new Map((now.payments?.programmes ?? []).map((one) => [one.programme, one.title]));
  const states = byState(cells).map((row) => ({ ...row, name: ctx.say(stateNames.get(row.state), row.state) }));
  const programmes = byProgramme(cells).map((row) => ({ ...row, name: ctx.say(programmeNames.get(row.programme), row.programme) }));
  if (!states.length) return null;
  return [
    card("w12 pb", w("by-programme"), w("by-programme-remark"), figuresTable(ctx, w("by-programme"), w("programme"), programmes)),
    card("w12", w("by-state"), name, figuresTable(ctx, w("by-state"), w("state"), states, "rep states")),
  ];
}

function corrections(view, list) {
  const { ctx, data } = view;
  const { w } = ctx;
  if (!list.length) return null;
  return card("w12", w("corrections"), w("corrections-remark"), h("ul", { class: "list" }, list.map((c) => {
    const unit = (data.now.targets ?? []).find((target) => target.name === c.target)?.unit ?? "count";
    return h("li", null, `${titleOf(view, c.target)} \u00b7 ${c.period}: ${ctx.n.amount(unit, c.before)} \u2192 ${ctx.n.amount(unit, c.after)}`);
  })));
}
