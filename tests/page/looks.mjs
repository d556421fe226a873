// Pictures to be looked at, and the printed report, against the mock: a cut prints on two pages of letter size; the page as
// somebody without green cones, or with forced colours, sees it. Pictures go to target/pictures. Argument: another folder.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { serve } from "./mock/server.mjs";
import { assert, open, run, shown, withChromium } from "./browser.mjs";

const FOLDER = process.argv[2] ?? fileURLToPath(new URL("../../target/pictures/", import.meta.url));
const LETTER = "0 0 612 792";

async function checkPrint(browser, origin) {
  for (const [path, file] of [["/cuts/20261119T000000Z", "cut"], ["/periods/week/2026-W46", "week"]]) {
    const page = await open(browser, null);
    await page.goto(`${origin}${path}?lang=es`);
    await shown(page);
    await page.waitForSelector(".hero");
    const pdf = (await page.pdf({ preferCSSPageSize: true, path: `${FOLDER}/${file}.pdf` })).toString("latin1");
    const pages = pdf.match(/\/Type\s*\/Page\b(?!s)/g)?.length;
    const boxes = [...pdf.matchAll(/\/MediaBox\s*\[([^\]]*)\]/g)].map(([, box]) => box.trim().split(/\s+/).map((n) => Math.round(n)).join(" "));
    assert(pages === 2 && boxes.length > 0 && boxes.every((box) => box === LETTER), `${path} prints on two letter pages`, pages, boxes);
    await page.emulateMedia({ media: "print" });
    const second = await page.evaluate(() => [...document.querySelectorAll("main > *")].filter((card) => getComputedStyle(card).breakBefore === "page").map((card) => card.textContent.slice(0, 12)));
    assert(second.length === 1 && second[0].startsWith("Por programa"), `${path} begins its second page with the programmes`, second);
    await page.context().close();
  }
}

async function takePictures(browser, origin) {
  for (const [name, width, theme, deficiency, forcedColors] of [
    ["deuteranopia-light", 1440, "light", "deuteranopia"], ["deuteranopia-dark", 1440, "dark", "deuteranopia"],
    ["deuteranopia-phone", 390, "light", "deuteranopia"], ["deuteranopia-phone-dark", 390, "dark", "deuteranopia"], ["forced-colours", 1440, "light", "none", "active"],
  ]) {
    const page = await open(browser, null, { viewport: { width, height: 900 }, forcedColors: forcedColors ?? "none" });
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setEmulatedVisionDeficiency", { type: deficiency });
    await page.goto(`${origin}/?lang=es&theme=${theme}`);
    await shown(page);
    await page.screenshot({ path: `${FOLDER}/${name}.png`, fullPage: true });
    // Each status has its word and its shape beside its colour.
    const bare = await page.evaluate(() => [...document.querySelectorAll(".chip")].filter((chip) => !chip.querySelector("svg.i path") || !chip.textContent.trim()).length);
    assert(bare === 0, `${name}: statuses by colour alone`, bare);
    await page.context().close();
  }
}

run(() => withChromium(async (browser) => {
  mkdirSync(FOLDER, { recursive: true });
  const server = await serve();
  const origin = `http://127.0.0.1:${server.address().port}`;
  await checkPrint(browser, origin);
  await takePictures(browser, origin);
}));
