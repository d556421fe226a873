import assert from "node:assert/strict";
import { test } from "node:test";
import { days, lastOpen, leadTarget, liveCurve, spans, valueAt } from "../../../src/page/assets/curve.js";
import { curveUpTo } from "../../../src/page/assets/report.js";
import { centavos } from "../../../src/page/assets/words.js";
import { NOW, MONDAY, curve, now } from "../mock/answers.mjs";

const HOUR = 3_600_000;
const total = (list) => list.reduce((sum, n) => sum + (n ?? 0), 0);
const entry = now().targets[0];
const later = (gained) => ({ ...entry, current: { ...entry.current, actual: entry.current.actual + gained } });

test("hours and days add up to the figure of the page", () => {
  const live = liveCurve(curve(), later(321), NOW + 9_000);
  assert.equal(total(spans(live).map((s) => s.count)), entry.current.actual + 321);
  assert.equal(total(live.days.map((d) => d.count)), entry.current.actual + 321);
  assert.equal(valueAt(live, live.now_ms, "actual"), entry.current.actual + 321);
  assert.equal(live.points.filter((p) => p.at_ms > NOW - 1000 && p.at_ms < NOW + 10_000).length, 1);
});

test("money of the running day stays exact", () => {
  const c = curve({ unit: "pesos", goal: 2_500_000_000 });
  const t = { current: { ...now().targets[1].current, actual: "1388125000.07" }, calendar: {} };
  const before = c.points.findLast((p) => p.actual !== null).actual;
  const live = liveCurve(c, t, NOW);
  assert.equal(typeof live.days[3].count, "string");
  assert.equal(centavos(live.days[3].count) - centavos(c.days[3].count), 138812500007n - centavos(before));
});

test("a newer answer of another period leaves a curve alone", () => {
  const c = curve();
  assert.equal(liveCurve(c, { current: { ...entry.current, period: { id: "2026-W48" } } }, NOW + 1), c);
  assert.equal(liveCurve(c, { current: null }, NOW + 1), c);
});

test("a curve up to a cut shows nothing after it", () => {
  const at = MONDAY + 42 * HOUR;
  const c = curveUpTo(curve(), at);
  assert.ok(c.points.every((p) => p.at_ms <= at || p.actual === null));
  assert.equal(total(c.days.map((d) => d.count)), valueAt(c, at, "actual"));
  assert.deepEqual([c.projection.length, c.worst, c.now_ms], [0, null, at]);
});

test("a day is held against its plan until now", () => {
  const today = days(curve())[3];
  assert.ok(today.planned > 0 && today.planned < curve().days[3].plan);
  assert.equal(days(curve())[4].count, null);
});

test("working time ends where the last closed span begins", () => {
  assert.equal(lastOpen(curve()), MONDAY + (4 * 24 + 18) * HOUR);
  assert.equal(lastOpen({ ...curve(), closed: [] }), MONDAY + 7 * 24 * HOUR);
});

test("the page opens with the first target that counts people", () => {
  assert.equal(leadTarget([...now().targets].reverse()).measure, "beneficiaries");
  assert.equal(leadTarget([]), null);
});
