//! Dashboard of the call centre: service level, waits, agents, queues.

use super::common::complete_until;
use super::panel::{ColourStep, PanelTable, Section, Visual, panel, query};
use super::promql::{HOUR, RANGE, RATE, figure, increase, increase_of, quantile, ratio, share, sum_by};
use super::variables::Variable;
use super::{DashboardTable, text};
use crate::settings::BilingualText;
use crate::telemetry::catalogue::{Family, business};

const QUEUE: &str = "queue=~\"$queue\"";
const SITE: &str = "site=~\"$site\"";

/// Colours of the service level: the goal is 80 % in 20 seconds.
const SERVICE: &[ColourStep] = &[(None, "red"), (Some(0.75), "orange"), (Some(0.8), "green")];
const ABANDONED: &[ColourStep] = &[(None, "green"), (Some(0.05), "orange"), (Some(0.1), "red")];

pub(super) fn table() -> DashboardTable {
    DashboardTable {
        key: "calls",
        title: text("Pacemeter / Atención telefónica", "Pacemeter / Call centre"),
        description: text(
            "¿Se contesta a quien llama? ¿Cuánto espera, y hay agentes para contestar?",
            "Are callers answered? How long do they wait, and are there agents to answer?",
        ),
        from: "now/d",
        variables: vec![Variable::Queue, Variable::Site],
        sections: vec![
            Section { heading: None, panels: [vec![complete_until(5)], now()].concat() },
            Section { heading: Some(text("Llamadas", "Calls")), panels: calls() },
            Section { heading: Some(text("Agentes", "Agents")), panels: agents() },
        ],
    }
}

/// Sums what a counter gained within `window` over the chosen queues.
fn gained(family: &Family, matchers: &str, window: &str, labels: &str) -> String {
    let matchers = if matchers.is_empty() { QUEUE.to_owned() } else { format!("{QUEUE},{matchers}") };
    sum_by(labels, &increase(family, &matchers, window))
}

/// Returns answered within target / (answered + abandoned - short abandons).
fn service_level(window: &str, labels: &str) -> String {
    let judged = gained(&business::CALL_EVENTS, "event=~\"answered|abandoned\"", window, labels);
    let short = gained(&business::CALLS_ABANDONED_SHORT, "", window, labels);
    let in_time = gained(&business::CALLS_ANSWERED_WITHIN_TARGET, "", window, labels);
    share(&in_time, &format!("({judged} - {short})"))
}

/// Returns (abandoned - short abandons) / (offered - short abandons).
fn abandoned(window: &str, labels: &str) -> String {
    let of = |event: &str| gained(&business::CALL_EVENTS, &format!("event=\"{event}\""), window, labels);
    let short = gained(&business::CALLS_ABANDONED_SHORT, "", window, labels);
    share(&format!("({} - {short})", of("abandoned")), &format!("({} - {short})", of("offered")))
}

/// Returns the mean of a histogram over `window`.
fn mean(family: &Family, matchers: &str, window: &str, labels: &str) -> String {
    let of = |suffix: &str| sum_by(labels, &increase_of(family, suffix, matchers, window));
    ratio(&of("_sum"), &of("_count"))
}

fn now() -> Vec<PanelTable> {
    [counts_now(), means_now()].concat()
}

/// Returns a panel with one value.
fn stat(
    visual: Visual,
    width: usize,
    unit: &'static str,
    title: BilingualText,
    description: BilingualText,
    expression: String,
    legend: BilingualText,
) -> PanelTable {
    panel(visual, (width, 4), unit, title, description).query(query(expression, legend))
}

