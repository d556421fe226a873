//! Exposition: figures of all partitions at one instant, and metrics of the process, as Prometheus text 0.0.4.
//!
//! Names, types, labels and help come from the catalogue ([`crate::telemetry::catalogue`]). Counts, money and durations
//! are written as exact integers and decimals, never through a float.

mod business;
mod targets;
#[cfg(test)]
mod tests;
mod text;

use std::ptr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use self::business::PreparedLabels;
use self::text::Exposition;
use crate::allowlists::Allowlists;
use crate::clock::{Clock, MINUTE, Millis, Timestamp};
use crate::http::{BodyMemory, EncodedBody};
use crate::telemetry::Metrics;
use crate::view::held_statuses::{FigureTime, max_age};
use crate::view::progress::{Evaluator, Tallies};
use crate::view::snapshot::{Snapshot, SnapshotPublisher};
use crate::view::totals::{PresenceLimits, Totals};

/// Renderer of scrapes.
pub struct Exporter {
    publisher: Arc<SnapshotPublisher>,
    allowlists: Arc<Allowlists>,
    labels: PreparedLabels,
    presence_limits: PresenceLimits,
    evaluator: Arc<Evaluator>,
    clock: Clock,
    /// Metrics of the process.
    pub metrics: Arc<Metrics>,
    max_series: usize,
    /// Last rendering, which simultaneous scrapes of one snapshot share; `None` at first.
    shared: Mutex<Option<CachedExposition>>,
}

/// Rendering with its snapshot and time.
struct CachedExposition {
    /// Identity of the snapshot. A strong reference would keep the views of every partition until the next scrape, which
    /// would then pay for freeing them.
    snapshot: Weak<Snapshot>,
    at: Timestamp,
    /// Time of the clock at the end of the rendering.
    finished: Timestamp,
    began: Instant,
    body: Arc<EncodedBody>,
    /// Memory of this rendering and of earlier ones that slow clients still read.
    memory: BodyMemory,
}

/// Time for which a rendering of an unchanged snapshot is shared within one minute of the clock.
const SHARED_FOR: Millis = 250;
/// Size of renderings beyond which no further one is made while clients still read an earlier one (bytes).
const MAX_BODY_BYTES: usize = 64 << 20;
/// Room for a rendering at least, in bytes.
const MIN_CAPACITY: usize = 64 << 10;

impl CachedExposition {
    /// True if a scrape of `snapshot` that arrived at `arrived` and continues at `now` can share this rendering.
    fn serves(&self, snapshot: &Arc<Snapshot>, now: Timestamp, arrived: Instant) -> bool {
        let is_recent =
            (self.at..self.finished + SHARED_FOR).contains(&now) && self.at.floor(MINUTE) == now.floor(MINUTE);
        self.began > arrived || is_recent && ptr::eq(self.snapshot.as_ptr(), Arc::as_ptr(snapshot))
    }

    /// True if another rendering would take too much memory beside those that slow clients still read.
    fn is_last(&self, max_bytes: usize) -> bool {
        let alive = self.memory.bytes();
        alive > max_bytes && alive > self.body.bytes()
    }
}

impl Exporter {
    /// Creates a renderer of the newest snapshot of `publisher`, evaluated at `clock`. `max_series` is the maximum number
    /// of series of figures.
    pub fn new(
        publisher: Arc<SnapshotPublisher>,
        allowlists: Arc<Allowlists>,
        presence_limits: PresenceLimits,
        evaluator: Arc<Evaluator>,
        clock: Clock,
        metrics: Arc<Metrics>,
        max_series: usize,
    ) -> Self {
        let labels = PreparedLabels::new(&allowlists);
        let shared = Mutex::new(None);
        Self { publisher, allowlists, labels, presence_limits, evaluator, clock, metrics, max_series, shared }
    }

    /// Returns the exposition of the newest snapshot at the current time. Scrapes that wait for the same rendering share
    /// the next. While slow clients hold earlier ones of 64 MiB, the last one is returned, which is as old as
    /// `http.timeout` at most.
    pub fn render(&self) -> Arc<EncodedBody> {
        self.render_within(MAX_BODY_BYTES)
    }

    fn render_within(&self, max_bytes: usize) -> Arc<EncodedBody> {
        let arrived = Instant::now();
        // One rendering at a time: scrapes that arrive meanwhile wait here.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.publisher.newest();
        let now = self.clock.now();
        if let Some(last) = &*shared
            && (last.serves(&snapshot, now, arrived) || last.is_last(max_bytes))
        {
            return Arc::clone(&last.body);
        }
        let began = Instant::now();
        let memory = shared.as_ref().map(|last| last.memory.clone()).unwrap_or_default();
        let last_bytes = shared.as_ref().map_or(0, |last| last.body.plain().len());
        let text = self.text(&snapshot, snapshot.evaluated_at(&self.clock), last_bytes);
        let body = EncodedBody::counted(text, &memory).with_revision(snapshot.publication.revision);
        let body = Arc::new(body);
        self.metrics.exposition.rendered(began.elapsed());
        let (finished, shown, snapshot) = (self.clock.now(), Arc::clone(&body), Arc::downgrade(&snapshot));
        *shared = Some(CachedExposition { snapshot, at: now, finished, began, body, memory });
        shown
    }

    /// Renders a text about as long as the last one.
    fn text(&self, snapshot: &Snapshot, now: Timestamp, last_bytes: usize) -> String {
        let mut out = Exposition::new(self.max_series, MIN_CAPACITY.max(last_bytes + last_bytes / 16));
        business::always(&mut out, snapshot, self.clock.instant());
        targets::always(&mut out, &snapshot.targets, now);
        if snapshot.has_figures() {
            let totals = Totals::of(&snapshot.merged, &self.allowlists, self.presence_limits, now);
            business::figures(&mut out, &totals, &self.allowlists, &self.labels, snapshot);
            let tallies = Tallies::of(&snapshot.targets, snapshot.merged.slots());
            let statuses = self.evaluator.statuses(&tallies, now, &snapshot.closed_periods);
            let time = FigureTime {
                now,
                is_ready: snapshot.is_ready(self.clock.instant()),
                complete_until: &snapshot.complete_until,
                max_age: max_age(&self.clock),
            };
            targets::statuses(&mut out, &statuses, snapshot, &time);
        }
        for (family, dropped) in out.dropped() {
            self.metrics.exposition.series_dropped(family, dropped);
        }
        let mut text = out.into_text();
        self.metrics.write(&mut text);
        text
    }
}
