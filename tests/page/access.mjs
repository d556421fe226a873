// axe-core finds no violation in either language, theme and four widths, on each view; nothing is wider than a phone.
// A reader in Tokyo with a Japanese browser is shown the same text. Argument: origin.

import { axeViolations } from "./axe.mjs";
import { assert, open, origin, plain, run, shown, until, withChromium } from "./browser.mjs";

const WIDTHS = [320, 390, 900, 1440];

async function views() {
  const ask = async (path) => (await fetch(origin + path)).json();
  const { targets } = await ask("/api/v1/now");
  const { cuts } = await ask("/api/v1/cuts?limit=1");
  const cut = cuts.length ? [`/cuts/${cuts[0].id}`] : [];
  return [`/targets/${encodeURIComponent(targets[0].name)}`, "/cuts", ...cut, "/periods/week/current", "/health"];
}

async function checkView(browser, path, lang, theme, width) {
  // The policy of the page would refuse axe's own scripts.
  const page = await open(browser, null, { viewport: { width, height: 900 }, bypassCSP: true });
  await page.goto(`${origin}${path}?lang=${lang}&theme=${theme}`);
  await shown(page);
  const where = `${path} ${lang} ${theme} ${width}`;
  const found = await axeViolations(page);
  assert(found.length === 0, `axe-core on ${where}`, found);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(overflow <= 0, `${where} scrolls sideways by pixels`, overflow);
  await page.context().close();
}

/** Text of the page that does not change while the figures stay. */
const text = (page) => page.evaluate(() => [document.documentElement.lang, ...[...document.querySelectorAll("main h1, main h2, main .sub, main .say, main td, main dd, footer p")].map((one) => one.textContent)]);

async function checkZones(browser) {
  // One answer of each address for both, so that only zone and locale differ.
  const answers = new Map();
  const texts = [];
  for (const options of [{}, { timezoneId: "Asia/Tokyo", locale: "ja-JP" }]) {
    const page = await open(browser, null, options);
    await page.route("**/api/v1/**", async (route) => {
      const address = route.request().url();
      if (!answers.has(address)) answers.set(address, await (await fetch(address)).text());
      await route.fulfill({ contentType: "application/json", headers: { ETag: 'W/"one"' }, body: answers.get(address) });
    });
    await page.goto(`${origin}/?lang=es`);
    await shown(page);
    texts.push((await text(page)).map(plain));
    await page.context().close();
  }
  const differing = texts[0].flatMap((one, index) => (one === texts[1][index] ? [] : [[one, texts[1][index]]]));
  const figures = differing.filter(([one, other]) => one?.replace(/[\d.,]+/g, "") !== other?.replace(/[\d.,]+/g, ""));
  assert(figures.length === 0 && texts[0].length > 20, "Tokyo reads otherwise", figures, texts[0].length);
}

async function checkKeyboard(browser) {
  const page = await open(browser, "/?lang=es");
  await shown(page);
  const walk = [];
  for (let step = 0; step < 12; step += 1) {
    await page.keyboard.press("Tab");
    walk.push(await page.evaluate(() => {
      const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement);
      return [document.activeElement.tagName, document.activeElement.textContent.slice(0, 24), outlineStyle !== "none" || boxShadow !== "none"];
    }));
  }
  assert(walk[0][0] === "A" && /cifras/.test(walk[0][1]), "the first stop skips to the figures", walk);
  assert(walk.every(([tag, , visible]) => tag !== "BODY" && visible), "the focus is seen at each stop", walk);
  await page.context().close();
}

run(() => withChromium(async (browser) => {
  await checkZones(browser);
  await checkKeyboard(browser);
  const matrix = ["es", "en"].flatMap((lang) => ["light", "dark"].flatMap((theme) => WIDTHS.map((width) => ["/", lang, theme, width])));
  // The other views have the same parts: each in both themes and languages once, narrow and wide.
  const others = (await views()).flatMap((path) => [[path, "es", "light", 320], [path, "en", "dark", 1440]]);
  const open_ = [...matrix, ...others];
  const failures = [];
  await Promise.all([0, 1].map(async () => {
    for (let next = open_.shift(); next; next = open_.shift()) {
      await checkView(browser, ...next).catch((error) => failures.push(error.message.split("\nCall log")[0].split("\nBrowser logs")[0]));
    }
  }));
  assert(failures.length === 0, "violations", failures);
  console.log(`${matrix.length + others.length} pages without a violation`);
}));