fn counts_now() -> Vec<PanelTable> {
    let free = figure(&business::AGENTS, &format!("{SITE},status=\"available\""));
    let waiting = sum_by("", &figure(&business::CALLS_WAITING, QUEUE));
    vec![
        stat(
            Visual::StatBackground,
            4,
            "percentunit",
            text("Nivel de servicio, 1 h", "Service level, 1 h"),
            text(
                "De la última hora: contestadas a tiempo / (contestadas + abandonadas - abandonos cortos). Falta si no hubo llamadas.",
                "Of the last hour: answered in time / (answered + abandoned - short abandons). Absent if there were no calls.",
            ),
            service_level(HOUR, ""),
            text("a tiempo", "in time"),
        )
        .decimals(1)
        .colours(SERVICE),
        stat(
            Visual::Stat,
            3,
            "locale",
            text("Esperan ahora", "Waiting now"),
            text("Llamadas ni contestadas ni abandonadas.", "Calls neither answered nor abandoned."),
            waiting,
            text("esperan", "waiting"),
        )
        .colours(&[(None, "green"), (Some(50.0), "orange"), (Some(150.0), "red")]),
        stat(
            Visual::Stat,
            3,
            "locale",
            text("Agentes libres", "Agents free"),
            text("Agentes cuya situación más nueva es libre.", "Agents whose newest status is available."),
            sum_by("", &free),
            text("libres", "free"),
        )
        .colours(&[(None, "red"), (Some(1.0), "green")]),
    ]
}

fn means_now() -> Vec<PanelTable> {
    let answered = format!("{QUEUE},outcome=\"answered\"");
    vec![
        stat(
            Visual::Stat,
            3,
            "locale",
            text("Espera (s), 1 h", "Wait (s), 1 h"),
            text("Media de las contestadas en la última hora.", "Mean of the calls answered in the last hour."),
            mean(&business::CALL_WAIT, &answered, HOUR, ""),
            text("espera", "wait"),
        )
        .decimals(1)
        .colours(&[(None, "green"), (Some(20.0), "orange"), (Some(60.0), "red")]),
        stat(
            Visual::Stat,
            3,
            "percentunit",
            text("Abandono, 1 h", "Abandoned, 1 h"),
            text(
                "De las recibidas en la última hora; los abandonos cortos no cuentan.",
                "Of the calls offered in the last hour; short abandons do not count.",
            ),
            abandoned(HOUR, ""),
            text("abandonadas", "abandoned"),
        )
        .decimals(1)
        .colours(ABANDONED),
        stat(
            Visual::Stat,
            3,
            "locale",
            text("Atención (min), 1 h", "Handling (min), 1 h"),
            text(
                "Media de la última hora: conversación, espera en línea y cierre.",
                "Mean of the last hour: talk, hold and wrap-up.",
            ),
            format!("{} / 60", mean(&business::CALL_HANDLE, QUEUE, HOUR, "")),
            text("atención", "handling"),
        )
        .decimals(1),
    ]
}

fn calls() -> Vec<PanelTable> {
    vec![service_levels(), events(), waits(), bands(), queues()]
}

fn service_levels() -> PanelTable {
    let goals = format!(
        "{} and on (job, target) {}",
        figure(&business::TARGET_GOAL, ""),
        figure(&business::TARGET_INFO, "measure=\"service_level\"")
    );
    panel(
        Visual::Lines,
        (12, 8),
        "percentunit",
        text("Nivel de servicio por cola, última hora", "Service level by queue, last hour"),
        text(
            "De la hora anterior a cada punto. La línea punteada es la meta, si hay una meta de nivel de servicio.",
            "Of the hour before each point. The dashed line is the goal, if there is a target of service level.",
        ),
    )
    .decimals(1)
    .bounds(0.0, Some(1.0))
    .query(query(service_level(HOUR, "queue"), text("{{queue}}", "{{queue}}")))
    .query(query(goals, text("meta {{target}}", "goal {{target}}")).colour("text").line(1, 0).dashed())
}

fn events() -> PanelTable {
    let rate = format!("60 * {}", sum_by("event", &super::promql::rate(&business::CALL_EVENTS, QUEUE)));
    panel(
        Visual::Lines,
        (12, 8),
        "locale",
        text("Llamadas por minuto", "Calls per minute"),
        text("Recibidas, contestadas, abandonadas y terminadas.", "Offered, answered, abandoned and completed."),
    )
    .decimals(1)
    .query(query(rate, text("{{event}}", "{{event}}")))
}

fn waits() -> PanelTable {
    let buckets = increase_of(&business::CALL_WAIT, "_bucket", &format!("{QUEUE},outcome=\"answered\""), RATE);
    panel(
        Visual::Lines,
        (12, 8),
        "locale",
        text("Esperas de las contestadas (s)", "Waits of answered calls (s)"),
        text(
            "Mediana y percentil 90. La línea es el plazo de 20 segundos. Sin llamadas la línea se corta.",
            "Median and 90th percentile. The line is the limit of 20 seconds. Without calls there is a gap.",
        ),
    )
    .decimals(1)
    .lines_at(&[(None, "text"), (Some(20.0), "orange")])
    .query(query(quantile(0.5, "", &buckets), text("mediana", "median")))
    .query(query(quantile(0.9, "", &buckets), text("percentil 90", "90th percentile")))
}

