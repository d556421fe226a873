// A page that stays open while the test does things to the server. Argument: origin. Each line of standard input is a
// command; the answer is a line `ok MILLISECONDS` or `failed REASON`:
//   banner KIND       waits for the banner of this kind
//   text PATTERN      waits for a banner whose text matches
//   none              waits until there is no banner, and distances to the plan are shown
//   old               waits until no distance to the plan is shown
//   figures           compares the lead with the answer

import { createInterface } from "node:readline";

import { assert, open, origin, run, shown, until, withChromium } from "./browser.mjs";

const bannerOf = () => {
  const banner = document.querySelector("#banner [data-kind]");
  return banner && { kind: banner.dataset.kind, text: banner.textContent };
};
const gaps = () => document.querySelectorAll("main tr[data-target] td:nth-child(4) data").length;

const commands = {
  banner: (page, kind) => until(`banner ${kind}`, async () => (await page.evaluate(bannerOf))?.kind === kind),
  text: (page, pattern) => until(`banner with ${pattern}`, async () => new RegExp(pattern).test((await page.evaluate(bannerOf))?.text ?? "")),
  none: (page) => until("no banner", async () => (await page.evaluate(bannerOf)) === null),
  old: (page) => until("no distances", async () => (await page.evaluate(gaps)) === 0),
  figures: (page) => until("the figures of the answer", async () => {
    const answer = await (await fetch(`${origin}/api/v1/now`)).json();
    const [revision, value] = await page.evaluate(() => [Number(document.querySelector("main").dataset.revision), document.querySelector(".hero .big data").value]);
    return revision === answer.revision && value === String(answer.targets[0].current.actual);
  }),
};

run(() => withChromium(async (browser) => {
  const faults = [];
  const page = await open(browser, "/?lang=es", {}, faults);
  await shown(page);
  console.log("open");
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...rest] = line.split(" ");
    try {
      const { tookMs } = await commands[command](page, rest.join(" "));
      console.log(`ok ${tookMs}`);
    } catch (error) {
      const banner = await page.evaluate(bannerOf).catch(() => null);
      console.log(`failed ${error.message} ${JSON.stringify(banner)}`.replaceAll("\n", " "));
    }
  }
  assert(faults.filter((fault) => !/Failed to fetch|NetworkError/.test(fault)).length === 0, "faults", faults);
}));
