// What the page says when something is wrong, against the mock: an answer that cannot be renewed, reasons and what to do;
// and axe-core finds nothing in such states, in both languages and themes, narrow and wide.

import { axeViolations } from "./axe.mjs";
import { NOW } from "./mock/answers.mjs";
import { serve } from "./mock/server.mjs";
import { assert, open, run, shown, until, withChromium } from "./browser.mjs";

const MOODS = ["stale", "starting", "outage", "stalled", "large", "tiny", "empty"];
const banners = (page) => page.evaluate(() => [...document.querySelectorAll("#banner [data-kind]")].map((one) => [one.dataset.kind, one.textContent, one.querySelector("a")?.href ?? null]));

const STEP_MS = 31_000;

/** Lets time pass at once, and the page ask for everything anew. */
function pass(ms) {
  window.skippedMs += ms;
  document.dispatchEvent(new Event("visibilitychange"));
}

function clock() {
  const now = performance.now.bind(performance);
  window.skippedMs = 0;
  performance.now = () => now() + window.skippedMs;
  window.setInterval = () => 0;
}

async function opened(browser, server, path) {
  const page = await open(browser, null, { bypassCSP: true });
  await page.addInitScript(clock);
  await page.goto(`http://127.0.0.1:${server.address().port}${path}`);
  await shown(page);
  return page;
}

/** A curve, events or a cut that cannot be renewed stay, and the page says since when; then all is well again. */
async function checkStuck(browser) {
  for (const [path, kind, words] of [["/?lang=es", "curve", "la curva (desde 13:42)"], ["/?lang=en", "events", "what happened (since 13:42)"], ["/cuts/20261119T000000Z?lang=es", "cut", "el corte (desde 13:42)"]]) {
    let [fails, steps] = [false, 0];
    const server = await serve(0, (asked, answer) => {
      if (fails && asked === kind) return { failed: true };
      const nowMs = NOW + steps * STEP_MS;
      return asked === "now" ? { ...answer, revision: answer.revision + steps, now_ms: nowMs, trust: { ...answer.trust, complete_until_ms: nowMs - 2_000 } } : answer;
    });
    const skip = (page) => {
      steps += 1;
      return page.evaluate(pass, STEP_MS);
    };
    const page = await opened(browser, server, path);
    assert((await banners(page)).length === 0, `${kind}: no banner at first`, await banners(page));
    const before = await page.evaluate(() => document.querySelector("main").textContent.length);
    fails = true;
    await until(`${kind} cannot be renewed`, async () => {
      await skip(page);
      return (await banners(page)).some(([found, text]) => found === "stuck" && text.includes(words));
    });
    const after = await page.evaluate(() => document.querySelector("main").textContent.length);
    assert(Math.abs(after - before) < 40, `${kind}: the answer before stays`, before, after);
    fails = false;
    await until(`${kind} is renewed`, async () => {
      await skip(page);
      return (await banners(page)).every(([found]) => found !== "stuck");
    });
    await page.context().close();
    server.closeAllConnections();
    server.close();
  }
}

/** A reason says what to do; the runbook is a link if it has an address, else a path. */
async function checkRunbooks(browser) {
  for (const [runbook, link] of [["https://example.org/runbook#x", "https://example.org/runbook#x"], ["docs/operations.md#start", null], ["javascript:alert(1)", null]]) {
    const reasons = [{ kind: "outage", since_ms: NOW - 9_000, say: { es: "Ningún broker contesta.", en: "No broker answers." }, text: "", runbook }];
    const server = await serve(0, (kind, answer) => (kind === "now" ? { ...answer, trust: { ...answer.trust, reasons } } : answer));
    const page = await opened(browser, server, "/?lang=es");
    const [[, text, href]] = await banners(page);
    assert(href === link && /Ningún broker contesta\. desde .*Revise los brokers.*Qué hacer/.test(text), "runbook", text, href);
    assert(link !== null || text.includes(runbook), "the path is shown", text);
    await page.context().close();
    server.closeAllConnections();
    server.close();
  }
}

async function checkAxe(browser, server) {
  const origin = `http://127.0.0.1:${server.address().port}`;
  let pages = 0;
  const failures = [];
  for (const width of [390, 1440]) for (const theme of ["light", "dark"]) {
    const page = await open(browser, null, { viewport: { width, height: 900 }, bypassCSP: true });
    for (const lang of ["es", "en"]) for (const mood of MOODS) {
      await page.goto(`${origin}/?lang=${lang}&theme=${theme}&mock=${mood}`);
      await shown(page);
      const found = await axeViolations(page);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (found.length || overflow > 0) failures.push([mood, lang, theme, width, overflow, found]);
      pages += 1;
    }
    await page.context().close();
  }
  assert(failures.length === 0, "violations", failures);
  console.log(`${pages} pages in trouble without a violation`);
}

run(() => withChromium(async (browser) => {
  await checkStuck(browser);
  await checkRunbooks(browser);
  const server = await serve();
  await checkAxe(browser, server);
  server.closeAllConnections();
  server.close();
}));
