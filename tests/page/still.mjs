// Nothing moves while figures change: the answers of the mock go through small and large numbers, every status and
// sentences of one to four lines, and Chromium measures the layout shift of the whole page, which must be none.

import { NOW } from "./mock/answers.mjs";
import { serve } from "./mock/server.mjs";
import { assert, open, recordShifts, run, shown, until, withChromium } from "./browser.mjs";

const STATUSES = ["at_risk", "behind", "slightly_behind", "within_chance", "closed", "starting", "on_pace", "ahead", "reached"];
const SENTENCES = [
  ["Vamos con el plan.", "On plan."],
  ["No se alcanzará la meta a este ritmo. Faltan 8,916 personas para ir al plan; la semana cerraría con cerca de 100,000.", "At this pace the goal will be missed. 8,916 people short of the plan; the week would end with about 100,000."],
  ["Aún no empieza la jornada; el plan empieza el miércoles a las 09:00.", "The working day has not begun; the plan begins on Wednesday at 09:00."],
  ["Vamos un poco atrás del plan. Falta 1 persona para ir al plan; la semana cerraría con cerca de 99,900.", "A little behind the plan. 1 person short of the plan; the week would end with about 99,900."],
  ["A este ritmo se alcanzará la meta.", "At this pace the goal will be reached."],
].map(([es, en]) => ({ es, en }));
const HEADLINES = ["La semana va con el plan", "El hueco se abrió el miércoles 18 de noviembre por la mañana", "Cada día ha quedado abajo del plan"].map((es) => ({ es, en: es }));
/** Shares of the goal that are reached, one after the other; around them digits come and go. */
const SHARES = [0.52, 0, 0.00999, 0.01, 0.0999, 0.1, 0.999, 1, 1.31];
const COUNTS = [86, 0, 7, 999, 1_000, 9_999, 10_000, 123_456, 1_234_567];
const AGES = [2_000, 59_000, 72_000, 3_599_000, 7_980_000, 90_061_000];
const STEPS = 24;

const pick = (list, i) => list[i % list.length];
const pesos = (people) => `${people * 25_000}.00`;

function target(entry, step, index) {
  const { unit, current: c } = entry;
  const goal = Number(c.goal);
  const share = pick(SHARES, step + index);
  const value = (n) => (unit === "pesos" ? n.toFixed(2) : unit === "ratio" ? n : Math.round(n));
  const actual = unit === "ratio" ? share / 1.31 : share * goal;
  const plan = unit === "ratio" ? goal : pick([0.4, 0.999, 0.001, 1], step) * goal;
  const rate = pick([0.1, 9.9, 10, 999, 1_000], step) * (unit === "pesos" ? 84_888 : 3);
  const isRatio = unit === "ratio";
  return { ...entry, current: {
    ...c, status: step ? pick(STATUSES, step * 4 + index) : index % 2 ? "on_pace" : "behind", say: pick(SENTENCES, step + index), actual: step % 11 === 7 ? null : value(actual), plan, shortfall: plan - actual,
    shortfall_pesos: unit === "people" ? (plan - actual) * 25_000 : null, projection: isRatio || step % 5 === 4 ? null : share * 1.3 * goal,
    projection_low: null, projection_high: null, required_per_open_hour: isRatio ? null : rate, achieved_per_open_hour: isRatio ? null : rate * 0.7,
    remaining_open_seconds: pick([48_000, 59, 3_600, 61 * 3_600 + 59], step), attainment_probability_ratio: isRatio ? null : pick([0.004, 0.5, 0.999, 1, null], step),
  } };
}

