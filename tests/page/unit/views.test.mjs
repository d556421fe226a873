import assert from "node:assert/strict";
import { test } from "node:test";
import { bulletPlaces, grouped, summary } from "../../../src/page/assets/targets.js";
import { isPage, judge } from "../../../src/page/assets/parts.js";
import { byProgramme, byState, cutCells, since } from "../../../src/page/assets/report.js";
import { change, now as nowView, shortList } from "../../../src/page/assets/view-now.js";
import { cut as cutView, period as periodView } from "../../../src/page/assets/view-report.js";
import { makeContext } from "../../../src/page/assets/words.js";
import * as answers from "../mock/answers.mjs";
import { HOSTILE, applied } from "../mock/moods.mjs";
import { labels } from "../mock/labels.mjs";

/** Text of a tree in reading order. */
const text = (node) => (Array.isArray(node) ? node.map(text).join("") : node?.tag ? text(node.children) : node == null || node === false ? "" : String(node));
const find = (node, test1) => (Array.isArray(node) ? node.flatMap((n) => find(n, test1)) : node?.tag ? [...(test1(node) ? [node] : []), ...find(node.children, test1)] : []);

function viewOf(mood = "", language = "es", more = {}) {
  const answer = applied(mood, "now", answers.now());
  const ctx = makeContext(language, labels(language), answer.zone);
  const trust = judge({ answer, receivedMs: 0, contactMs: 0, failures: 0, busy: false, clockMs: 0 });
  const curve = applied(mood, "curve", answers.curve());
  return { ctx, trust, old: trust.old, untilText: "13:31:40", params: [], errors: {}, width: 720, curve, data: { now: answer, curve, events: applied(mood, "events", answers.events()), history: answers.history("weekly_beneficiaries"), ...more } };
}

test("the first screen answers the five questions", () => {
  const shown = text(nowView.render(viewOf())).replaceAll("\u00a0", " ");
  const { actual } = answers.now().targets[0].current;
  for (const words of [actual.toLocaleString("en-US"), "de 100,000", "No se alcanzará la meta a este ritmo.", "En riesgo", "Necesita", "13 h 17 min", "< 1 %", "El hueco se abrió el miércoles por la tarde"]) assert.ok(shown.includes(words), words);
});

test("old figures come without distances and projections", () => {
  const shown = text(nowView.render(viewOf("stale")));
  assert.ok(shown.includes("Última cifra conocida: 13:31:40."));
  for (const words of ["No se alcanzará", "proyección 8", "En riesgo", "−7,"]) assert.ok(!shown.includes(words), words);
});

test("every view renders in every state and language", () => {
  for (const mood of ["", "stale", "stalled", "outage", "starting", "empty", "hostile", "large", "tiny"]) {
    for (const language of ["es", "en"]) {
      const view = viewOf(mood, language, { cut: answers.cut(), period: answers.period("week", "2026-W46") });
      for (const page of [nowView, cutView]) assert.ok(text(page.render(view)).length > 100, mood);
      assert.ok(text(periodView.render({ ...view, params: ["week", "2026-W46"] })).includes("41d07b9f2c"));
    }
  }
});

test("hostile labels stay text", () => {
  const tree = nowView.render(viewOf("hostile"));
  const shown = text(tree);
  for (const label of HOSTILE) assert.ok(shown.includes(label), label);
  for (const node of find(tree, (n) => n.tag)) assert.match(node.tag, /^[a-z][a-z0-9]*$/i);
  assert.equal(find(tree, (n) => n.tag === "img" || n.tag === "script").length, 0);
});

test("links lead to pages only", () => {
  for (const link of ["javascript:alert(1)", "//elsewhere", "docs/x", "data:text/html,x", null]) assert.equal(isPage(link), false, String(link));
  assert.equal(isPage("https://example.org/runbook#x"), true);
});

test("states that fell beyond chance come first", () => {
  const list = shortList(answers.states());
  assert.deepEqual(list.slice(0, 3).map((s) => s.state), ["MX-OAX", "MX-CHP", "MX-GRO"]);
  assert.equal(change({ week: { beneficiaries: 8 }, before: { beneficiaries: 10 } }).notable, false);
  assert.equal(change({ week: { beneficiaries: 8 }, before: null }), null);
});

test("targets keep their groups, and are summed up worst first", () => {
  const { targets } = answers.now();
  assert.deepEqual(grouped(targets).map((g) => g.targets.length), [3, 2, 3]);
  assert.equal(grouped([{ group: null }, { group: "__proto__" }]).at(-1).name, null);
  const { ctx } = viewOf();
  assert.equal(summary(ctx, targets, false), "2 en riesgo \u00b7 1 atrás \u00b7 1 atrás, puede ser azar \u00b7 4 en ritmo o mejor");
});

test("people are never added over programmes", () => {
  const cell = (programme, n) => ({ programme, state: "MX-OAX", beneficiaries: n, dispersals: n, net_pesos: `${n}.10`, today: { beneficiaries: n - 1, dispersals: n, net_pesos: `${n}.00` } });
  const cells = cutCells({ cells: [cell("a", 3), cell("b", 4)] });
  const [row] = byState(cells);
  assert.deepEqual([row.then.beneficiaries, row.then.dispersals, row.then.net_pesos], [null, 7, "7.20"]);
  assert.equal(since(row, "net_pesos"), "-0.20");
  assert.deepEqual(byProgramme(cells).map((r) => r.then.beneficiaries), [3, 4]);
});

test("a bar stays within its width", () => {
  for (const current of [{ goal: "0.00", actual: "5.00" }, { goal: 1, actual: 1e12, plan: 5, pace_tolerance: 9, projection: 9e12 }, { goal: 100, actual: null, plan: null, projection: null }]) {
    for (const [key, place] of Object.entries(bulletPlaces(current, "people"))) if (typeof place === "number") assert.ok(place >= 0 && place <= 100, key);
  }
});

test("a report asks for its cut, and for a curve only where there is one", () => {
  const now = answers.now();
  const data = { period: answers.period("week", "2026-W46") };
  const params = ["week", "2026-W46"];
  assert.deepEqual(periodView.sources({ now, data, params }).map((s) => s.key), ["period", "cut"]);
  data.cut = answers.cut("20261116T060000Z");
  assert.match(periodView.sources({ now, data, params }).at(-1).path, /curve\?step=hour&period=previous$/);
  assert.deepEqual(cutView.sources({ now: { targets: null }, data: { cut: answers.cut() }, params: ["x"] }).map((s) => s.key), ["cut", "before", "newer"]);
});

test("figures that an answer leaves out are shown as unknown, or not at all", () => {
  const view = viewOf();
  const { calls, payments, health } = view.data.now;
  const { rejected_today: rejected, ...rest } = health;
  view.data.now = { ...view.data.now, calls: { ...calls, day: undefined, hour: undefined }, health: { ...rest, rejected }, milestones: [{ initiative: "a", milestone: "b", total: 3 }],
    payments: { ...payments, week: { dispersals: 5, net_pesos: "1.00" } } };
  view.curve = { ...view.curve, projection: view.curve.projection.map((p) => ({ ...p, low: null, high: null })) };
  const shown = text(nowView.render(view));
  assert.ok(!/undefined|NaN|null|\[object/.test(shown), shown);
  assert.ok(!shown.includes("Devueltos") && shown.includes("Rechazados"));
});
