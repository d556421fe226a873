// Words on the curve: they keep clear of each other and of the edges.

import { spread, thin } from "./axis.js";
import { days, planAt, valueAt } from "./curve.js";
import { h } from "./dom.js";

/** Rough width of a text of 12 px, for what fits where. */
const wide = (text) => String(text).length * 6.9;
const text = (x, y, anchor, cls, ...words) => h("text", { x, y, "text-anchor": anchor, class: cls }, words);

/** Days above the curve: name, what was reached, distance to the plan; as much of it as has room. */
export function dayHeads(ctx, curve, f) {
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

/** Names of closed time that is wide enough: the holiday, or the days that are wholly in it. */
export function closedNames(ctx, curve, f) {
  return f.axis.spans.filter((s) => !s.open && s.x1 - s.x0 > 13 && (!f.small || s.x0 > f.left + 40)).map((s) => {
    const whole = curve.days.filter((day) => day.start_ms >= s.start && day.end_ms <= s.end).map((day) => ctx.say(day.name));
    const name = ctx.say(s.name);
    const words = [name, whole.length > 2 ? `${whole[0]}\u2013${whole.at(-1)}` : whole.join(", ")].filter(Boolean).join(", ");
    if (!words || wide(words) > f.bottom - f.top - 12) return null;
    return h("text", { transform: `translate(${(s.x0 + s.x1) / 2 + 4} ${f.bottom - 6}) rotate(-90)`, class: "t2 halo" }, words);
  });
}

/** Names at the right edge: the goal and where the projection ends. */
export function endLabels(ctx, curve, f) {
  const end = curve.projection.at(-1);
  const list = [curve.goal != null && { y: f.y(curve.goal), name: ctx.w("goal"), value: curve.goal, cls: "t" },
    end && { y: f.y(end.middle), name: ctx.w("projection"), value: end.middle, cls: "act t" }].filter(Boolean);
  const amount = (value) => (curve.unit === "pesos" ? ctx.n.money(value) : ctx.n.amount(curve.unit, value));
  if (!f.small) {
    const places = spread(list.map((l) => l.y + 4), 32, f.top + 4, f.bottom - 10);
    return list.map((l, i) => [
      text(f.right + 8, places[i], "start", l.cls, l.name),
      text(f.right + 8, places[i] + 14, "start", l.cls.replace("t", "").trim(), wide(amount(l.value)) > 92 ? ctx.n.short(curve.unit, l.value) : amount(l.value)),
    ]);
  }
  const below = end && f.y(end.middle) + 18 > f.y(curve.goal) + 6 ? f.y(end.middle) + 18 : f.y(curve.goal) + 16;
  const x = f.axis.x(curve.now_ms) > f.right - 120 ? [f.left + 62, "start"] : [f.right - 2, "end"];
  return [
    curve.goal != null && text(x[0], f.y(curve.goal) - 5, x[1], "t halo", `${ctx.w("goal")} ${amount(curve.goal)}`),
    end && text(f.right - 2, below, "end", "act t halo", amount(end.middle)),
  ];
}

/** Plan and actual beside the upright of now, on the side that has room. */
export function nowLabels(ctx, curve, f) {
  const [actual, plan] = [valueAt(curve, curve.now_ms, "actual"), planAt(curve, curve.now_ms)];
  if (actual == null || plan == null || curve.now_ms >= curve.period.end_ms) return null;
  const x = f.axis.x(curve.now_ms);
  const fitting = (value) => (f.small && wide(ctx.n.amount(curve.unit, value)) > 90 ? ctx.n.short(curve.unit, Math.round(value)) : ctx.n.amount(curve.unit, value));
  const amount = fitting(actual);
  const planned = `${ctx.w("plan")} ${fitting(plan)}`;
  const behind = Number(actual) < plan;
  const gap = Math.abs(f.y(actual) - f.y(plan));
  const above = Math.max(f.top + 12, Math.min(f.y(actual), f.y(plan)) - 9);
  const under = Math.min(f.bottom - 5, Math.max(f.y(actual), f.y(plan)) + 20);
  const roomLeft = x - f.left > wide(planned) + 14;
  const roomRight = f.right - x > wide(amount) * 1.2 + 14;
  const left = [x - 9, "end"];
  const right = [x + 10, "start"];
  const [planSide, actualSide] = behind ? [roomLeft ? left : right, roomRight ? right : left] : [roomRight ? right : left, roomLeft ? left : right];
  const clash = planSide === actualSide && gap < 4 && above > under - 14;
  return [
    !clash && text(planSide[0], behind ? above : under, planSide[1], "t halo", planned),
    text(actualSide[0], behind ? under : above, actualSide[1], "act big halo", amount),
  ];
}

/** Marked hours of the greatest loss, with their sum. */
export function worstLabel(ctx, curve, f) {
  const worst = curve.worst;
  if (!worst || !(Number(worst.shortfall) > 0)) return null;
  const [x0, x1] = [f.axis.x(worst.start_ms), f.axis.x(worst.end_ms)];
  const hour = (ms) => ctx.d.time(ms).replace(/^0/, "").replace(":00", "");
  const words = ctx.w("from-to-hours", { from: hour(worst.start_ms), to: hour(worst.end_ms) });
  const loss = ctx.n.signed(curve.unit, -Number(worst.shortfall));
  const half = Math.max(wide(words), wide(loss)) / 2;
  const x = Math.max(f.left + half, Math.min(f.right - half, (x0 + x1) / 2));
  const reached = valueAt(curve, worst.end_ms, "actual");
  const y = f.y(reached ?? 0) + 7;
  const stem = f.small ? 14 : 22;
  const low = y + stem + 30 < f.bottom;
  return [
    h("path", { d: `M${x0} ${f.foot + 2}V${f.foot + 5}H${x1}V${f.foot + 2}`, class: "mark" }),
    low && h("path", { d: `M${x0} ${y}v4H${x1}v-4M${(x0 + x1) / 2} ${y + 4}v${stem - 4}`, class: "mark" }),
    text(x, low ? y + stem + 13 : f.bottom - 20, "middle", "halo", words),
    text(x, low ? y + stem + 28 : f.bottom - 6, "middle", "negt halo", loss),
  ];
}

/** Hours at which working time begins and ends, days of a long period, and the time of now. */
export function hourTicks(ctx, curve, f) {
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
