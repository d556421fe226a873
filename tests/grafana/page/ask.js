// Queries of a panel, and their answers as Grafana's Prometheus data source makes frames of them.

import { FieldType, toDataFrame } from "@grafana/data";

import { intervals, substitute } from "../variables.mjs";

/** Asks Prometheus; `path` is relative to its API. */
export async function ask(path, parameters) {
  const answer = await (await fetch(`/prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
  if (answer.status !== "success") throw new Error(`${parameters.query}: ${answer.error}`);
  return answer.data;
}

/** Frames of all queries of a panel. */
export async function framesOf(panel, context, widthPx) {
  const { step, values } = intervals(panel, context.range, widthPx, context.scrapeS);
  const targets = (panel.targets ?? []).filter((target) => !target.hide);
  const tables = targets.filter((target) => target.format === "table").length;
  const answers = await Promise.all(targets.map(async (target) => {
    const query = substitute(target.expr, { ...context.values, ...values });
    const end = Math.min(context.range.to, context.nowS);
    const { result } = target.instant
      ? await ask("query", { query, time: end })
      : await ask("query_range", { query, start: Math.floor(context.range.from / step) * step, end, step });
    if (target.format === "table") return [tableFrame(target, result, tables > 1)];
    return result.map((series) => seriesFrame(target, series, target.instant ? null : step));
  }));
  return answers.flat();
}

const number = (text) => (text === "NaN" ? NaN : text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text));
const pointsOf = (series) => series.values ?? [series.value];

function nameOf(target, labels) {
  if (target.legendFormat && target.legendFormat !== "__auto") {
    return target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? "");
  }
  return Object.entries(labels).map(([label, value]) => `${label}="${value}"`).join(", ") || target.expr;
}

function seriesFrame(target, series, step) {
  const name = nameOf(target, series.metric);
  const points = pointsOf(series);
  return toDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: "Time", type: FieldType.time, values: points.map(([time]) => time * 1000), config: step ? { interval: step * 1000 } : {} },
      { name: "Value", type: FieldType.number, labels: series.metric, values: points.map(([, value]) => number(value)), config: { displayNameFromDS: name } },
    ],
  });
}

function tableFrame(target, result, isOneOfSeveral) {
  const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  const rows = result.flatMap((series) => pointsOf(series).map(([time, value]) => ({ metric: series.metric, time, value })));
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: FieldType.time, values: rows.map((row) => row.time * 1000), config: {} },
      ...labels.map((label) => ({ name: label, type: FieldType.string, values: rows.map((row) => row.metric[label] ?? ""), config: { filterable: true } })),
      { name: isOneOfSeveral ? `Value #${target.refId}` : "Value", type: FieldType.number, values: rows.map((row) => number(row.value)), config: {} },
    ],
  });
}
