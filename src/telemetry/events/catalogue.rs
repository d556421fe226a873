//! Log events of note, with a sentence in both languages for each. `docs/logs.md` marks their rows; a test compares.
//! Templates are described in `sentence`.

/// Log event of note.
#[derive(Debug)]
pub(crate) struct NotedRow {
    /// Name in the log.
    pub(crate) event: &'static str,
    /// True if several within a minute are one event with a number of `times`.
    pub(crate) is_merged: bool,
    /// Template in Spanish.
    pub(crate) es: &'static str,
    /// Template in English.
    pub(crate) en: &'static str,
}

const fn one(event: &'static str, es: &'static str, en: &'static str) -> NotedRow {
    NotedRow { event, is_merged: false, es, en }
}

const fn merged(event: &'static str, es: &'static str, en: &'static str) -> NotedRow {
    NotedRow { event, is_merged: true, es, en }
}

/// Rows in the order of their names.
pub(crate) const NOTED: &[NotedRow] = &[
    one(
        "pacemeter.calendar.uncovered",
        "Faltan días feriados en un calendario: {fault}.",
        "A calendar lacks holidays: {fault}.",
    ),
    one(
        "pacemeter.checkpoint.damaged",
        "Hay puntos de control dañados de {topic}, particiones {partitions}; se intenta con los anteriores.",
        "Checkpoints of {topic}, partitions {partitions}, are damaged; older ones are tried.",
    ),
    merged(
        "pacemeter.checkpoint.failed",
        "No se pudo guardar un punto de control[ ({times} veces)][: {reason}]; el anterior sigue siendo válido.",
        "A checkpoint failed[ ({times} times)][: {reason}]; the previous one stays valid.",
    ),
    one(
        "pacemeter.checkpoint.unsealed",
        "Se reanudan puntos de control sin sello de {topic}, particiones {partitions}.",
        "Checkpoints without a keyed hash of {topic}, partitions {partitions}, are resumed.",
    ),
    one(
        "pacemeter.clock.moved",
        "El reloj está movido para una prueba; las cifras no son de hoy.",
        "The clock is moved for a test; the figures are not those of today.",
    ),
    merged(
        "pacemeter.cut.damaged",
        "Un corte está dañado o falta[ ({times} veces)][: {error}].",
        "A cut is damaged or missing[ ({times} times)][: {error}].",
    ),
    merged(
        "pacemeter.cut.failed",
        "No se pudo guardar el corte {cut}[ ({times} veces)]; se intenta de nuevo.",
        "Cut {cut} could not be stored[ ({times} times)]; storing it is retried.",
    ),
    one(
        "pacemeter.cut.late",
        "Llegó tarde un registro del corte {cut}; el corte guardado no cambia.",
        "A record of cut {cut} came late; the stored cut stays as it is.",
    ),
    merged(
        "pacemeter.cut.missed",
        "No se tomó un corte[ de {at}][ ({times} cortes)]: se pidió demasiado tarde.",
        "A cut[ of {at}] was not taken[ ({times} cuts)]: it was wanted too late.",
    ),
    one(
        "pacemeter.cut.quarantined",
        "Se apartó un archivo de cortes dañado: {file}.",
        "A damaged file of cuts was quarantined: {file}.",
    ),
    one(
        "pacemeter.cut.restored",
        "El corte {cut}, que se había perdido, está de nuevo.",
        "Cut {cut}, which was lost, is there again.",
    ),
    one("pacemeter.cut.settled", "El corte {cut} ya es definitivo.", "Cut {cut} is final now."),
    one(
        "pacemeter.cut.taken",
        "Se tomó[ de nuevo{retaken?}] el corte de {at}[; es provisional{provisional?}].",
        "The cut of {at} was taken[ again{retaken?}][; it is provisional{provisional?}].",
    ),
    one(
        "pacemeter.kafka.returned",
        "Kafka responde de nuevo tras {gone_ms:s}[; llegaron {new_records} registros].",
        "Kafka answers again after {gone_ms:s}[; {new_records} records came].",
    ),
    one("pacemeter.kafka.unavailable", "Kafka no responde: {reason}.", "Kafka does not answer: {reason}."),
    merged(
        "pacemeter.kafka.waiting",
        "Se espera a Kafka, que no responde[: {reason}].",
        "Waiting for Kafka, which does not answer[: {reason}].",
    ),
    merged(
        "pacemeter.partition.held_back",
        "Una transacción abierta retiene {records} registros de {topic}, particiones {partitions}.",
        "An open transaction holds {records} records of {topic}, partitions {partitions}, back.",
    ),
    merged(
        "pacemeter.partition.interrupted",
        "No se puede leer {topic}[, particiones {partitions}][, partición {partition}]; se intenta de nuevo.",
        "{topic}[, partitions {partitions},][, partition {partition},] cannot be read; retrying.",
    ),
    one(
        "pacemeter.partition.passed",
        "Se saltaron registros ilegibles de {topic}, partición {partition}, del {first_offset} al {last_offset}.",
        "Unreadable records of {topic}, partition {partition}, were passed over: {first_offset} to {last_offset}.",
    ),
    one(
        "pacemeter.partition.resumed",
        "Llegan registros otra vez de {topic}, particiones {partitions}.",
        "Records of {topic}, partitions {partitions}, arrive again.",
    ),
    merged(
        "pacemeter.partition.stalled",
        "No llegan registros de {topic}[, particiones {partitions}], aunque los hay; se piden de nuevo.",
        "Records of {topic}[, partitions {partitions},] do not arrive, although there are some; they are fetched again.",
    ),
    one(
        "pacemeter.partitioning.violated",
        "Hay registros de una misma clave en dos particiones de {topic}; las cifras están mal.",
        "Records of one key are in two partitions of {topic}; figures are wrong.",
    ),
    one(
        "pacemeter.period.closed",
        "Cerró {period} de {target_name}[ con {actual:n}]; la meta era {goal}.",
        "{period} of {target_name} closed[ with {actual:n}]; the goal was {goal}.",
    ),
    one(
        "pacemeter.period.corrected",
        "Se corrigió {period} de {target_name}: de {before} a {after}.",
        "{period} of {target_name} was corrected from {before} to {after}.",
    ),
    one(
        "pacemeter.pseudonym_key.created",
        "Se creó la clave de seudónimos; guarde una copia.",
        "The pseudonym key was created; back it up.",
    ),
    one(
        "pacemeter.replay.finished",
        "Las cifras están completas: se leyeron {records} registros en {took_ms:s}.",
        "The figures are complete: {records} records were read in {took_ms:s}.",
    ),
    one("pacemeter.shutdown.requested", "Pacemeter se detiene.", "Pacemeter is stopping."),
    one("pacemeter.started", "Pacemeter arrancó.", "Pacemeter started."),
    merged(
        "pacemeter.state.begun",
        "Se empieza desde el principio del registro[ de {topic}][, particiones {partitions}].",
        "Reading begins at the beginning of the log[ of {topic}][, partitions {partitions}].",
    ),
    merged(
        "pacemeter.state.rebuild",
        "Se reconstruye el estado[ de {topic}][, particiones {partitions}][: {reason}].",
        "The state[ of {topic}][, partitions {partitions},] is rebuilt[: {reason}].",
    ),
    merged(
        "pacemeter.state.restored",
        "Se restauró el estado[ de {times} particiones].",
        "The state[ of {times} partitions] is restored.",
    ),
    // The change that keeps statuses logs it.
    one(
        "pacemeter.target.status",
        "{target_name} pasó de «{from:w}» a «{to:w}»[: {actual:n}, y el plan era {plan:n}].",
        "{target_name} went from “{from:w}” to “{to:w}”[: {actual:n}, and the plan was {plan:n}].",
    ),
    one(
        "pacemeter.targets.adopted",
        "Las metas nuevas están en las cifras ({targets} en total).",
        "The new targets are in the figures ({targets} in all).",
    ),
    merged(
        "pacemeter.targets.refused",
        "No se aceptaron los archivos de metas[: {fault}]; siguen las anteriores.",
        "The files of targets were refused[: {fault}]; the previous ones stay.",
    ),
    one(
        "pacemeter.targets.reloaded",
        "Se leyeron las metas de nuevo[; nuevas: {added}][; cambiadas: {changed}][; quitadas: {removed}].",
        "The targets were reloaded[; added: {added}][; changed: {changed}][; removed: {removed}].",
    ),
    one(
        "pacemeter.topic.partitions_accepted",
        "{topic} tiene {found} particiones en lugar de {expected}, como se aceptó.",
        "{topic} has {found} partitions instead of {expected}, as was accepted.",
    ),
    one(
        "pacemeter.topic.partitions_changed",
        "{topic} tiene {found} particiones en lugar de {expected}; las nuevas no se leen.",
        "{topic} has {found} partitions instead of {expected}; added ones are not read.",
    ),
    one("pacemeter.topic.recreated", "{topic} se borró y se creó de nuevo.", "{topic} was deleted and created again."),
    merged(
        "pacemeter.topic.retention_short",
        "La retención de {topic} es más corta que lo que se cuenta.",
        "The retention of {topic} is shorter than what is counted.",
    ),
    merged(
        "pacemeter.topic.waiting",
        "Se espera al tema {topic}, que aún no existe.",
        "Waiting for topic {topic}, which does not exist yet.",
    ),
];
