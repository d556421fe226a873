// Targets: the first card, which says how many, shall we make it, what must happen, with the curve beside it; bars; and the
// table by group, on a phone a list, those that need attention first. A bar is drawn after Stephen Few: bar = actual,
// upright = plan by now, ring = projection, end = goal, shade = chance.

import { chart } from "./chart.js";
import { lastOpen } from "./curve.js";
import { h } from "./dom.js";
import { chip, figure, gap, isFine, targetPath } from "./parts.js";
import { verdict, workingTime } from "./words.js";

/** Card of a target. `view` gives the context, whether figures are old, the curve and its width. */
export function hero(view, target) {
  const { ctx, old, curve } = view;
  return h("section", { class: "card hero", "data-target": target.name },
    h("div", { class: "lead" }, lead(view, target)),
    h("div", { class: "fig", id: "curve-room" }, curve ? curveOf(ctx, curve, view, old) : h("p", { class: "none" }, ctx.w(view.curveMissing ? "no-curve" : "loading"))));
}

function lead(view, target) {
  const { ctx, old } = view;
  const c = target.current;
  const name = ctx.say(target.title, target.name);
  if (!c) {
    return [h("p", { class: "kick" }, h("strong", null, name), chip(ctx, "unknown")), h("p", { class: "big" }, h("b", null, ctx.n.amount())), h("p", { class: "say" }, ctx.w("no-period"))];
  }
  const share = target.unit !== "ratio" && c.actual != null && Number(c.goal) > 0 ? ctx.n.percent(Number(c.actual) / Number(c.goal)) : null;
  const status = old ? "unknown" : c.status;
  const [strong, rest] = old && view.untilText ? [ctx.w("last-known", { until: view.untilText }), ctx.w("back-with-data")] : verdict(ctx.say(c.say));
  const text = ctx.n.amount(target.unit, c.actual);
  return [
    h("p", { class: "kick" }, h("span", null, h("strong", null, view.linked ? h("a", { href: targetPath(target.name) }, name) : name), ` \u00b7 ${ctx.d.period(c.period)}`), chip(ctx, status)),
    h("p", { class: "big" }, h("b", { class: text.length > 11 ? "long" : text.length > 7 ? "mid" : null }, figure(ctx, target.unit, c.actual)), " ",
      h("span", null, ctx.w("of", { goal: "" }), figure(ctx, target.unit, c.goal), share && ` \u00b7 ${share}`)),
    h("p", { class: "say", line: true }, h("b", null, strong), rest && ` ${rest}`),
    Number(c.goal) > 0 && bullet(ctx, target, { old, large: true }),
    fourFacts(view, target),
  ];
}

function fourFacts({ ctx, old, curve }, target) {
  const c = target.current;
  const { w, n } = ctx;
  const none = n.amount();
  const openUntil = curve && curve.period.id === c.period.id ? ctx.d.brief(lastOpen(curve), curve.now_ms) : null;
  const gap = old || c.shortfall == null ? none : n.signed(target.unit, -c.shortfall);
  const worth = target.unit !== "pesos" && c.shortfall_pesos != null ? n.signed("pesos", -c.shortfall_pesos) : "";
  const rate = (value) => w("an-hour", { n: n.rate(target.unit, value) });
  const need = c.required_per_open_hour;
  const had = c.achieved_per_open_hour;
  return h("dl", { class: "facts" }, [
    [w("against-plan-fact"), gap, old ? "" : worth],
    [w("needs"), old || need == null ? none : rate(need), old || had == null ? "" : w("had", { n: rate(had) })],
    [w("left"), workingTime(c.remaining_open_seconds), openUntil ? w("working-until", { until: openUntil }) : w("working")],
    [w("probability"), old ? none : n.chance(c.attainment_probability_ratio), old || c.attainment_probability_ratio == null ? "" : w("of-reaching")],
  ].map(([name, value, remark]) => h("div", null, h("dt", null, name), h("dd", null, value, h("small", null, remark || "\u00a0")))));
}

/** Heading, legend, picture and table of a curve. */
export function curveOf(ctx, curve, { width, tableOpen, curveTable, onTable }, old) {
  const hasBand = curve.points.some((p) => p.tolerance != null);
  // What the picture lacks for now keeps its room.
  const mark = (cls, text, isShown = true) => h("span", { class: isShown ? null : "off" }, h("i", { class: cls }), text);
  return [
    h("h2", null, ctx.say(curve.headline, ctx.w("curve-plain"))),
    h("p", { class: "sub" }, ctx.w(curve.unit === "ratio" ? "curve-sub-ratio" : "curve-sub", { title: ctx.say(curve.title, curve.name), day: ctx.d.day(curve.period.start_ms) }),
      curve.closed.length > 0 && ctx.w("curve-narrow")),
    h("p", { class: "leg" }, mark("actual", ctx.w("legend-actual")), mark("plan", ctx.w(hasBand ? "legend-plan" : "legend-plan-only")),
      !old && mark("projection", ctx.w("legend-projection"), curve.projection.length > 0), mark("cut", ctx.w("legend-cut"), curve.cuts.length > 0)),
    chart(ctx, curve, width, { old }),
    h("details", { class: "same", open: tableOpen || null, ontoggle: onTable }, h("summary", null, ctx.w("same-figures")), tableOpen && curveTable?.(ctx, curve)),
  ];
}

