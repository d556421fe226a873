// Bar of a target after Stephen Few: bar = actual, upright = plan by now, ring = projection, end = goal, shade = chance.

import { h } from "./dom.js";

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
