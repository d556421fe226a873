// Lines and areas of the curve.

import { area, line } from "./axis.js";
import { spans } from "./curve.js";
import { h } from "./dom.js";

const finite = (value) => value != null && Number.isFinite(Number(value));

/** Plan with its range of chance, and the actual with its area. */
export function lines(curve, f) {
  const at = (field) => (p) => (finite(p[field]) ? [f.axis.x(p.at_ms), f.y(p[field])] : null);
  const ranged = curve.points.filter((p) => finite(p.tolerance));
  const edge = (side) => ranged.map((p) => [f.axis.x(p.at_ms), f.y(p.plan + side * p.tolerance)]);
  const past = curve.points.filter((p) => p.at_ms <= curve.now_ms);
  const reached = past.map(at("actual")).filter(Boolean);
  const floor = reached.map(([x]) => [x, f.y(0)]);
  return [
    h("path", { d: area(edge(1), edge(-1)), class: "band" }),
    h("path", { d: line(curve.points.map(at("plan"))), class: "plan" }),
    curve.unit !== "ratio" && h("path", { d: area(reached, floor), class: "under" }),
    h("path", { d: line(curve.unit === "ratio" ? past.map(at("actual")) : reached), class: "actual" }),
  ];
}

/** Level of the goal across the period. */
export function goalLine(curve, f) {
  return finite(curve.goal) && h("line", { x1: f.left, x2: f.right, y1: f.y(curve.goal), y2: f.y(curve.goal), class: "goal" });
}

/** Fan of eight in ten and its middle, from now to the end. */
export function projection(curve, f) {
  const p = curve.projection;
  const edge = (field) => p.filter((point) => finite(point[field])).map((point) => [f.axis.x(point.at_ms), f.y(point[field])]);
  return h("g", null,
    h("path", { d: area(edge("high"), edge("low")), class: "fan" }),
    h("path", { d: line(edge("middle")), class: "projection" }));
}

/** Bars below the curve: each hour or day against its plan. Their scale is the greatest distance. */
export function hours(ctx, curve, f) {
  const bars = spans(curve).filter((s) => s.gap != null && (s.planned > 0 || s.count > 0));
  const most = Math.max(...bars.map((s) => Math.abs(s.gap)), Number.MIN_VALUE);
  const below = Math.max(...bars.map((s) => -s.gap), 0);
  const above = Math.max(...bars.map((s) => s.gap), 0);
  const room = Math.min(above ? (f.zero - f.bottom - 8) / above : Infinity, below ? (f.foot - f.zero - 2) / below : Infinity);
  const scale = Math.min(room, (f.deviation * 0.64) / most);
  return [
    h("line", { x1: f.left, x2: f.right, y1: f.zero, y2: f.zero, class: "zero" }),
    bars.map((s) => {
      const [x0, x1] = [f.axis.x(s.start_ms), f.axis.x(s.end_ms)];
      const gap = x1 - x0 > 5 ? 1 : 0.2;
      const size = Math.max(0.8, Math.abs(s.gap) * scale);
      return h("rect", { class: s.gap < 0 ? "neg" : "pos", x: x0 + gap, width: Math.max(0.8, x1 - x0 - 2 * gap), y: s.gap < 0 ? f.zero : f.zero - size, height: size });
    }),
    !f.small && ["against-plan", curve.step === "day" ? "day-by-day" : "hour-by-hour"].map((key, i) =>
      h("text", { x: f.right + 8, y: f.zero + 4 + 14 * i, class: "t2" }, ctx.w(key))),
  ];
}

/** Rings at the cuts of the period. */
export function cutMarks(ctx, curve, f) {
  return h("g", null, curve.cuts.filter((cut) => finite(cut.actual)).map((cut) =>
    h("circle", { cx: f.axis.x(cut.at_ms), cy: f.y(cut.actual), r: f.axis.spans.length > 30 ? 2.5 : 4, class: "cut" },
      h("title", null, `${ctx.d.dated(cut.at_ms)}: ${ctx.n.amount(curve.unit, cut.actual)}`))));
}

/** Upright of the instant of the figures, within the period. */
export function nowLine(curve, f) {
  if (curve.now_ms < curve.period.start_ms || curve.now_ms >= curve.period.end_ms) return null;
  const x = f.axis.x(curve.now_ms);
  const last = curve.points.findLast((p) => p.at_ms <= curve.now_ms && finite(p.actual));
  return [
    h("line", { x1: x, x2: x, y1: f.top, y2: f.foot, class: "now" }),
    last && h("circle", { cx: x, cy: f.y(last.actual), r: 5, class: "head" }),
  ];
}
