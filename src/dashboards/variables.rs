//! Variables of the dashboards: what a reader chooses above the panels.

use serde_json::{Value, json};

use crate::settings::BilingualText;
use crate::telemetry::catalogue::{Family, business, own};

use super::{DashboardLanguage, text};

/// Data source that the reader chooses.
pub(super) fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// Variable whose values are those of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Programme,
    State,
    Queue,
    Site,
    Initiative,
    Target,
    Instance,
    Stream,
}

impl Variable {
    /// Name of the variable, which is that of its label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Programme => "programme",
            Self::State => "state",
            Self::Queue => "queue",
            Self::Site => "site",
            Self::Initiative => "initiative",
            Self::Target => "target",
            Self::Instance => "instance",
            Self::Stream => "stream",
        }
    }

    /// Family that has every value.
    fn family(self) -> &'static Family {
        match self {
            Self::Programme => &business::BACKLOG_SUPPORTS,
            Self::State => &business::WEEK_BENEFICIARIES,
            Self::Queue => &business::CALLS_WAITING,
            Self::Site => &business::AGENTS,
            Self::Initiative => &business::MILESTONES,
            Self::Target => &business::TARGET_INFO,
            Self::Instance => &own::BUILD_INFO,
            Self::Stream => &business::RECORDS,
        }
    }

    fn label(self) -> BilingualText {
        match self {
            Self::Programme => text("Programa", "Programme"),
            Self::State => text("Estado", "State"),
            Self::Queue => text("Cola", "Queue"),
            Self::Site => text("Sede", "Site"),
            Self::Initiative => text("Iniciativa", "Initiative"),
            Self::Target => text("Meta", "Target"),
            Self::Instance => text("Instancia", "Instance"),
            Self::Stream => text("Flujo", "Stream"),
        }
    }

    fn json(self, language: DashboardLanguage) -> Value {
        let (name, family) = (self.name(), self.family().name);
        let values = format!("label_values({family}{{job=~\"$job\"}}, {name})");
        let label = self.label();
        query_variable(name, language.of(&label), &values, self == Self::Target)
    }
}

/// Target that is shown first, where it exists; else Grafana takes the first one.
const FIRST_TARGET: &str = "weekly_beneficiaries";

/// Address of the page for people, in the links. docs/dashboards.md says how to change it.
const PAGE: &str = "http://127.0.0.1:9464";

fn query_variable(name: &str, label: &str, values: &str, single: bool) -> Value {
    let current = if single {
        json!({ "selected": true, "text": FIRST_TARGET, "value": FIRST_TARGET })
    } else {
        json!({ "selected": true, "text": ["All"], "value": ["$__all"] })
    };
    json!({
        "type": "query",
        "name": name,
        "label": label,
        "datasource": datasource(),
        "definition": values,
        "query": { "query": values, "refId": "StandardVariableQuery" },
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "multi": !single,
        "includeAll": !single,
        "allValue": ".*",
        "current": current,
        "options": [],
        "hide": 0,
        "skipUrlSync": false,
    })
}

/// Returns the variables of a dashboard: data source and job, its own, and the hidden address of the page.
pub(super) fn list(chosen: &[Variable], language: DashboardLanguage) -> Vec<Value> {
    let (source, job) = (text("Fuente de datos", "Data source"), text("Trabajo", "Job"));
    let mut variables = vec![
        json!({
            "type": "datasource",
            "name": "datasource",
            "label": language.of(&source),
            "query": "prometheus",
            "regex": "",
            "refresh": 1,
            "multi": false,
            "includeAll": false,
            "current": {},
            "options": [],
            "hide": 0,
            "skipUrlSync": false,
        }),
        query_variable("job", language.of(&job), &format!("label_values({}, job)", own::BUILD_INFO.name), false),
    ];
    variables.extend(chosen.iter().map(|variable| variable.json(language)));
    let page = json!({ "selected": true, "text": PAGE, "value": PAGE });
    variables.push(json!({
        "type": "textbox",
        "name": "page",
        "label": "",
        "query": PAGE,
        "current": page.clone(),
        "options": [page],
        "hide": 2,
        "skipUrlSync": false,
    }));
    variables
}
