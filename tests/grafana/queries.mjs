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

/** Values of each variable that has one value at a time; those of the others are all. */
async function choices(dashboard, { single }) {
  const chosen = dashboard.templating.list.filter(({ type, includeAll }) => type === "query" && !includeAll);
  const lists = await Promise.all(chosen.map((variable) => labelValues(variable, dashboard, single)));
  return chosen.reduce((all, { name }, place) => all.flatMap((one) => lists[place].map((value) => ({ ...one, [name]: value }))), [{}]);
}

/** Values that a variable offers. */
async function labelValues({ query }, dashboard, prometheus) {
  const [, metric, label] = /^label_values\((.*), *(\w+)\)$/.exec(query.query ?? query) ?? [];
  if (!metric) return [];
  const match = substitute(metric, valuesOf(dashboard));
  return (await (await fetch(`${prometheus}/api/v1/label/${label}/values?${new URLSearchParams({ "match[]": match })}`)).json()).data ?? [];
}

/** All queries of the panels, each with what becomes of it for the values of variables. */
async function queriesOf(path, dashboard, environment) {
  const range = rangeOf(dashboard, environment.nowS);
  const chosen = await choices(dashboard, environment);
  return panelsOf(dashboard).flatMap((panel) => {
    const { values } = intervals(panel, range, PANEL_PX, SCRAPE_S);
    const texts = (expr) => new Set(chosen.map((one) => substitute(expr, { ...valuesOf(dashboard, one), ...values })));
    return (panel.targets ?? []).map(({ refId, expr }) => ({ name: `${path}: panel ${panel.id} (${panel.title}), ${refId}`, expr, queries: [...texts(expr)] }));
  });
}

const isEqual = (one, other) => one.size === other.size && [...one].every(([labels, value]) => {
  const found = other.get(labels);
  return Object.is(found, value) || Math.abs(found - value) <= 1e-9 * Math.abs(value);
});

/** Faults of one query of a dashboard, which must return data for one of the values of its variables. */
async function faultsOf({ expr, queries }, areFigures, environment) {
  const all = await Promise.all(queries.map((query) => faultsOfText(query, areFigures, environment)));
  const faults = [...new Set(all.flatMap(({ faults }) => faults))];
  if (!mayBeEmpty(expr) && all.every(({ count }) => count === 0)) faults.push("returns nothing");
  return faults;
}

async function faultsOfText(query, areFigures, { single, pair, nowS }) {
  const now = await evaluate(single, query, nowS);
  const faults = [];
  if (areFigures && !isEqual(now, await evaluate(pair, query, nowS))) faults.push("changes with a second instance");
  const gone = await evaluate(single, query, nowS + GONE_S);
  const zeros = [...gone].filter(([labels, value]) => value === 0 && now.get(labels) !== 0);
  if (zeros.length > 0) faults.push(`is 0 ten minutes after the last figure: ${zeros[0][0]}`);
  if ((await evaluate(single, query, nowS + LONG_GONE_S)).size > 0) faults.push("returns something when nothing is there");
  return { count: [...now.values()].filter((value) => !Number.isNaN(value)).length, faults };
}

/** Queries of variables and annotations, which must be valid; those of variables must have values. */
async function surroundingFaults(path, dashboard, { single, nowS }) {
  const faults = [];
  for (const variable of dashboard.templating.list.filter(({ type }) => type === "query")) {
    if ((await labelValues(variable, dashboard, single)).length === 0) faults.push(`${path}: variable ${variable.name} has no values`);
  }
  for (const { name, target } of dashboard.annotations.list.filter(({ target }) => target?.expr)) {
    const values = { ...valuesOf(dashboard), __interval: "60s" };
    await evaluate(single, substitute(target.expr, values), nowS).catch((error) => faults.push(`${path}: annotation ${name}: ${error.message}`));
  }
  return faults;
}

/** Faults of the queries of dashboards. */
export async function queryFaults(dashboards, environment) {
  const faults = [];
  for (const [path, dashboard] of dashboards) {
    const areFigures = FIGURES.some((name) => path.includes(name));
    for (const query of await queriesOf(path, dashboard, environment)) {
      const found = await faultsOf(query, areFigures, environment).catch((error) => [error.message]);
      faults.push(...found.map((fault) => `${query.name}: ${fault}: ${query.expr}`));
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
