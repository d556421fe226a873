import assert from "node:assert/strict";
import { test } from "node:test";
import { banner, judge, pauseAfter, repeat, stuckParts, trustLine } from "../../../src/page/assets/parts.js";
import { makeContext } from "../../../src/page/assets/words.js";
import { NOW, now } from "../mock/answers.mjs";
import { applied } from "../mock/moods.mjs";
import { labels } from "../mock/labels.mjs";

const es = makeContext("es", labels("es"), "America/Mexico_City");
const link = { answer: now(), receivedMs: 1000, contactMs: 1000, failures: 0, busy: false };
const at = (clockMs, more = {}) => judge({ ...link, ...more, clockMs });

test("a fresh answer is exact and has no banner", () => {
  assert.equal(at(1500).kind, "exact");
  assert.equal(banner(es, at(1500)), null);
  assert.equal(trustLine(es, at(1500)), "Cifras exactas al jue 19 nov, 13:42:05");
});

test("a silent server is told within five seconds", () => {
  assert.equal(at(3000, { failures: 1 }).kind, "exact");
  assert.equal(at(3500, { failures: 2 }).kind, "away");
  const trust = at(6001);
  assert.deepEqual([trust.kind, trust.old], ["away", true]);
  assert.match(banner(es, trust).title, /13:42:07/);
});

test("figures older than a minute are old though the server answers", () => {
  const trust = at(61_000, { contactMs: 61_000 });
  assert.deepEqual([trust.kind, trust.old], ["old", true]);
  assert.equal(banner(es, trust).title, "Última hora exacta: 13:42:05; estas cifras no son de ahora.");
});

test("each state of the program has its banner", () => {
  const told = (mood) => { const trust = judge({ ...link, answer: applied(mood, "now", now()), clockMs: 1000 }); return [trust.kind, trust.old, banner(es, trust).lines[0].text.slice(0, 20)]; };
  assert.deepEqual(told("starting"), ["unready", true, "Se vuelve a leer el "]);
  assert.deepEqual(told("stalled"), ["unready", true, "La partición pacemet"]);
  assert.deepEqual(told("stale"), ["old", true, "Kafka no contesta de"]);
  assert.deepEqual(told("outage"), ["warned", false, "Ningún broker contes"]);
});

test("a banner says what to do where there is something", () => {
  const todo = (mood) => banner(es, judge({ ...link, answer: applied(mood, "now", now()), clockMs: 1000 })).lines[0].todo;
  assert.match(todo("stalled"), /qué partición se detuvo/);
  assert.match(todo("outage"), /Revise los brokers/);
  assert.match(todo("starting"), /mientras avance/);
  const answer = applied("starting", "now", now());
  const rebuilding = { ...answer, trust: { ...answer.trust, reasons: answer.trust.reasons.map((reason) => ({ ...reason, kind: "rebuilding" })) } };
  const told = banner(es, judge({ ...link, answer: rebuilding, clockMs: 1000 }));
  assert.match(told.lines[0].todo, /mientras avance/);
  assert.match(told.lines[0].link, /docs\/operations\.md/);
});

test("a part that fails twice in a row is told", () => {
  assert.deepEqual(stuckParts([{ key: "curve", times: 1 }, { key: "events", times: 2 }]).map(({ key }) => key), ["events"]);
});

test("before the first answer nothing is claimed", () => {
  const first = judge({ answer: null, receivedMs: 0, contactMs: 0, failures: 2, busy: true, clockMs: 9_000 });
  assert.deepEqual([first.kind, first.old, first.untilMs], ["busy", true, null]);
  assert.ok(NOW > 0);
});

test("pauses after failures are 1, 2, 4, 8 and 15 seconds", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 99].map(pauseAfter), [1000, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});

test("a hidden page asks nothing and asks at once when it is back", async () => {
  const waits = [];
  const timers = { setTimeout: (_, ms) => waits.push(ms), clearTimeout: () => {} };
  let hidden = true;
  let asked = 0;
  const rhythm = repeat(async () => { asked++; return false; }, () => hidden, timers);
  await rhythm.wake();
  assert.deepEqual([asked, waits.length], [0, 0]);
  hidden = false;
  await rhythm.wake();
  await rhythm.wake();
  assert.equal(asked, 2);
  assert.deepEqual(waits, [1000, 2000]);
});

test("the age of figures is judged by the answer's own clock", () => {
  const judged = (maxAge) => {
    const answer = now();
    answer.trust.max_age_ms = maxAge;
    return judge({ ...link, answer, contactMs: 61_000, clockMs: 61_000 }).kind;
  };
  assert.deepEqual([judged(60_000), judged(600_000), judged(null)], ["old", "exact", "exact"]);
});

test("figures that stand still are told within moments", () => {
  const answer = { now_ms: 100_000, trust: { ready: true, complete_until_ms: 99_000, reasons: [] } };
  const at = (clockMs) => judge({ answer, receivedMs: 0, contactMs: clockMs, failures: 0, busy: false, clockMs });
  assert.equal(at(2_000).kind, "exact");
  assert.equal(at(3_000).kind, "late");
  assert.equal(at(3_000).old, false, "distances stay while the figures are of the last minute");
});
