// Grafana's own visualisations by the type of the panel, with the options that Grafana's panels hand them.

import { DEFAULT_FIELD_DISPLAY_VALUES_LIMIT, dateTime, getDisplayValueAlignmentFactors, getFieldDisplayValues, VizOrientation } from "@grafana/data";
import { BarGauge, BigValue, TimeSeries, VizRepeater } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";

import { fieldConfigOf } from "./prepare.js";

const unchanged = (text) => text;

const timeRangeOf = ({ range }) => ({ from: dateTime(range.from * 1000), to: dateTime(range.to * 1000), raw: { from: "", to: "" } });

function Graph({ panel, frames, context, width, height }) {
  const legend = { showLegend: true, displayMode: "list", placement: "bottom", calcs: [], ...panel.options?.legend };
  return <TimeSeries frames={frames} width={width} height={height} timeZone={context.timeZone} timeRange={timeRangeOf(context)} legend={legend} structureRev={1} />;
}

/** Values of a stat or a bar gauge, reduced from the frames. */
export function displayValues(panel, frames, context) {
  const reduceOptions = { calcs: ["lastNotNull"], values: false, limit: DEFAULT_FIELD_DISPLAY_VALUES_LIMIT, fields: "", ...panel.options?.reduceOptions };
  return getFieldDisplayValues({
    fieldConfig: fieldConfigOf(panel), reduceOptions, replaceVariables: unchanged, theme: context.theme, data: frames,
    sparkline: panel.options?.graphMode === "area", timeZone: context.timeZone,
  });
}

function Repeated({ panel, frames, context, width, height, render, ...repeater }) {
  const orientation = panel.options?.orientation || VizOrientation.Auto;
  return (
    <VizRepeater getValues={() => displayValues(panel, frames, context)} getAlignmentFactors={getDisplayValueAlignmentFactors} renderValue={render} width={width} height={height}
      source={frames} renderCounter={1} orientation={orientation === "auto" ? VizOrientation.Auto : orientation} {...repeater} />
  );
}

function Stat(props) {
  const { options = {} } = props.panel;
  const render = ({ value, width, height, alignmentFactors, count }) => (
    <BigValue value={value.display} sparkline={value.sparkline} width={width} height={height} theme={props.context.theme} count={count} alignmentFactors={alignmentFactors}
      colorMode={options.colorMode ?? "value"} graphMode={options.graphMode ?? "none"} justifyMode={options.justifyMode ?? "auto"}
      textMode={options.textMode ?? "auto"} text={options.text} wideLayout={options.wideLayout ?? true} />
  );
  return <Repeated {...props} render={render} autoGrid itemSpacing={3} />;
}

function Bars(props) {
  const { options = {} } = props.panel;
  const render = ({ value, width, height, orientation, alignmentFactors, count }) => (
    <BarGauge value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} text={options.text} width={width} height={height}
      orientation={orientation} displayMode={options.displayMode ?? "gradient"} valueDisplayMode={options.valueMode ?? "color"} namePlacement={options.namePlacement ?? "auto"}
      showUnfilled={options.showUnfilled ?? true} theme={props.context.theme} itemSpacing={count > 1 ? 10 : 0} alignmentFactors={count > 1 ? alignmentFactors : undefined} />
  );
  const { minVizWidth = 8, minVizHeight = 16, maxVizHeight = 300 } = options;
  return <Repeated {...props} render={render} itemSpacing={10} minVizWidth={minVizWidth} minVizHeight={minVizHeight} maxVizHeight={maxVizHeight} />;
}

function Table({ panel, frames, context, width, height }) {
  const { options = {} } = panel;
  return (
    <TableNG data={frames[0]} width={width} height={height} fieldConfig={fieldConfigOf(panel)} timeRange={timeRangeOf(context)} structureRev={1} getActions={() => []}
      replaceVariables={unchanged} noHeader={options.showHeader === false} sortBy={options.sortBy} cellHeight={options.cellHeight ?? "sm"} noValue={panel.fieldConfig.defaults.noValue} />
  );
}

export const VISUALISATIONS = { timeseries: Graph, stat: Stat, bargauge: Bars, table: Table };