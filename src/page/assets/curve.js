// Figures and scales of the curve, apart from how they are drawn: the running hour from the newest answer, hours and days
// against the plan, the curve as of a cut, and where instants and figures stand.

import { centavos, difference, moneyText } from "./words.js";

const number = (value) => (value == null ? null : Number(value));

/** Sum of two figures of one unit; exact for money in text. */
function sum(a, b) {
  if (a == null || b == null) return a ?? b;
  return typeof a === "string" && typeof b === "string" ? moneyText(centavos(a) + centavos(b)) : Number(a) + Number(b);
}

/** Adds the figures of `entry`, which are newer, to a curve of the same period: both then show one instant. */
export function liveCurve(curve, entry, nowMs) {
  const current = entry?.current;
  if (!current || !curve.period || current.period.id !== curve.period.id || nowMs < curve.now_ms) return curve;
  const isRatio = curve.unit === "ratio";
  const isBoundary = (point) => point.at_ms !== curve.now_ms || curve.days.some((day) => day.start_ms === point.at_ms);
  const past = curve.points.filter((point) => point.at_ms < nowMs && isBoundary(point) && (point.actual != null || isRatio));
  const future = curve.points.filter((point) => point.at_ms > nowMs);
  const last = past.findLast((point) => point.actual != null);
  const before = curve.points.findLast((point) => point.actual != null);
  const gained = isRatio ? null : difference(current.actual, before?.actual ?? (typeof current.actual === "string" ? "0.00" : 0));
  const count = isRatio ? null : difference(current.actual, last?.actual ?? null);
  const point = {
    at_ms: nowMs, plan: current.plan, tolerance: current.pace_tolerance, actual: current.actual, count, open: entry.calendar?.open,
  };
  const days = curve.days.map((day) => {
    if (gained === null || nowMs <= day.start_ms || nowMs > day.end_ms) return day;
    return { ...day, count: sum(day.count, gained) };
  });
  return { ...curve, now_ms: nowMs, points: [...past, point, ...future], days };
}

/** Value of the last point at or before an instant; null before the first. */
export function valueAt(curve, atMs, field) {
  const point = curve.points.findLast((p) => p.at_ms <= atMs && p[field] != null);
  return point ? point[field] : null;
}

/** Value between the points around an instant, as a plan goes. */
export function planAt(curve, atMs) {
  const after = curve.points.findIndex((point) => point.at_ms >= atMs);
  if (after < 0) return number(curve.points.at(-1)?.plan);
  const [a, b] = [curve.points[Math.max(0, after - 1)], curve.points[after]];
  if (b.at_ms === atMs || a === b) return number(b.plan);
  return a.plan + ((b.plan - a.plan) * (atMs - a.at_ms)) / (b.at_ms - a.at_ms);
}

/** Spans between neighbouring points that have passed, each with what was reached in it and what was planned. */
export function spans(curve) {
  const list = [];
  for (let i = 1; i < curve.points.length; i++) {
    const [a, b] = [curve.points[i - 1], curve.points[i]];
    if (b.at_ms > curve.now_ms) break;
    const planned = curve.unit === "ratio" ? b.plan : b.plan - a.plan;
    const count = b.count ?? null;
    list.push({ start_ms: a.at_ms, end_ms: b.at_ms, count, planned, gap: count == null ? null : Number(count) - planned, actual: b.actual, plan: b.plan });
  }
  return list;
}

/** Days of the curve: what was reached, and what was planned until the end of the day or now. */
export function days(curve) {
  return curve.days.map((day) => {
    const began = curve.now_ms > day.start_ms;
    const until = Math.min(day.end_ms, began ? curve.now_ms : day.end_ms);
    const planned = curve.unit === "ratio" ? number(day.plan) : planAt(curve, until) - planAt(curve, day.start_ms);
    const count = began ? day.count : null;
    return { ...day, began, planned, count, gap: count == null || planned == null ? null : Number(count) - planned };
  });
}

/** Greatest figure that the picture must hold. */
export function greatest(curve) {
  if (curve.unit === "ratio") return 1;
  const highs = curve.points.flatMap((p) => [number(p.actual), p.plan]);
  const most = Math.max(0, number(curve.goal) ?? 0, ...highs, ...curve.projection.map((p) => p.high));
  return most > 0 ? most : 1;
}

/** End of the last open time of the period, or the end of the period. */
export function lastOpen(curve) {
  const end = curve.period.end_ms;
  return curve.closed.reduceRight((at, span) => (span.end_ms >= at && span.start_ms < at ? span.start_ms : at), end);
}

