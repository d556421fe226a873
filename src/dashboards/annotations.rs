//! Annotations: marks on every graph for cuts, starts and firing alerts.

use serde_json::{Value, json};

use crate::settings::BilingualText;
use crate::telemetry::catalogue::{business, own};

use super::variables::datasource;
use super::{DashboardLanguage, promql, text};

/// Address of the runbooks, as the rules of alerts have it.
pub(super) const RUNBOOKS: &str = "https://runbooks.example/pacemeter";

/// Labels whose values an annotation shows, where it has them.
const TAGS: &str = "target,programme,state,queue,stream,topic,instance";

/// Annotation of the values of an expression.
struct Mark {
    name: BilingualText,
    expression: String,
    title: BilingualText,
    text: BilingualText,
    colour: &'static str,
    /// True if the values are the instants (milliseconds), and not the times of the samples.
    at_value: bool,
}

impl Mark {
    fn json(&self, language: DashboardLanguage) -> Value {
        json!({
            "name": language.of(&self.name),
            "datasource": datasource(),
            "enable": true,
            "hide": false,
            "iconColor": self.colour,
            "target": { "refId": "Anno", "expr": self.expression, "interval": "60s" },
            "titleFormat": language.of(&self.title),
            "textFormat": language.of(&self.text),
            "tagKeys": TAGS,
            "useValueForTime": self.at_value,
        })
    }
}

/// Returns the annotations of a dashboard. A cut stands at its own instant, a start at that of the process, also if
/// the change falls between two evaluations.
pub(super) fn list(language: DashboardLanguage) -> Vec<Value> {
    let runbook = |word: &str| format!("<a href=\"{RUNBOOKS}/{{{{alertname}}}}\" target=\"_blank\">{word}</a>");
    let marks = [
        Mark {
            name: text("Cortes", "Cuts"),
            expression: format!("{} * 1000", promql::figure(&business::CUT_LAST, "")),
            title: text("Corte", "Cut"),
            text: text("Las cifras de este instante quedaron guardadas.", "The figures of this instant were stored."),
            colour: "blue",
            at_value: true,
        },
        Mark {
            name: text("Arranques", "Starts"),
            expression: format!("{}{{job=~\"$job\"}} * 1000", own::PROCESS_START_TIME.name),
            title: text("Arranque de {{instance}}", "Start of {{instance}}"),
            text: text("El proceso arrancó.", "The process started."),
            colour: "purple",
            at_value: true,
        },
        Mark {
            name: text("Alertas", "Alerts"),
            expression: "ALERTS{job=~\"$job\",alertname=~\"Pacemeter.+\",alertname!=\"PacemeterWatchdog\",\
                         alertstate=\"firing\"}"
                .to_owned(),
            title: text("{{alertname}} ({{severity}})", "{{alertname}} ({{severity}})"),
            text: text(&runbook("qué hacer"), &runbook("runbook")),
            colour: "red",
            at_value: false,
        },
    ];
    marks.iter().map(|mark| mark.json(language)).collect()
}