/** Places in per cent of the width. `most` is how much more than the goal fits. */
export function bulletPlaces(current, unit, most = 1.16) {
  const goal = Number(current.goal);
  const at = (value) => (value == null || !(goal > 0) ? null : Math.max(0, Math.min(Number(value) / goal, most)) / most * 100);
  const reached = current.status === "reached";
  const tolerance = reached ? null : current.pace_tolerance;
  const projection = reached || unit === "ratio" ? null : current.projection;
  return {
    actual: at(current.actual) ?? 0,
    plan: reached ? null : at(current.plan),
    goal: at(goal) ?? 100 / most,
    low: tolerance == null ? null : at(current.plan - tolerance),
    high: tolerance == null ? null : at(current.plan + tolerance),
    projection: at(projection),
    beyond: projection != null && projection / goal > most,
  };
}

/** Same bar in words. */
export function bulletText(ctx, target, old) {
  const c = target.current;
  const value = (v) => ctx.n.amount(target.unit, v);
  const parts = [ctx.w("bullet-actual", { actual: value(c.actual), goal: value(c.goal) })];
  if (!old && c.status !== "reached") {
    if (c.plan != null) parts.push(ctx.w("bullet-plan", { plan: value(c.plan) }));
    if (c.projection != null) parts.push(ctx.w("bullet-projection", { projection: value(c.projection) }));
  }
  return parts.join("; ");
}

const percent = (value) => `${Math.round(value * 100) / 100}%`;

/** Draws the bar; `size` is its height and `labels` writes plan, goal and projection around it. */
export function bullet(ctx, target, { old = false, large = false } = {}) {
  const c = target.current;
  const p = bulletPlaces(c, target.unit, large ? 1.04 : 1.16);
  const [height, bar, middle] = large ? [66, 12, 34] : [26, 8, 13];
  const half = bar / 2;
  const ring = old ? null : p.projection;
  return h("svg", { class: large ? "bul large" : "bul", height, role: "img", "aria-label": bulletText(ctx, target, old) },
    h("rect", { class: "ground", width: percent(p.goal), y: middle - half - 4, height: bar + 8, rx: 2 }),
    p.low != null && h("rect", { class: "band", x: percent(p.low), width: percent(p.high - p.low), y: middle - half - 4, height: bar + 8 }),
    h("rect", { class: "done", width: percent(p.actual), y: middle - half, height: bar, rx: 1.5 }),
    ring != null && ring > p.actual && h("line", { class: "way", x1: percent(p.actual), x2: percent(ring), y1: middle, y2: middle }),
    h("line", { class: "end", x1: percent(p.goal), x2: percent(p.goal), y1: middle - half - 4, y2: middle + half + 4 }),
    p.plan != null && h("line", { class: "due", x1: percent(p.plan), x2: percent(p.plan), y1: middle - half - 6, y2: middle + half + 6 }),
    ring != null && (p.beyond
      ? h("svg", { x: "100%", y: middle - 5, width: 8, height: 10, class: "beyond" }, h("path", { d: "M-8 1l5 4-5 4" }))
      : h("circle", { class: "ring", cx: percent(ring), cy: middle, r: large ? 6 : 4.5 })),
    large && labels(ctx, target, p, ring));
}

/** Anchor of a label that shall not leave the bar. */
const anchor = (place) => (place < 18 ? "start" : place > 80 ? "end" : "middle");

function labels(ctx, target, p, ring) {
  const c = target.current;
  const label = (place, y, cls, word, value) => h("text", { x: percent(Math.min(place, 100)), y, class: cls, "text-anchor": anchor(place) },
    `${word} `, h("tspan", null, ctx.n.amount(target.unit, value)));
  return [
    p.plan != null && label(p.plan, 13, "t2i", ctx.w("plan-by-now"), c.plan),
    (p.plan == null || p.plan < 62) && h("text", { x: percent(p.goal), y: 13, class: "t2 goal-word", "text-anchor": "end" }, ctx.w("goal-low")),
    ring != null && label(ring, 62, "act", ctx.w("projection-low"), c.projection),
  ];
}

const ORDER = ["at_risk", "behind", "slightly_behind", "within_chance", "unknown", "closed", "starting", "on_pace", "ahead", "reached"];

/** Groups in the order of their first target; targets without one come last. */
export function grouped(targets) {
  const groups = new Map();
  for (const target of targets) groups.set(target.group ?? null, [...(groups.get(target.group ?? null) ?? []), target]);
  const list = [...groups].map(([name, members]) => ({ name, targets: members }));
  return [...list.filter((group) => group.name !== null), ...list.filter((group) => group.name === null)];
}

