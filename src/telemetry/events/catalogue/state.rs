//! Log events of stored state.

use super::{EventRow, row};

/// Rows in the order of their names.
pub(super) const ROWS: &[EventRow] = &[
    row(
        "pacemeter.checkpoint.damaged",
        "error",
        "damage file files partitions topic",
        "At start: checkpoints are damaged; older ones are tried. `files` is their number, `file` the first.",
        "{topic}, partitions {partitions}: {files} damaged checkpoints, trying older ones: {damage}",
    )
    .noted(
        "Hay puntos de control dañados de {topic}, particiones {partitions}; se intenta con los anteriores.",
        "Checkpoints of {topic}, partitions {partitions}, are damaged; older ones are tried.",
    ),
    row(
        "pacemeter.checkpoint.failed",
        "error",
        "error in_a_row reason",
        "A checkpoint failed. The previous one stays valid, and a restart would read again from there.",
        "checkpoint failed, the previous one stays valid[: {reason}][: {error}][; failures in a row: {in_a_row}]",
    )
    .merged(
        "No se pudo guardar un punto de control[ ({times} veces)][: {reason}]; el anterior sigue siendo válido.",
        "A checkpoint failed[ ({times} times)][: {reason}]; the previous one stays valid.",
    ),
    row(
        "pacemeter.checkpoint.incomplete",
        "info",
        "files",
        "At start: the previous process left checkpoints unfinished.",
        "the previous process left {files} unfinished checkpoint files",
    ),
    row(
        "pacemeter.checkpoint.mark_refused",
        "warn",
        "file partitions topic",
        "At start: files, of which `file` is the first, have the name of the mark of a first start or of `pacemeter \
         state rebuild`, and no valid keyed hash. They are no such marks: somebody made or edited them, or another \
         pseudonym key or an older version wrote them.",
        "{topic}, partitions {partitions}: marks without a valid keyed hash are ignored, such as {file}",
    ),
    row(
        "pacemeter.checkpoint.not_pruned",
        "warn",
        "error",
        "An old checkpoint could not be removed.",
        "an old checkpoint could not be removed: {error}",
    ),
    row(
        "pacemeter.checkpoint.unfinished",
        "warn",
        "",
        "The process ended before everything was saved; the next start reads the rest again.",
        "ended before everything was saved; the next start reads the rest again",
    ),
    row(
        "pacemeter.checkpoint.unmarked",
        "warn",
        "error",
        "A first start on a log that retention has shortened could not be remembered. If the process dies before its \
         first checkpoint, the next start may report lost history.",
        "the first start on a shortened log could not be remembered: {error}",
    ),
    row(
        "pacemeter.checkpoint.unsealed",
        "warn",
        "file partitions topic",
        "At start: checkpoints without a keyed hash are resumed, as `state.accept_unsealed_checkpoints` accepts them. \
         Unset that now. `file` is the first.",
        "{topic}, partitions {partitions}: checkpoints without a keyed hash are resumed; unset \
         state.accept_unsealed_checkpoints",
    )
    .noted(
        "Se reanudan puntos de control sin sello de {topic}, particiones {partitions}.",
        "Checkpoints without a keyed hash of {topic}, partitions {partitions}, are resumed.",
    ),
    row(
        "pacemeter.checkpoint.written",
        "debug",
        "bytes next_offset partition sequence took_ms topic",
        "A checkpoint was written.",
        "{topic}/{partition:i}@{next_offset:i}: {bytes:b} in {took_ms} ms",
    ),
    row(
        "pacemeter.state.begun",
        "info",
        "partitions topic",
        "At start: these partitions have no state yet, and are read from the beginning of their logs.",
        "{topic}, partitions {partitions}: no state yet, reading from the beginning",
    )
    .merged(
        "Se empieza desde el principio del registro[ de {topic}][, particiones {partitions}].",
        "Reading begins at the beginning of the log[ of {topic}][, partitions {partitions}].",
    ),
    row(
        "pacemeter.state.directory_moved",
        "warn",
        "moved_to path",
        "A directory with content had the name of a file that Pacemeter writes or removes. It was renamed; look at \
         it, and move it away.",
        "directory {path} was in the way and is now {moved_to}; look at it",
    ),
    row(
        "pacemeter.state.entry_removed",
        "warn",
        "found path",
        "A link, a pipe, an empty directory or the like had the name of a file that Pacemeter writes or removes. It \
         was removed; what a link leads to is untouched.",
        "{path} was in the way and is removed: {found}",
    ),
    row(
        "pacemeter.state.rebuild",
        "warn",
        "partitions reason topic",
        "The stored state of these partitions is discarded and rebuilt from the log.",
        "{topic}, partitions {partitions}: state discarded, rebuilding from the log: {reason}",
    )
    .merged(
        "Se reconstruye el estado[ de {topic}][, particiones {partitions}][: {reason}].",
        "The state[ of {topic}][, partitions {partitions},] is rebuilt[: {reason}].",
    ),
    row(
        "pacemeter.state.restored",
        "info",
        "bytes first_offset next_offset partition source tail_checked topic",
        "A partition's state is in memory; reading resumes at `next_offset`.",
        "{topic}/{partition:i}: {bytes:b} restored, resuming at offset {next_offset:i}",
    )
    .merged("Se restauró el estado[ de {times} particiones].", "The state[ of {times} partitions] is restored."),
    row(
        "pacemeter.state.rights_mended",
        "warn",
        "found path",
        "At start: other users had permissions on the state directory, or on a file or directory of Pacemeter in it; \
         they were removed.",
        "{path}: permissions {found} of other users removed",
    ),
    row(
        "pacemeter.state.rights_of_links",
        "warn",
        "files path",
        "At start: other users have permissions on `files` files of Pacemeter that have further hard links, such as \
         `path`. Their mode is not changed: they may be somebody's under a name of Pacemeter. Remove the other links, \
         or put copies in their place.",
        "other users have permissions on {files} files with further hard links, such as {path}",
    ),
    row(
        "pacemeter.state.rights_too_wide",
        "warn",
        "error found path",
        "At start: other users have permissions on the state directory, or on a file or directory of Pacemeter in it, \
         and this process may not change them.",
        "{path}: other users have permissions {found}, which may not be changed: {error}",
    ),
    row(
        "pacemeter.state.rights_unknown",
        "warn",
        "error path",
        "At start: a file or directory in place of one of Pacemeter cannot be looked into, so its permissions are \
         unknown. The start goes on.",
        "{path}: permissions unknown: {error}",
    ),
];
