//! Panels of the stages: delay, queues, dead letters, checkpoints, process, log.

use crate::dashboards::panel::{PanelTable, Visual, panel, query};
use crate::dashboards::promql::{own, own_increase, own_of, own_rate, quantile, ratio, sum_by};
use crate::dashboards::text;
use crate::settings::BilingualText;
use crate::telemetry::catalogue::{Family, own as process};

const SIZE: (usize, usize) = (8, 7);

/// Returns the panels in their order.
pub(super) fn panels() -> Vec<PanelTable> {
    [delays(), checkpoints(), resources(), troubles()].concat()
}

fn by_instance() -> BilingualText {
    text("{{instance}}", "{{instance}}")
}

/// Returns the 99th percentile of a histogram of the process, by stream.
fn slowest(family: &Family) -> String {
    let buckets = own_of(family, "_bucket", "stream=~\"$stream\"");
    quantile(0.99, "stream", &format!("rate({buckets}[{}])", crate::dashboards::promql::RATE))
}

fn milliseconds(seconds: &str) -> String {
    format!("({seconds}) * 1000")
}

fn delays() -> Vec<PanelTable> {
    vec![
        panel(
            Visual::Lines,
            SIZE,
            "locale",
            text("Retraso de los hechos (s)", "Delay of events (s)"),
            text(
                "Percentil 99 desde la hora del hecho hasta que está en las cifras. Incluye historia que se vuelve a leer.",
                "99th percentile from the time of an event until it is in the figures. History that is read again is in it.",
            ),
        )
        .decimals(1)
        .query(query(slowest(&process::EVENT_DELAY), text("{{stream}}", "{{stream}}"))),
        panel(
            Visual::Lines,
            SIZE,
            "locale",
            text("Tiempo de proceso (ms)", "Processing time (ms)"),
            text(
                "Percentil 99 desde que Kafka entrega el registro hasta que está en las cifras.",
                "99th percentile from the receipt of a record until it is in the figures.",
            ),
        )
        .decimals(1)
        .query(query(milliseconds(&slowest(&process::EVENT_PROCESSING)), text("{{stream}}", "{{stream}}"))),
        panel(
            Visual::Lines,
            SIZE,
            "percentunit",
            text("Colas internas", "Queues"),
            text("Cuán llenas están; la etapa anterior a una cola llena espera.", "How full they are; the stage before a full queue waits."),
        )
        .decimals(0)
        .bounds(0.0, Some(1.0))
        .lines_at(&[(None, "text"), (Some(0.8), "orange")])
        .query(query(
            ratio(&own(&process::QUEUE_LENGTH), &own(&process::QUEUE_CAPACITY)),
            text("{{queue}} · {{instance}}", "{{queue}} · {{instance}}"),
        )),
    ]
}

fn checkpoints() -> Vec<PanelTable> {
    vec![
        panel(
            Visual::Lines,
            SIZE,
            "locale",
            text("Lo más antiguo sin guardar (s)", "Oldest unsaved record (s)"),
            text(
                "Edad del registro más antiguo que ningún punto de control tiene. La línea roja es la de la alerta.",
                "Age of the oldest record that no checkpoint contains. The red line is that of the alert.",
            ),
        )
        .decimals(1)
        .lines_at(&[(None, "text"), (Some(3600.0), "red")])
        .query(query(own(&process::CHECKPOINT_AGE), by_instance())),
        panel(
            Visual::Lines,
            SIZE,
            "locale",
            text("Puntos de control: tiempo y pausa (ms)", "Checkpoints: time and pause (ms)"),
            text(
                "Cuánto tardó el último en llegar al disco, y la pausa más larga que causó.",
                "How long the last one took to reach the disk, and the longest pause that it caused.",
            ),
        )
        .decimals(1)
        .query(query(
            milliseconds(&own(&process::CHECKPOINT_DURATION)),
            text("tiempo · {{instance}}", "time · {{instance}}"),
        ))
        .query(query(
            milliseconds(&own(&process::CHECKPOINT_HOLD)),
            text("pausa · {{instance}}", "pause · {{instance}}"),
        )),
        panel(
            Visual::Lines,
            SIZE,
            "bytes",
            text("Tamaño de los puntos de control", "Size of the checkpoints"),
            text("Los más nuevos de todas las particiones.", "The newest ones of all partitions."),
        )
        .decimals(1)
        .query(query(own(&process::CHECKPOINT_SIZE), by_instance())),
    ]
}

fn resources() -> Vec<PanelTable> {
    vec![
        panel(
            Visual::Lines,
            SIZE,
            "bytes",
            text("Memoria", "Memory"),
            text("Memoria residente del proceso.", "Resident memory of the process."),
        )
        .decimals(1)
        .bounds(0.0, None)
        .query(query(own(&process::PROCESS_RESIDENT_MEMORY), by_instance())),
        panel(
            Visual::Lines,
            SIZE,
            "percentunit",
            text("CPU", "CPU"),
            text("100 % es un núcleo.", "100 % is one core."),
        )
        .decimals(1)
        .bounds(0.0, None)
        .query(query(own_rate(&process::PROCESS_CPU_SECONDS), by_instance())),
        panel(
            Visual::Stacked,
            SIZE,
            "locale",
            text("Claves en memoria", "Keys in memory"),
            text(
                "Por lo que se recuerda; la memoria crece con ellas.",
                "By what is remembered; memory grows with them.",
            ),
        )
        .query(query(sum_by("aggregate", &own(&process::AGGREGATE_KEYS)), text("{{aggregate}}", "{{aggregate}}"))),
    ]
}

fn troubles() -> Vec<PanelTable> {
    let suppressed = sum_by("", &own_rate(&process::LOG_SUPPRESSED));
    let lost = sum_by("", &own_rate(&process::LOG_DROPPED));
    vec![
        panel(
            Visual::Bars,
            SIZE,
            "locale",
            text("Cartas muertas", "Dead letters"),
            text(
                "Registros rechazados y vencidos que se escribieron en el tema de cartas muertas, o no se pudieron escribir.",
                "Rejected and expired records that were written to the dead-letter topic, or could not be.",
            ),
        )
        .decimals(1)
        .query(query(sum_by("result", &own_increase(&process::DEAD_LETTER_RECORDS)), text("{{result}}", "{{result}}"))),
        panel(
            Visual::Bars,
            SIZE,
            "locale",
            text("Errores de Kafka", "Kafka errors"),
            text(
                "Errores que avisó el cliente de Kafka, por clase. Sin barras no hubo ninguno.",
                "Errors that the Kafka client reported, by kind. No bars mean none.",
            ),
        )
        .decimals(1)
        .query(query(sum_by("kind", &own_increase(&process::KAFKA_ERRORS)), text("{{kind}}", "{{kind}}"))),
        panel(
            Visual::Stacked,
            SIZE,
            "locale",
            text("Líneas de bitácora por minuto", "Log lines a minute"),
            text(
                "Por nivel; aparte, las que se retuvieron por ser demasiadas y las que se perdieron.",
                "By level; and those suppressed because they were too many, and those lost.",
            ),
        )
        .decimals(1)
        .query(query(
            format!("60 * {}", sum_by("level", &own_rate(&process::LOG_MESSAGES))),
            text("{{level}}", "{{level}}"),
        ))
        .query(query(format!("60 * ({suppressed} or 0 * {lost})"), text("retenidas", "suppressed")).colour("orange"))
        .query(query(format!("60 * {lost}"), text("perdidas", "lost")).colour("red")),
    ]
}