/** Target that opens the page: the first that counts people, else the first with a current period. */
export function leadTarget(targets) {
  const running = targets.filter((target) => target.current);
  return running.find((target) => target.measure === "beneficiaries") ?? running[0] ?? targets[0] ?? null;
}

const CLOSED_WIDTH = 0.1;
const CLOSED_SHARE = 0.35;

/** Open and closed spans of a period in order; closed ones are cut to the period, and overlaps are joined. */
export function segments(start, end, closed) {
  const list = [];
  let at = start;
  for (const span of [...closed].sort((a, b) => a.start_ms - b.start_ms)) {
    const from = Math.max(at, Math.min(span.start_ms, end));
    const to = Math.min(span.end_ms, end);
    if (to <= from) continue;
    if (from > at) list.push({ start: at, end: from, open: true });
    list.push({ start: from, end: to, open: false, name: span.name ?? null });
    at = to;
  }
  if (at < end) list.push({ start: at, end, open: true });
  return list;
}

/** Scale from instants to horizontal places between `left` and `right`. Instants count, so days of 23 and 25 hours fit. */
export function timeAxis(start, end, closed, left, right) {
  const parts = segments(start, end, closed);
  const total = (open) => parts.filter((part) => part.open === open).reduce((sum, part) => sum + part.end - part.start, 0);
  const [open, shut] = [total(true), total(false)];
  const narrow = open === 0 ? 1 : Math.min(CLOSED_WIDTH, (CLOSED_SHARE / (1 - CLOSED_SHARE)) * (open / Math.max(1, shut)));
  const scale = (right - left) / Math.max(1, open + shut * narrow);
  let place = left;
  const spans = parts.map((part) => {
    const width = (part.end - part.start) * scale * (part.open ? 1 : narrow);
    const span = { ...part, x0: place, x1: place + width };
    place += width;
    return span;
  });
  const x = (ms) => {
    const time = Math.max(start, Math.min(end, ms));
    const span = spans.find((s) => time <= s.end) ?? spans.at(-1);
    return span ? span.x0 + ((time - span.start) / (span.end - span.start)) * (span.x1 - span.x0) : left;
  };
  return { x, spans, left, right, start, end };
}

/** Round steps from zero to at least `top`, at most six. */
export function niceTicks(top) {
  if (!(top > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(top / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => top / size <= 4.5);
  const ticks = [];
  for (let i = 0; i * step <= top * (1 + 1e-9); i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Keeps labels that have `room` around them, the most important first. Each has `x` and `rank`. */
export function thin(labels, room) {
  const kept = [];
  for (const label of [...labels].sort((a, b) => b.rank - a.rank)) {
    if (kept.every((other) => Math.abs(other.x - label.x) >= room)) kept.push(label);
  }
  return kept.sort((a, b) => a.x - b.x);
}

/**
 * Heights at which labels `{ x, y, anchor, width, height }` are clear of each other between `low` and `high`, the most
 * important first: each as near to its own as it can be; null if it has no room. One that is `fixed` does not move.
 */
export function settle(labels, low, high) {
  const placed = [];
  return labels.map(({ x, y: wanted, anchor, width, height, fixed }) => {
    const left = x - width * ({ end: 1, middle: 0.5 }[anchor] ?? 0);
    const own = Math.max(low + height, Math.min(high, wanted));
    const isClear = (y) => y - height >= low && y <= high
      && placed.every((other) => left >= other.right || left + width <= other.left || y - height >= other.y || y <= other.y - other.height);
    const beside = fixed ? [] : placed.flatMap((other) => [other.y + height, other.y - other.height]);
    const [y = null] = [own, ...beside].filter(isClear).sort((a, b) => Math.abs(a - own) - Math.abs(b - own));
    if (y !== null) placed.push({ left, right: left + width, y, height });
    return y;
  });
}

const round = (value) => Math.round(value * 10) / 10;

/** Path through points `[x, y]`; a null among them breaks the line. */
export function line(points) {
  let pen = "M";
  return points.map((point) => {
    if (!point) { pen = "M"; return ""; }
    const step = `${pen}${round(point[0])} ${round(point[1])}`;
    pen = "L";
    return step;
  }).join("");
}

/** Closed path along the upper points and back along the lower ones. */
export const area = (upper, lower) => (upper.length ? `${line([...upper, ...[...lower].reverse()])}Z` : "");
