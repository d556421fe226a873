//! What the process says about itself.

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
        "1 once the figures are there, 0 before that and while a partition is stalled.");
    COMPLETE_UNTIL = Family::own("pacemeter_complete_until_timestamp_seconds", Gauge, STREAM, UnixSeconds,
        "Every record that was in the stream's topic at this time is in the figures; moves on idle topics too; absent until known.");
    TIME = Family::own("pacemeter_time_seconds", Gauge, &[], UnixSeconds,
        "The clock by which figures are evaluated. Far from the time of the scrape it is wrong, or moved for a demo or a test.");
    UNLISTED_LABELS = Family::own("pacemeter_unlisted_labels_total", Counter, &["label"], Count("values"),
        "Values of a label that were in no allowlist and were shown under `other`, counted each time one was met.");

    CALENDAR_OPEN = Family::own("pacemeter_calendar_open", Gauge, CALENDAR, YesNo, "1 while the calendar has working time.");
    CALENDAR_COVERED_UNTIL = Family::own("pacemeter_calendar_covered_until_timestamp_seconds", Gauge, CALENDAR, UnixSeconds,
        "End of the last year that the calendar's lists of dates cover; absent where rules alone make it.");
    CONFIG_LAST_RELOAD_SUCCESSFUL = Family::own("pacemeter_config_last_reload_successful", Gauge, &[], YesNo,
        "1 if the files of targets and calendars were taken over when they were last read, 0 if they had faults and the ones before hold.");
    CONFIG_LAST_RELOAD_SUCCESS = Family::own("pacemeter_config_last_reload_success_timestamp_seconds", Gauge, &[], UnixSeconds,
        "When files of targets and calendars were last taken over.");

    TZDATA_INFO = Family::own("pacemeter_tzdata_info", Gauge, &["version"], Info,
        "The version of the time-zone database that days, weeks and months follow.");
    BUILD_INFO = Family::own("pacemeter_build_info", Gauge, &["version", "revision"], Info,
        "The version that runs, and the revision of the source it was built from.");
    SCRAPE_DURATION = Family::own("pacemeter_scrape_duration_seconds", Gauge, &[], Seconds,
        "Time that the last rendering of the metrics took; absent in the first.");
    SERIES_DROPPED = Family::own("pacemeter_series_dropped_total", Counter, &["metric"], Count("series"),
        "Series left out of a rendering because http.max_series was reached, counted in every rendering.");

    LOG_MESSAGES = Family::own("pacemeter_log_messages_total", Counter, &["level"], Count("lines"),
        "Lines logged; those dropped later are among them, those suppressed are not.");
    LOG_SUPPRESSED = Family::own("pacemeter_log_suppressed_total", Counter, &["event"], Count("lines"),
        "Lines held back because their event had spoken too often (log.burst, log.per_second).");
    LOG_DROPPED = Family::own("pacemeter_log_dropped_total", Counter, &[], Count("lines"),
        "Lines lost because the reader of the log was too slow, or gone.");

    KAFKA_RECORDS = Family::own("pacemeter_kafka_records_total", Counter, TOPIC, Count("records"),
        "Records received from Kafka by this process, replayed ones included.");
    KAFKA_BYTES = Family::own("pacemeter_kafka_bytes_total", Counter, TOPIC, Bytes,
        "Size of keys and values of the records received from Kafka by this process.");
    KAFKA_CONSUMER_LAG = Family::own("pacemeter_kafka_consumer_lag_records", Gauge, &["topic", "partition"], Count("records"),
        "Offsets between the position and the high watermark last known of the partition; what open transactions hold back counts, and \
         transaction markers do until they are passed.");
    KAFKA_ASSIGNED_PARTITIONS = Family::own("pacemeter_kafka_assigned_partitions", Gauge, TOPIC, Count("partitions"),
        "Partitions that this process reads.");
    KAFKA_ERRORS = Family::own("pacemeter_kafka_errors_total", Counter, &["kind"], Count("errors"),
        "Errors that the Kafka client reported, by kind; it retries by itself what can be retried.");
    KAFKA_COMMITS = Family::own("pacemeter_kafka_commits_total", Counter, &[], Count("commits"),
        "Commits of offsets asked of Kafka; they are advisory, for lag tools.");
    KAFKA_COMMIT_FAILURES = Family::own("pacemeter_kafka_commit_failures_total", Counter, &[], Count("commits"),
        "Commits of offsets that failed; no figure depends on them.");
    KAFKA_LAST_COMMIT = Family::own("pacemeter_kafka_last_commit_timestamp_seconds", Gauge, &[], UnixSeconds,
        "When offsets were last committed; absent before the first commit.");
    KAFKA_RETENTION_SHORTER_THAN_HORIZON = Family::own("pacemeter_kafka_retention_shorter_than_horizon", Gauge, TOPIC, YesNo,
        "1 if the topic keeps records for less than the stream's horizon, so that a rebuild would know less than state does; absent until \
         the topic's configuration is known.");
    KAFKA_REFETCHES = Family::own("pacemeter_kafka_refetches_total", Counter, &[], Count("partitions"),
        "Partitions fetched anew because they had unread records and yielded none.");
    DEAD_LETTER_RECORDS = Family::own("pacemeter_dead_letter_records_total", Counter, &["result"], Count("records"),
        "Rejected and expired records sent to the dead-letter topic: acknowledged by the broker, or failed and only counted.");

    PARTITION_STALLED = Family::own("pacemeter_partition_stalled", Gauge, &["topic", "partition"], YesNo,
        "1 while a partition has unread records and yields none.");
    MISPLACED_PEOPLE = Family::own("pacemeter_misplaced_people", Gauge, &[], Count("people"),
        "People paid in more than one partition, of one in 1,024 who are followed: above 0, disbursements are not keyed by beneficiary.");

    CHECKPOINTS = Family::own("pacemeter_checkpoints_total", Counter, &[], Count("checkpoints"),
        "Checkpoints written, one a partition and round.");
    CHECKPOINT_FAILURES = Family::own("pacemeter_checkpoint_failures_total", Counter, &["reason"], Count("checkpoints"),
        "Checkpoints that could not be written; reading goes on.");
    CHECKPOINT_AGE = Family::own("pacemeter_checkpoint_age_seconds", Gauge, &[], Seconds,
        "Time since the first record was taken that no checkpoint holds; 0 if all is saved.");
    CHECKPOINT_LAST_SUCCESS = Family::own("pacemeter_checkpoint_last_success_timestamp_seconds", Gauge, &[], UnixSeconds,
        "When a checkpoint was last written; absent before the first.");
    CHECKPOINT_DURATION = Family::own("pacemeter_checkpoint_duration_seconds", Gauge, &[], Seconds,
        "Time from the begin of the last checkpoint of a partition to its being on disk; 0 before the first.");
    CHECKPOINT_HOLD = Family::own("pacemeter_checkpoint_hold_seconds", Gauge, &[], Seconds,
        "The longest time for which a step of a checkpoint held up the applying of records, in the last round.");
    CHECKPOINT_SIZE = Family::own("pacemeter_checkpoint_size_bytes", Gauge, &[], Bytes,
        "Size of the newest checkpoints of all partitions.");
    CHECKPOINT_WRITTEN_BYTES = Family::own("pacemeter_checkpoint_written_bytes_total", Counter, &[], Bytes,
        "Bytes written to checkpoints.");
    CHECKPOINTS_DAMAGED = Family::own("pacemeter_checkpoints_damaged_total", Counter, &["reason"], Count("checkpoints"),
        "Checkpoints that were found damaged at the start and passed over.");
    CHECKPOINTS_INCOMPLETE = Family::own("pacemeter_checkpoint_incomplete_total", Counter, &[], Count("files"),
        "Files found at the start that were not finished when the process ended before.");
    RESTORES = Family::own("pacemeter_restores_total", Counter, &["source"], Count("partitions"),
        "Partitions by where their state came from at the start: the newest checkpoint, an older one, a rebuild, or new.");
    RESTORE_DURATION = Family::own("pacemeter_restore_duration_seconds", Gauge, &[], Seconds,
        "Time that reading the checkpoints took at the start.");
    RESTORE_PROGRESS = Family::own("pacemeter_restore_progress_ratio", Gauge, &[], Ratio,
        "How much of the states was read from checkpoints at the start.");
    RESTORE_REPLAYED = Family::own("pacemeter_restore_replayed_records", Gauge, &[], Count("records"),
        "Records read at the start to get from the checkpoints to the end of the log.");
    RESTORE_REPLAY_DURATION = Family::own("pacemeter_restore_replay_duration_seconds", Gauge, &[], Seconds,
        "Time that reading these took.");

    EVENT_DELAY = Family::own("pacemeter_event_delay_seconds", Histogram, STREAM, Seconds,
        "Time from an event's own time to its being applied; negative counts as 0. Replayed history is in it.").with_buckets(DELAYS);
    EVENT_PROCESSING = Family::own("pacemeter_event_processing_seconds", Histogram, STREAM, Seconds,
        "Time from a record's being taken from the Kafka client to its being applied, waiting included.").with_buckets(PROCESSING);
    QUEUE_LENGTH = Family::own("pacemeter_queue_length", Gauge, QUEUE, Count("items"),
        "Items that wait in a queue between two stages.");
    QUEUE_CAPACITY = Family::own("pacemeter_queue_capacity", Gauge, QUEUE, Count("items"),
        "Items that a queue between two stages takes before the stage before it waits.");
    LAST_PROCESSED = Family::own("pacemeter_last_processed_timestamp_seconds", Gauge, STREAM, UnixSeconds,
        "When a record was last processed; absent before the first.");
    AGGREGATE_KEYS = Family::own("pacemeter_aggregate_keys", Gauge, &["aggregate"], Count("keys"),
        "Keys held in memory: ids remembered, supports, people, dispersals, calls, agents.");

    PROCESS_CPU_SECONDS = Family::own("process_cpu_seconds_total", Counter, &[], Seconds,
        "CPU time spent in user and system mode, not rounded to whole seconds.");
    PROCESS_OPEN_FDS = Family::own("process_open_fds", Gauge, &[], Count("descriptors"), "Open file descriptors.");
    PROCESS_MAX_FDS = Family::own("process_max_fds", Gauge, &[], Count("descriptors"), "File descriptors that may be open at once.");
    PROCESS_VIRTUAL_MEMORY = Family::own("process_virtual_memory_bytes", Gauge, &[], Bytes, "Size of virtual memory.");
    PROCESS_RESIDENT_MEMORY = Family::own("process_resident_memory_bytes", Gauge, &[], Bytes, "Size of resident memory.");
    PROCESS_START_TIME = Family::own("process_start_time_seconds", Gauge, &[], UnixSeconds, "When the process started.");
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
