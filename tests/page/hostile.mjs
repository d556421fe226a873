// Hostile text in every place that shows one is shown as it is: no element, no request, no report of the policy.
// Without JavaScript the document says the same. Argument: origin.

import { assert, open, origin, plain, run, shown, withChromium } from "./browser.mjs";

const HOSTILE = [
  '<img src=x onerror="window.hacked=1">', "</script><script>window.hacked=1</script>", "\u{1f4a3}".repeat(16), "\u202eabc\u202c \u05d0\u05d1",
  "__proto__", "constructor", "%00%2e%2e/", "javascript:window.hacked=1", "{{fallback}} ${1} {n}", "'\"><svg/onload=window.hacked=1>",
];
/** Members of an answer whose text is a name or a sentence of somebody, not a word that the program knows. */
const NAMES = new Set(["es", "en", "name", "group", "programme", "state", "queue", "site", "initiative", "milestone", "reason", "text", "description", "runbook", "event", "target", "topic", "huella"]);

let count = 0;
const hostile = () => HOSTILE[count++ % HOSTILE.length];

function poisoned(value, key) {
  if (typeof value === "string") return NAMES.has(key) ? hostile() : value;
  if (Array.isArray(value)) return value.map((one) => poisoned(one, key));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, poisoned(member, name)]));
}

/** Traces that must not be there, whatever the names are. */
const intruders = () => ({
  hacked: window.hacked ?? null, polluted: Object.keys(Object.prototype).concat(({}).n ?? []),
  elements: [...document.querySelectorAll("img, iframe, object, embed, form, script:not([src]), [onload], [onerror]")].map((one) => one.outerHTML.slice(0, 100)),
  links: [...document.querySelectorAll("a[href]")].map((one) => one.href).filter((href) => !href.startsWith(location.origin)),
});

async function checkPage(browser, path, faults) {
  let isClosing = false;
  const page = await open(browser, null, {}, faults);
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => console.error(`Content Security Policy ${event.violatedDirective} ${event.blockedURI}`)));
  await page.route("**/api/v1/**", async (route) => {
    try {
      const response = await route.fetch();
      if (!response.ok()) return await route.fulfill({ response });
      return await route.fulfill({ response, json: poisoned(await response.json(), "") });
    } catch (error) {
      // A request that ends with its page has no answer.
      if (!page.isClosed() && !isClosing) throw error;
    }
  });
  await page.goto(`${origin}${path}`);
  await shown(page);
  await page.waitForTimeout(1_500);
  const found = await page.evaluate(intruders);
  assert(!found.hacked && !found.polluted.length && !found.elements.length && !found.links.length, `${path} has an intruder`, found);
  const text = await page.evaluate(() => document.body.textContent);
  const missing = HOSTILE.slice(0, 5).filter((one) => !plain(text).includes(plain(one)));
  assert(path !== "/" || missing.length === 0, "hostile text is shown as it is", missing);
  isClosing = true;
  await page.context().close();
}

/** The document alone, in both languages: trust, sentence, and each target with its status. */
async function checkWithoutScripts(browser, faults) {
  const word = { es: /Cifras exactas|cifras aún no/, en: /Figures exact|not complete/ };
  for (const [lang, locale] of [["es", "es-MX"], ["en", "en-US"], ["es", "ja-JP"]]) {
    const page = await open(browser, "/", { javaScriptEnabled: false, locale }, faults);
    const { targets } = await (await fetch(`${origin}/api/v1/now`)).json();
    assert(await page.locator("html").getAttribute("lang") === lang, `language of ${locale}`, lang);
    assert(word[lang].test(await page.locator("main").innerText()), `trust in ${lang}`, await page.locator("main").innerText());
    assert(await page.locator("main tbody tr").count() === targets.length, "a row for each target", targets.length);
    const first = await page.locator("main tbody tr").first().innerText();
    assert(first.includes(targets[0].title[lang]), `title in ${lang}`, first, targets[0].title);
    await page.context().close();
  }
}

run(() => withChromium(async (browser) => {
  const faults = [];
  const { targets } = await (await fetch(`${origin}/api/v1/now`)).json();
  const { cuts } = await (await fetch(`${origin}/api/v1/cuts?limit=1`)).json();
  const cut = cuts.length ? [`/cuts/${cuts[0].id}`] : [];
  for (const path of ["/", `/targets/${encodeURIComponent(targets[0].name)}`, "/cuts", ...cut, "/periods/week/current", "/health"]) {
    await checkPage(browser, path, faults);
  }
  await checkWithoutScripts(browser, faults);
  assert(faults.length === 0, "the page did what it may not", faults);
  console.log(`${count} hostile texts shown`);
}));
