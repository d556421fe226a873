// Draws what a terminal shows, as `tmux capture-pane -e -p` writes it, to a picture:
//
//   tmux capture-pane -e -p | node tests/page/terminal.mjs docs/pictures/log-demo.png [light]

import { readFileSync } from "node:fs";

import { withChromium } from "./browser.mjs";

const [, , target, theme = "dark"] = process.argv;
const COLOURS = {
  dark: { back: "#16181d", front: "#d8dbe0", dim: "#8a909b", 31: "#f2777a", 32: "#99cc99", 33: "#e6b450", 34: "#7aa6da" },
  light: { back: "#ffffff", front: "#1f2328", dim: "#6e7681", 31: "#b42318", 32: "#1a7f37", 33: "#9a6700", 34: "#0550ae" },
}[theme];

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** HTML of text with the colours of ECMA-48 that the log uses. */
function html(text) {
  let style = {};
  const parts = text.split(/\u001b\[([0-9;]*)m/);
  return parts.map((part, index) => {
    if (index % 2 === 1) {
      for (const code of part.split(";")) {
        if (code === "" || code === "0") style = {};
        else if (code === "1") style = { ...style, bold: true };
        else if (code === "2") style = { ...style, dim: true };
        else if (code === "39") style = { ...style, colour: undefined };
        else if (code === "49") continue; // the background, which the log leaves alone
        else if (COLOURS[code]) style = { ...style, colour: COLOURS[code] };
        else throw new Error(`colour ${code} is not known`);
      }
      return "";
    }
    const colour = style.colour ?? (style.dim ? COLOURS.dim : COLOURS.front);
    return `<span style="color:${colour};font-weight:${style.bold ? 700 : 400}">${escaped(part)}</span>`;
  }).join("");
}

const text = readFileSync(0, "utf8").trimEnd();
const page = `<!doctype html><meta charset="utf-8"><body style="margin:0;background:${COLOURS.back};display:inline-block">
<pre style="will-change:transform;margin:14px 16px;font:13px/1.4 'DejaVu Sans Mono','Liberation Mono',monospace">${html(text)}</pre>`;
await withChromium(async (browser) => {
  const tab = await browser.newPage({ viewport: { width: 1100, height: 400 }, deviceScaleFactor: 1 });
  await tab.setContent(page);
  await tab.locator("body").screenshot({ path: target });
});
