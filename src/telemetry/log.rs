//! Log: one line per event on standard error, with bounds on rate and size. The pipeline never waits for it.
//!
//! A `tracing` event passes three gates: its level, the token bucket of its name ([`limiter`]), and room in the buffer
//! of the writing thread. Lines stopped by a gate are counted. `docs/logs.md` describes the lines and lists every
//! event.
//!
//! The log has no timer. The next line of a name reports how many lines were suppressed before it. Otherwise a line of
//! its own reports them at the end, or before the next event of any name a minute after the last report; the pipeline
//! logs once a minute.

#[cfg(test)]
mod catalogue_tests;
mod limiter;
mod line;
#[cfg(test)]
mod mapping;
mod object;
mod prefix;
mod settings;
mod style;
#[cfg(test)]
mod tests;
mod text;
#[cfg(test)]
mod text_tests;
mod writer;

use std::io::Write as _;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::clock::{Clock, Timestamp};
use crate::telemetry::events::EventRing;
use limiter::{Limiter, Name, RateDecision, SuppressedLines};
use line::Fields;
pub(crate) use object::JsonObject;
use prefix::LinePrefix;
pub(crate) use prefix::level_name;
pub use settings::{Colour, FORMATS, Format, Settings};
use style::{Form, LineStyle, OutputKind};
#[cfg(test)]
pub(crate) use text::LINE_FIELDS;

const SERVICE: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Name of events without a name, which are those of dependencies.
const DEPENDENCY: &str = "dependency";

/// Event of the panic hook; it is not limited.
const BUG: &str = "pacemeter.bug";

/// Events after which the process exits at once: the caller waits until their lines are written.
const FLUSHED_EVENTS: [&str; 3] = [BUG, "pacemeter.shortage", "pacemeter.shutdown.forced"];

/// Maximum wait for the line of a flushed event.
const FLUSH_WITHIN: Duration = Duration::from_millis(500);

/// Event that reports suppressed lines; the log writes it itself, at any `log.level`.
pub(crate) const SUPPRESSED: (Level, &str) = (Level::WARN, "pacemeter.log.suppressed");

/// Number of lines that may wait for a slow reader; a line is usually 300 bytes, at most some tens of KiB.
const BUFFERED_LINES: usize = 1_024;

/// Maximum wait at the end of the process for a reader that still reads.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Levels that can be configured, most severe first.
pub(crate) const LEVELS: [Level; 4] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG];

/// Counters of the log, for the metrics.
#[derive(Debug)]
pub struct LogCounters {
    /// Lines by level, in the order of [`LEVELS`].
    messages: [AtomicU64; 4],
    limiter: Mutex<Limiter>,
    /// Counter of the lines for which the buffer had no room; set once the log is open.
    overflowed: OnceLock<ErrorCounter>,
    progress: Arc<writer::WriterProgress>,
}

