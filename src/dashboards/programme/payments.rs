//! Panels of supports: people, pesos, steps, backlog, states. People are never added over programmes: a person of two
//! programmes would count twice.

use crate::dashboards::panel::{PanelTable, Visual, panel, query};
use crate::dashboards::promql::{DAY, HOUR, figure, increase, increase_of, of_current_week, quantile, share, sum_by};
use crate::dashboards::text;
use crate::telemetry::catalogue::{Family, business};

const PROGRAMME: &str = "programme=~\"$programme\"";
const PROGRAMME_STATE: &str = "programme=~\"$programme\",state=~\"$state\"";

/// Sums a figure over the chosen states, by programme.
fn by_programme(family: &Family) -> String {
    sum_by("programme", &figure(family, PROGRAMME_STATE))
}

fn millions(expression: &str) -> String {
    format!("{expression} / 1e6")
}

/// Returns the panels in their order.
pub(super) fn panels() -> Vec<PanelTable> {
    vec![programmes(), people(), dispersals(), steps(), backlog(), waiting_time(), returned()]
}

fn programmes() -> PanelTable {
    let oldest = format!("(time() - {}) / 86400", figure(&business::BACKLOG_OLDEST_APPROVAL, PROGRAMME));
    panel(
        Visual::Table,
        (24, 6),
        "locale",
        text("Por programa", "By programme"),
        text(
            "Personas distintas con un pago no devuelto, pesos netos en mdp (millones) y apoyos aprobados por pagar. Las \
             personas no se suman entre programas: quien está en dos contaría doble. Lo por pagar no depende del estado.",
            "Distinct people with a payment not returned, net pesos in mdp (millions), and approved supports to be paid. \
             People are not added over programmes: who is in two would count twice. The backlog does not depend on the state.",
        ),
    )
    .label("programme", text("Programa", "Programme"), 190)
    .query(query(by_programme(&business::DAY_BENEFICIARIES), text("Personas, hoy", "People, today")))
    .query(query(by_programme(&business::WEEK_BENEFICIARIES), text("Personas, semana", "People, week")))
    .query(query(by_programme(&business::MONTH_BENEFICIARIES), text("Personas, mes", "People, month")))
    .query(query(millions(&by_programme(&business::DAY_NET_PESOS)), text("mdp, hoy", "mdp, today")).decimals(1))
    .query(query(millions(&by_programme(&business::WEEK_NET_PESOS)), text("mdp, semana", "mdp, week")).decimals(1))
    .query(query(millions(&by_programme(&business::MONTH_NET_PESOS)), text("mdp, mes", "mdp, month")).decimals(1))
    .query(query(figure(&business::BACKLOG_SUPPORTS, PROGRAMME), text("Por pagar", "To be paid")))
    .query(
        query(millions(&figure(&business::BACKLOG_PESOS, PROGRAMME)), text("Por pagar, mdp", "To be paid, mdp"))
            .decimals(1),
    )
    .query(query(oldest, text("Días, el más antiguo", "Days, the oldest")).decimals(1).colours(&[
        (None, "green"),
        (Some(3.0), "orange"),
        (Some(5.0), "red"),
    ]))
    .sorted(text("Personas, semana", "People, week"), true)
}

fn people() -> PanelTable {
    panel(
        Visual::Lines,
        (12, 8),
        "locale",
        text("Personas con apoyo en la semana", "People paid this week"),
        text(
            "Personas distintas por programa desde el lunes. No se suman: quien está en dos programas contaría doble.",
            "Distinct people by programme since Monday. Not added: who is in two programmes would count twice.",
        ),
    )
    .query(query(of_current_week(&by_programme(&business::WEEK_BENEFICIARIES)), text("{{programme}}", "{{programme}}")))
}

fn dispersals() -> PanelTable {
    panel(
        Visual::Stacked,
        (12, 8),
        "locale",
        text("Dispersiones en la última hora", "Dispersals in the last hour"),
        text(
            "Pagos de los últimos 60 minutos, por programa, según la hora del hecho. Un hueco en horas hábiles es tiempo perdido.",
            "Payments of the last 60 minutes, by programme, by event time. A gap in working hours is lost time.",
        ),
    )
    .query(query(by_programme(&business::ROLLING_1H_DISPERSALS), text("{{programme}}", "{{programme}}")))
}

