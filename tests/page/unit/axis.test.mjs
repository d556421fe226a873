import assert from "node:assert/strict";
import { test } from "node:test";
import { area, line, niceTicks, spread, thin, timeAxis } from "../../../src/page/assets/curve.js";

const HOUR = 3_600_000;
const span = (a, b) => ({ start_ms: a * HOUR, end_ms: b * HOUR });

test("closed time is a tenth as wide as open time", () => {
  const axis = timeAxis(0, 24 * HOUR, [span(0, 9), span(18, 24)], 0, 105);
  assert.ok(Math.abs(axis.x(9 * HOUR) - 9) < 1e-9);
  assert.ok(Math.abs(axis.x(18 * HOUR) - 99) < 1e-9);
  assert.equal(axis.x(24 * HOUR), 105);
});

test("an axis without closed or without open time is even", () => {
  assert.equal(timeAxis(0, 10, [], 0, 100).x(3), 30);
  assert.equal(timeAxis(0, 10, [{ start_ms: -5, end_ms: 50 }], 0, 100).x(3), 30);
});

test("days of 23 and of 25 hours are as wide as their hours", () => {
  for (const hours of [23, 25]) assert.equal(timeAxis(0, hours * HOUR, [], 0, hours).x(HOUR), 1);
});

test("closed time takes at most a third of a campaign with few open hours", () => {
  const axis = timeAxis(0, 1000 * HOUR, [span(0, 500), span(501, 1000)], 0, 100);
  assert.ok(axis.x(501 * HOUR) - axis.x(500 * HOUR) > 64);
});

test("overlapping closed spans count once, and instants never go back", () => {
  const axis = timeAxis(0, 20 * HOUR, [span(2, 8), span(4, 6), span(8, 9), span(19, 40)], 10, 90);
  let last = -1;
  for (let t = -5; t < 30; t++) { const x = axis.x(t * HOUR); assert.ok(x >= last && x >= 10 && x <= 90); last = x; }
  assert.equal(axis.x(40 * HOUR), 90);
});

test("ticks are round and reach from zero to the top", () => {
  assert.deepEqual(niceTicks(100_000), [0, 25_000, 50_000, 75_000, 100_000]);
  assert.deepEqual(niceTicks(1), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(niceTicks(0), [0, 1]);
  for (const top of [3, 7, 837, 5759, 1e12]) { const t = niceTicks(top); assert.ok(t.length <= 6 && t.length >= 3 && t.at(-1) <= top * 1.0001, String(top)); }
});

test("labels keep clear of each other", () => {
  assert.deepEqual(thin([{ x: 0, rank: 1 }, { x: 10, rank: 2 }, { x: 40, rank: 1 }], 20).map((l) => l.x), [10, 40]);
  const [a, b] = spread([50, 55], 30, 0, 100);
  assert.ok(b - a >= 30 && b <= 100);
});

test("paths break where a figure is missing", () => {
  assert.equal(line([[0, 1], [2, 3], null, [4, 5]]), "M0 1L2 3M4 5");
  assert.equal(area([[0, 0], [1, 0]], [[0, 5], [1, 5]]), "M0 0L1 0L1 5L0 5Z");
  assert.equal(area([], []), "");
});
