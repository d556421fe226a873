// Draws a dashboard in Chromium with Grafana's components, and says what is wrong with it.

import { LIMIT_MS, open } from "../page/browser.mjs";

/** Size of the window: no table is drawn below its edge, so it holds the highest dashboard. */
const WIDTH_PX = 1600;
const HEIGHT_PX = 4000;

/** Draws one dashboard and returns the report of the page, with what it may not do. `parameters` are those of the page. */
export async function draw(browser, origin, parameters, picture) {
  const faults = [];
  const page = await open(browser, null, { viewport: { width: WIDTH_PX, height: HEIGHT_PX }, colorScheme: parameters.theme }, faults);
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`); });
  page.on("response", (response) => { if (!response.ok()) faults.push(`${response.status()}: ${response.url()}`); });
  await page.goto(`${origin}/?${new URLSearchParams(parameters)}`);
  await page.waitForFunction(() => window.report, null, { timeout: 2 * LIMIT_MS });
  const report = await page.evaluate(() => window.report);
  const height = await page.evaluate(() => Math.ceil(document.querySelector("main")?.getBoundingClientRect().bottom ?? 0) + 8);
  if (height > HEIGHT_PX) faults.push(`the dashboard is ${height} pixels high, more than the window`);
  if (picture) await page.screenshot({ path: picture, clip: { x: 0, y: 0, width: WIDTH_PX, height: Math.min(height, HEIGHT_PX) } });
  await page.context().close();
  return { ...report, faults };
}

/** Faults of a report as lines. */
export const linesOf = ({ fault, faults, panels = [] }) => [
  ...[fault, ...faults].filter(Boolean),
  ...panels.flatMap((panel) => panel.faults.map((text) => `panel ${panel.id} (${panel.title}): ${text}`)),
];
