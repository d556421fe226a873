// What every query of the dashboards must do on a Prometheus that has an hour of the programme.
// Arguments of `check`: texts of dashboards by path, a Prometheus with one instance, one with two that have the same figures, and the instant.

import { mayBeEmpty } from "./health.mjs";
import { intervals, panelsOf, rangeOf, substitute, valuesOf } from "./variables.mjs";

/** Width of a panel that spans half of a screen. */
const PANEL_PX = 800;
const SCRAPE_S = 15;
const GONE_S = 600;
const LONG_GONE_S = 60 * 86_400;
/** Dashboards of figures, which the number of instances must not change. */
const FIGURES = ["programme", "calls", "milestones"];

/** Result of an instant query: values by the text of their labels. */
async function evaluate(prometheus, query, time) {
  const answer = await (await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query, time })}`)).json();
  if (answer.status !== "success") throw new Error(answer.error);
  return new Map(answer.data.result.map(({ metric, value }) => [JSON.stringify(Object.entries(metric).sort()), Number(value[1])]));
}

/** All queries of the panels, with their variables replaced. */
function queriesOf(path, dashboard, nowS) {
  const range = rangeOf(dashboard, nowS);
  return panelsOf(dashboard).flatMap((panel) => {
    const values = { ...valuesOf(dashboard), ...intervals(panel, range, PANEL_PX, SCRAPE_S).values };
    return (panel.targets ?? []).map((target) => ({ name: `${path}: panel ${panel.id} (${panel.title}), ${target.refId}`, query: substitute(target.expr, values) }));
  });
}

const isEqual = (one, other) => one.size === other.size && [...one].every(([labels, value]) => {
  const found = other.get(labels);
  return Object.is(found, value) || Math.abs(found - value) <= 1e-9 * Math.abs(value);
});

/** Faults of one query of a dashboard. */
async function faultsOf(query, areFigures, { single, pair, nowS }) {
  const now = await evaluate(single, query, nowS);
  const values = [...now.values()].filter((value) => !Number.isNaN(value));
  const faults = [];
  if (values.length === 0 && !mayBeEmpty(query)) faults.push("returns nothing");
  if (areFigures && !isEqual(now, await evaluate(pair, query, nowS))) faults.push("changes with a second instance");
  const gone = await evaluate(single, query, nowS + GONE_S);
  const zeros = [...gone].filter(([labels, value]) => value === 0 && now.get(labels) !== 0);
  if (zeros.length > 0) faults.push(`is 0 ten minutes after the last figure: ${zeros[0][0]}`);
  if ((await evaluate(single, query, nowS + LONG_GONE_S)).size > 0) faults.push("returns something when nothing is there");
  return faults;
}

/** Queries of variables and annotations, which must be valid; those of variables must have values. */
async function surroundingFaults(path, dashboard, { single, nowS }) {
  const faults = [];
  for (const { name, query } of dashboard.templating.list.filter(({ type }) => type === "query")) {
    const [, metric, label] = /^label_values\((.*), *(\w+)\)$/.exec(query.query ?? query) ?? [];
    if (!metric) { faults.push(`${path}: variable ${name} is not a list of label values`); continue; }
    const match = substitute(metric, valuesOf(dashboard));
    const { data } = await (await fetch(`${single}/api/v1/label/${label}/values?${new URLSearchParams({ "match[]": match })}`)).json();
    if (!data?.length) faults.push(`${path}: variable ${name} has no values`);
  }
  for (const { name, expr } of dashboard.annotations.list.filter(({ expr }) => expr)) {
    const values = { ...valuesOf(dashboard), __interval: "60s" };
    await evaluate(single, substitute(expr, values), nowS).catch((error) => faults.push(`${path}: annotation ${name}: ${error.message}`));
  }
  return faults;
}

/** Faults of the queries of dashboards. */
export async function queryFaults(dashboards, environment) {
  const faults = [];
  for (const [path, dashboard] of dashboards) {
    const areFigures = FIGURES.some((name) => path.includes(name));
    for (const { name, query } of queriesOf(path, dashboard, environment.nowS)) {
      const found = await faultsOf(query, areFigures, environment).catch((error) => [error.message]);
      faults.push(...found.map((fault) => `${name}: ${fault}: ${query}`));
    }
    faults.push(...await surroundingFaults(path, dashboard, environment));
  }
  return faults;
}

const expressions = (dashboard) => panelsOf(dashboard).map(({ id, type, targets }) => ({ id, type, queries: targets?.map(({ refId, expr }) => ({ refId, expr })) }));

/** Dashboards that ask for other things in the other language. */
export function languageFaults(dashboards) {
  const spanish = [...dashboards].filter(([path]) => path.startsWith("es/"));
  return spanish.flatMap(([path, dashboard]) => {
    const other = dashboards.get(path.replace(/^es/, "en"));
    return other && JSON.stringify(expressions(dashboard)) === JSON.stringify(expressions(other)) ? [] : [`${path}: other queries than in English`];
  });
}