const CHANGES = {
  now: (answer, step) => {
    const count = (shift = 0) => pick(COUNTS, step + shift);
    const paid = (shift) => ({ dispersals: count(shift), beneficiaries: count(shift), net_pesos: pesos(count(shift)), gross_pesos: pesos(count(shift)), returned: count(shift + 1), returned_pesos: pesos(count(shift + 1)) });
    const calls = (shift) => pick(COUNTS.slice(0, 8), step + shift);
    const call = (shift) => ({ ...answer.calls.day, offered: calls(shift), answered: calls(shift + 1), abandoned: calls(shift + 2), service_level_ratio: pick([0.763, 1, 0, null], step) });
    const backlog = { supports: count(3), pesos: pesos(count(3)), oldest_approval_ms: NOW - pick(AGES, step) };
    const until_ms = NOW + step * 1_000 - 2_000;
    return {
      ...answer, revision: answer.revision + step, now_ms: NOW + step * 1_000,
      trust: { ...answer.trust, complete_until_ms: until_ms, age_ms: pick(AGES.slice(0, 3), step), streams: answer.trust.streams.map((stream) => ({ ...stream, complete_until_ms: until_ms })) },
      targets: answer.targets.map((entry, index) => target(entry, step, index)),
      payments: { day: paid(0), week: paid(1), month: paid(2), backlog, programmes: answer.payments.programmes.map((p, i) => ({ ...p, day: paid(i), week: paid(i + 1), month: paid(i + 2), backlog })) },
      states: answer.states.map((state, i) => ({ ...state, day: { beneficiaries: pick(COUNTS, step + i) }, week: { beneficiaries: pick(COUNTS, step * 3 + i) }, before: { beneficiaries: pick([700, 12_345], i) } })),
      calls: { ...answer.calls, waiting: pick([37, 0, 1, 1_234], step), oldest_waiting_ms: step % 4 === 1 ? null : NOW - pick(AGES.slice(0, 5), step), day: call(0), hour: { ...call(0), answered: pick([790, 0, 9_999], step), offered: pick([812, 1, 9_999], step) },
        queues: answer.calls.queues.map((queue, i) => ({ ...queue, waiting: count(i), day: call(i) })), agents: answer.calls.agents.map((agent, i) => ({ ...agent, count: pick([311, 0, 9, 1_402], step + i) })) },
      milestones: answer.milestones.map((milestone, i) => ({ ...milestone, day: count(i), week: count(i + 1), total: count(i + 2) })),
      health: { ...answer.health, records_per_second: pick([0, 9.9, 1_184, 54_321], step), lag_records: count(4), stalled_partitions: pick([0, 12], step), checkpoint_age_ms: pick(AGES, step), dead_letters_failed: count(2),
        rejected_today: [{ stream: "call", reason: "invalid_time", count: count(5) }] },
    };
  },
  curve: (curve, step) => ({ ...curve, headline: pick(HEADLINES, step), worst: step % 2 ? null : curve.worst, projection: step % 3 ? curve.projection : [], cuts: step % 4 ? curve.cuts : [] }),
  events: (answer, step) => ({ ...answer, events: Array.from({ length: Math.min(9, step) }, (_, i) => ({ ...pick(answer.events, step + i), at_ms: NOW - i * 9_000 - step })) }),
  history: (answer, step) => ({ ...answer, periods: answer.periods.map((period, i) => ({ ...period, difference: pick([-33, 0, null, 1_234, -123_456], step + i) })) }),
};

/** Lets minutes pass at once, so that everything is asked for anew; only answers make the page write. */
function hurry() {
  const now = performance.now.bind(performance);
  window.skippedMs = 0;
  performance.now = () => now() + window.skippedMs;
  window.setInterval = () => 0;
}

/** A phone's list keeps its rows, and its button says how many of the others got worse. */
async function checkList(page) {
  const [shown, worse, words] = await page.evaluate(() => {
    const rows = [...document.querySelectorAll("tr[data-target]")];
    const isFine = (row) => ["on_pace", "ahead", "reached"].includes(row.querySelector("[data-status]").dataset.status);
    const isShown = (row) => getComputedStyle(row).display !== "none";
    return [rows.filter(isShown).length, rows.filter((row) => !isShown(row) && !isFine(row)).length, document.querySelector(".more button").textContent];
  });
  assert(shown === 4, "rows of a phone", shown);
  assert(worse === 0 ? !words.includes(":") : words.includes(`: ${worse}`), "the button says what got worse", worse, words);
}

async function check(browser, width, lang) {
  let step = 0;
  const server = await serve(0, (kind, answer) => CHANGES[kind]?.(answer, step) ?? answer);
  try {
    // The whole page is in view, since only what is in view counts.
    const page = await open(browser, null, { viewport: { width, height: 6_000 } });
    await page.addInitScript(hurry);
    await page.goto(`http://127.0.0.1:${server.address().port}/?lang=${lang}`);
    await shown(page);
    await page.evaluate(recordShifts);
    const first = await page.evaluate(() => Number(document.querySelector("main").dataset.revision));
    for (step = 1; step < STEPS; step += 1) {
      await page.evaluate(() => {
        window.skippedMs += 61_000;
        document.dispatchEvent(new Event("visibilitychange"));
      });
      await until(`step ${step} at ${width} px`, () => page.evaluate((revision) => Number(document.querySelector("main").dataset.revision) === revision, first + step));
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      const shifts = await page.evaluate(() => window.shifts.splice(0));
      assert(shifts.length === 0, `something moved at step ${step}, ${width} px, ${lang}`, shifts);
      if (width === 390) await checkList(page);
    }
    await page.context().close();
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

run(() => withChromium(async (browser) => {
  for (const width of [1440, 900, 390]) for (const lang of ["es", "en"]) await check(browser, width, lang);
}));
