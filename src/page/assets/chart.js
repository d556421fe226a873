// Picture of the curve: its frame, its lines, and words that keep clear of each other and of the edges.

import { area, days, greatest, line, niceTicks, planAt, settle, spans, thin, timeAxis, valueAt } from "./curve.js";
import { h } from "./dom.js";

/** Measures of a picture of that width: everything in CSS pixels. */
function frame(curve, width) {
  const small = width < 520;
  const top = 52;
  const left = small ? 6 : 52;
  const right = width - (small ? 8 : 96);
  const height = small ? 312 : 392;
  const deviation = small ? 48 : 60;
  const bottom = height - 26 - deviation - 16;
  const most = greatest(curve);
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
  const [actual, plan] = [valueAt(curve, curve.now_ms, "actual"), planAt(curve, curve.now_ms)];
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
    dayHeads(ctx, curve, f),
    goalLine(curve, f),
    lines(curve, f),
    projection(shown, f),
    hours(ctx, curve, f),
    cutMarks(ctx, curve, f),
    nowLine(curve, f),
    settled([...nowWords(ctx, curve, f), ...endWords(ctx, shown, f), ...closedWords(ctx, curve, f), ...worstWords(ctx, curve, f), ...gridWords(ctx, curve, f)], f),
    hourTicks(ctx, curve, f));
}

function grid(ctx, curve, f) {
  return f.ticks.map((value) => [
    h("line", { x1: f.left, x2: f.right, y1: f.y(value), y2: f.y(value), class: "grid" }),
    !f.small && text(f.left - 8, f.y(value) + 4, "end", "t2", ctx.n.short(curve.unit, value)),
  ]);
}

/** On a phone the scale stands in the picture, where nothing else does. */
const gridWords = (ctx, curve, f) => f.ticks.filter((value) => f.small && value > 0)
  .map((value) => ({ ...words(f.left + 2, f.y(value) - 4, "start", ["t2 halo"], [ctx.n.short(curve.unit, value)]), fixed: true }));

const finite = (value) => value != null && Number.isFinite(Number(value));

