// First card: how many, shall we make it, what must happen; and the curve beside it.

import { bullet } from "./bullet.js";
import { chart } from "./chart.js";
import { lastOpen, spans } from "./curve.js";
import { workingTime } from "./dates.js";
import { h } from "./dom.js";
import { chip, figure, targetPath } from "./parts.js";
import { verdict } from "./words.js";

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
export function curveOf(ctx, curve, { width, tableOpen, onTable }, old) {
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
    h("details", { class: "same", open: tableOpen || null, ontoggle: onTable }, h("summary", null, ctx.w("same-figures")), tableOpen && curveTable(ctx, curve)),
  ];
}

function curveTable(ctx, curve) {
  const value = (v) => ctx.n.amount(curve.unit, v);
  const rows = spans(curve).filter((s) => s.planned > 0 || (s.count != null && Number(s.count) !== 0));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": ctx.w("same-figures") }, h("table", null,
    h("thead", null, h("tr", null, ["span-head", "reached", "plan", "vs-plan", "so-far", "plan-so-far"].map((key, i) => h("th", { scope: "col", class: i ? null : "l" }, ctx.w(key))))),
    h("tbody", null, rows.map((s) => h("tr", null,
      h("th", { scope: "row", class: "l" }, curve.step === "day" ? ctx.d.day(s.start_ms) : `${ctx.d.day(s.start_ms)}, ${ctx.d.time(s.start_ms)}\u2013${ctx.d.time(s.end_ms)}`),
      [value(s.count), value(s.planned), ctx.n.signed(curve.unit, s.gap), value(s.actual), value(s.plan)].map((cell) => h("td", null, cell)))))));
}
