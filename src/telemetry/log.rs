//! The log: one line an event on standard error, bounded in every way, and never a reason for the pipeline to wait.
//!
//! An event of `tracing` passes three gates: its level, the bucket of its name ([`limiter`]), and room in the buffer of
//! the thread that writes. What a gate holds back is counted; `docs/logs.md` says what a line looks like and lists
//! every event.
//!
//! Nothing here keeps time of its own: what was held back is reported by the next line of that name, or, a minute after
//! the last report, by a line of its own before whatever event comes next (the pipeline speaks once a minute), or at
//! the end.

#[cfg(test)]
mod catalogue_tests;
mod limiter;
mod line;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

use std::io::{IsTerminal as _, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::clock::{Clock, Millis};
use limiter::{Limiter, Name, RateDecision, SuppressedLines};
use line::{Fields, Form, LinePrefix};
pub use line::{RESERVED, level_name};
pub use settings::{Format, Settings};

const SERVICE: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The name of events that have none, which are those of dependencies.
const DEPENDENCY: &str = "dependency";

/// The event that the panic hook writes; there is no limit to it.
const BUG: &str = "pacemeter.bug";

/// Events after which the process ends at once: their lines are written when the caller goes on.
const LAST_WORDS: [&str; 2] = [BUG, "pacemeter.shutdown.forced"];

/// Maximum time to write the last lines.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(500);

/// The event that reports what other events held back, written by the log itself whatever `log.level` is.
pub const SUPPRESSED: (Level, &str) = (Level::WARN, "pacemeter.log.suppressed");

/// Lines that may wait for a slow reader; a line takes at most some tens of KiB, usually 300 bytes.
const BUFFERED_LINES: usize = 1_024;

/// Maximum time that a shutdown waits for a reader that still reads.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The levels that can be chosen, most severe first.
pub const LEVELS: [Level; 4] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG];

/// Counters of the log, for the metrics.
#[derive(Debug)]
pub struct LogCounters {
    /// In the order of [`LEVELS`].
    messages: [AtomicU64; 4],
    limiter: Mutex<Limiter>,
    /// Counts the lines for which the buffer had no room; there once the log is open.
    overflowed: OnceLock<ErrorCounter>,
    progress: Arc<writer::WriterProgress>,
}

impl LogCounters {
    /// Counters of a log that is not open yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            messages: Default::default(),
            limiter: Mutex::new(Limiter::new(settings.burst, settings.per_second)),
            overflowed: OnceLock::new(),
            progress: Arc::default(),
        }
    }

    /// Lines that passed level and limit, by level: the sum of what was written and [`LogCounters::dropped`].
    pub fn messages(&self) -> [(Level, u64); 4] {
        std::array::from_fn(|index| (LEVELS[index], self.messages[index].load(SeqCst)))
    }

    /// Lines held back by the limit, of every event name that has spoken; the number of names is bounded, the rest is
    /// `other`.
    pub fn suppressed(&self) -> Vec<(Box<str>, u64)> {
        self.limiter().totals().into_iter().map(|SuppressedLines { name, lines }| (name, lines)).collect()
    }

    /// Lines lost because the reader of the log was too slow, or gone.
    pub fn dropped(&self) -> u64 {
        self.overflowed() + self.progress.failed.load(SeqCst)
    }

    /// Decision on a line, and the suppressed lines to report before it.
    pub(super) fn admit(&self, name: &str, now: Millis) -> (RateDecision, Vec<SuppressedLines>) {
        let mut limiter = self.limiter();
        let verdict = if name == BUG { RateDecision::Write { suppressed: 0 } } else { limiter.admit(name, now) };
        (verdict, limiter.summary_if_due(now))
    }

    /// Lines that the writing thread has not dealt with yet.
    fn pending(&self) -> u64 {
        let settled = self.progress.settled.load(SeqCst) + self.overflowed();
        let messages: u64 = self.messages.iter().map(|level| level.load(SeqCst)).sum();
        messages.saturating_sub(settled)
    }

    /// Waits until every line so far is written or given up, at most `within`; whether that is so.
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

/// Writes events as lines; see the module.
struct Log {
    level: Level,
    form: Form,
    clock: Clock,
    counters: Arc<LogCounters>,
    out: NonBlocking,
}

