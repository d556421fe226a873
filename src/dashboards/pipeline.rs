//! Dashboard of the pipeline: what operators look at. Only this one selects instances.

mod stages;

use super::common::{NONE_WANTED, complete_until};
use super::panel::{PanelTable, Section, Visual, panel, query};
use super::promql::{RATE, increase, keep, own, own_of, own_rate, rate, sum_by};
use super::variables::Variable;
use super::{DashboardTable, text};
use crate::telemetry::catalogue::{business, own as process};

const STREAM: &str = "stream=~\"$stream\"";

pub(super) fn table() -> DashboardTable {
    DashboardTable {
        key: "pipeline",
        title: text("Pacemeter / Proceso", "Pacemeter / Pipeline"),
        description: text(
            "¿Llegan los registros a las cifras, y se guarda el estado? Si no: ¿qué etapa se detuvo?",
            "Do records reach the figures, and is the state saved? If not: which stage stopped?",
        ),
        from: "now-6h",
        variables: vec![Variable::Instance, Variable::Stream],
        sections: vec![
            Section { heading: None, panels: vec![complete_until(6), ready(), faults(), age(), unread()] },
            Section { heading: Some(text("Registros", "Records")), panels: records() },
            Section { heading: Some(text("Etapas", "Stages")), panels: stages::panels() },
            Section { heading: Some(text("Instancias", "Instances")), panels: vec![instances()] },
        ],
    }
}

fn ready() -> PanelTable {
    panel(
        Visual::Steps,
        (10, 4),
        "percentunit",
        text("Lista, parte del tiempo", "Ready, share of the time"),
        text(
            "100 % mientras las cifras se muestran y son de ahora, por instancia.",
            "100 % while the figures are shown and current, by instance.",
        ),
    )
    .decimals(0)
    .bounds(0.0, Some(1.0))
    .query(query(format!("avg_over_time({}[{RATE}])", own(&process::READY)), text("{{instance}}", "{{instance}}")))
}

/// Returns the panel of what must be 0.
fn faults() -> PanelTable {
    let sum = |expression: String| sum_by("", &expression);
    panel(
        Visual::Stat,
        (8, 4),
        "locale",
        text("Debe ser 0", "Must be 0"),
        text(
            "Particiones con registros que no avanzan; claves en más de una partición, con lo que las cifras están mal; cortes \
             guardados que se dañaron o faltan.",
            "Partitions with records that do not advance; keys in more than one partition, so that figures are wrong; stored \
             cuts that are damaged or missing.",
        ),
    )
    .colours(NONE_WANTED)
    .query(query(sum(own(&process::PARTITION_STALLED)), text("detenidas", "stalled")))
    .query(query(sum(own(&process::MISPLACED_KEYS)), text("claves mal puestas", "misplaced keys")))
    .query(query(sum(own(&process::CUTS_LOST)), text("cortes perdidos", "cuts lost")))
}

fn age() -> PanelTable {
    panel(
        Visual::Lines,
        (12, 7),
        "locale",
        text("Edad de las cifras (s)", "Age of the figures (s)"),
        text(
            "Tiempo desde el instante hasta el que las cifras están completas. La línea roja es la de la alerta.",
            "Time since the instant up to which the figures are complete. The red line is that of the alert.",
        ),
    )
    .decimals(1)
    .lines_at(&[(None, "text"), (Some(300.0), "red")])
    .query(query(
        format!("time() - {}", own_of(&process::COMPLETE_UNTIL, "", STREAM)),
        text("{{stream}} · {{instance}}", "{{stream}} · {{instance}}"),
    ))
}

fn unread() -> PanelTable {
    panel(
        Visual::Lines,
        (12, 7),
        "locale",
        text("Registros por leer", "Unread records"),
        text(
            "Lo que Kafka tiene y la instancia aún no lee, por tema.",
            "What Kafka has and the instance has not read, by topic.",
        ),
    )
    .query(query(
        sum_by("topic, instance", &own(&process::KAFKA_CONSUMER_LAG)),
        text("{{topic}} · {{instance}}", "{{topic}} · {{instance}}"),
    ))
}

