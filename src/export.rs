//! Exposition: figures of all partitions at one instant, and metrics of the process, as Prometheus text 0.0.4.
//!
//! Names, types, labels and help come from the catalogue ([`crate::telemetry::catalogue`]). Counts, money and durations
//! are written as exact integers and decimals, never through a float.

mod business;
mod targets;
mod text;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use self::text::Exposition;
use crate::allowlists::Allowlists;
use crate::clock::{Clock, MINUTE, Millis, Timestamp};
use crate::http::EncodedBody;
use crate::telemetry::Metrics;
use crate::view::Views;
use crate::view::progress::{Evaluator, Tallies};
use crate::view::snapshot::{Snapshot, SnapshotPublisher};
use crate::view::totals::{PresenceLimits, Totals};

/// Renderer of scrapes.
pub struct Exporter {
    /// Source of the snapshots.
    pub publisher: Arc<SnapshotPublisher>,
    /// Label values that are shown.
    pub allowlists: Arc<Allowlists>,
    /// Limits to how long calls wait and agents are present.
    pub presence_limits: PresenceLimits,
    /// Evaluator of the targets.
    pub evaluator: Arc<Evaluator>,
    /// Clock at which the figures are evaluated.
    pub clock: Clock,
    /// Metrics of the process.
    pub metrics: Arc<Metrics>,
    /// Maximum number of series of figures.
    pub max_series: usize,
    /// Last rendering, which simultaneous scrapes of one snapshot share; `None` at first.
    pub shared: Mutex<Option<CachedExposition>>,
}

/// Rendering with its snapshot and time.
pub struct CachedExposition {
    snapshot: Arc<Snapshot>,
    at: Timestamp,
    body: Arc<EncodedBody>,
}

/// Time for which a rendering of an unchanged snapshot is shared within one minute of the clock.
const SHARED_FOR: Millis = 250;

impl Exporter {
    /// Returns the exposition of the newest snapshot at the current time.
    pub fn render(&self) -> Arc<EncodedBody> {
        // One rendering at a time: a scrape that arrives meanwhile shares it.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, now) = (self.publisher.newest(), self.clock.now());
        if let Some(last) = &*shared {
            let same_time =
                (last.at..last.at + SHARED_FOR).contains(&now) && last.at.floor(MINUTE) == now.floor(MINUTE);
            if same_time && Arc::ptr_eq(&last.snapshot, &snapshot) {
                return Arc::clone(&last.body);
            }
        }
        let started = Instant::now();
        let body = Arc::new(EncodedBody::new(self.text(&snapshot, now)));
        self.metrics.exposition.rendered(started.elapsed());
        *shared = Some(CachedExposition { snapshot, at: now, body: Arc::clone(&body) });
        body
    }

    fn text(&self, snapshot: &Snapshot, now: Timestamp) -> String {
        let mut out = Exposition::new(self.max_series);
        business::always(&mut out, snapshot, self.clock.instant());
        targets::always(&mut out, &snapshot.targets, now);
        if snapshot.has_figures() {
            let views: Views = snapshot.partitions.iter().map(|partition| Arc::clone(&partition.view)).collect();
            let totals = Totals::of(&views, &self.allowlists, self.presence_limits, now);
            business::figures(&mut out, &totals, &self.allowlists, snapshot);
            let tallies = Tallies::of_views(&snapshot.targets, &views);
            let statuses = self.evaluator.statuses(&tallies, now, snapshot.closed_periods.newest_cut());
            targets::statuses(&mut out, &snapshot.targets, &statuses, snapshot.closed_periods.newest_cut());
        }
        for (family, dropped) in out.dropped() {
            self.metrics.exposition.series_dropped(family, dropped);
        }
        let mut text = out.into_text();
        self.metrics.write(&mut text);
        text
    }
}
