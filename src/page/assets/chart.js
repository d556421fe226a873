// Picture of the curve, in three files: this one frames it, chart-lines.js draws lines, chart-labels.js places words.

import { niceTicks, timeAxis } from "./axis.js";
import * as figures from "./curve.js";
import { h } from "./dom.js";
import { cutMarks, goalLine, hours, lines, nowLine, projection } from "./chart-lines.js";
import { closedNames, dayHeads, endLabels, hourTicks, nowLabels, worstLabel } from "./chart-labels.js";

/** Measures of a picture of that width: everything in CSS pixels. */
export function frame(curve, width) {
  const small = width < 520;
  const top = 52;
  const left = small ? 6 : 52;
  const right = width - (small ? 8 : 96);
  const height = small ? 312 : 392;
  const deviation = small ? 48 : 60;
  const bottom = height - 26 - deviation - 16;
  const most = figures.top(curve);
  const ticks = niceTicks(most);
  const limit = curve.unit === "ratio" ? 1 : most * 1.06;
  const y = (value) => bottom - (Math.max(0, Math.min(limit, Number(value))) / limit) * (bottom - top);
  const axis = timeAxis(curve.period.start_ms, curve.period.end_ms, curve.closed, left, right);
  return { width, height, top, bottom, left, right, small, deviation, zero: bottom + 16 + deviation * 0.34, foot: height - 26, y, axis, ticks };
}

/** Picture of a curve. `old` leaves out the projection. */
export function chart(ctx, curve, width, { old = false, id = "curve" } = {}) {
  if (!curve.points.length) return h("p", { class: "none" }, ctx.w("no-curve"));
  const f = frame(curve, width);
  const shown = old ? { ...curve, projection: [] } : curve;
  const title = ctx.say(curve.title, curve.name);
  const [actual, plan] = [figures.valueAt(curve, curve.now_ms, "actual"), figures.planAt(curve, curve.now_ms)];
  const described = ctx.w("curve-described", {
    time: ctx.d.day(curve.now_ms) + " " + ctx.d.time(curve.now_ms),
    actual: ctx.n.amount(curve.unit, actual), plan: ctx.n.amount(curve.unit, plan), goal: ctx.n.amount(curve.unit, curve.goal),
  });
  return h("svg", { class: "curve", viewBox: `0 0 ${f.width} ${f.height}`, role: "img", "aria-labelledby": `${id}-t ${id}-d` },
    h("title", { id: `${id}-t` }, `${title}: ${ctx.say(curve.headline, ctx.w("curve-plain"))}`),
    h("desc", { id: `${id}-d` }, described),
    h("defs", null, h("pattern", { id: `${id}-x`, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      h("line", { y2: 5, class: "hatch" }))),
    f.axis.spans.filter((s) => !s.open).map((s) => h("rect", { x: s.x0, y: f.top, width: Math.max(0, s.x1 - s.x0), height: f.foot - f.top, fill: `url(#${id}-x)` })),
    grid(ctx, curve, f),
    closedNames(ctx, curve, f),
    dayHeads(ctx, curve, f),
    goalLine(curve, f),
    lines(curve, f),
    projection(shown, f),
    hours(ctx, curve, f),
    cutMarks(ctx, curve, f),
    nowLine(curve, f),
    worstLabel(ctx, curve, f),
    endLabels(ctx, shown, f),
    nowLabels(ctx, curve, f),
    hourTicks(ctx, curve, f));
}

function grid(ctx, curve, f) {
  return f.ticks.map((value) => [
    h("line", { x1: f.left, x2: f.right, y1: f.y(value), y2: f.y(value), class: "grid" }),
    f.small
      ? value > 0 && f.y(value) > f.top + 14 && h("text", { x: f.left + 2, y: f.y(value) - 4, class: "t2 halo" }, ctx.n.short(curve.unit, value))
      : h("text", { x: f.left - 8, y: f.y(value) + 4, "text-anchor": "end", class: "t2" }, ctx.n.short(curve.unit, value)),
  ]);
}