/// Returns the panel of the shares of answered calls by how long they waited.
fn bands() -> PanelTable {
    let answered = format!("{QUEUE},outcome=\"answered\"");
    // Prometheus 3 writes bounds with a decimal point.
    let within = |bound: &str| {
        sum_by("", &increase_of(&business::CALL_WAIT, "_bucket", &format!("{answered},le=~\"{bound}(\\\\.0)?\""), RATE))
    };
    let all = sum_by("", &increase_of(&business::CALL_WAIT, "_count", &answered, RATE));
    let between = |more: &str, less: &str| share(&format!("({more} - {less})"), &all);
    panel(
        Visual::Stacked,
        (12, 8),
        "percentunit",
        text("Cuántas esperaron cuánto", "How many waited how long"),
        text(
            "De las llamadas contestadas, qué parte esperó hasta 20 segundos, hasta un minuto, o más. Rojo es gente que esperó \
             mucho.",
            "Of the answered calls, the share that waited up to 20 seconds, up to a minute, or longer. Red is people who \
             waited long.",
        ),
    )
    .decimals(0)
    .bounds(0.0, Some(1.0))
    .query(query(share(&within("20"), &all), text("hasta 20 s", "up to 20 s")).colour("green"))
    .query(query(between(&within("60"), &within("20")), text("20 a 60 s", "20 to 60 s")).colour("orange"))
    .query(query(between(&all, &within("60")), text("más de 60 s", "over 60 s")).colour("red"))
}

fn queues() -> PanelTable {
    let of = |event: &str| gained(&business::CALL_EVENTS, &format!("event=\"{event}\""), RANGE, "queue");
    panel(
        Visual::Table,
        (24, 7),
        "locale",
        text("Por cola, en el lapso que se muestra", "By queue, in the time range shown"),
        text(
            "Llamadas del lapso elegido arriba, y las que esperan ahora. Los abandonos cortos no cuentan en los porcentajes.",
            "Calls of the time range chosen above, and those that wait now. Short abandons do not count in the percentages.",
        ),
    )
    .decimals(0)
    .label("queue", text("Cola", "Queue"), 220)
    .query(query(of("offered"), text("Recibidas", "Offered")))
    .query(query(of("answered"), text("Contestadas", "Answered")))
    .query(query(of("abandoned"), text("Abandonadas", "Abandoned")))
    .query(
        query(service_level(RANGE, "queue"), text("A tiempo", "In time")).unit("percentunit").decimals(1).colours(SERVICE),
    )
    .query(
        query(abandoned(RANGE, "queue"), text("Abandono", "Abandonment"))
            .unit("percentunit")
            .decimals(1)
            .colours(ABANDONED),
    )
    .query(
        query(
            format!("{} / 60", mean(&business::CALL_HANDLE, QUEUE, RANGE, "queue")),
            text("Atención media, min", "Mean handling, min"),
        )
        .decimals(1),
    )
    .query(query(sum_by("queue", &figure(&business::CALLS_WAITING, QUEUE)), text("Esperan ahora", "Waiting now")))
    .sorted(text("Recibidas", "Offered"), true)
}

fn agents() -> Vec<PanelTable> {
    let agents = figure(&business::AGENTS, SITE);
    vec![
        panel(
            Visual::Stacked,
            (16, 8),
            "locale",
            text("Agentes por situación", "Agents by status"),
            text("Agentes conectados, por su situación más nueva.", "Agents signed in, by their newest status."),
        )
        .query(query(sum_by("status", &agents), text("{{status}}", "{{status}}"))),
        panel(
            Visual::BarGauge,
            (8, 8),
            "locale",
            text("Agentes por sede", "Agents by site"),
            text("Agentes conectados ahora.", "Agents signed in now."),
        )
        .bounds(0.0, None)
        .colours(&[(None, "blue")])
        .query(query(sum_by("site", &agents), text("{{site}}", "{{site}}"))),
    ]
}
