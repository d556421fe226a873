// Faults that are planted in a dashboard, each of which the checks must report. Arguments: origin to serve at, a Prometheus with one instance, one with
// two that have the same figures, now (seconds).

import { assert, run, withChromium } from "../page/browser.mjs";
import { draw, linesOf } from "./drawing.mjs";
import { languageFaults, queryFaults } from "./queries.mjs";
import { serve } from "./serve.mjs";

const [origin, single, pair, now] = process.argv.slice(2);

const PEOPLE = 'sum(max without (instance) (pacemeter_week_beneficiaries{job=~"$job"}))';

let panels = 0;
const panel = (title, expr, { type = "stat", unit = "locale", legendFormat = "people", ...rest } = {}) => ({
  id: ++panels, type, title, description: "", gridPos: { x: ((panels - 1) % 4) * 6, y: Math.floor((panels - 1) / 4) * 6, w: 6, h: 6 },
  targets: [{ refId: "A", expr, legendFormat, instant: type !== "timeseries" }], fieldConfig: { defaults: { unit }, overrides: [] }, options: {}, ...rest,
});

/** Panels, and the fault that the page must report of each; null if it is sound. */
const DRAWN = [
  [panel("Sound", PEOPLE), null],
  [panel("Sound lines", PEOPLE, { type: "timeseries" }), null],
  [panel("No data", "pacemeter_no_such_family"), /^empty$/],
  [panel("Not a number", `${PEOPLE} / 0 * 0`), /^empty$/],
  [panel("One of two values", `label_replace(${PEOPLE}, "of", "a", "", "") or label_replace(${PEOPLE} * NaN, "of", "b", "", "")`, { fieldConfig: { defaults: { unit: "locale", noValue: "nothing" }, overrides: [] } }), /^shows /],
  [panel("Unknown unit", PEOPLE, { unit: "currencyMXN" }), /^unknown unit currencyMXN$/],
  [panel("A title that is much too long for a panel of a quarter of the width of a screen, and goes on", PEOPLE), /^cut: A title/],
  [panel("Long legend", PEOPLE, { type: "timeseries", legendFormat: "a name of a line that is too long to be shown below a narrow panel of a quarter of the width" }), /^cut: a name/],
  [panel("Unknown transformation", PEOPLE, { transformations: [{ id: "noSuchThing", options: {} }] }), /^fault: unknown transformation/],
  [panel("Not PromQL", "sum("), /^fault: .*parse error/],
  [panel("Unknown type", PEOPLE, { type: "piechart" }), /^unknown type piechart$/],
];

/** Queries, and the fault that must be reported of each. */
const ASKED = [
  [PEOPLE, null],
  ["pacemeter_no_such_family", /returns nothing/],
  ['sum(pacemeter_week_beneficiaries{job=~"$job"})', /changes with a second instance/],
  [`${PEOPLE} or vector(0)`, /is 0 ten minutes after/],
  [`${PEOPLE} or vector(1)`, /returns something when nothing is there/],
  ['sum(rate(pacemeter_records_total[$__rate_interva]))', /parse error/],
];

const dashboard = (list) => ({
  title: "Planted", timezone: "America/Mexico_City", time: { from: "now-1h", to: "now" }, panels: list, annotations: { list: [] },
  templating: { list: [{ name: "job", type: "query", query: "label_values(pacemeter_build_info, job)", current: { value: "$__all" }, allValue: ".*" }] },
});

/** Compares the faults of each case with what it must have. */
function compare(cases, faultsOf) {
  for (const [what, expected] of cases) {
    const faults = faultsOf(what);
    const isRight = expected === null ? faults.length === 0 : faults.some((fault) => expected.test(fault));
    assert(isRight, `expected ${expected}`, what, faults);
  }
}

/** Two languages of which one asks for something else. */
function compareLanguages() {
  const [spanish, same, other] = [PEOPLE, PEOPLE, `${PEOPLE} * 2`].map((expr) => dashboard([{ ...panel("Planted", expr), id: 1 }]));
  assert(languageFaults(new Map([["es/a.json", spanish], ["en/a.json", same]])).length === 0, "equal queries");
  assert(languageFaults(new Map([["es/a.json", spanish], ["en/a.json", other]])).length === 1, "other queries");
  assert(languageFaults(new Map([["es/a.json", spanish]])).length === 1, "no English");
}

run(() => withChromium(async (browser) => {
  const stop = await serve(origin, single, () => JSON.stringify(dashboard(DRAWN.map(([drawn]) => drawn))));
  const report = await draw(browser, origin, { dashboard: "planted.json", theme: "light", now, scrape: 15 });
  stop();
  assert(report.panels?.length === DRAWN.length, "not drawn", linesOf(report));
  compare(DRAWN, ({ id }) => report.panels.find((one) => one.id === id).faults);

  const asked = ASKED.map(([expr], place) => [`milestones-${place}`, dashboard([panel("Planted", expr)])]);
  const faults = await queryFaults(new Map(asked), { single, pair, nowS: Number(now) });
  compareLanguages();
  compare(ASKED.map(([expr, expected], place) => [`milestones-${place}:`, expected, expr]), (name) => faults.filter((fault) => fault.startsWith(name)));
}));
