// Frames of a panel, transformed and with the settings of its fields, as Grafana prepares them before it draws.

import { applyFieldOverrides, cacheFieldDisplayNames, FieldColorModeId, identityOverrideProcessor, Registry, standardTransformers, standardTransformersRegistry, transformDataFrame } from "@grafana/data";

const STANDARD = ["unit", "decimals", "min", "max", "thresholds", "mappings", "noValue", "displayName", "color", "links", "description", "filterable", "fieldMinMax"];

/** Settings of a line that Grafana adds to those of the file. */
const LINE = {
  drawStyle: "line", lineInterpolation: "linear", barAlignment: 0, barWidthFactor: 0.6, lineWidth: 1, fillOpacity: 0, gradientMode: "none", pointSize: 5,
  showPoints: "auto", spanNulls: false, axisPlacement: "auto", axisColorMode: "text", axisBorderShow: false, axisCenteredZero: false,
  scaleDistribution: { type: "linear" }, stacking: { mode: "none", group: "A" }, thresholdsStyle: { mode: "off" }, hideFrom: { legend: false, tooltip: false, viz: false },
};

const transformers = new Map(Object.values(standardTransformers).map((transformation) => [transformation.id, transformation]));
standardTransformersRegistry.setInit(() => [...transformers.values()].map((transformation) => ({ id: transformation.id, name: transformation.name, transformation: () => transformation })));

/** Settings of fields that a panel's overrides may change: the standard ones, and its own. */
function registryOf(panel) {
  const ids = (panel.fieldConfig.overrides ?? []).flatMap((override) => override.properties.map((property) => property.id));
  const own = [...ids.filter((id) => id.startsWith("custom.")), ...Object.keys(panel.fieldConfig.defaults.custom ?? {}).map((key) => `custom.${key}`)];
  const item = (id) => ({ id, path: id.replace(/^custom\./, ""), name: id, isCustom: id.startsWith("custom."), process: identityOverrideProcessor, shouldApply: () => true, settings: {} });
  return new Registry(() => [...STANDARD, ...new Set(own)].map(item));
}

/** Settings of a panel's fields with what Grafana adds. */
export function fieldConfigOf(panel) {
  const { defaults, overrides = [] } = panel.fieldConfig;
  const isGraph = panel.type === "timeseries";
  return {
    defaults: {
      color: { mode: isGraph ? FieldColorModeId.PaletteClassic : FieldColorModeId.Thresholds },
      ...defaults,
      custom: { ...(isGraph ? LINE : {}), ...defaults.custom },
    },
    overrides,
  };
}

/** Transforms the frames of a panel and applies the settings of its fields. */
export async function prepare(panel, frames, context) {
  const replaceVariables = (text) => text;
  const transformations = (panel.transformations ?? []).filter((transformation) => !transformation.disabled);
  const unknown = transformations.filter(({ id }) => !transformers.has(id));
  if (unknown.length > 0) throw new Error(`unknown transformation ${unknown[0].id}`);
  const transformed = await new Promise((next, error) => {
    transformDataFrame(transformations, frames, { interpolate: replaceVariables }).subscribe({ next, error });
  });
  const prepared = applyFieldOverrides({
    data: transformed, fieldConfig: fieldConfigOf(panel), replaceVariables, theme: context.theme, timeZone: context.timeZone, fieldConfigRegistry: registryOf(panel),
  });
  cacheFieldDisplayNames(prepared);
  return prepared;
}
