import assert from "node:assert/strict";
import { test } from "node:test";
import { centavos, difference, makeContext, moneyText } from "../../../src/page/assets/words.js";
import { labels } from "../mock/labels.mjs";

const es = makeContext("es", labels("es"), "America/Mexico_City");
const en = makeContext("en", labels("en"), "America/Mexico_City");

test("money stays exact beyond what a float holds", () => {
  assert.equal(centavos("90071992547409930.07"), 9007199254740993007n);
  assert.equal(es.n.exact("90071992547409930.07"), "$90,071,992,547,409,930.07");
  assert.equal(moneyText(centavos("-0.05")), "-0.05");
  assert.equal(difference("90071992547409930.07", "90071992547409930.06"), "0.01");
});

test("money is read in millions with one decimal", () => {
  assert.equal(es.n.money("1371150000.00"), "1,371.2 mdp");
  assert.equal(en.n.money("1371150000.00"), "$1,371.2 M");
  assert.equal(es.n.money("25000.00"), "25,000 pesos");
  assert.equal(es.n.money("999949.99"), "999,950 pesos");
  assert.equal(es.n.money("999999.99"), "1.0 mdp");
  assert.equal(en.n.money("-4650000.00"), "\u2212$4.7 M");
  assert.equal(es.n.money("0.00"), "0 pesos");
});

test("what is no amount is shown as unknown", () => {
  for (const value of [null, undefined, "", "1e9", "1.234", "NaN", NaN, "12,000"]) assert.equal(es.n.money(value), "\u2013", String(value));
  assert.equal(es.n.whole(undefined), "\u2013");
  assert.equal(es.n.percent(null), "\u2013");
});

test("distances have their sign, and none at zero", () => {
  assert.equal(es.n.signed("people", -8029.1), "\u22128,029");
  assert.equal(es.n.signed("people", 288.4), "+288");
  assert.equal(es.n.signed("people", -0.3), "0");
  assert.equal(es.n.signed("ratio", -0.0369), "\u22123.7 pt");
  assert.equal(es.n.signed("pesos", "-75000.00"), "\u221275,000 pesos");
});

test("chances keep a distance from certainty", () => {
  const chances = [0, 1e-16, 0.0099, 0.1375, 0.97, 0.999, 1].map((p) => es.n.chance(p).replaceAll("\u00a0", " "));
  assert.deepEqual(chances, ["0 %", "< 1 %", "< 1 %", "14 %", "97 %", "> 99 %", "100 %"]);
});

test("axes use few characters", () => {
  assert.deepEqual([0, 950, 25_000, 62_500, 1_400_000].map((v) => es.n.short("people", v)), ["0", "950", "25 mil", "62.5 mil", "1.4 M"]);
  assert.equal(en.n.short("people", 25_000), "25k");
  assert.equal(es.n.short("pesos", "2500000000.00"), "2,500 mdp");
});
