// Draws a dashboard: all panels at their places, then `window.report` says what each shows.
// Parameters: dashboard (path), theme, now (seconds), from (seconds, optional), scrape (seconds between samples),
// var-NAME (value of a variable, optional).

import { createTheme, getValueFormats, ThemeContext } from "@grafana/data";
import { GlobalStyles, PortalContainer } from "@grafana/ui";
import { createRoot } from "react-dom/client";

import { panelsOf, rangeOf, valuesOf } from "../variables.mjs";
import { framesOf } from "./ask.js";
import { unreadable } from "./check.js";
import { countValues, Panel } from "./panel.jsx";
import { prepare } from "./prepare.js";

/** Grafana's grid: 24 columns, rows of 30 pixels, gaps of 8. */
const [COLUMNS, ROW_PX, GAP_PX] = [24, 30, 8];

const parameters = new URLSearchParams(location.search);
const width = document.documentElement.clientWidth - 2 * GAP_PX;
const boxOf = ({ x, y, w, h }) => ({
  left: (x * (width + GAP_PX)) / COLUMNS, top: y * (ROW_PX + GAP_PX),
  width: (w * (width + GAP_PX)) / COLUMNS - GAP_PX, height: h * (ROW_PX + GAP_PX) - GAP_PX,
});

async function load(panel, context) {
  try {
    const frames = await prepare(panel, await framesOf(panel, context, boxOf(panel.gridPos).width), context);
    return { panel, frames };
  } catch (error) {
    return { panel, frames: [], fault: `fault: ${error.message ?? error}` };
  }
}

const units = new Set(getValueFormats().flatMap((category) => category.submenu.map((unit) => unit.value)));

/** Units of a panel that Grafana does not know. */
function unknownUnits({ fieldConfig: { defaults, overrides = [] } }) {
  const used = [defaults.unit, ...overrides.flatMap(({ properties }) => properties.filter(({ id }) => id === "unit").map(({ value }) => value))];
  return used.filter((unit) => unit !== undefined && !units.has(unit));
}

/** Texts of a panel with data that say that there is none, or that are no figures. */
function hollow(element, { defaults }) {
  const texts = [...element.querySelectorAll("*")].filter((one) => one.childElementCount === 0).map((one) => one.textContent.trim());
  return texts.filter((text) => ["NaN", "Infinity", "undefined", "null", "No data", "No value", defaults.noValue].includes(text));
}

/** Selectors that a drawn panel must have, by its type. */
const DRAWN = { timeseries: "canvas", stat: "[data-testid*='Panel content'] span, [data-testid*='panel content'] span", bargauge: "[data-testid*='Bar gauge']", table: "[role=gridcell]" };

function faultsOf({ panel, frames, fault }) {
  const element = document.querySelector(`[data-panel="${panel.id}"]`);
  const faults = unreadable(element);
  const shown = element.querySelector("[data-fault]");
  if (shown) faults.push(shown.textContent);
  else if (countValues(frames) === 0) faults.push("empty");
  else if (panel.type in DRAWN && !element.querySelector(DRAWN[panel.type])) faults.push("nothing drawn");
  else if (panel.type !== "table") faults.push(...hollow(element, panel.fieldConfig).map((text) => `shows ${text}`));
  if (frames.length > 1 && panel.type === "table") faults.push(`a table of ${frames.length} frames, of which one is shown`);
  return [...faults, ...unknownUnits(panel).map((unit) => `unknown unit ${unit}`)];
}

const settled = () => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(resolve)), 800));

async function main() {
  const dashboard = await (await fetch(`/dashboards/${parameters.get("dashboard")}`)).json();
  const chosen = Object.fromEntries([...parameters].filter(([name]) => name.startsWith("var-")).map(([name, value]) => [name.slice(4), value]));
  const theme = createTheme({ colors: { mode: parameters.get("theme") } });
  const nowS = Number(parameters.get("now"));
  const range = rangeOf(dashboard, nowS);
  if (parameters.has("from")) Object.assign(range, { from: Number(parameters.get("from")), to: nowS });
  const context = { nowS, range, theme, timeZone: dashboard.timezone, scrapeS: Number(parameters.get("scrape")), values: valuesOf(dashboard, chosen) };
  const loaded = await Promise.all(panelsOf(dashboard).map((panel) => load(panel, context)));
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const rows = dashboard.panels.filter((panel) => panel.type === "row");
  document.body.style.background = theme.colors.background.canvas;
  const root = createRoot(document.getElementById("root"));
  // The components measure text before they draw it, so the letters come first.
  root.render(<ThemeContext.Provider value={theme}><GlobalStyles hackNoBackdropBlur={false} isExtensionSidebarOpen={false} /></ThemeContext.Provider>);
  await settled();
  const fonts = await Promise.all(["400 14px Inter", "500 14px Inter"].map((font) => document.fonts.load(font)));
  if (fonts.some((faces) => faces.length === 0)) throw new Error("no letters");
  root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles hackNoBackdropBlur={false} isExtensionSidebarOpen={false} />
      <main style={{ position: "relative", margin: GAP_PX, width, height: bottom * (ROW_PX + GAP_PX) }}>
        {rows.map((row) => <h2 key={row.id} style={{ position: "absolute", ...boxOf(row.gridPos), fontSize: 18, paddingTop: 4 }}>{row.title}</h2>)}
        {loaded.map(({ panel, frames, fault }) => (
          <div key={panel.id} data-panel={panel.id} style={{ position: "absolute", ...boxOf(panel.gridPos) }}>
            <Panel panel={panel} frames={frames} fault={fault} context={context} {...boxOf(panel.gridPos)} />
          </div>
        ))}
      </main>
      <PortalContainer />
    </ThemeContext.Provider>,
  );
  await settled();
  return loaded.map((one) => ({ id: one.panel.id, title: one.panel.title, type: one.panel.type, values: countValues(one.frames), faults: faultsOf(one) }));
}

main().then((panels) => { window.report = { panels }; }, (error) => { window.report = { fault: String(error.stack ?? error) }; });
