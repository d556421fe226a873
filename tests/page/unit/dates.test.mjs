import assert from "node:assert/strict";
import { test } from "node:test";
import { neighbours } from "../../../src/page/assets/report.js";
import { duration, makeContext, makeWords, verdict, workingTime } from "../../../src/page/assets/words.js";
import { NOW, week } from "../mock/answers.mjs";
import { labels } from "../mock/labels.mjs";

const plain = (text) => text.replaceAll("\u00a0", " ");
const es = makeContext("es", labels("es"), "America/Mexico_City");
const en = makeContext("en", labels("en"), "America/Mexico_City");

test("instants are told in the programme's zone", () => {
  assert.equal(es.d.seconds(NOW), "13:42:07");
  assert.equal(es.d.day(NOW), "jue 19 nov");
  assert.equal(en.d.day(NOW), "Thu 19 Nov");
  assert.equal(makeContext("en", labels("en"), "Asia/Tokyo").d.time(NOW), "04:42");
});

test("midnight is 00, not 24", () => assert.equal(es.d.time(week().start_ms), "00:00"));

test("periods have names", () => {
  assert.equal(es.d.period(week()), "semana 47, 16 al 22 nov");
  assert.equal(en.d.period(week()), "week 47, 16 to 22 Nov");
  assert.equal(en.d.period({ ...week(3), id: "2026-W44" }), "week 44, 26 Oct to 1 Nov");
});

test("instants are brief where they stay clear", () => {
  assert.equal(es.d.brief(NOW - 120_000, NOW), "13:40");
  assert.equal(es.d.brief(NOW - 864e5, NOW), "mié 13:42");
  assert.equal(es.d.brief(NOW - 30 * 864e5, NOW), "20 oct 13:42");
});

test("durations have two units, working time only hours", () => {
  assert.equal(plain(duration(627_000)), "10 min 27 s");
  assert.equal(plain(duration(76 * 3_600_000)), "3 d 4 h");
  assert.equal(plain(duration(0)), "0 s");
  assert.equal(duration(NaN), "\u2013");
  assert.equal(plain(workingTime(13.298 * 3600)), "13 h 17 min");
  assert.equal(plain(workingTime(242_272)), "67 h");
});

test("neighbouring periods cross months and years", () => {
  assert.deepEqual(neighbours("week", "2026-W53"), { previous: "2026-W52", next: "2027-W01" });
  assert.deepEqual(neighbours("week", "2021-W01"), { previous: "2020-W53", next: "2021-W02" });
  assert.deepEqual(neighbours("month", "2026-12"), { previous: "2026-11", next: "2027-01" });
  assert.deepEqual(neighbours("day", "2028-02-28"), { previous: "2028-02-27", next: "2028-02-29" });
  assert.equal(neighbours("week", "current"), null);
  assert.equal(neighbours("__proto__", "x"), null);
});

test("words of a prototype are no labels", () => {
  const w = makeWords({ of: "de {goal}" });
  assert.equal(w("__proto__"), "__proto__");
  assert.equal(w("of", { goal: "$& 1" }), "de $& 1");
  assert.equal(es.named("status", "__proto__"), "__proto__");
});

test("a verdict is the first sentence", () => {
  assert.deepEqual(verdict("No se alcanzará. Faltan 87.3 mdp."), ["No se alcanzará.", "Faltan 87.3 mdp."]);
  assert.deepEqual(verdict("Hoy no se trabaja; sigue mañana."), ["Hoy no se trabaja; sigue mañana.", ""]);
});