fn steps() -> PanelTable {
    let steps = sum_by("event", &increase(&business::DISBURSEMENT_EVENTS, PROGRAMME, HOUR));
    panel(
        Visual::Lines,
        (12, 8),
        "locale",
        text("Pasos de los apoyos, última hora", "Steps of supports, last hour"),
        text(
            "Solicitudes, aprobaciones, rechazos, dispersiones y devoluciones en la hora anterior a cada punto. Si se aprueba \
             y no se dispersa, el retraso está en el pago.",
            "Applications, approvals, rejections, dispersals and returns in the hour before each point. Approvals without \
             dispersals mean that payment is the delay.",
        ),
    )
    .query(query(steps, text("{{event}}", "{{event}}")))
}

fn backlog() -> PanelTable {
    panel(
        Visual::Stacked,
        (12, 8),
        "locale",
        text("Apoyos por pagar", "Supports to be paid"),
        text(
            "Aprobados, sin dispersar ni rechazar, por programa.",
            "Approved, neither dispersed nor rejected, by programme.",
        ),
    )
    .query(query(figure(&business::BACKLOG_SUPPORTS, PROGRAMME), text("{{programme}}", "{{programme}}")))
}

fn waiting_time() -> PanelTable {
    let buckets = increase_of(&business::APPROVAL_TO_DISPERSAL, "_bucket", PROGRAMME, DAY);
    let days = |share| format!("({}) / 86400", quantile(share, "", &buckets));
    panel(
        Visual::Lines,
        (12, 8),
        "locale",
        text("De la aprobación al pago, en días, último día", "From approval to payment, in days, last day"),
        text(
            "Mediana y percentil 90 de los apoyos pagados en el día anterior a cada punto, interpolados entre 1 hora y 60 días.",
            "Median and 90th percentile of the supports paid in the day before each point, interpolated between 1 hour and 60 days.",
        ),
    )
    .decimals(1)
    .query(query(days(0.5), text("mediana", "median")))
    .query(query(days(0.9), text("percentil 90", "90th percentile")))
}

fn returned() -> PanelTable {
    let pesos = |family: &Family| sum_by("", &increase(family, PROGRAMME_STATE, DAY));
    panel(
        Visual::Lines,
        (12, 8),
        "percentunit",
        text("Devuelto de lo dispersado, último día", "Returned of dispersed, last day"),
        text(
            "Pesos devueltos entre pesos dispersados en el día anterior a cada punto. La alerta está en 5 %.",
            "Pesos returned over pesos dispersed in the day before each point. The alert is at 5 %.",
        ),
    )
    .decimals(1)
    .bounds(0.0, None)
    .lines_at(&[(None, "text"), (Some(0.05), "red")])
    .query(
        query(
            share(&pesos(&business::RETURNED_PESOS), &pesos(&business::DISPERSED_PESOS)),
            text("devuelto", "returned"),
        )
        .colour("blue"),
    )
}

/// Returns the table of states, by programme.
pub(super) fn states() -> PanelTable {
    let of = |family: &Family| figure(family, PROGRAMME_STATE);
    panel(
        Visual::Table,
        (24, 12),
        "locale",
        text("Estados, por programa", "States, by programme"),
        text(
            "Personas distintas con un pago no devuelto, dispersiones y pesos netos en mdp (millones). Cada persona cuenta en \
             el estado de su primer pago. Los estados sin pagos de hoy quedan al final.",
            "Distinct people with a payment not returned, dispersals, and net pesos in mdp (millions). Each person counts in \
             the state of their first payment. States without payments are last.",
        ),
    )
    .label("state", text("Estado", "State"), 200)
    .label("programme", text("Programa", "Programme"), 190)
    .query(query(of(&business::DAY_BENEFICIARIES), text("Personas, hoy", "People, today")))
    .query(query(of(&business::WEEK_BENEFICIARIES), text("Personas, semana", "People, week")))
    .query(query(of(&business::MONTH_BENEFICIARIES), text("Personas, mes", "People, month")))
    .query(query(of(&business::DAY_DISPERSALS), text("Dispersiones, hoy", "Dispersals, today")))
    .query(query(millions(&of(&business::WEEK_NET_PESOS)), text("mdp, semana", "mdp, week")).decimals(1))
    .query(query(millions(&of(&business::MONTH_NET_PESOS)), text("mdp, mes", "mdp, month")).decimals(1))
    .sorted(text("Personas, semana", "People, week"), true)
}
