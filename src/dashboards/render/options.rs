//! Options of panels, by visualisation.

use serde_json::{Value, json};

use crate::dashboards::DashboardLanguage;
use crate::dashboards::panel::{ColourStep, PanelTable, Visual};

/// Colour of figures without thresholds: that of the text.
const PLAIN: &str = "text";

/// Returns thresholds; without steps everything has the colour of the text.
pub(super) fn thresholds(steps: &[ColourStep]) -> Value {
    let plain: &[ColourStep] = &[(None, PLAIN)];
    let steps = if steps.is_empty() { plain } else { steps };
    let steps: Vec<Value> = steps.iter().map(|(value, color)| json!({ "color": color, "value": value })).collect();
    json!({ "mode": "absolute", "steps": steps })
}

/// Returns the options of a visualisation that stand beside the unit.
pub(super) fn custom(panel: &PanelTable) -> Value {
    let graph = |style: &str, fill: u8, interpolation: &str, stacked: bool| {
        json!({
            "drawStyle": style,
            "lineInterpolation": interpolation,
            "lineWidth": if style == "bars" { 1 } else { 2 },
            "fillOpacity": fill,
            "gradientMode": "none",
            "showPoints": "never",
            "spanNulls": false,
            "insertNulls": false,
            "stacking": { "mode": if stacked { "normal" } else { "none" }, "group": "A" },
            "axisPlacement": "auto",
            "axisSoftMin": 0,
            "thresholdsStyle": { "mode": if panel.threshold_lines { "line" } else { "off" } },
        })
    };
    match panel.visual {
        Visual::Lines => graph("line", 0, "linear", false),
        Visual::Steps => graph("line", 0, "stepAfter", false),
        Visual::Stacked => graph("line", 40, "stepAfter", true),
        Visual::Bars => graph("bars", 80, "linear", true),
        Visual::Table => {
            // A filter takes the place of a head's last letters.
            json!({ "align": "auto", "cellOptions": { "type": "auto" }, "filterable": false, "inspect": false, "minWidth": 90 })
        }
        Visual::Stat | Visual::StatBackground | Visual::StatName | Visual::BarGauge => json!({}),
    }
}

/// Returns the sizes of names and values in pixels; empty where Grafana's own choice is readable. It would make an
/// instant, a word or a value with a name too small, or break it.
fn text_sizes(panel: &PanelTable) -> Value {
    match panel.unit {
        "dateTimeAsIso" => json!({ "titleSize": 12, "valueSize": 18 }),
        _ if panel.visual == Visual::StatName => json!({ "titleSize": 24 }),
        _ if panel.queries.len() > 1 => json!({ "titleSize": 14, "valueSize": 34 }),
        _ => json!({}),
    }
}

/// Returns the options of a panel.
pub(super) fn options(panel: &PanelTable, language: DashboardLanguage) -> Value {
    let newest = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
    match panel.visual {
        Visual::Stat | Visual::StatBackground | Visual::StatName => json!({
            "colorMode": if panel.visual == Visual::Stat { "value" } else { "background_solid" },
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": newest,
            "showPercentChange": false,
            "textMode": match panel.visual {
                Visual::StatName => "name",
                _ if panel.queries.len() == 1 => "value",
                _ => "value_and_name",
            },
            "text": text_sizes(panel),
            "wideLayout": false,
        }),
        Visual::BarGauge => json!({
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": true,
            "valueMode": "color",
            "namePlacement": "auto",
            "sizing": "auto",
            "minVizHeight": 16,
            "minVizWidth": 8,
            "maxVizHeight": 40,
            "reduceOptions": newest,
            "legend": { "showLegend": false, "displayMode": "list", "placement": "bottom", "calcs": [] },
        }),
        Visual::Table => {
            let sorted = panel
                .sorted
                .iter()
                .map(|(head, largest_first)| json!({ "displayName": language.of(head), "desc": largest_first }));
            json!({
                "cellHeight": "sm",
                "showHeader": true,
                "sortBy": sorted.collect::<Vec<_>>(),
                "footer": { "show": false, "reducer": [], "countRows": false, "fields": "" },
            })
        }
        Visual::Lines | Visual::Steps | Visual::Stacked | Visual::Bars => json!({
            "legend": { "showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": [] },
            "tooltip": { "mode": "multi", "sort": "desc" },
        }),
    }
}
