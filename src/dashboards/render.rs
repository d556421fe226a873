//! JSON of a dashboard in Grafana's classic form, schema version 42.

mod options;
mod overrides;
mod tables;

use serde_json::{Map, Value, json};

use self::options::{custom, options, thresholds};
use super::layout::{Grid, GridPosition};
use super::panel::{PanelQuery, PanelTable, Section, Visual};
use super::variables::{self, datasource};
use super::{DashboardLanguage, DashboardTable, annotations, text};
use crate::settings::BilingualText;

/// Version of the form: the newest of the classic ones. Later versions of Grafana migrate it.
pub(super) const SCHEMA_VERSION: u32 = 42;

/// Smallest step of a query: the interval between scrapes.
pub(super) const INTERVAL: &str = "15s";

/// Returns a dashboard in a language. `links` are keys and titles of all dashboards, `zone` the programme's time zone.
pub(super) fn dashboard(
    table: &DashboardTable,
    links: &[(&str, &BilingualText)],
    language: DashboardLanguage,
    zone: &str,
) -> Value {
    json!({
        "uid": language.uid(table.key),
        "title": language.of(&table.title),
        "description": language.of(&table.description),
        "tags": ["pacemeter", language.tag()],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": false,
        "graphTooltip": 1,
        "fiscalYearStartMonth": 0,
        "liveNow": false,
        "refresh": "30s",
        "time": { "from": table.from, "to": "now" },
        "timepicker": {},
        "timezone": zone,
        "weekStart": "monday",
        "templating": { "list": variables::list(&table.variables, language) },
        "annotations": { "list": annotations::list(language) },
        "links": links_from(table.key, links, language),
        "panels": panels(&table.sections, language),
    })
}

/// Returns the links to the other dashboards and to the page for people.
fn links_from(key: &str, links: &[(&str, &BilingualText)], language: DashboardLanguage) -> Vec<Value> {
    let link = |title: &str, url: &str, other_site: bool| {
        json!({
            "type": "link",
            "title": title,
            "tooltip": "",
            "icon": if other_site { "external link" } else { "dashboard" },
            "url": url,
            "tags": [],
            "asDropdown": false,
            "includeVars": !other_site,
            "keepTime": false,
            "targetBlank": other_site,
        })
    };
    let others = links.iter().filter(|(other, _)| *other != key);
    let mut all: Vec<Value> = others
        .map(|(other, title)| {
            let title = language.of(title).trim_start_matches("Pacemeter / ");
            link(title, &format!("/d/{}", language.uid(other)), false)
        })
        .collect();
    let page = text("Página de Pacemeter", "Page of Pacemeter");
    all.push(link(language.of(&page), &format!("${{page}}/?lang={}", language.tag()), true));
    all
}

/// Returns the panels with ids in their order, and the headings between them.
fn panels(sections: &[Section], language: DashboardLanguage) -> Vec<Value> {
    let (mut grid, mut panels) = (Grid::new(), Vec::new());
    for section in sections {
        if let Some(heading) = &section.heading {
            let position = place(grid.heading());
            panels.push(json!({
                "id": panels.len() + 1,
                "type": "row",
                "title": language.of(heading),
                "collapsed": false,
                "panels": [],
                "gridPos": position,
            }));
        }
        for panel in &section.panels {
            let position = grid.place(panel.width, panel.height);
            panels.push(rendered(panel, panels.len() + 1, position, language));
        }
    }
    panels
}

fn place(position: GridPosition) -> Value {
    json!({ "x": position.x, "y": position.y, "w": position.width, "h": position.height })
}

fn rendered(panel: &PanelTable, id: usize, position: GridPosition, language: DashboardLanguage) -> Value {
    let mut defaults = json!({
        "unit": panel.unit,
        "noValue": language.of(&panel.no_value),
        "color": { "mode": if panel.visual.is_graph() { "palette-classic" } else { "thresholds" } },
        "thresholds": thresholds(&panel.colours),
        "mappings": overrides::mappings_of_unit(panel.unit, language),
        "custom": custom(panel),
    });
    let optional = [
        ("decimals", panel.decimals.map(|decimals| json!(decimals))),
        ("min", panel.min.map(|min| json!(min))),
        ("max", panel.max.map(|max| json!(max))),
    ];
    set(&mut defaults, optional);
    let overrides = match panel.visual {
        Visual::Table => tables::overrides(panel, language),
        _ => overrides::list(panel, language),
    };
    let mut rendered = json!({
        "id": id,
        "type": kind(panel.visual),
        "title": language.of(&panel.title),
        "description": language.of(&panel.description),
        "datasource": datasource(),
        "interval": INTERVAL,
        "gridPos": place(position),
        "targets": panel.queries.iter().enumerate()
            .map(|(index, query)| target(panel, query, &ref_id(index), language)).collect::<Vec<_>>(),
        "fieldConfig": { "defaults": defaults, "overrides": overrides },
        "options": options(panel, language),
    });
    let transformations = match panel.visual {
        Visual::Table => tables::transformations(panel, language),
        _ => overrides::renamed(panel, language),
    };
    if !transformations.is_empty() {
        set(&mut rendered, [("transformations", Some(json!(transformations)))]);
    }
    rendered
}

/// Sets the entries that are there.
fn set<const N: usize>(object: &mut Value, entries: [(&str, Option<Value>); N]) {
    let Some(object) = object.as_object_mut() else { return };
    let present = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    object.extend(present.collect::<Map<_, _>>());
}

/// Letter of a query within its panel.
fn ref_id(index: usize) -> String {
    char::from(b'A' + u8::try_from(index).expect("a panel has few queries")).to_string()
}

fn kind(visual: Visual) -> &'static str {
    match visual {
        Visual::Stat | Visual::StatBackground | Visual::StatName => "stat",
        Visual::Lines | Visual::Steps | Visual::Stacked | Visual::Bars => "timeseries",
        Visual::BarGauge => "bargauge",
        Visual::Table => "table",
    }
}

fn target(panel: &PanelTable, query: &PanelQuery, ref_id: &str, language: DashboardLanguage) -> Value {
    let instant = panel.visual.is_instant();
    let format = match panel.visual {
        Visual::Table => "table",
        _ => "time_series",
    };
    json!({
        "refId": ref_id,
        "datasource": datasource(),
        "editorMode": "code",
        "expr": query.expression,
        "legendFormat": language.of(&query.legend),
        "format": format,
        "instant": instant,
        "range": !instant,
    })
}