impl Log {
    fn event(&self, event: &Event<'_>, now: Millis) {
        let metadata = event.metadata();
        let mut named = EventName(None);
        event.record(&mut named);
        let name = named.0.unwrap_or_else(|| Name::new(DEPENDENCY));
        let Some(suppressed) = self.admit(name.as_str(), now) else { return };
        let mut fields = Fields::new(self.form, named.0.is_some());
        event.record(&mut fields);
        let module = named.0.is_none().then(|| metadata.module_path().unwrap_or(metadata.target()));
        self.write(fields, &LinePrefix { now, level: *metadata.level(), event: name.as_str(), module, suppressed });
        if LAST_WORDS.contains(&name.as_str()) {
            self.counters.flush(LAST_WORDS_WITHIN);
        }
    }

    /// The count of lines of that name held back before this one, or nothing if it is held back too.
    fn admit(&self, name: &str, now: Millis) -> Option<u64> {
        let (verdict, summary) = self.counters.admit(name, now);
        self.report(&summary, now);
        match verdict {
            RateDecision::Write { suppressed } => Some(suppressed),
            RateDecision::HoldBack => None,
        }
    }

    fn report(&self, summary: &[SuppressedLines], now: Millis) {
        let (level, event) = SUPPRESSED;
        for SuppressedLines { name, lines } in summary {
            let mut fields = Fields::new(self.form, false);
            fields.add_message("lines of an event were held back");
            fields.add_text("suppressed_event", name);
            self.write(fields, &LinePrefix { now, level, event, module: None, suppressed: *lines });
        }
    }

    fn write(&self, fields: Fields, head: &LinePrefix<'_>) {
        let line = fields.line(head);
        let index = LEVELS.iter().position(|level| *level == head.level).unwrap_or(LEVELS.len() - 1);
        self.counters.messages[index].fetch_add(1, SeqCst);
        // A lossy writer reports no error; what it drops it counts.
        self.out.clone().write_all(&line).unwrap_or_default();
    }
}

/// The layer of the subscriber. Spans are off, and what is below the level is refused at its callsite, once.
struct LogLayer(Arc<Log>);

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_event() && *metadata.level() <= self.0.level { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && *metadata.level() <= self.0.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.0.level))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.event(event, self.0.clock.now());
    }
}

/// Finds the field `event`.
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

/// Keeps the log open; the last lines are written when it is dropped.
#[must_use = "the log ends when this is dropped"]
pub struct Guard {
    log: Arc<Log>,
    worker: Option<WorkerGuard>,
}

impl Guard {
    /// Counters of the log.
    pub fn counters(&self) -> Arc<LogCounters> {
        self.log.counters.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let now = self.log.clock.now();
        let held_back = self.log.counters.limiter().summary(now);
        self.log.report(&held_back, now);
        let counters = &self.log.counters;
        let mut written = counters.flush(CLOSE_WITHIN);
        if !written {
            counters.progress.closing.store(true, SeqCst);
            written = counters.flush(CLOSE_WITHIN);
        }
        if !written {
            // The thread hangs in a write. The appender would wait for it too, and then complain on standard output.
            std::mem::forget(self.worker.take());
        }
    }
}

/// Opens the log of this process on standard error. `clock` dates the lines and fills the buckets.
///
/// # Panics
///
/// If the process has a log already.
pub fn install(settings: &Settings, clock: Clock) -> Guard {
    let terminal = std::io::stderr().is_terminal();
    let (layer, guard) = open(settings, clock, std::io::stderr(), terminal, BUFFERED_LINES);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).expect("a process opens its log once");
    guard
}

fn open<T>(settings: &Settings, clock: Clock, out: T, terminal: bool, buffered_lines: usize) -> (LogLayer, Guard)
where
    T: AsFd + Send + 'static,
{
    let counters = Arc::new(LogCounters::new(settings));
    let sink = writer::Sink::new(out, counters.progress.clone());
    let (out, worker) =
        NonBlockingBuilder::default().buffered_lines_limit(buffered_lines).lossy(true).thread_name("log").finish(sink);
    counters.overflowed.get_or_init(|| out.error_counter());
    let form = match settings.format {
        Format::Json => Form::Json,
        Format::Text => Form::Text,
        Format::Auto if terminal => Form::Text,
        Format::Auto => Form::Json,
    };
    let log = Arc::new(Log { level: settings.level, form, clock, counters, out });
    (LogLayer(log.clone()), Guard { log, worker: Some(worker) })
}
