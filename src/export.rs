//! Exposition: the figures of all partitions at one instant, and the process' own metrics, as Prometheus text 0.0.4.
//!
//! Names, types, labels and help come from the catalogue ([`crate::telemetry::catalogue`]). Integers are written as
//! they are and money and durations as exact decimals: no float comes between a figure and its reader.

mod business;
mod targets;
mod text;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use self::text::Exposition;
use crate::allowlists::Allowlists;
use crate::clock::{Clock, MINUTE, Millis, floor};
use crate::http::EncodedBody;
use crate::telemetry::Metrics;
use crate::view::Views;
use crate::view::progress::{Evaluator, Tallies};
use crate::view::snapshot::{Snapshot, SnapshotPublisher};
use crate::view::totals::{PresenceLimits, Totals};

/// Renders scrapes.
pub struct Exporter {
    pub publisher: Arc<SnapshotPublisher>,
    pub allowlists: Arc<Allowlists>,
    pub lasting: PresenceLimits,
    pub evaluator: Arc<Evaluator>,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    /// The most series exposed.
    pub max_series: usize,
    /// Scrapes of one snapshot that come together share a rendering.
    pub shared: Mutex<Option<CachedExposition>>,
}

/// A rendering, and of what.
pub struct CachedExposition {
    snapshot: Arc<Snapshot>,
    at: Millis,
    body: Arc<EncodedBody>,
}

/// Time for which a rendering of an unchanged snapshot is shared, within the same minute.
const SHARED_FOR: Millis = 250;

impl Exporter {
    /// The exposition of the newest snapshot at the present.
    pub fn render(&self) -> Arc<EncodedBody> {
        // One at a time: who comes while a rendering is made gets that one.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, now) = (self.publisher.newest(), self.clock.now());
        if let Some(last) = &*shared {
            let same_time =
                (last.at..last.at + SHARED_FOR).contains(&now) && floor(last.at, MINUTE) == floor(now, MINUTE);
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

    fn text(&self, snapshot: &Snapshot, now: Millis) -> String {
        let mut out = Exposition::new(self.max_series);
        business::always(&mut out, snapshot);
        targets::always(&mut out, &snapshot.targets, now);
        if snapshot.has_figures() {
            let views: Views = snapshot.partitions.iter().map(|partition| Arc::clone(&partition.view)).collect();
            let totals = Totals::of(&views, &self.allowlists, self.lasting, now);
            business::figures(&mut out, &totals, &self.allowlists, snapshot);
            let tallies = Tallies::of_views(&snapshot.targets, &views);
            let standings = self.evaluator.statuses(&tallies, now, snapshot.closed_periods.newest_cut());
            targets::standings(&mut out, &snapshot.targets, &standings, snapshot.closed_periods.newest_cut());
        }
        for (family, dropped) in out.dropped() {
            self.metrics.exposition.series_dropped(family, dropped);
        }
        let mut text = out.into_text();
        self.metrics.write(&mut text);
        text
    }
}
