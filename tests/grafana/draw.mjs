// Draws dashboards in Chromium with Grafana's components, light and dark, and checks each panel.
// Arguments: origin to serve at, Prometheus, directory of dashboards, directory of pictures, now (seconds), from (seconds, or 0 for the dashboard's own
// range), seconds between samples, paths of dashboards.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { assert, run, withChromium } from "../page/browser.mjs";
import { draw, linesOf } from "./drawing.mjs";
import { serve } from "./serve.mjs";

const [origin, prometheus, directory, pictures, now, from, scrape, ...paths] = process.argv.slice(2);

run(() => withChromium(async (browser) => {
  const stop = await serve(origin, prometheus, (path) => readFileSync(join(directory, path), "utf8"));
  mkdirSync(pictures, { recursive: true });
  const found = [];
  for (const dashboard of paths) {
    for (const theme of ["light", "dark"]) {
      const name = `${dashboard.replace(/\.json$/, "").replaceAll("/", "-")}-${theme}`;
      const report = await draw(browser, origin, { dashboard, theme, now, scrape, ...(from === "0" ? {} : { from }) }, join(pictures, `${name}.png`));
      found.push(...linesOf(report).map((line) => `${name}: ${line}`));
    }
  }
  stop();
  assert(found.length === 0, "faults", found);
}));
