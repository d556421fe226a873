// Both engines without a request of their own, and what every check needs: arguments, failures, recorded violations.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

/** Origin of the running pacemeter, from the command line. */
export const origin = process.argv[2];

/** Longest wait for anything that takes moments. */
export const LIMIT_MS = 30_000;

const QUIET = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-features=Translate,OptimizationHints,MediaRouter",
];

/** Runs `check` with Chromium, and closes it. */
export async function withChromium(check) {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: QUIET });
  try {
    return await check(browser);
  } finally {
    await browser.close();
  }
}

/** Preferences under which Firefox asks nobody. */
const FIREFOX_PREFERENCES = {
  "app.normandy.enabled": false, "app.update.enabled": false, "browser.newtabpage.enabled": false, "browser.region.network.url": "",
  "browser.safebrowsing.downloads.enabled": false, "browser.safebrowsing.malware.enabled": false, "browser.safebrowsing.phishing.enabled": false,
  "browser.search.geoSpecificDefaults": false, "browser.search.update": false, "browser.startup.homepage": "about:blank",
  "datareporting.healthreport.uploadEnabled": false, "datareporting.policy.dataSubmissionEnabled": false, "dom.push.connection.enabled": false,
  "extensions.getAddons.cache.enabled": false, "extensions.systemAddon.update.enabled": false, "extensions.update.enabled": false,
  "geo.enabled": false, "media.gmp-manager.updateEnabled": false, "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false, "network.dns.disablePrefetch": true, "network.prefetch-next": false,
  "network.trr.mode": 5, "security.OCSP.enabled": 0, "services.settings.server": "data:,", "toolkit.telemetry.enabled": false,
};

/** Runs `check` with Firefox in a new profile, and closes it. */
export async function withFirefox(check) {
  const { launch } = await import("puppeteer-core");
  const profile = mkdtempSync(join(tmpdir(), "pacemeter-firefox-"));
  const browser = await launch({
    browser: "firefox", executablePath: FIREFOX, headless: true, userDataDir: profile, extraPrefsFirefox: FIREFOX_PREFERENCES,
  });
  try {
    return await check(browser);
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

/** Opens a page of Chromium. `faults` gets what no page may do: errors, refused loads, requests elsewhere. */
export async function open(browser, path, options = {}, faults = []) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "es-MX", timezoneId: "America/Mexico_City", ...options });
  const page = await context.newPage();
  watch(page, faults);
  if (path !== null) await page.goto(origin + path);
  return page;
}

/** Records what no page may do. */
export function watch(page, faults) {
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML|TrustedScript/i.test(message.text())) faults.push(`policy: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    // Firefox draws its own controls from such addresses.
    if (url.origin !== origin && url.protocol !== "data:") faults.push(`request to ${request.url()}`);
  });
}

/** Waits until the page shows figures of a revision. */
export const shown = (page) => page.waitForSelector("main[data-revision]", { timeout: LIMIT_MS, state: "attached" });

/** Fails with a message and what was found. */
export function assert(condition, message, ...found) {
  if (!condition) throw new Error(`${message}: ${found.map((value) => JSON.stringify(value, null, 1)).join(" ")}`);
}

/** Records in `window.shifts` how far anything moves that the reader has not moved: when, how much, what, from and to. */
export function recordShifts() {
  window.shifts = [];
  window.banners = [];
  // A banner moves what is below it, and says why.
  new MutationObserver(() => window.banners.push(performance.now())).observe(document.getElementById("banner"), { childList: true, subtree: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      const place = ({ left, top, width, height }) => [left, top, width, height].map(Math.round).join(" ");
      const moved = ({ node, previousRect, currentRect }) => [node?.outerHTML?.slice(0, 120) ?? node?.data, place(previousRect), place(currentRect)];
      window.shifts.push([entry.startTime, entry.value, entry.sources.map(moved)]);
    }
  }).observe({ type: "layout-shift", buffered: false });
}

/** Text without differences that no reader sees. */
export const plain = (text) => text.replace(/[\u00a0\u202f]/g, " ").replace(/\s+/g, " ").trim();

/** Polls until `ask` returns something true. */
export async function until(what, ask, limitMs = LIMIT_MS) {
  const begun = Date.now();
  for (;;) {
    const found = await ask();
    if (found) return { found, tookMs: Date.now() - begun };
    assert(Date.now() - begun < limitMs, `not within ${limitMs} ms`, typeof what === "function" ? what() : what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs the checks of a script: exit code 1 with the first failure. */
export async function run(main) {
  try {
    await main();
    console.log("ok");
  } catch (error) {
    console.error(error.stack ?? error);
    process.exitCode = 1;
  }
}
