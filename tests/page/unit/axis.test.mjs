import assert from "node:assert/strict";
import { test } from "node:test";
import { chart } from "../../../src/page/assets/chart.js";
import { area, line, niceTicks, settle, thin, timeAxis } from "../../../src/page/assets/curve.js";
import { makeContext } from "../../../src/page/assets/words.js";
import { MONDAY, ZONE, curve } from "../mock/answers.mjs";
import { labels } from "../mock/labels.mjs";

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
});

/** Box of a label whose baseline is at `y`. */
const box = ({ x, anchor, width, height }, y) => ({ left: x - width * ({ end: 1, middle: 0.5 }[anchor] ?? 0), width, top: y - height, bottom: y });
const overlap = (a, b) => a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.bottom && b.top < a.bottom;

test("words settle as near as they can, clear of those before", () => {
  const label = (x, y, anchor = "start", more = {}) => ({ x, y, anchor, width: 60, height: 15, ...more });
  assert.deepEqual(settle([label(0, 50), label(100, 50)], 0, 100), [50, 50]);
  assert.deepEqual(settle([label(0, 50), label(10, 55)], 0, 100), [50, 65]);
  assert.deepEqual(settle([label(0, 98), label(10, 99)], 0, 100), [98, 83]);
  assert.deepEqual(settle([label(0, 5)], 0, 100), [15]);
  assert.deepEqual(settle([label(70, 50, "end"), label(40, 50, "middle"), label(40, 52, "start", { fixed: true })], 0, 100), [50, 65, null]);
  assert.deepEqual(settle([label(0, 20), label(0, 20)], 0, 29), [20, null]);
});

test("words that all want one place never overlap", () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const random = (n, most) => (Math.imul(seed * 31 + n + 1, 2654435761) >>> 8) % most;
    const labels = Array.from({ length: 7 }, (_, i) => ({ x: random(i, 90), y: random(i + 20, 60), anchor: ["start", "middle", "end"][random(i + 40, 3)], width: 20 + random(i + 60, 90), height: 15 * (1 + random(i + 80, 2)) }));
    const boxes = settle(labels, 0, 260).map((y, i) => y !== null && box(labels[i], y)).filter(Boolean);
    assert.equal(boxes.length, labels.length, "each has room");
    for (const [i, one] of boxes.entries()) for (const other of boxes.slice(i + 1)) assert.ok(!overlap(one, other), `${seed}: ${JSON.stringify([one, other])}`);
    for (const { top, bottom } of boxes) assert.ok(top >= 0 && bottom <= 260);
  }
});

test("paths break where a figure is missing", () => {
  assert.equal(line([[0, 1], [2, 3], null, [4, 5]]), "M0 1L2 3M4 5");
  assert.equal(area([[0, 0], [1, 0]], [[0, 5], [1, 5]]), "M0 0L1 0L1 5L0 5Z");
  assert.equal(area([], []), "");
});

/** Words of a picture with the boxes that they take: those in its middle, not above it or below. */
function wordsOf(tree) {
  const list = [];
  const walk = (node) => {
    if (node?.tag === "text" && !node.props.transform && node.props.y > 48) {
      const words = node.children.join("");
      const big = /\bbig\b/.test(node.props.class) ? 1.2 : 1;
      if (words) list.push({ words, ...box({ ...node.props, anchor: node.props["text-anchor"], width: words.length * 6.2 * big, height: 11 }, node.props.y) });
    }
    (node?.children ?? []).forEach(walk);
  };
  walk(tree);
  return list;
}

test("words on the curve are clear of each other at every hour", () => {
  const ctx = makeContext("es", labels("es"), ZONE);
  const whole = curve();
  let seen = 0;
  for (const width of [300, 362, 720, 1000]) for (const share of [0.3, 0.9, 1.02, 1.4]) for (let hour = 24; hour < 114; hour += 1) {
    const nowMs = MONDAY + hour * HOUR + 1_000;
    const points = whole.points.map((p) => ({ ...p, actual: p.at_ms <= nowMs ? Math.round(p.plan * share) : null, count: null }));
    const worst = { start_ms: MONDAY + 33 * HOUR, end_ms: MONDAY + 35 * HOUR, shortfall: 4_321 };
    const projection = [nowMs, MONDAY + 168 * HOUR].map((at_ms) => ({ at_ms, middle: 100_000 * share, low: 90_000 * share, high: 110_000 * share }));
    const at = { ...whole, now_ms: nowMs, points, projection, worst: hour > 35 ? worst : null };
    const list = wordsOf(chart(ctx, at, width)).filter(({ bottom }) => bottom < (width < 520 ? 222 : 290));
    assert.ok(list.some(({ words }) => words === ctx.n.whole(points.findLast((p) => p.actual !== null).actual)), `the figure at ${hour} h, ${width} px`);
    for (const [i, one] of list.entries()) for (const other of list.slice(i + 1)) assert.ok(!overlap(one, other), `${hour} h, ${width} px, ${share}: ${JSON.stringify([one, other])}`);
    seen += list.length;
  }
  assert.ok(seen > 3_000, String(seen));
});