/** Counts of statuses in words, worst first: "2 en riesgo, 1 atrás, 6 en ritmo o mejor". */
export function summary(ctx, targets, old) {
  const counts = new Map();
  for (const target of targets) {
    const status = old || !target.current ? "unknown" : target.current.status;
    const key = isFine(status) ? "fine" : status;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const rank = (key) => (key === "fine" ? 99 : (ORDER.indexOf(key) + 99) % 99);
  const word = (key, n) => (key === "fine" ? ctx.w("count-fine") : n > 1 && ctx.has(`count-${key}`) ? ctx.w(`count-${key}`) : ctx.named("status", key).toLowerCase());
  return [...counts].sort((a, b) => rank(a[0]) - rank(b[0])).map(([key, n]) => `${n} ${word(key, n)}`).join(" \u00b7 ");
}

/** Card of all targets. */
export function targetsCard(view, targets) {
  const { ctx, old } = view;
  if (!targets.length) return h("section", { class: "card w12" }, h("div", { class: "hd" }, h("h2", null, ctx.w("targets"))), h("p", { class: "none" }, ctx.w("no-targets")));
  // A phone leaves out what was fine when the page opened; its button says how many of these no longer are.
  const hidden = targets.filter(({ name }) => !view.listed?.has(name));
  const isWhole = view.allTargets || hidden.length === targets.length;
  const worse = hidden.filter(({ current }) => current && !isFine(current.status)).length;
  const label = old ? "show-rest" : worse ? "show-worse" : hidden.length === 1 ? "show-fine-one" : "show-fine";
  const groups = grouped(targets);
  return h("section", { class: "card w12" },
    h("div", { class: "hd" }, h("h2", null, ctx.w("targets")), h("p", { class: "sub sum" }, summary(ctx, targets, old))),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": ctx.w("targets") }, h("table", { class: isWhole ? "tg all" : "tg" },
      h("thead", null, h("tr", null, ["target", "bar-head", "so-far", "vs-plan", "needs-had", "chance", "status"].map((key, i) =>
        h("th", { scope: "col", class: i < 2 || i === 6 ? "l" : null }, key === "bar-head" ? barHead(ctx) : ctx.w(key))))),
      groups.map((group) => h("tbody", null,
        groups.length > 1 || group.name ? h("tr", { class: "grp" }, h("th", { colspan: 7, scope: "colgroup" }, group.name ?? ctx.w("other-targets"))) : null,
        group.targets.map((target) => row(view, target)))))),
    hidden.length > 0 && !isWhole && h("p", { class: "more" },
      h("button", { class: worse && !old ? "btn s-behind" : "btn", type: "button", onclick: view.onAllTargets }, ctx.w(label, { n: hidden.length, worse }))));
}

const barHead = (ctx) => [ctx.w("legend-actual"), " \u00b7 ", ctx.w("plan-low"), h("i", { class: "m-plan" }), " \u00b7 ", ctx.w("projection-low"), h("i", { class: "m-ring" })];

function row({ ctx, old, listed }, target) {
  const c = target.current;
  const name = h("th", { scope: "row", class: "l" }, h("a", { href: targetPath(target.name) }, ctx.say(target.title, target.name)), " ",
    c && h("small", null, ctx.named("kind", c.period.period)));
  if (!c) return h("tr", { "data-target": target.name }, name, h("td"), h("td", null, ctx.n.amount()), h("td"), h("td"), h("td"), h("td", { class: "l" }, chip(ctx, "unknown")));
  const status = old ? "unknown" : c.status;
  const reached = c.status === "reached";
  const silent = old || reached || status === "unknown";
  const rates = silent || target.unit === "ratio" || c.required_per_open_hour == null ? null
    : [c.required_per_open_hour, c.achieved_per_open_hour].map((value) => (target.unit === "pesos" ? ctx.n.short : ctx.n.rate)(target.unit, value));
  return h("tr", { class: `${target.unit}${listed?.has(target.name) ? "" : " ok"}`, "data-target": target.name },
    name,
    h("td", null, bullet(ctx, target, { old: old || status === "unknown" })),
    h("td", { line: true }, h("b", null, figure(ctx, target.unit, c.actual)), " ", h("small", null, ctx.w("of", { goal: ctx.n.amount(target.unit, c.goal) }))),
    h("td", { line: true }, silent || c.shortfall == null ? h("span", { class: "hide-m" }, ctx.n.amount()) : [gap(ctx, target.unit, -c.shortfall), h("small", { class: "show-m" }, ` ${ctx.w("vs-plan")}`)]),
    h("td", { line: true, class: target.unit === "ratio" ? "na" : null }, rates ? [rates[0], h("small", null, ` / ${rates[1]}`), h("small", { class: "show-m" }, ` ${ctx.w("needs-had")}`)] : h("span", { class: "hide-m" }, ctx.n.amount())),
    h("td", null, silent || target.unit === "ratio" ? "" : ctx.n.chance(c.attainment_probability_ratio)),
    h("td", { class: "l" }, chip(ctx, status)));
}
