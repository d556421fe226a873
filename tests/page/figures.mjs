// Every figure on the page equals the answer of its revision, for 60 updates; nothing moves; /metrics says the same.
// Arguments: origin, engine (chromium or firefox), number of updates.

import { assert, open, origin, plain, recordShifts, run, shown, until, watch, withChromium, withFirefox } from "./browser.mjs";

const engine = process.argv[3];
const updates = Number(process.argv[4]);
/** Most bytes of assets that a first visit loads. */
const FIRST_VISIT = 30_000;

/** Figures that the page shows, with the revision that it is of: read in one go, so that no update comes between. */
function read() {
  const figures = (root) => [...root.querySelectorAll("data[value]")].map((data) => [data.getAttribute("value"), data.textContent]);
  const main = document.querySelector("main");
  const rows = [...main.querySelectorAll("tr[data-target]")].map((row) => ({
    name: row.dataset.target, figures: figures(row.cells[2]), gap: figures(row.cells[3]), status: row.querySelector("[data-status]")?.dataset.status,
  }));
  const hero = main.querySelector(".hero");
  return {
    // While the page says that the figures are old it shows less, and says so.
    isOld: document.querySelector("#banner .alert:not(.calm)")?.textContent ?? null, revision: Number(main.dataset.revision), rows, all: figures(main),
    hero: hero && { name: hero.dataset.target, figures: figures(hero.querySelector(".big")), status: hero.querySelector("[data-status]")?.dataset.status, say: hero.querySelector(".say").textContent },
    states: [...main.querySelectorAll("tr[data-state]")].map((row) => ({ state: row.dataset.state, cells: [...row.cells].slice(1).map((cell) => cell.textContent) })),
  };
}

/** Amount as people read it, written independently of the page's own formats. */
function worded(unit, value) {
  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
  if (unit === "pesos") {
    const cents = BigInt(value.replace(".", ""));
    const tenths = (cents + 5_000_000n) / 10_000_000n;
    return cents >= 100_000_000n ? `${grouped(String(tenths / 10n))}.${tenths % 10n}` : null;
  }
  return unit === "ratio" ? `${(value * 100).toFixed(1)} %` : grouped(String(value));
}

/** Compares a reading with the answer of its revision; returns the number of figures compared. */
function compare(seen, answer) {
  const byName = new Map(answer.targets.map((target) => [target.name, target]));
  let compared = 0;
  const same = (where, figure, unit, value) => {
    if (value == null) return;
    assert(figure && figure[0] === String(value), `${where} at revision ${seen.revision}`, figure, value);
    const words = worded(unit, value);
    assert(words === null || plain(figure[1]).startsWith(words), `${where} is worded otherwise`, figure, words);
    compared += 1;
  };
  assert(seen.rows.length === answer.targets.length, "rows of targets", seen.rows.length, answer.targets.length);
  for (const row of seen.rows) {
    const { unit, current } = byName.get(row.name);
    if (!current) continue;
    same(`${row.name} actual`, row.figures[0], unit, current.actual);
    assert(row.status === current.status, `status of ${row.name}`, row.status, current.status);
  }
  const { unit, current } = byName.get(seen.hero.name);
  same("lead actual", seen.hero.figures[0], unit, current.actual);
  same("lead goal", seen.hero.figures[1], unit, current.goal);
  assert(plain(seen.hero.say) === plain(current.say.es), "sentence", seen.hero.say, current.say.es);
  const people = new Map(answer.states.map((state) => [state.state, state]));
  for (const { state, cells } of seen.states) {
    const week = String(people.get(state).week.beneficiaries).replace(/\B(?=(\d{3})+$)/g, ",");
    assert(cells.some((cell) => plain(cell).split(" ")[0] === week), `people of ${state}`, cells, week);
    compared += 1;
  }
  return compared;
}

/** Compares an answer with the exposition, if both are of one revision; true if they are. */
async function compareMetrics() {
  const scrape = await fetch(`${origin}/metrics`);
  const text = await scrape.text();
  const response = await fetch(`${origin}/api/v1/now`);
  const answer = await response.json();
  if (scrape.headers.get("x-pacemeter-revision") !== String(answer.revision)) return false;
  for (const { name, current } of answer.targets) {
    const line = text.split("\n").find((one) => one.startsWith("pacemeter_target_actual{") && one.includes(`target="${name}"`));
    if (current?.actual == null) continue;
    assert(line && Math.abs(Number(line.split(" ").pop()) - Number(current.actual)) < 1e-9, `${name} on /metrics`, line, current.actual);
  }
  return true;
}

/** Follows a page until it has shown so many revisions. */
async function follow(page, evaluate, answers) {
  const seen = new Set();
  let compared = 0;
  while (seen.size < updates) {
    let last = null;
    const { found } = await until(() => `revision ${seen.size + 1} of ${updates}, banner: ${last?.isOld}`, async () => {
      const reading = last = await evaluate();
      return !reading.isOld && !seen.has(reading.revision) && answers.has(reading.revision) && reading;
    });
    compared += compare(found, answers.get(found.revision));
    seen.add(found.revision);
  }
  assert(compared > updates * 5, "figures compared", compared);
  console.log(`${engine}: ${compared} figures of ${seen.size} revisions are equal`);
}

function keep(answers, page) {
  page.on("response", async (response) => {
    if (new URL(response.url()).pathname !== "/api/v1/now" || response.status() !== 200) return;
    // A page that is closed has no body to give.
    const answer = await response.json().catch(() => null);
    if (answer) answers.set(answer.revision, answer);
  });
}

run(async () => {
  const [answers, faults] = [new Map(), []];
  if (engine === "chromium") {
    await withChromium(async (browser) => {
      const page = await open(browser, null, {}, faults);
      keep(answers, page);
      await page.goto(`${origin}/?lang=es`);
      await shown(page);
      // What comes later than the figures has its room, but no part of the check is how soon it comes.
      await page.waitForSelector(".fig svg, .fig .none");
      await page.waitForFunction(() => performance.getEntriesByType("resource").filter(({ name }) => /\/(curve|events|history)\b/.test(name)).length >= 3);
      const loaded = await page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/assets/")).map(({ name, encodedBodySize }) => [name.split("/").pop(), encodedBodySize]));
      const bytes = loaded.reduce((sum, [, size]) => sum + size, 0);
      console.log(`a first visit loads ${bytes} bytes in ${loaded.length} files`);
      assert(loaded.length > 8 && bytes > 20_000 && bytes <= FIRST_VISIT, "bytes of a first visit", bytes, loaded);
      await page.evaluate(recordShifts);
      await follow(page, () => page.evaluate(read), answers);
      const shifts = await page.evaluate(() => window.shifts.filter(([at]) => window.banners.every((banner) => Math.abs(banner - at) > 1_000)));
      assert(shifts.length === 0, "something moved", shifts);
    });
    await until("a scrape and an answer of one revision", compareMetrics);
  } else {
    await withFirefox(async (browser) => {
      const page = await browser.newPage();
      watch(page, faults);
      keep(answers, page);
      await page.goto(`${origin}/?lang=es`);
      await page.waitForSelector("main[data-revision]");
      await follow(page, () => page.evaluate(read), answers);
    });
  }
  assert(faults.length === 0, "the page did what it may not", faults);
});
