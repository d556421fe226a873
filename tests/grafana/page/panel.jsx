// A panel in Grafana's frame: what it shows, or why it shows nothing.

import { FieldType } from "@grafana/data";
import { PanelChrome } from "@grafana/ui";

import { VISUALISATIONS } from "./visualisations.jsx";

/** Number of values in the frames that are numbers, or the rows of a table. */
export function countValues(frames) {
  const values = frames.flatMap((frame) => frame.fields.filter((field) => field.type !== FieldType.time).flatMap((field) => [...field.values]));
  return values.filter((value) => value !== null && value !== undefined && value !== "" && !Number.isNaN(value)).length;
}

export function Panel({ panel, frames, fault, context, width, height }) {
  const Visualisation = VISUALISATIONS[panel.type];
  const content = (innerWidth, innerHeight) => {
    if (fault) return <p data-fault>{fault}</p>;
    if (countValues(frames) === 0) return <p data-empty>{panel.fieldConfig.defaults.noValue ?? "No data"}</p>;
    if (!Visualisation) return <p data-fault>{`unknown type ${panel.type}`}</p>;
    return <Visualisation panel={panel} frames={frames} context={context} width={innerWidth} height={innerHeight} />;
  };
  return <PanelChrome title={panel.title} description={panel.description} width={width} height={height} displayMode={panel.transparent ? "transparent" : "default"}>{content}</PanelChrome>;
}