impl LogCounters {
    /// Creates the counters of a log that is not open yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            messages: Default::default(),
            limiter: Mutex::new(Limiter::new(settings.burst, settings.per_second)),
            overflowed: OnceLock::new(),
            progress: Arc::default(),
        }
    }

    /// Returns the number of lines that passed level and limit, by level. Each was written or is in
    /// [`LogCounters::dropped`].
    pub fn messages(&self) -> [(Level, u64); 4] {
        std::array::from_fn(|index| (LEVELS[index], self.messages[index].load(SeqCst)))
    }

    /// Returns the number of lines suppressed by the limit, for every event name seen. Names beyond a bound share the
    /// name `other`.
    pub fn suppressed(&self) -> Vec<(Box<str>, u64)> {
        self.limiter().totals().into_iter().map(|SuppressedLines { name, lines }| (name, lines)).collect()
    }

    /// Returns the number of lines lost because the reader was too slow, or gone.
    pub fn dropped(&self) -> u64 {
        self.overflowed() + self.progress.failed.load(SeqCst)
    }

    /// Decides on a line, and returns the suppressed lines to report before it.
    pub(super) fn admit(&self, name: &str, now: Timestamp) -> (RateDecision, Vec<SuppressedLines>) {
        let mut limiter = self.limiter();
        let decision = if name == BUG { RateDecision::Write { suppressed: 0 } } else { limiter.admit(name, now) };
        (decision, limiter.summary_if_due(now))
    }

    /// Returns the number of lines that the writing thread has neither written nor given up.
    fn pending(&self) -> u64 {
        let settled = self.progress.settled.load(SeqCst) + self.overflowed();
        let messages: u64 = self.messages.iter().map(|level| level.load(SeqCst)).sum();
        messages.saturating_sub(settled)
    }

    /// Waits until every line so far is written or given up. Returns false if that takes longer than `within`.
    fn flush(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while self.pending() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    fn overflowed(&self) -> u64 {
        self.overflowed.get().map_or(0, |counter| counter.dropped_lines() as u64)
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes events as lines.
struct Log {
    level: Level,
    style: LineStyle,
    clock: Clock,
    counters: Arc<LogCounters>,
    out: NonBlocking,
    events: Arc<EventRing>,
}

impl Log {
    fn event(&self, event: &Event<'_>, now: Timestamp) {
        let metadata = event.metadata();
        let mut named = EventName(None);
        event.record(&mut named);
        let name = named.0.unwrap_or_else(|| Name::new(DEPENDENCY));
        let Some(suppressed) = self.admit(name.as_str(), now) else { return };
        let mut fields = Fields::new(self.style.form, named.0.is_some());
        event.record(&mut fields);
        let module = named.0.is_none().then(|| metadata.module_path().unwrap_or(metadata.target()));
        self.write(fields, &LinePrefix { now, level: *metadata.level(), event: name.as_str(), module, suppressed });
        if FLUSHED_EVENTS.contains(&name.as_str()) {
            self.counters.flush(FLUSH_WITHIN);
        }
    }

    /// Returns the number of lines of that name suppressed before this one, or `None` if this one is suppressed too.
    fn admit(&self, name: &str, now: Timestamp) -> Option<u64> {
        let (decision, summary) = self.counters.admit(name, now);
        self.report(&summary, now);
        match decision {
            RateDecision::Write { suppressed } => Some(suppressed),
            RateDecision::Suppress => None,
        }
    }

    fn report(&self, summary: &[SuppressedLines], now: Timestamp) {
        let (level, event) = SUPPRESSED;
        for SuppressedLines { name, lines } in summary {
            let mut fields = Fields::new(self.style.form, false);
            fields.add_message("log lines suppressed");
            fields.add_text("suppressed_event", name);
            self.write(fields, &LinePrefix { now, level, event, module: None, suppressed: *lines });
        }
    }

    fn write(&self, fields: Fields, prefix: &LinePrefix<'_>) {
        let line = fields.line(prefix, &self.style);
        let index = LEVELS.iter().position(|level| *level == prefix.level).unwrap_or(LEVELS.len() - 1);
        self.counters.messages[index].fetch_add(1, SeqCst);
        // A lossy writer reports no error, but counts the lines it drops.
        self.out.clone().write_all(&line).unwrap_or_default();
    }
}

/// Level up to which events of the program itself may be of note, whatever the level of the log.
const NOTED_LEVEL: Level = Level::INFO;

/// Subscriber layer. Spans are off, and events that are neither logged nor of note are disabled once, at their callsite.
struct LogLayer(Arc<Log>);

impl LogLayer {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let is_own = || metadata.target().split("::").next() == Some(SERVICE);
        let level = *metadata.level();
        metadata.is_event() && (level <= self.0.level || (level <= NOTED_LEVEL && is_own()))
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.0.level.max(NOTED_LEVEL)))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.events.record(event);
        if *event.metadata().level() <= self.0.level {
            self.0.event(event, self.0.clock.now());
        }
    }
}

/// Visitor that finds the field `event`.
struct EventName(Option<Name>);

impl Visit for EventName {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event" && self.0.is_none() {
            self.0 = Some(Name::new(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "event" {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

/// Keeps the log open; dropping it writes the last lines.
#[must_use = "the log ends when this is dropped"]
pub struct Guard {
    log: Arc<Log>,
    worker: Option<WorkerGuard>,
}

impl Guard {
    /// Returns the log's counters.
    pub fn counters(&self) -> Arc<LogCounters> {
        self.log.counters.clone()
    }

    /// Returns the events of note.
    pub fn events(&self) -> Arc<EventRing> {
        self.log.events.clone()
    }

    /// True if each line of the log is a JSON object.
    pub fn is_json(&self) -> bool {
        self.log.style.form == Form::Json
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let now = self.log.clock.now();
        let suppressed = self.log.counters.limiter().summary(now);
        self.log.report(&suppressed, now);
        let counters = &self.log.counters;
        let mut written = counters.flush(CLOSE_WITHIN);
        if !written {
            counters.progress.closing.store(true, SeqCst);
            written = counters.flush(CLOSE_WITHIN);
        }
        if !written {
            // The thread hangs in a write. Dropping its guard would wait as well, and then print to standard output.
            std::mem::forget(self.worker.take());
        }
    }
}

/// Opens the log of this process on standard error. `clock` sets the timestamps and refills the buckets, `zone` is the
/// time zone of the text form.
///
/// # Panics
///
/// Panics if the process already has a log.
pub fn install(settings: &Settings, zone: TimeZone, clock: Clock) -> Guard {
    let style = LineStyle::new(settings, zone, OutputKind::of(&std::io::stderr()));
    let (layer, guard) = open(settings, style, clock, std::io::stderr(), BUFFERED_LINES);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).expect("a process opens its log once");
    guard
}

fn open<T>(settings: &Settings, style: LineStyle, clock: Clock, out: T, buffered_lines: usize) -> (LogLayer, Guard)
where
    T: AsFd + Send + 'static,
{
    let counters = Arc::new(LogCounters::new(settings));
    let sink = writer::Sink::new(out, counters.progress.clone(), style.form == Form::Text);
    let (out, worker) =
        NonBlockingBuilder::default().buffered_lines_limit(buffered_lines).lossy(true).thread_name("log").finish(sink);
    counters.overflowed.get_or_init(|| out.error_counter());
    let log = Arc::new(Log { level: settings.level, style, clock, counters, out, events: Arc::default() });
    (LogLayer(log.clone()), Guard { log, worker: Some(worker) })
}
