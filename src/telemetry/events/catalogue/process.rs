//! Log events of the process: start, end, server, log, secrets.

use super::{EventRow, row};

/// Rows in the order of their names.
pub(super) const ROWS: &[EventRow] = &[
    row(
        "pacemeter.bug",
        "error",
        "bug location thread",
        "A panic, which is a bug. The process exits with 70; the restart is exact.",
        "bug in thread {thread} at {location}; exiting: {bug}",
    ),
    row(
        "pacemeter.clock.moved",
        "warn",
        "now_ms",
        "At start with `PACEMETER_TEST_CLOCK` in the environment, which is for tests: the figures are not those of \
         the present.",
        "the clock is moved for a test; figures are not those of the present",
    )
    .noted(
        "El reloj está movido para una prueba; las cifras no son de hoy.",
        "The clock is moved for a test; the figures are not those of today.",
    ),
    row("pacemeter.ended", "info", "", "The last line after an orderly shutdown.", "pacemeter ended"),
    row(
        "pacemeter.failed",
        "error",
        "exit reason",
        "The last line when the process cannot start or continue, with its exit code. Where the log is JSON nothing \
         else says so.",
        "exiting with code {exit:i}: {reason}",
    ),
    row(
        "pacemeter.failpoint.armed",
        "warn",
        "failpoint hangs pass",
        "At start with `PACEMETER_TEST_FAILPOINT` in the environment, which is for tests: the process will kill \
         itself, or hang, when it passes the failpoint for the `pass`th time.",
        "test failpoint {failpoint} armed, pass {pass}[; it hangs{hangs?}]",
    ),
    row(
        "pacemeter.http.abandoned",
        "warn",
        "connections",
        "At shutdown: connections were closed in the middle of an answer.",
        "connections closed in the middle of an answer: {connections}",
    ),
    row(
        "pacemeter.http.accept_failed",
        "warn",
        "error pause_ms",
        "A connection could not be accepted (no descriptors or memory left); retried after the pause.",
        "connection not accepted, pausing for {pause_ms} ms: {error}",
    ),
    row(
        "pacemeter.http.ended",
        "error",
        "error",
        "The HTTP server ended by itself.",
        "the HTTP server ended by itself: {error}",
    ),
    row(
        "pacemeter.http.exposed",
        "warn",
        "address",
        "At start: the server listens beyond loopback, and everybody who can connect may read the figures, as \
         `http.accept_exposed` accepts.",
        "{address} is not loopback: whoever reaches it can read the figures",
    ),
    row(
        "pacemeter.http.full",
        "warn",
        "bound",
        "The bound of the setting `bound` is reached: each further connection closes the one idle longest. Logged \
         once until there is room again.",
        "{bound} connections are open; each further one closes the one idle longest",
    ),
    row(
        "pacemeter.http.gone",
        "debug",
        "error",
        "A client hung up before its connection was accepted.",
        "a client hung up before its connection was accepted: {error}",
    ),
    row(
        "pacemeter.http.handshake_failed",
        "warn",
        "address error",
        "A TLS handshake failed: the client speaks no TLS or an old version, or has no accepted certificate.",
        "handshake with {address} failed: {error}",
    ),
    row(
        "pacemeter.http.listening",
        "info",
        "address",
        "The server listens; clients can connect from now on.",
        "http://{address}",
    ),
    row(
        "pacemeter.http.other_host",
        "warn",
        "host",
        "A request named a host that is neither an address, `localhost` nor in `http.hosts`; it was refused with 421.",
        "request for host {host} refused; list it in http.hosts if it is yours",
    ),
    row(
        "pacemeter.http.unauthorized",
        "warn",
        "address reason",
        "A request without access was refused. `reason` is `missing` or `wrong` (password), `limited` (too many \
         passwords wait) or `certificate` (none).",
        "request from {address} refused: {reason}",
    ),
    row(
        "pacemeter.label.unlisted",
        "info",
        "label value",
        "A label value is shown as `other`, as it is not in `labels.*`. One line for each value that the process \
         meets, for the first 20; of a value longer than 64 characters the beginning, and `other` for a `state` that \
         is no code.",
        "{label} {value} is shown as \"other\", as it is not in the allowlist",
    ),
    row(
        "pacemeter.label.unnamed",
        "warn",
        "lists",
        "At start: these allowlists are empty, so every value of their labels is shown as `other`. List the values to \
         show by name, or `other` alone if that is meant.",
        "empty allowlists, whose labels are all shown as \"other\": {lists}",
    ),
    row(
        "pacemeter.log.suppressed",
        "warn",
        "suppressed_event",
        "Lines of the named event were suppressed since the last report; `suppressed` is their number.",
        "lines of {suppressed_event} suppressed: {suppressed}",
    ),
    row(
        "pacemeter.pseudonym_key.created",
        "warn",
        "key_id path",
        "At the first start: a pseudonym key was created. Back it up: stored state cannot be used without it.",
        "pseudonym key created in {path}; back it up, stored state needs it",
    )
    .noted("Se creó la clave de seudónimos; guarde una copia.", "The pseudonym key was created; back it up."),
    row(
        "pacemeter.pseudonym_key.exposed",
        "warn",
        "exposure path",
        "At start: other users could read the pseudonym key. Its mode is 600 now, unless the file belongs to somebody \
         else; `exposure` says which. Who read it can find people behind pseudonyms.",
        "pseudonym key {path}: {exposure}",
    ),
    row(
        "pacemeter.secret.exposed",
        "warn",
        "exposure",
        "At start: other users can read a secret of the settings: in a configuration file, in a file that \
         `kafka.properties` names, or on the command line. `exposure` says where, and what to do.",
        "other users can read a secret: {exposure}",
    ),
    row(
        "pacemeter.service_manager.unreachable",
        "warn",
        "error",
        "The socket of `NOTIFY_SOCKET` cannot be used, or took no message within a second: systemd does not know whether the \
         process is ready or alive. Logged once.",
        "the service manager is not reached: {error}",
    ),
    row(
        "pacemeter.shortage",
        "error",
        "reason remedy",
        "A library could not start a thread, or a Kafka client did not start. The process exits with 75; the restart \
         is exact.",
        "exiting, as threads or memory ran out: {reason}; {remedy}",
    ),
    row(
        "pacemeter.shutdown.forced",
        "warn",
        "signal",
        "A second signal: the process exits at once.",
        "{signal} again: exiting at once",
    ),
    row(
        "pacemeter.shutdown.overdue",
        "error",
        "limit_ms",
        "The process has not ended five seconds after `shutdown.deadline`, because something blocks, such as a disk \
         without an answer. It exits at once with 75; the state on disk is exact.",
        "not ended within {limit_ms:s}; exiting at once, the state on disk is exact",
    ),
    row(
        "pacemeter.shutdown.requested",
        "info",
        "signal",
        "SIGTERM or SIGINT: the pipeline drains.",
        "{signal}: reading stops, and the rest is saved",
    )
    .noted("Pacemeter se detiene.", "Pacemeter is stopping."),
    row(
        "pacemeter.started",
        "info",
        "revision settings sources",
        "The first line. `settings` is an object of the settings that differ from their defaults, by full key \
         (`\"http.listen\"`), without secrets; `sources` is an object of where each comes from: file and line, \
         environment variable or option. `pacemeter run --print-config` prints all settings.",
        "pacemeter {version} ({revision}), {settings:k}",
    )
    .noted("Pacemeter arrancó.", "Pacemeter started."),
    row(
        "pacemeter.web_config.outdated",
        "warn",
        "fault",
        "At start: the server certificate has expired or is not valid yet, so clients refuse it.",
        "clients will refuse the server certificate: {fault}",
    ),
    row(
        "pacemeter.web_config.refused",
        "error",
        "fault faults",
        "The changed web configuration has faults, of which there are `faults`; each of the first ones is a line. The \
         previous one stays in force.",
        "the changed web configuration is not in force: {fault}",
    ),
    row(
        "pacemeter.web_config.reloaded",
        "info",
        "",
        "The web configuration, its certificates and its keys were read again and are in force.",
        "the web configuration was read again and is in force",
    ),
];
