// A page left open: the heap does not grow, the page takes little of a core, and nothing moves. Arguments: origin, minutes
// (default 30). By hand, against `pacemeter demo --live`: node tests/page/endurance.mjs http://127.0.0.1:9464 30

import { assert, open, recordShifts, run, shown, withChromium } from "./browser.mjs";

const minutes = Number(process.argv[3] ?? 30);
/** Growth of the heap (bytes) in half an hour; a short run may grow half as much, since the engine compiles at first. */
const MOST_GROWTH = minutes >= 10 ? 2e6 : 1e6;
/** Share of a core; a minute beside other tests may take more. */
const MOST_BUSY = minutes >= 10 ? 0.05 : 0.15;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

run(() => withChromium(async (browser) => {
  const faults = [];
  const page = await open(browser, "/?lang=es", {}, faults);
  await shown(page);
  await page.evaluate(recordShifts);
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const measure = async () => {
    await session.send("HeapProfiler.collectGarbage");
    const { metrics } = await session.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  await wait(15_000);
  const before = await measure();
  await wait(minutes * 60_000);
  const after = await measure();
  const grown = after.JSHeapUsedSize - before.JSHeapUsedSize;
  const busy = (after.TaskDuration - before.TaskDuration) / (after.Timestamp - before.Timestamp);
  const shifts = await page.evaluate(() => window.shifts.filter(([at]) => window.banners.every((banner) => Math.abs(banner - at) > 1_000)));
  console.log(`${minutes} min: heap ${Math.round(grown / 1e3)} kB, ${(busy * 100).toFixed(2)} % of a core, ${after.Nodes - before.Nodes} nodes, ${shifts.length} shifts`);
  assert(grown < MOST_GROWTH, "the heap grew by bytes", grown);
  // The share of a core is that of this machine; others may run beside it.
  assert(busy < MOST_BUSY, "share of a core", busy);
  assert(shifts.length === 0, "something moved", shifts);
  assert(faults.length === 0, "faults", faults);
}));
