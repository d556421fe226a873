//! Families of the process's own metrics.

use super::MetricKind::{Counter, Gauge, Histogram};
use super::Unit::{Bytes, Count, Info, Ratio, Seconds, UnixSeconds, YesNo};
use super::{Family, families};
use crate::clock::{DAY, HOUR, MINUTE, SECOND};

const STREAM: &[&str] = &["stream"];
const TOPIC: &[&str] = &["topic"];
const QUEUE: &[&str] = &["queue"];
const CALENDAR: &[&str] = &["calendar"];

families! {
    READY = Family::own("pacemeter_ready", Gauge, &[], YesNo,
        "Readiness of the figures: 1 if they are shown and current, 0 if not.")
        .with_note("0 until the figures are there, and while a partition is stalled, a topic is missing or has \
            partitions that are not read, or snapshots are overdue: [ready](spec/figures.md#ready).");
    COMPLETE_UNTIL = Family::own("pacemeter_complete_until_timestamp_seconds", Gauge, STREAM, UnixSeconds,
        "Time up to which the figures contain every record of the stream's topic.")
        .with_note("Advances on idle topics too; absent until known: [complete until](spec/figures.md#complete-until).");
    TIME = Family::own("pacemeter_time_seconds", Gauge, &[], UnixSeconds,
        "Time at which the figures are evaluated.")
        .with_note("If it is far from the time of the scrape, the clock is wrong, or moved for a demo or a test: \
            [evaluation time](spec/figures.md#evaluation-time).");
    UNLISTED_LABELS = Family::own("pacemeter_unlisted_labels_total", Counter, &["label"], Count("values"),
        "Values outside the allowlist of a label, counted at each occurrence.")
        .with_note("They are shown as `other`: [unlisted](spec/figures.md#unlisted).");

    CALENDAR_OPEN = Family::own("pacemeter_calendar_open", Gauge, CALENDAR, YesNo,
        "Working time of the calendar: 1 while open, 0 while closed.");
    TARGET_STATUS = Family::own("pacemeter_target_status", Gauge, &["target", "status"], YesNo,
        "Status of a target in its current period, as terminal and page show it: 1 for the one that holds.")
        .with_note("One series for each status: [status](targets.md#status). Absent without figures, and outside of a \
            campaign.");
    CALENDAR_COVERED_UNTIL = Family::own("pacemeter_calendar_covered_until_timestamp_seconds", Gauge, CALENDAR,
        UnixSeconds, "End of the last year that the calendar's lists of dates cover.")
        .with_note("Absent for a calendar that consists of rules alone.");
    CONFIG_LAST_RELOAD_SUCCESSFUL = Family::own("pacemeter_config_last_reload_successful", Gauge, &[], YesNo,
        "Success of the last reload of targets and calendars: 1 if applied, 0 if refused.")
        .with_note("Files with faults are refused, and the previous ones stay in force.");
    CONFIG_LAST_RELOAD_SUCCESS = Family::own("pacemeter_config_last_reload_success_timestamp_seconds", Gauge, &[],
        UnixSeconds, "Time of the last successful reload of targets and calendars.");

    CUTS_LOST = Family::own("pacemeter_cuts_lost", Gauge, &[], Count("cuts"),
        "Stored cuts found damaged, edited, missing or unreadable, and 1 more if their list was.")
        .with_note("A cut that was taken again still counts until the loss is accepted: run `pacemeter cut verify`.");

    TZDATA_INFO = Family::own("pacemeter_tzdata_info", Gauge, &["version"], Info,
        "Version of the time-zone database in use.")
        .with_note("Days, weeks and months follow it.");
    BUILD_INFO = Family::own("pacemeter_build_info", Gauge,
        &["version", "revision", "librdkafka", "openssl", "zstd", "zlib", "lz4"], Info,
        "Versions of Pacemeter and of the C libraries in it, and revision of its source.")
        .with_note("The libraries report their versions themselves.");
    SCRAPE_DURATION = Family::own("pacemeter_scrape_duration_seconds", Gauge, &[], Seconds,
        "Duration of the previous rendering of the metrics.")
        .with_note("Absent in the first.");
    SERIES_DROPPED = Family::own("pacemeter_series_dropped_total", Counter, &["metric"], Count("series"),
        "Series omitted because http.max_series was reached, counted in every rendering.");

    HTTP_CONNECTIONS_REFUSED = Family::own("pacemeter_http_connections_refused_total", Counter, &[],
        Count("connections"), "Connections refused because too many were open and none of them was idle.")
        .with_note("They receive a 503 and are closed. The bounds are `http.max_connections` and \
            `http.max_connections_per_peer`: [operations](operations.md#http).");
    HTTP_CONNECTIONS_EVICTED = Family::own("pacemeter_http_connections_evicted_total", Counter, &[],
        Count("connections"), "Connections closed to make room for others, the longest idle first.")
        .with_note("[Operations](operations.md#http).");
    HTTP_CONNECTIONS_TIMED_OUT = Family::own("pacemeter_http_connections_timed_out_total", Counter, &[],
        Count("connections"), "Connections closed because no whole request arrived within http.timeout.")
        .with_note("Among them are connections that clients keep open and do not use.");
    HTTP_CONNECTIONS_ABORTED = Family::own("pacemeter_http_connections_aborted_total", Counter, &[],
        Count("connections"), "Connections reset with parts of an answer that the client had not taken.")
        .with_note("It did not take it within `http.timeout`, or before the connection had to make room or the process stopped.");
    HTTP_RESPONSES = Family::own("pacemeter_http_responses_total", Counter, &["status"], Count("responses"),
        "HTTP responses by status, refusals of malformed, large and late requests included.")
        .with_note("A status that is not listed counts as `other`.");

    HTTP_UNAUTHORIZED = Family::own("pacemeter_http_unauthorized_total", Counter, &["reason"], Count("requests"),
        "Requests refused because they lack a right password or a client certificate.")
        .with_note("`missing` and `wrong` are passwords, `limited` is a password that was not verified because too many \
            wait: [security](security.md).");
    HTTP_HANDSHAKES_FAILED = Family::own("pacemeter_http_tls_handshakes_failed_total", Counter, &[],
        Count("connections"), "TLS handshakes that failed, those without an accepted client certificate included.")
        .with_note("Handshakes that take too long count in `pacemeter_http_connections_timed_out_total`.");
    HTTP_WEB_CONFIG_SUCCESSFUL = Family::own("pacemeter_http_web_config_last_reload_successful", Gauge, &[], YesNo,
        "Success of the last reading of the web configuration: 1 if applied, 0 if refused.")
        .with_note("A configuration with faults is refused, and the previous one stays in force: [security](security.md).");
    HTTP_CERTIFICATE_NOT_AFTER = Family::own("pacemeter_http_certificate_not_after_timestamp_seconds", Gauge, &[],
        UnixSeconds, "End of the validity of the server certificate.")
        .with_note("Absent without TLS.");

    LOG_MESSAGES = Family::own("pacemeter_log_messages_total", Counter, &["level"], Count("lines"),
        "Log lines accepted, by level.")
        .with_note("Lines dropped later are included, suppressed ones are not: [logs](logs.md#bounds).");
    LOG_SUPPRESSED = Family::own("pacemeter_log_suppressed_total", Counter, &["event"], Count("lines"),
        "Log lines suppressed by the rate limit of their event.")
        .with_note("The limit is `log.burst` and `log.per_second`: [logs](logs.md#bounds).");
    LOG_DROPPED = Family::own("pacemeter_log_dropped_total", Counter, &[], Count("lines"),
        "Log lines lost because standard error was read too slowly, or was closed.");

    KAFKA_RECORDS = Family::own("pacemeter_kafka_records_total", Counter, TOPIC, Count("records"),
        "Records received from Kafka by this process, including replayed ones.");
    KAFKA_BYTES = Family::own("pacemeter_kafka_bytes_total", Counter, TOPIC, Bytes,
        "Size of keys and values received from Kafka by this process.");
    KAFKA_CONSUMER_LAG = Family::own("pacemeter_kafka_consumer_lag_records", Gauge, &["topic", "partition"],
        Count("records"), "Offsets between the position and the last known high watermark of the partition.")
        .with_note("Records behind an open transaction count, and transaction markers until they are passed.");
    KAFKA_ASSIGNED_PARTITIONS = Family::own("pacemeter_kafka_assigned_partitions", Gauge, TOPIC, Count("partitions"),
        "Partitions that this process reads.");
    KAFKA_ERRORS = Family::own("pacemeter_kafka_errors_total", Counter, &["kind"], Count("errors"),
        "Errors reported by the Kafka client, by kind.")
        .with_note("The client retries what can be retried.");
    KAFKA_COMMITS = Family::own("pacemeter_kafka_commits_total", Counter, &[], Count("commits"),
        "Offset commits requested from Kafka.")
        .with_note("Committed offsets are advisory, for lag tools; no figure depends on them.");
    KAFKA_COMMIT_FAILURES = Family::own("pacemeter_kafka_commit_failures_total", Counter, &[], Count("commits"),
        "Offset commits that failed.")
        .with_note("No figure depends on them.");
    KAFKA_LAST_COMMIT = Family::own("pacemeter_kafka_last_commit_timestamp_seconds", Gauge, &[], UnixSeconds,
        "Time of the last offset commit.")
        .with_note("Absent before the first.");
    KAFKA_RETENTION_SHORTER_THAN_HORIZON = Family::own("pacemeter_kafka_retention_shorter_than_horizon", Gauge, TOPIC,
        YesNo, "Retention of the topic: 1 if shorter than the stream's horizon, else 0.")
        .with_note("At 1 a rebuild would know less than the state does. Absent until the topic's configuration is known.");
    KAFKA_REFETCHES = Family::own("pacemeter_kafka_refetches_total", Counter, &[], Count("partitions"),
        "Partitions fetched again because they had unread records and yielded none.");
    DEAD_LETTER_RECORDS = Family::own("pacemeter_dead_letter_records_total", Counter, &["result"], Count("records"),
        "Rejected and expired records sent to the dead-letter topic, by result.")
        .with_note("`acknowledged` by the broker, or `failed` and only counted.");

    PARTITION_STALLED = Family::own("pacemeter_partition_stalled", Gauge, &["topic", "partition"], YesNo,
        "Stall of a partition: 1 while it has unread records and yields none.");
    MISPLACED_KEYS = Family::own("pacemeter_misplaced_keys", Gauge, STREAM, Count("keys"),
        "Sampled people, supports, calls, agents and initiatives whose events are in more than one partition.")
        .with_note("Above 0, figures of the stream are wrong, and `pacemeter_ready` stays 1: [audit of keys](spec/events.md#key-audit).");

    CHECKPOINTS = Family::own("pacemeter_checkpoints_total", Counter, &[], Count("checkpoints"),
        "Checkpoints written, one per partition and round.");
    CHECKPOINT_FAILURES = Family::own("pacemeter_checkpoint_failures_total", Counter, &["reason"],
        Count("checkpoints"), "Checkpoints that could not be written.")
        .with_note("Reading continues, and the previous checkpoint stays valid.");
    CHECKPOINT_AGE = Family::own("pacemeter_checkpoint_age_seconds", Gauge, &[], Seconds,
        "Age of the oldest record in no checkpoint.")
        .with_note("Counted from when the record was received; 0 if everything is saved.");
    CHECKPOINT_LAST_SUCCESS = Family::own("pacemeter_checkpoint_last_success_timestamp_seconds", Gauge, &[],
        UnixSeconds, "Time of the last checkpoint.")
        .with_note("Absent before the first.");
    CHECKPOINT_DURATION = Family::own("pacemeter_checkpoint_duration_seconds", Gauge, &[], Seconds,
        "Time from the start of a partition's last checkpoint until it was on disk.")
        .with_note("0 before the first.");
    CHECKPOINT_HOLD = Family::own("pacemeter_checkpoint_hold_seconds", Gauge, &[], Seconds,
        "Longest pause in applying records that a step of the last checkpoint round caused.");
    CHECKPOINT_SIZE = Family::own("pacemeter_checkpoint_size_bytes", Gauge, &[], Bytes,
        "Size of the newest checkpoints of all partitions.");
    CHECKPOINT_WRITTEN_BYTES = Family::own("pacemeter_checkpoint_written_bytes_total", Counter, &[], Bytes,
        "Bytes written to checkpoints.");
    CHECKPOINTS_DAMAGED = Family::own("pacemeter_checkpoints_damaged_total", Counter, &["reason"],
        Count("checkpoints"), "Checkpoints found damaged at start, and skipped.");
    CHECKPOINTS_INCOMPLETE = Family::own("pacemeter_checkpoint_incomplete_total", Counter, &[], Count("files"),
        "Checkpoint files found at start that the previous process left unfinished.");
    RESTORES = Family::own("pacemeter_restores_total", Counter, &["source"], Count("partitions"),
        "Partitions restored at start, by source of their state.")
        .with_note("The source is the newest checkpoint, an older one, a rebuild or a new state.");
    RESTORE_DURATION = Family::own("pacemeter_restore_duration_seconds", Gauge, &[], Seconds,
        "Duration of reading the checkpoints at start.");
    RESTORE_PROGRESS = Family::own("pacemeter_restore_progress_ratio", Gauge, &[], Ratio,
        "Share of the states read from checkpoints at start.");
    RESTORE_REPLAYED = Family::own("pacemeter_restore_replayed_records", Gauge, &[], Count("records"),
        "Records read at start from the checkpoints to the end of the log.");
    RESTORE_REPLAY_DURATION = Family::own("pacemeter_restore_replay_duration_seconds", Gauge, &[], Seconds,
        "Duration of reading the log from the checkpoints to its end at start.");

    EVENT_DELAY = Family::own("pacemeter_event_delay_seconds", Histogram, STREAM, Seconds,
        "Delay from the time of an event until it was applied.")
        .with_note("A negative delay counts as 0; replayed history is included.")
        .with_buckets(DELAYS);
    EVENT_PROCESSING = Family::own("pacemeter_event_processing_seconds", Histogram, STREAM, Seconds,
        "Time from the receipt of a record from the Kafka client until it was applied.")
        .with_note("Includes the wait in the queue.")
        .with_buckets(PROCESSING);
    QUEUE_LENGTH = Family::own("pacemeter_queue_length", Gauge, QUEUE, Count("items"),
        "Items waiting in a queue between two stages.");
    QUEUE_CAPACITY = Family::own("pacemeter_queue_capacity", Gauge, QUEUE, Count("items"),
        "Capacity of a queue between two stages.")
        .with_note("The stage before a full queue waits.");
    LAST_PROCESSED = Family::own("pacemeter_last_processed_timestamp_seconds", Gauge, STREAM, UnixSeconds,
        "Time at which a record was last processed.")
        .with_note("Absent before the first.");
    AGGREGATE_KEYS = Family::own("pacemeter_aggregate_keys", Gauge, &["aggregate"], Count("keys"),
        "Keys in memory, by aggregate.")
        .with_note("Aggregates are remembered ids, supports, people, dispersals, calls and agents.");

    PROCESS_CPU_SECONDS = Family::own("process_cpu_seconds_total", Counter, &[], Seconds,
        "CPU time spent in user and system mode.")
        .with_note("Not rounded to whole seconds.");
    PROCESS_OPEN_FDS = Family::own("process_open_fds", Gauge, &[], Count("descriptors"), "Open file descriptors.");
    PROCESS_MAX_FDS = Family::own("process_max_fds", Gauge, &[], Count("descriptors"),
        "Maximum number of open file descriptors.");
    PROCESS_VIRTUAL_MEMORY = Family::own("process_virtual_memory_bytes", Gauge, &[], Bytes, "Size of virtual memory.");
    PROCESS_RESIDENT_MEMORY = Family::own("process_resident_memory_bytes", Gauge, &[], Bytes,
        "Size of resident memory.");
    PROCESS_START_TIME = Family::own("process_start_time_seconds", Gauge, &[], UnixSeconds,
        "Start time of the process.");
    PROCESS_THREADS = Family::own("process_threads", Gauge, &[], Count("threads"), "Threads of the process.");
}

const PROCESSING: &[i64] = &[1, 2, 5, 10, 25, 50, 100, 250, 500, SECOND, 2_500, 5 * SECOND, 10 * SECOND, 30 * SECOND];

const DELAYS: &[i64] = &[
    100,
    250,
    500,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    HOUR,
    6 * HOUR,
    DAY,
    7 * DAY,
];
