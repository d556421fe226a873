//! Panels of the chosen target.
//!
//! The unit depends on the target's measure, and a panel has one. So a panel has a query for each kind of measure, of
//! which only the one of the target has data, and each query has its unit.

use crate::dashboards::common::PACE;
use crate::dashboards::panel::{ColourStep, PanelQuery, PanelTable, Visual, panel, query};
use crate::dashboards::promql::{figure, of_current_period, ratio};
use crate::dashboards::text;
use crate::settings::BilingualText;
use crate::telemetry::catalogue::{Family, business, own};

const TARGET: &str = "target=\"$target\"";

/// Kind of measure, with its matcher on `pacemeter_target_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MeasureKind {
    Count,
    Pesos,
    Ratio,
}

impl MeasureKind {
    fn matcher(self) -> &'static str {
        match self {
            Self::Count => "measure!~\"net_pesos|service_level\"",
            Self::Pesos => "measure=\"net_pesos\"",
            Self::Ratio => "measure=\"service_level\"",
        }
    }

    /// Returns a query of a figure of the chosen target, which has data if the target is of this kind.
    fn query(self, family: &Family, es: &str, en: &str) -> PanelQuery {
        let info = figure(&business::TARGET_INFO, &format!("{TARGET},{}", self.matcher()));
        let scale = if self == Self::Pesos { " / 1e6" } else { "" };
        let expression = format!("{}{scale} and on (job, target) {info}", of(family));
        self.shown(expression, es, en)
    }

    /// Returns a query like [`query`](Self::query) for a graph.
    fn query_over_time(self, family: &Family, es: &str, en: &str) -> PanelQuery {
        let mut query = self.query(family, es, en);
        query.expression = of_current_period(&query.expression);
        query
    }

    fn shown(self, expression: String, es: &str, en: &str) -> PanelQuery {
        let decimals = if self == Self::Pesos { 1 } else { 0 };
        let legend =
            if self == Self::Pesos { text(&format!("{es}, mdp"), &format!("{en}, mdp")) } else { text(es, en) };
        match self {
            Self::Ratio => query(expression, legend).unit("percentunit").decimals(1),
            _ => query(expression, legend).unit("locale").decimals(decimals),
        }
    }
}

/// Returns a figure of the chosen target.
fn of(family: &Family) -> String {
    figure(family, TARGET)
}

/// Returns a figure of the chosen target as a share of its goal.
fn of_goal(family: &Family) -> String {
    ratio(&of(family), &of(&business::TARGET_GOAL))
}

const SHORTFALL: &[ColourStep] = &[(None, "green"), (Some(0.000_001), "orange")];

/// Returns the panels in their order.
pub(super) fn panels() -> Vec<PanelTable> {
    [first_row(), vec![plan_and_actual()], beside_the_plan(), vec![distance()]].concat()
}

fn first_row() -> Vec<PanelTable> {
    vec![
        status(),
        by_measure(
            (4, 4),
            text("Lleva", "Actual"),
            text(
                "Lo alcanzado en el periodo en curso de la meta elegida, neto de devoluciones. Pesos en mdp (millones).",
                "Result so far in the current period of the chosen target, net of returns. Pesos in mdp (millions).",
            ),
            &business::TARGET_ACTUAL,
            ("lleva", "actual"),
        ),
        stat(
            (3, 4),
            Visual::StatBackground,
            text("Ritmo", "Pace"),
            text(
                "Lo que lleva, entre el plan a esta hora. 100 % es ir con el plan.",
                "Actual over the plan by now. 100 % is on plan.",
            ),
            of(&business::TARGET_PACE_RATIO),
            text("ritmo", "pace"),
        )
        .colours(PACE),
        stat(
            (3, 4),
            Visual::Stat,
            text("Probabilidad", "Chance"),
            text(
                "Probabilidad de alcanzar la meta a este ritmo. Falta al principio del periodo, y para razones.",
                "Probability of reaching the goal at this pace. Absent early in a period, and for ratios.",
            ),
            of(&business::TARGET_ATTAINMENT_PROBABILITY),
            text("probabilidad", "chance"),
        )
        .decimals(0)
        .colours(&[(None, "red"), (Some(0.1), "orange"), (Some(0.5), "text"), (Some(0.9), "green")]),
        behind(),
    ]
}

/// Returns the panel of the status in a word.
fn status() -> PanelTable {
    let status = format!("{} == 1", figure(&own::TARGET_STATUS, TARGET));
    panel(
        Visual::StatName,
        (4, 4),
        "locale",
        text("Situación", "Status"),
        text(
            "La misma palabra que en la página y en la terminal. «Sin dato»: las cifras no son de ahora.",
            "The same word as on the page and in the terminal. \"Not known\": the figures are not current.",
        ),
    )
    .query(query(status, text("{{status}}", "{{status}}")))
}

/// Returns a panel of one figure of the target, in percent.
fn stat(
    size: (usize, usize),
    visual: Visual,
    title: BilingualText,
    description: BilingualText,
    expression: String,
    legend: BilingualText,
) -> PanelTable {
    panel(visual, size, "percentunit", title, description).decimals(1).query(query(expression, legend))
}

/// Returns a panel of a figure in the unit of the target's measure.
fn by_measure(
    size: (usize, usize),
    title: BilingualText,
    description: BilingualText,
    family: &Family,
    (es, en): (&str, &str),
) -> PanelTable {
    panel(Visual::Stat, size, "locale", title, description)
        .query(MeasureKind::Count.query(family, es, en))
        .query(MeasureKind::Pesos.query(family, es, en))
        .query(MeasureKind::Ratio.query(family, es, en))
}

