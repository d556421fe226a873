//! Log events of records: Kafka, partitions, topics, rejections.

use super::{EventRow, row};

/// Rows in the order of their names.
pub(super) const ROWS: &[EventRow] = &[
    row(
        "pacemeter.dead_letter.failed",
        "warn",
        "error offset partition stream",
        "A rejected or expired record could not be written to the dead-letter topic; the pipeline continues.",
        "{stream}/{partition:i}@{offset:i}: no dead letter written: {error}",
    ),
    row(
        "pacemeter.dead_letter.unfinished",
        "warn",
        "",
        "At shutdown: some dead letters are not acknowledged; the next start writes them again.",
        "some dead letters are not acknowledged; the next start writes them again",
    ),
    row(
        "pacemeter.dead_letter.value_left_out",
        "warn",
        "error offset partition stream value_bytes",
        "A dead letter does not fit in its topic and is sent without its value; `value_bytes` is the size of that.",
        "{stream}/{partition:i}@{offset:i}: dead letter sent without its value of {value_bytes:b}: {error}",
    ),
    row(
        "pacemeter.kafka.certificates_unchecked",
        "warn",
        "property",
        "At start: `kafka.properties` switches off a check of the brokers' certificates, so any server that answers \
         for a broker is believed. Remove the property.",
        "{property} switches off the check of certificates: any server is believed; remove it",
    ),
    row(
        "pacemeter.kafka.client",
        "error, warn, info, debug",
        "detail facility",
        "A log line of the Kafka client, under its own severity.",
        "{facility}: {detail}",
    ),
    row(
        "pacemeter.kafka.close_timeout",
        "warn",
        "",
        "At shutdown: the Kafka client did not close in time and is abandoned.",
        "the Kafka client did not close in time and is abandoned",
    ),
    row(
        "pacemeter.kafka.commit_failed",
        "warn",
        "reason",
        "Offsets were not committed; no figure depends on them.",
        "offsets not committed, no figure depends on them: {reason}",
    ),
    row(
        "pacemeter.kafka.committed_unknown",
        "warn",
        "error",
        "At start: Kafka does not report the committed offsets; dead letters may be written again, and a partition \
         without a checkpoint may have to be tried again (75).",
        "committed offsets unknown, dead letters may be written again: {error}",
    ),
    row(
        "pacemeter.kafka.end_unknown",
        "warn",
        "partitions reason topic",
        "Kafka does not report the end offsets of partitions; `complete until` stands still meanwhile. Without \
         `partitions` no broker has answered.",
        "end offsets[ of {topic}][, partitions {partitions}] unknown, so \"complete until\" stands still: {reason}",
    ),
    row(
        "pacemeter.kafka.error",
        "warn",
        "code count reason",
        "Errors that the Kafka client handles itself, such as an unavailable broker; one line for all errors of a \
         code.",
        "{code}: {reason} (times: {count})",
    ),
    row(
        "pacemeter.kafka.repeated",
        "info",
        "count",
        "The client delivered records a second time; they were dropped.",
        "redelivered records dropped: {count}",
    ),
    row(
        "pacemeter.kafka.returned",
        "info",
        "gone_ms new_records",
        "Brokers answer again. `gone_ms` is the time since the last answer, by which the figures were behind at most; \
         `new_records` came meanwhile and are still to be read.",
        "brokers answer again after {gone_ms:s}[; new records to read: {new_records}]",
    )
    .noted(
        "Kafka responde de nuevo tras {gone_ms:s}[; llegaron {new_records} registros].",
        "Kafka answers again after {gone_ms:s}[; {new_records} records came].",
    ),
    row(
        "pacemeter.kafka.unavailable",
        "warn",
        "reason",
        "Brokers do not answer any more, or not for some partitions; `complete until` stands still.",
        "brokers do not answer, so \"complete until\" stands still: {reason}",
    )
    .noted("Kafka no responde: {reason}.", "Kafka does not answer: {reason}."),
    row(
        "pacemeter.kafka.waiting",
        "warn",
        "bootstrap_servers reason",
        "At start: no broker answers; retrying. `reason` tells the cause of each address and its remedy.",
        "no broker answers at {bootstrap_servers}, retrying: {reason}",
    )
    .merged("Se espera a Kafka, que no responde[: {reason}].", "Waiting for Kafka, which does not answer[: {reason}]."),
    row(
        "pacemeter.partition.held_back",
        "warn",
        "partitions records topic",
        "An open transaction has held `records` records of these partitions back for at least a minute. The figures \
         cover the log up to the stable offset; the rest is lag. Logged once a minute.",
        "{topic}, partitions {partitions}: an open transaction holds {records} records back",
    )
    .merged(
        "Una transacción abierta retiene {records} registros de {topic}, particiones {partitions}.",
        "An open transaction holds {records} records of {topic}, partitions {partitions}, back.",
    ),
    row(
        "pacemeter.partition.interrupted",
        "error",
        "code offset partition partitions reason remedy topic",
        "Partitions cannot be read; retrying. If a batch itself cannot be read, there is one line for its \
         `partition`, and `remedy` names the setting to raise, and the offset from which to exclude. Otherwise \
         brokers do not deliver `partitions`.",
        "{topic}[/{partition:i}@{offset:i}][, partitions {partitions}]: cannot be read, retrying: {reason}[; {remedy}]",
    )
    .merged(
        "No se puede leer {topic}[, particiones {partitions}][, partición {partition:i}]; se intenta de nuevo.",
        "{topic}[, partitions {partitions},][, partition {partition:i},] cannot be read; retrying.",
    ),
    row(
        "pacemeter.partition.passed",
        "warn",
        "counted first_offset last_offset partition topic",
        "Records at excluded offsets cannot be read; reading continues behind them. `counted` offsets are new in the \
         figures as `excluded`: 0 where an earlier process has counted them.",
        "{topic}/{partition:i}: unreadable offsets {first_offset:i} to {last_offset:i} passed over[; new in the \
         figures: {counted}]",
    )
    .noted(
        "Se saltaron registros ilegibles de {topic}, partición {partition:i}, del {first_offset} al {last_offset}.",
        "Unreadable records of {topic}, partition {partition:i}, were passed over: {first_offset} to {last_offset}.",
    ),
    row(
        "pacemeter.partition.resumed",
        "info",
        "partitions topic",
        "Stalled partitions yield records again.",
        "{topic}, partitions {partitions}: records arrive again",
    )
    .noted(
        "Llegan registros otra vez de {topic}, particiones {partitions}.",
        "Records of {topic}, partitions {partitions}, arrive again.",
    ),
    row(
        "pacemeter.partition.stalled",
        "warn",
        "partitions position topic",
        "Partitions have unread records and yield none. They are fetched again, and `pacemeter_ready` is 0. \
         `position` is there for a single partition.",
        "{topic}, partitions {partitions}[ at offset {position:i}]: unread records do not arrive; refetching",
    )
    .merged(
        "No llegan registros de {topic}[, particiones {partitions}], aunque los hay; se piden de nuevo.",
        "Records of {topic}[, partitions {partitions},] do not arrive, although there are some; they are fetched \
         again.",
    ),
    row(
        "pacemeter.partitioning.violated",
        "error",
        "kind other_partition partition topic",
        "Events of one person, support, call, agent or initiative (`kind`) are in two partitions, so figures are \
         wrong: records are not keyed as specified. One line for the first of each kind; `pacemeter_misplaced_keys` \
         counts them.",
        "{topic}: records of one {kind} are in partitions {partition:i} and {other_partition:i}, so figures are wrong",
    )
    .noted(
        "Hay registros de una misma clave en dos particiones de {topic}; las cifras están mal.",
        "Records of one key are in two partitions of {topic}; figures are wrong.",
    ),
    row(
        "pacemeter.pipeline.wedged",
        "error",
        "silent_ms",
        "Records wait, and none was applied for `pipeline.wedge_timeout`; the process exits at once.",
        "records wait, and none was applied for {silent_ms:s}; exiting",
    ),
    row(
        "pacemeter.record.set_aside",
        "warn",
        "detail field offset partition reason topic",
        "A record was rejected or expired; the first five of each reason a minute have such a line; `reason` says \
         why, and `field` names the field at fault, if there is one. If the value is no JSON, `detail` has the place \
         of the fault.",
        "{topic}/{partition:i}@{offset:i}: {reason:r}[ ({field})][: {detail}]",
    ),
    row(
        "pacemeter.records.rejected",
        "warn",
        "count reason",
        "Once a minute and at shutdown, for each reason: the number of records that were rejected or expired since \
         the last such line.",
        "{count} rejected or expired: {reason:r}",
    ),
    row(
        "pacemeter.replay.finished",
        "info",
        "records took_ms",
        "Every partition has reached the end offset it had after the start; figures are shown from now on.",
        "{records} records in {took_ms:s}; figures are shown from now on",
    )
    .noted(
        "Las cifras están completas: se leyeron {records} registros en {took_ms:s}.",
        "The figures are complete: {records} records were read in {took_ms:s}.",
    ),
    row(
        "pacemeter.replay.progress",
        "info",
        "read total",
        "Every ten seconds of a replay: records read, and their total when last asked.",
        "{read} of {total} records read",
    ),
    row(
        "pacemeter.summary",
        "info",
        "applied duplicate expired lag_records live new_applied new_duplicate new_expired new_rejected \
         records_per_second rejected unsaved_ms",
        "Once a minute and at shutdown: outcomes of the records since the beginning of the log, and the number of \
         unread records. `new_...` are the differences since the summary before, or since the start; \
         `records_per_second` is their rate.",
        "[+{new_applied:n} applied][, +{new_duplicate:n} duplicate][, +{new_rejected:n} rejected][, +{new_expired:n} \
         expired][ ({records_per_second:n}/s)]; {lag_records} unread[, unsaved for {unsaved_ms:s}]",
    ),
    row(
        "pacemeter.topic.accepted",
        "warn",
        "risk topic",
        "At start: a topic would break exactness, and a setting accepts the risk.",
        "{topic} {risk}; a setting accepts that",
    ),
    row(
        "pacemeter.topic.batches_large",
        "warn",
        "accepted_bytes read_bytes topic",
        "At start: a topic accepts larger batches than the client reads; one would halt its partition. Lower the \
         topic's `max.message.bytes`, or raise `kafka.properties.receive.message.max.bytes`.",
        "{topic} accepts batches of {accepted_bytes:b}, the client reads {read_bytes:b}: a larger one would halt its \
         partition",
    ),
    row(
        "pacemeter.topic.id_unknown",
        "info",
        "reason topics",
        "At start: brokers do not report the ids of these topics. A topic that is deleted, created again and filled \
         while the process runs is not noticed then.",
        "ids of topics are unknown, so a topic created again would not be noticed: {topics}: {reason}",
    ),
    row(
        "pacemeter.topic.partitions_accepted",
        "warn",
        "expected found topic",
        "Partitions were added to a topic, and a setting accepts it: who has records before and after counts twice.",
        "{topic} has {found} partitions instead of {expected}, as a setting accepts",
    )
    .noted(
        "{topic} tiene {found} particiones en lugar de {expected}, como se aceptó.",
        "{topic} has {found} partitions instead of {expected}, as was accepted.",
    ),
    row(
        "pacemeter.topic.partitions_changed",
        "error",
        "expected found topic",
        "A topic has a different number of partitions than at the start. Added ones are not read, and Pacemeter is \
         not ready from then on; one line each time that some are added. With fewer it is another topic, and the \
         process ends with 75.",
        "{topic} has {found} partitions instead of {expected}; added ones are not read",
    )
    .noted(
        "{topic} tiene {found} particiones en lugar de {expected}; las nuevas no se leen.",
        "{topic} has {found} partitions instead of {expected}; added ones are not read.",
    ),
    row(
        "pacemeter.topic.recreated",
        "error",
        "expected found topic",
        "A topic has another id than at the start, or than the first that brokers reported since: it was deleted and \
         created again. The process ends with 75 and saves nothing; the next start refuses the state.",
        "{topic} was deleted and created again: id {found} instead of {expected}",
    )
    .noted("{topic} se borró y se creó de nuevo.", "{topic} was deleted and created again."),
    row(
        "pacemeter.topic.retention_short",
        "warn",
        "horizon_ms retention_bytes retention_ms topic",
        "At start: a topic's retention is shorter than the horizon, so a rebuild would find fewer records than the \
         state has counted.",
        "{topic}: retention[ of {retention_ms:s}][ of {retention_bytes:b}] is shorter than the horizon of \
         {horizon_ms:s}",
    )
    .merged(
        "La retención de {topic} es más corta que lo que se cuenta.",
        "The retention of {topic} is shorter than what is counted.",
    ),
    row(
        "pacemeter.topic.waiting",
        "warn",
        "topic",
        "At start: a topic does not exist yet; retrying.",
        "topic {topic} does not exist yet; retrying",
    )
    .merged("Se espera al tema {topic}, que aún no existe.", "Waiting for topic {topic}, which does not exist yet."),
];
