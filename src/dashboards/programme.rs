//! Dashboard of the programme: targets, payments, backlog, states.

mod chosen;
mod payments;

use super::common::{PACE, complete_until};
use super::panel::{PanelTable, Section, Visual, panel, query};
use super::promql::{figure, keep, ratio};
use super::variables::Variable;
use super::{DashboardTable, text};
use crate::telemetry::catalogue::{Family, business, own};

pub(super) fn table() -> DashboardTable {
    DashboardTable {
        key: "programme",
        title: text("Pacemeter / Programa", "Pacemeter / Programme"),
        description: text(
            "¿Se alcanzará la meta de la semana? Si no: ¿cuándo y dónde se perdió tiempo?",
            "Will the week's target be met? If not: when and where was time lost?",
        ),
        from: "now/w",
        variables: vec![Variable::Target, Variable::Programme, Variable::State],
        sections: vec![
            Section { heading: None, panels: [vec![complete_until(5)], chosen::panels()].concat() },
            Section { heading: Some(text("Todas las metas", "All targets")), panels: vec![all_targets()] },
            Section { heading: Some(text("Apoyos", "Supports")), panels: payments::panels() },
            Section { heading: Some(text("Por estado", "By state")), panels: vec![payments::states()] },
        ],
    }
}

/// Returns a figure of every target in the unit of its column: pesos in millions, anything else as it is.
fn measured(family: &Family) -> String {
    let (value, info) = (figure(family, ""), |matcher: &str| figure(&business::TARGET_INFO, matcher));
    format!(
        "(round({value} / 1e6, 0.1) and on (job, target) {}) or ({value} and on (job, target) {})",
        info("measure=\"net_pesos\""),
        info("measure!=\"net_pesos\""),
    )
}

/// Returns the table of every target.
fn all_targets() -> PanelTable {
    let of = |family: &Family| figure(family, "");
    let of_goal = |family: &Family| ratio(&of(family), &of(&business::TARGET_GOAL));
    panel(
        Visual::Table,
        (24, 13),
        "locale",
        text("Metas del periodo en curso", "Targets of the current period"),
        text(
            "Un renglón por meta; primero la de menor ritmo. Situación es la palabra de la página. Lleva y meta están en la medida de la meta: personas, llamadas, \
             mdp (millones de pesos). Ritmo es lo que lleva entre el plan a esta hora. Probabilidad y proyección faltan al \
             principio del periodo.",
            "A row for each target, worst pace first. Status is the word of the page. Actual and goal are in the target's measure: people, calls, mdp \
             (millions of pesos). Pace is actual over the plan by now. Chance and projection are absent early in a period.",
        ),
    )
    .label("target", text("Clave", "Name"), 165)
    .label("description", text("Descripción", "Description"), 195)
    .label("status", text("Situación", "Status"), 110)
    .label("measure", text("Medida", "Measure"), 165)
    .label("period", text("Periodo", "Period"), 75)
    .query(query(keep("target, description, measure, period", &of(&business::TARGET_INFO)), text("Datos", "Information")).labels_only())
    .query(query(format!("{} == 1", of(&own::TARGET_STATUS)), text("Situación, sí", "Status, yes")).labels_only())
    .query(query(measured(&business::TARGET_ACTUAL), text("Lleva", "Actual")))
    .query(query(measured(&business::TARGET_GOAL), text("Meta", "Goal")))
    .query(query(of_goal(&business::TARGET_ACTUAL), text("Avance", "Reached")).unit("percentunit").decimals(1).gauge(1.0).colours(&[(None, "blue")]))
    .query(
        query(of(&business::TARGET_PACE_RATIO), text("Ritmo", "Pace")).unit("percentunit").decimals(1).colours(PACE),
    )
    .query(
        query(of_goal(&business::TARGET_PROJECTION), text("Proyección", "Projection")).unit("percentunit").decimals(1),
    )
    .query(
        query(of(&business::TARGET_ATTAINMENT_PROBABILITY), text("Probabilidad", "Chance"))
            .unit("percentunit")
            .decimals(0),
    )
    .query(
        query(format!("{} / 3600", of(&business::TARGET_REMAINING_OPEN)), text("Horas", "Hours")).decimals(1),
    )
    .query(
        query(
            ratio(&of(&business::TARGET_PREVIOUS_ACTUAL), &of(&business::TARGET_PREVIOUS_GOAL)),
            text("Anterior", "Previous"),
        )
        .unit("percentunit")
        .decimals(1),
    )
    .sorted(text("Ritmo", "Pace"), false)
}