/// Returns the panel of the distance to the plan: in the measure, and in pesos where a unit has a value.
fn behind() -> PanelTable {
    let pesos = format!("{} / 1e6", of(&business::TARGET_SHORTFALL_PESOS));
    panel(
        Visual::Stat,
        (5, 4),
        "locale",
        text("Faltan para el plan", "Behind the plan"),
        text(
            "Plan a esta hora menos lo que lleva, y cuánto es en mdp (millones de pesos). Negativo es ir adelante.",
            "Plan by now less actual, and its value in mdp (millions of pesos). Negative is ahead.",
        ),
    )
    .query(MeasureKind::Count.query(&business::TARGET_SHORTFALL, "faltan", "behind").colours(SHORTFALL))
    .query(query(pesos, text("mdp", "mdp")).decimals(1).colours(SHORTFALL))
    .query(MeasureKind::Ratio.query(&business::TARGET_SHORTFALL, "faltan", "behind").colours(SHORTFALL))
}

/// Returns the panel of the week: what was planned, and what came.
fn plan_and_actual() -> PanelTable {
    let mut plan = panel(
        Visual::Lines,
        (16, 10),
        "locale",
        text("Plan y real de la meta elegida", "Plan and actual of the chosen target"),
        text(
            "El plan sube solo en horas hábiles. Donde la distancia entre las líneas crece, se perdió tiempo. Pesos en mdp.",
            "The plan rises in working hours only. Where the gap between the lines grows, time was lost. Pesos in mdp.",
        ),
    );
    for kind in [MeasureKind::Count, MeasureKind::Pesos, MeasureKind::Ratio] {
        plan = plan
            .query(kind.query_over_time(&business::TARGET_ACTUAL, "lleva", "actual").colour("blue").line(3, 12))
            .query(kind.query_over_time(&business::TARGET_PLAN, "plan", "plan").colour("text"))
            .query(kind.query_over_time(&business::TARGET_GOAL, "meta", "goal").colour("purple").line(1, 0));
        if kind != MeasureKind::Ratio {
            plan = plan.query(
                kind.query_over_time(&business::TARGET_PROJECTION, "proyección", "projection")
                    .colour("blue")
                    .line(1, 0)
                    .dashed(),
            );
        }
    }
    plan
}

fn beside_the_plan() -> Vec<PanelTable> {
    let rates = [
        (&business::TARGET_REQUIRED_PER_OPEN_HOUR, "necesita", "needs"),
        (&business::TARGET_ACHIEVED_PER_OPEN_HOUR, "llevaba", "had"),
    ];
    let mut needs = panel(
        Visual::Stat,
        (8, 5),
        "locale",
        text("Necesita / llevaba, por hora hábil", "Needs / had, per working hour"),
        text(
            "Lo que hace falta por hora hábil para llegar a la meta, y lo que se ha logrado. Pesos en mdp; las razones no tienen.",
            "Rate per working hour that still reaches the goal, and the rate so far. Pesos in mdp; ratios have none.",
        ),
    );
    for kind in [MeasureKind::Count, MeasureKind::Pesos] {
        for (family, es, en) in rates {
            needs = needs.query(kind.query(family, es, en).decimals(1));
        }
    }
    let projection = stat(
            (4, 5),
            Visual::Stat,
            text("Proyección sobre la meta", "Projection of goal"),
            text(
                "Con cuánto cerraría el periodo a este ritmo, entre la meta. Falta antes del 15 % del plan, y para razones.",
                "Result at the end of the period at this pace, over the goal. Absent before 15 % of the plan, and for ratios.",
            ),
            of_goal(&business::TARGET_PROJECTION),
            text("proyección", "projection"),
        )
        .colours(&[(None, "red"), (Some(0.95), "orange"), (Some(1.0), "green")]);
    let left = panel(
        Visual::Stat,
        (4, 5),
        "locale",
        text("Horas hábiles que quedan", "Working hours left"),
        text(
            "Hasta el fin del periodo, según el calendario de la meta.",
            "Until the end of the period, by the target's calendar.",
        ),
    )
    .decimals(1)
    .query(query(format!("{} / 3600", of(&business::TARGET_REMAINING_OPEN)), text("quedan", "left")));
    vec![needs, projection, left]
}

/// Returns the panel that shows when the target fell behind, in any measure.
fn distance() -> PanelTable {
    let (upper, lower) = (text("más que azar, arriba", "more than chance, above"), text("azar", "chance"));
    let tolerance = of_goal(&business::TARGET_PACE_TOLERANCE);
    let line = |expression: &str, legend: BilingualText| query(of_current_period(expression), legend);
    panel(
        Visual::Lines,
        (24, 8),
        "percentunit",
        text("Distancia al plan, sobre la meta", "Distance from the plan, of the goal"),
        text(
            "Abajo de 0 va atrás del plan. Dentro de la franja gris puede ser azar. Una bajada es tiempo perdido; de noche la \
             línea es plana.",
            "Below 0 the target is behind its plan. Within the grey band it may be chance. A fall is lost time; at night the \
             line is flat.",
        ),
    )
    .decimals(1)
    .query(
        line(&format!("-({})", of_goal(&business::TARGET_SHORTFALL)), text("distancia", "distance"))
            .colour("blue")
            .line(3, 0),
    )
    .query(line(&tolerance, upper).colour("gray").line(0, 15).filled_to(lower.clone()))
    .query(line(&format!("-({tolerance})"), lower).colour("gray").line(0, 0))
}
