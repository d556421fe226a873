//! Dashboard of milestones: their targets, and what was reached.

use super::common::{PACE, complete_until};
use super::panel::{PanelTable, Section, Visual, panel, query};
use super::promql::{RANGE, figure, increase, ratio};
use super::variables::Variable;
use super::{DashboardTable, text};
use crate::telemetry::catalogue::{Family, business};

const INITIATIVE: &str = "initiative=~\"$initiative\"";

pub(super) fn table() -> DashboardTable {
    DashboardTable {
        key: "milestones",
        title: text("Pacemeter / Logros", "Pacemeter / Milestones"),
        description: text(
            "¿Qué se ha logrado en cada iniciativa, y va con el plan?",
            "What was reached in each initiative, and is it on plan?",
        ),
        from: "now-30d",
        variables: vec![Variable::Initiative],
        sections: vec![Section { heading: None, panels: vec![complete_until(8), targets(), pace(), reached(), net()] }],
    }
}

/// Keeps the targets that count milestones.
fn of_milestones(expression: &str) -> String {
    let info = figure(&business::TARGET_INFO, "measure=\"milestones\"");
    format!("({expression}) and on (job, target) {info}")
}

fn of_goal(family: &Family) -> String {
    of_milestones(&ratio(&figure(family, ""), &figure(&business::TARGET_GOAL, "")))
}

fn targets() -> PanelTable {
    panel(
        Visual::BarGauge,
        (16, 12),
        "percentunit",
        text("Metas de logros: avance sobre la meta", "Targets of milestones: reached, of the goal"),
        text(
            "Lo que lleva entre la meta del periodo en curso. Verde es meta alcanzada.",
            "Actual over the goal of the current period. Green is a goal that was reached.",
        ),
    )
    .decimals(1)
    .bounds(0.0, Some(1.0))
    .colours(&[(None, "blue"), (Some(1.0), "green")])
    .query(query(of_goal(&business::TARGET_ACTUAL), text("{{target}}", "{{target}}")))
}

fn pace() -> PanelTable {
    panel(
        Visual::BarGauge,
        (8, 8),
        "percentunit",
        text("Ritmo", "Pace"),
        text(
            "Lo que lleva entre el plan a esta hora. 100 % es ir con el plan.",
            "Actual over the plan by now. 100 % is on plan.",
        ),
    )
    .decimals(0)
    .bounds(0.0, Some(1.5))
    .colours(PACE)
    .query(query(of_milestones(&figure(&business::TARGET_PACE_RATIO, "")), text("{{target}}", "{{target}}")))
}

fn net_total() -> String {
    let of = |family: &Family| figure(family, INITIATIVE);
    // Most pairs of initiative and milestone never come.
    format!("({} - {}) != 0", of(&business::MILESTONES), of(&business::MILESTONES_WITHDRAWN))
}

fn reached() -> PanelTable {
    panel(
        Visual::Steps,
        (24, 9),
        "locale",
        text("Alcanzado, neto de retiros", "Reached, net of withdrawals"),
        text(
            "Desde que empezaron los contadores. Un escalón hacia abajo es un logro que se retiró.",
            "Since the counters began. A step down is a milestone that was withdrawn.",
        ),
    )
    .query(query(net_total(), text("{{initiative}}: {{milestone}}", "{{initiative}}: {{milestone}}")))
}

fn net() -> PanelTable {
    let gained = |family: &Family| increase(family, INITIATIVE, RANGE);
    panel(
        Visual::Table,
        (24, 9),
        "locale",
        text("Por logro", "By milestone"),
        text(
            "Neto es lo alcanzado menos lo retirado desde que empezaron los contadores; las otras columnas son del lapso que se muestra.",
            "Net is reached less withdrawn since the counters began; the other columns are of the time range shown.",
        ),
    )
    .decimals(0)
    .label("initiative", text("Iniciativa", "Initiative"), 260)
    .label("milestone", text("Logro", "Milestone"), 300)
    .query(query(net_total(), text("Neto", "Net")))
    .query(query(gained(&business::MILESTONES), text("Alcanzado en el lapso", "Reached in the range")))
    .query(query(gained(&business::MILESTONES_WITHDRAWN), text("Retirado en el lapso", "Withdrawn in the range")))
    .sorted(text("Neto", "Net"), true)
}
