//! Log events of figures: calendars, cuts, periods, targets.

use super::{EventRow, row};

/// Rows in the order of their names.
pub(super) const ROWS: &[EventRow] = &[
    row(
        "pacemeter.calendar.closed",
        "info",
        "calendar",
        "Working time of a calendar ended. Its targets plan nothing until it opens.",
        "calendar {calendar} closed",
    ),
    row(
        "pacemeter.calendar.opened",
        "info",
        "calendar",
        "Working time of a calendar began.",
        "calendar {calendar} opened",
    ),
    row(
        "pacemeter.calendar.uncovered",
        "warn",
        "fault",
        "At start and at a reload: a calendar does not list the holidays of this year, or, from November on, of the \
         next.",
        "a calendar lacks holidays: {fault}",
    )
    .noted("Faltan días feriados en un calendario: {fault}.", "A calendar lacks holidays: {fault}."),
    row(
        "pacemeter.cut.damaged",
        "error",
        "error",
        "A cut, or the list of cuts, is damaged, edited, missing or unreadable, or a file is not in the list; \
         everything else continues. Found at start, when a cut is read, and before a further cut is stored.",
        "a cut is damaged or missing: {error}",
    )
    .merged(
        "Un corte está dañado o falta[ ({times} veces)][: {error}].",
        "A cut is damaged or missing[ ({times} times)][: {error}].",
    ),
    row(
        "pacemeter.cut.failed",
        "error",
        "cut error",
        "A cut could not be stored; storing it is retried.",
        "cut {cut} could not be stored, retrying: {error}",
    )
    .merged(
        "No se pudo guardar el corte {cut}[ ({times} veces)]; se intenta de nuevo.",
        "Cut {cut} could not be stored[ ({times} times)]; storing it is retried.",
    ),
    row(
        "pacemeter.cut.late",
        "warn",
        "cut partition topic",
        "The first record behind the end of a provisional cut belongs to it: a replay would make a different cut. The \
         stored one stays.",
        "a record of {topic}/{partition:i} came too late for cut {cut}; the stored cut stays",
    )
    .noted(
        "Llegó tarde un registro del corte {cut}; el corte guardado no cambia.",
        "A record of cut {cut} came late; the stored cut stays as it is.",
    ),
    row(
        "pacemeter.cut.missed",
        "warn",
        "at",
        "A cut was not taken: when its time came into force, a partition had passed it.",
        "the cut of {at:t} was not taken: a partition had passed it",
    )
    .merged(
        "No se tomó un corte[ de {at}][ ({times} cortes)]: se pidió demasiado tarde.",
        "A cut[ of {at}] was not taken[ ({times} cuts)]: it was wanted too late.",
    ),
    row(
        "pacemeter.cut.not_pruned",
        "warn",
        "error",
        "An old cut could not be removed.",
        "an old cut could not be removed: {error}",
    ),
    row(
        "pacemeter.cut.not_settled",
        "warn",
        "error",
        "Decisions on provisional cuts could not be stored; storing them is retried with the next decision or cut.",
        "decisions on provisional cuts could not be stored, retrying: {error}",
    ),
    row(
        "pacemeter.cut.quarantined",
        "error",
        "file",
        "A damaged or edited file of cuts was renamed; it is evidence and is never overwritten.",
        "a damaged or edited file of cuts was renamed to {file}",
    )
    .noted("Se apartó un archivo de cortes dañado: {file}.", "A damaged file of cuts was quarantined: {file}."),
    row(
        "pacemeter.cut.restored",
        "warn",
        "cut",
        "A cut that was lost is there again with its own hash; it counts as before.",
        "cut {cut}, which was lost, is there again",
    )
    .noted("El corte {cut}, que se había perdido, está de nuevo.", "Cut {cut}, which was lost, is there again."),
    row(
        "pacemeter.cut.settled",
        "info",
        "cut",
        "Every partition has shown that a replay makes the same cut; it is no longer provisional.",
        "cut {cut} is final",
    )
    .noted("El corte {cut} ya es definitivo.", "Cut {cut} is final now."),
    row(
        "pacemeter.cut.taken",
        "info",
        "at cut hash provisional retaken targets",
        "A cut was stored; `at` is its instant in the programme's time zone, `hash` its keyed hash.",
        "the cut of {at:t} was stored[ again{retaken?}][; it is provisional{provisional?}], targets: {targets}",
    )
    .noted(
        "Se tomó[ de nuevo{retaken?}] el corte de {at}[; es provisional{provisional?}].",
        "The cut of {at} was taken[ again{retaken?}][; it is provisional{provisional?}].",
    ),
    row(
        "pacemeter.period.closed",
        "info",
        "actual cut goal period target_name",
        "A target's period closed with a cut.",
        "{target_name}: {period} closed[ with {actual:n}], the goal was {goal:n}",
    )
    .noted(
        "Cerró {period} de {target_name}[ con {actual:n}]; la meta era {goal}.",
        "{period} of {target_name} closed[ with {actual:n}]; the goal was {goal}.",
    ),
    row(
        "pacemeter.period.corrected",
        "info",
        "after before cut difference period target_name",
        "The result of a closed period differs from the one at the previous cut.",
        "{target_name}: {period} corrected from {before:n} to {after:n}",
    )
    .noted(
        "Se corrigió {period} de {target_name}: de {before} a {after}.",
        "{period} of {target_name} was corrected from {before} to {after}.",
    ),
    row(
        "pacemeter.target.status",
        "warn, info",
        "actual from goal plan target_name to",
        "The status of a target, as shown, changed; `warn` if it is now `behind` or `at_risk`. `actual` is absent \
         for a ratio of nothing.",
        "{target_name}: {from:w} -> {to:w}[, {actual:n} of {plan:n} by now]",
    )
    .noted(
        "{target_name} pasó de «{from:w}» a «{to:w}»[: {actual:n}, y el plan era {plan:n}].",
        "{target_name} went from “{from:w}” to “{to:w}”[: {actual:n}, and the plan was {plan:n}].",
    ),
    row(
        "pacemeter.targets.adopted",
        "info",
        "targets",
        "The figures of reloaded targets are backfilled and shown from now on.",
        "figures of reloaded targets are shown from now on; targets: {targets}",
    )
    .noted(
        "Las metas nuevas están en las cifras ({targets} en total).",
        "The new targets are in the figures ({targets} in all).",
    ),
    row(
        "pacemeter.targets.refused",
        "error",
        "fault faults",
        "Files of targets and calendars have `faults` faults, and the previous ones stay in force. One line for each \
         of the first 20, after a change and at every SIGHUP.",
        "files of targets refused, the previous ones stay: {fault}",
    )
    .merged(
        "No se aceptaron los archivos de metas[: {fault}]; siguen las anteriores.",
        "The files of targets were refused[: {fault}]; the previous ones stay.",
    ),
    row(
        "pacemeter.targets.reloaded",
        "info",
        "added changed removed targets",
        "Files of targets and calendars were reloaded; the fields list full names (`target.NAME`, `calendar.NAME`).",
        "files of targets reloaded[; added: {added}][; changed: {changed}][; removed: {removed}]; targets: {targets}",
    )
    .noted(
        "Se leyeron las metas de nuevo[; nuevas: {added}][; cambiadas: {changed}][; quitadas: {removed}].",
        "The targets were reloaded[; added: {added}][; changed: {changed}][; removed: {removed}].",
    ),
    row(
        "pacemeter.targets.unlisted",
        "warn",
        "fault",
        "At start and at a reload: a filter of a target has a value that its allowlist does not contain. A misspelled \
         one selects nothing; `fault` has file, line and the nearest value of the list.",
        "a filter selects nothing: {fault}",
    ),
];