/** Plan with its range of chance, and the actual with its area. */
function lines(curve, f) {
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
function goalLine(curve, f) {
  return finite(curve.goal) && h("line", { x1: f.left, x2: f.right, y1: f.y(curve.goal), y2: f.y(curve.goal), class: "goal" });
}

/** Fan of eight in ten and its middle, from now to the end. */
function projection(curve, f) {
  const p = curve.projection;
  const edge = (field) => p.filter((point) => finite(point[field])).map((point) => [f.axis.x(point.at_ms), f.y(point[field])]);
  return h("g", null,
    h("path", { d: area(edge("high"), edge("low")), class: "fan" }),
    h("path", { d: line(edge("middle")), class: "projection" }));
}

/** Bars below the curve: each hour or day against its plan. Their scale is the greatest distance. */
function hours(ctx, curve, f) {
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
function cutMarks(ctx, curve, f) {
  return h("g", null, curve.cuts.filter((cut) => finite(cut.actual)).map((cut) =>
    h("circle", { cx: f.axis.x(cut.at_ms), cy: f.y(cut.actual), r: f.axis.spans.length > 30 ? 2.5 : 4, class: "cut" },
      h("title", null, `${ctx.d.dated(cut.at_ms)}: ${ctx.n.amount(curve.unit, cut.actual)}`))));
}

/** Upright of the instant of the figures, within the period. */
function nowLine(curve, f) {
  if (curve.now_ms < curve.period.start_ms || curve.now_ms >= curve.period.end_ms) return null;
  const x = f.axis.x(curve.now_ms);
  const last = curve.points.findLast((p) => p.at_ms <= curve.now_ms && finite(p.actual));
  return [
    h("line", { x1: x, x2: x, y1: f.top, y2: f.foot, class: "now" }),
    last && h("circle", { cx: x, cy: f.y(last.actual), r: 5, class: "head" }),
  ];
}

/** Rough width of a text of 12 px, for what fits where. */
const wide = (text) => String(text).length * 6.9;
const text = (x, y, anchor, cls, ...words) => h("text", { x, y, "text-anchor": anchor, class: cls }, words);
/** Words in the picture, which may move up or down: lines above each other, the last at `y`. */
const words = (x, y, anchor, cls, lines, size = 1) => ({ x, y, anchor, cls, lines, width: Math.max(...lines.map(wide)) * size, height: 15 * lines.length });

/** Words that are clear of each other, the most important first; those without room are left out. */
function settled(all, f) {
  const list = all.filter(Boolean);
  const places = settle(list, f.top - 8, f.bottom - 4);
  return list.map(({ x, anchor, cls, lines, marks }, i) => [
    marks?.(places[i]),
    places[i] !== null && lines.map((line, n) => text(x, places[i] - 15 * (lines.length - 1 - n), anchor, cls[n], line)),
  ]);
}

/** Days above the curve: name, what was reached, distance to the plan; as much of it as has room. */
function dayHeads(ctx, curve, f) {
  const heads = days(curve).map((day) => {
    const [x0, x1] = [f.axis.x(day.start_ms), f.axis.x(day.end_ms)];
    const spans = f.axis.spans.filter((s) => s.open && s.start < day.end_ms && s.end > day.start_ms);
    const x = spans.length ? (Math.max(x0, spans[0].x0) + Math.min(x1, spans.at(-1).x1)) / 2 : (x0 + x1) / 2;
    return { day, x, room: x1 - x0 };
  });
  const shown = thin(heads.map((head, i) => ({ ...head, rank: (head.room > 44 ? 1000 : 0) - i })), 46);
  return shown.filter((head) => head.room > 44 || curve.days.length > 7).map(({ day, x, room }) => {
    const name = [...ctx.say(day.name)].slice(0, 12).join("");
    const amount = (value) => (curve.unit === "pesos" ? ctx.n.short("pesos", value) : ctx.n.amount(curve.unit, value));
    const reached = day.count == null ? null : amount(day.count);
    const gap = day.gap == null ? null : ctx.n.signed(curve.unit, curve.unit === "pesos" ? Math.round(day.gap / 1e5) * 1e5 : day.gap);
    const gapShort = gap && wide(gap) > room + 12 ? sign(day.gap) + ctx.n.short(curve.unit, Math.abs(Math.round(day.gap))) : gap;
    const fits = room > 44 && wide(reached ?? "") < room + 14;
    const planned = day.planned ? `${ctx.w("plan-low")} ${ctx.n.short(curve.unit, Math.round(day.planned))}` : "";
    return [
      text(x, 14, "middle", "t", fits || room > 44 ? name : String(name).replace(/^\D+/, "")),
      fits && (reached ? text(x, 30, "middle", "", reached) : day.began ? null : text(x, 30, "middle", "t2", wide(planned) < room + 10 ? planned : "")),
      fits && gapShort && text(x, 45, "middle", day.gap < 0 ? "negt" : "post", gapShort),
    ];
  });
}

const sign = (value) => (value < 0 ? "\u2212" : "+");

/** Names of closed time that is wide enough, upright: the holiday, or the days that are wholly in it. */
function closedWords(ctx, curve, f) {
  return f.axis.spans.filter((s) => !s.open && s.x1 - s.x0 > 13 && (!f.small || s.x0 > f.left + 40)).map((s) => {
    const whole = curve.days.filter((day) => day.start_ms >= s.start && day.end_ms <= s.end).map((day) => ctx.say(day.name));
    const name = [ctx.say(s.name), whole.length > 2 ? `${whole[0]}\u2013${whole.at(-1)}` : whole.join(", ")].filter(Boolean).join(", ");
    const x = (s.x0 + s.x1) / 2;
    return name && {
      x, y: f.bottom - 6, anchor: "middle", width: 13, height: wide(name), fixed: true, lines: [],
      marks: (y) => y !== null && h("text", { transform: `translate(${x + 4} ${y}) rotate(-90)`, class: "t2 halo" }, name),
    };
  });
}

/** Goal and end of the projection: beside the picture, or on a phone in it, at the right edge or away from now. */
function endWords(ctx, curve, f) {
  const end = curve.projection.at(-1)?.middle;
  const amount = (value) => (curve.unit === "pesos" ? ctx.n.money(value) : ctx.n.amount(curve.unit, value));
  const goal = curve.goal == null ? f.top : f.y(curve.goal);
  if (f.small) {
    const [x, anchor] = f.axis.x(curve.now_ms) > f.right - 120 ? [f.left + 62, "start"] : [f.right - 2, "end"];
    return [
      curve.goal != null && words(x, goal - 5, anchor, ["t halo"], [`${ctx.w("goal")} ${amount(curve.goal)}`]),
      end != null && words(f.right - 2, Math.max(f.y(end) + 18, goal + 16), "end", ["act t halo"], [amount(end)]),
    ];
  }
  return [["goal", curve.goal, ["t", ""]], ["projection", end, ["act t", "act"]]].map(([key, value, cls]) => value != null
    && words(f.right + 8, f.y(value) + 18, "start", cls, [ctx.w(key), wide(amount(value)) > 92 ? ctx.n.short(curve.unit, value) : amount(value)]));
}

/** Actual and plan beside the upright of now: the greater above and to its left, the other below and to its right, if there is room. */
function nowWords(ctx, curve, f) {
  const [actual, plan] = [valueAt(curve, curve.now_ms, "actual"), planAt(curve, curve.now_ms)];
  if (actual == null || plan == null || curve.now_ms >= curve.period.end_ms) return [];
  const x = f.axis.x(curve.now_ms);
  const amount = (value) => (f.small && wide(ctx.n.amount(curve.unit, value)) > 90 ? ctx.n.short(curve.unit, Math.round(value)) : ctx.n.amount(curve.unit, value));
  const places = [f.y(actual), f.y(plan)];
  const beside = (isAbove, cls, line, size) => {
    const room = wide(line) * size + 14;
    const isLeft = isAbove ? x - f.left > room : f.right - x < room;
    return words(isLeft ? x - 9 : x + 10, isAbove ? Math.min(...places) - 9 : Math.max(...places) + 20, isLeft ? "end" : "start", [cls], [line], size);
  };
  const isBehind = Number(actual) < plan;
  return [beside(!isBehind, "act big halo", amount(actual), 1.2), beside(isBehind, "t halo", `${ctx.w("plan")} ${amount(plan)}`, 1)];
}

/** Marked hours of the greatest loss with their sum: below the curve at the end of a stem, else above the plan; always left of now. */
function worstWords(ctx, curve, f) {
  const worst = curve.worst;
  if (!worst || !(Number(worst.shortfall) > 0)) return [];
  const [x0, x1] = [f.axis.x(worst.start_ms), f.axis.x(worst.end_ms)];
  const hour = (ms) => ctx.d.time(ms).replace(/^0/, "").replace(":00", "");
  const lines = [ctx.w("from-to-hours", { from: hour(worst.start_ms), to: hour(worst.end_ms) }), ctx.n.signed(curve.unit, -Number(worst.shortfall))];
  const half = Math.max(...lines.map(wide)) / 2;
  const middle = (x0 + x1) / 2;
  const y = f.y(valueAt(curve, worst.end_ms, "actual") ?? 0) + 7;
  const below = y + (f.small ? 42 : 50);
  const isBelow = below <= f.bottom - 4;
  const most = Math.min(f.right, f.axis.x(curve.now_ms) - 8) - half;
  const hasRoom = most >= f.left + half;
  const label = words(Math.max(f.left + half, Math.min(most, middle)), isBelow ? below : Math.min(y, f.y(planAt(curve, worst.end_ms))) - 16, "middle", ["halo", "negt halo"], hasRoom ? lines : [""]);
  const marks = (low) => [
    h("path", { d: `M${x0} ${f.foot + 2}V${f.foot + 5}H${x1}V${f.foot + 2}`, class: "mark" }),
    hasRoom && isBelow && low !== null && low - 28 > y + 8 && h("path", { d: `M${x0} ${y}v4H${x1}v-4M${middle} ${y + 4}V${low - 28}`, class: "mark" }),
  ];
  return [{ ...label, marks }];
}

/** Hours at which working time begins and ends, days of a long period, and the time of now. */
function hourTicks(ctx, curve, f) {
  const inside = curve.now_ms >= curve.period.start_ms && curve.now_ms < curve.period.end_ms;
  const labels = inside ? [{ x: f.axis.x(curve.now_ms), rank: 9, text: ctx.d.time(curve.now_ms), cls: "t" }] : [];
  const many = curve.days.length > 8;
  if (many) curve.days.forEach((day, i) => labels.push({ x: f.axis.x(day.start_ms), rank: i % 7 ? 2 : 4, text: ctx.d.parts(day.start_ms).day }));
  else {
    const edges = f.axis.spans.filter((s) => s.open).flatMap((s) => [s.start, s.end]);
    const all = f.axis.spans.every((s) => s.open) || curve.days.length < 2;
    const hoursOf = all ? curve.points.filter((p) => /^(00|06|12|18)$/.test(ctx.d.parts(p.at_ms).hour) && p.at_ms !== curve.now_ms).map((p) => p.at_ms) : [];
    for (const ms of new Set([...edges, ...hoursOf])) {
      const [hour, minute] = ctx.d.time(ms).split(":");
      labels.push({ x: f.axis.x(ms), rank: edges.includes(ms) ? 4 : 2, text: minute === "00" ? hour : `${hour}:${minute}` });
    }
  }
  const kept = thin(labels, 21).filter((l) => l.rank === 9 || !inside || Math.abs(l.x - f.axis.x(curve.now_ms)) > 30);
  return kept.map((l) => text(l.x, f.height - 8, "middle", l.cls ?? "t2", l.text));
}