fn records() -> Vec<PanelTable> {
    vec![
        panel(
            Visual::Stacked,
            (8, 8),
            "recps",
            text("Leídos de Kafka", "Read from Kafka"),
            text(
                "Registros por segundo y tema, los que se vuelven a leer incluidos.",
                "Records a second by topic, those read again included.",
            ),
        )
        .decimals(1)
        .query(query(sum_by("topic", &own_rate(&process::KAFKA_RECORDS)), text("{{topic}}", "{{topic}}"))),
        panel(
            Visual::Stacked,
            (8, 8),
            "recps",
            text("Desenlaces", "Outcomes"),
            text(
                "Cada registro se aplica, o es duplicado, rechazado o vencido.",
                "Each record is applied, or is a duplicate, rejected or expired.",
            ),
        )
        .decimals(1)
        .query(query(sum_by("outcome", &rate(&business::RECORDS, STREAM)), text("{{outcome}}", "{{outcome}}"))),
        panel(
            Visual::Bars,
            (8, 8),
            "locale",
            text("Rechazados, por motivo", "Rejected, by reason"),
            text(
                "Registros que no cambiaron ninguna cifra y se mandaron a cartas muertas. Sin barras no hubo ninguno.",
                "Records that changed no figure and went to the dead-letter topic. No bars mean none.",
            ),
        )
        .decimals(1)
        .query(query(
            sum_by("reason", &increase(&business::REJECTED_RECORDS, STREAM, RATE)),
            text("{{reason}}", "{{reason}}"),
        )),
    ]
}

/// Returns the table of what each instance is: one row an instance.
fn instances() -> PanelTable {
    let of = |family| keep("instance", &own(family));
    panel(
        Visual::Table,
        (24, 6),
        "locale",
        text("Versión, arranque, recuperación", "Version, start, restore"),
        text(
            "Un renglón por instancia. Metas en orden: «no» si los archivos de metas tienen fallas y siguen las anteriores. \
             Reloj es la diferencia con Prometheus.",
            "A row for each instance. Targets in order: \"no\" if the files of targets have faults and the previous ones stay \
             in force. Clock is the difference from Prometheus.",
        ),
    )
    .label("instance", text("Instancia", "Instance"), 170)
    .label("version", text("Versión", "Version"), 90)
    .label("revision", text("Revisión", "Revision"), 110)
    .label("librdkafka", text("librdkafka", "librdkafka"), 100)
    .query(
        query(
            keep("instance, version, revision, librdkafka", &own(&process::BUILD_INFO)),
            text("Datos", "Information"),
        )
        .labels_only(),
    )
    .query(query(format!("{} * 1000", of(&process::PROCESS_START_TIME)), text("Arranque", "Started")).unit("dateTimeAsIso"))
    .query(
        query(of(&process::CONFIG_LAST_RELOAD_SUCCESSFUL), text("Metas en orden", "Targets in order"))
            .unit("bool_yes_no"),
    )
    .query(query(of(&process::RESTORE_DURATION), text("Estado leído en, s", "State read in, s")).decimals(1))
    .query(query(of(&process::RESTORE_REPLAYED), text("Releídos", "Replayed")))
    .query(query(
        sum_by("instance", &own_of(&process::RESTORES, "", "source=\"rebuild\"")),
        text("Rehechas", "Rebuilt"),
    ))
    .query(query(format!("{} * 1000", of(&process::SCRAPE_DURATION)), text("Métricas en, ms", "Scrape in, ms")).decimals(1))
    .query(
        query(keep("instance", &format!("{0} - timestamp({0})", own(&process::TIME))), text("Reloj, s", "Clock, s"))
            .decimals(1)
            .colours(&[(None, "red"), (Some(-120.0), "green"), (Some(120.0), "red")]),
    )
    .sorted(text("Instancia", "Instance"), false)
}
