//! Histograms of durations in whole milliseconds that accept many observations at once.
//!
//! They are written by hand because the prometheus crate's histogram costs several atomic operations per observation.
//! The hot path counts into a [`LocalHistogram`] without atomics, and flushes it to the shared histogram once per
//! batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::catalogue::{Family, MetricKind};
use crate::clock::Millis;

/// Histograms by one label, all of them exposed from the start.
#[derive(Debug, Clone)]
pub struct Histograms(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    family: &'static Family,
    desc: Desc,
    children: Vec<Child>,
}

#[derive(Debug)]
struct Child {
    label: &'static str,
    /// Observations per bucket, not cumulative; the last bucket is the infinite one.
    counts: Vec<AtomicU64>,
    sum_ms: AtomicU64,
}

/// Observations of one label value that are not flushed to the shared histogram yet.
#[derive(Debug)]
pub struct LocalHistogram {
    histograms: Histograms,
    child: usize,
    counts: Vec<u64>,
    sum_ms: u64,
}

impl Histograms {
    /// Creates the histograms of `family`, which has one label; `labels` are all its values.
    ///
    /// # Panics
    /// Panics if the family is no histogram with one label.
    pub fn new(family: &'static Family, labels: impl IntoIterator<Item = &'static str>) -> Self {
        assert!(
            family.kind == MetricKind::Histogram && family.labels.len() == 1,
            "{} is no histogram with one label",
            family.name
        );
        let variable = family.labels.iter().map(|label| (*label).to_owned()).collect();
        let desc = Desc::new(family.name.to_owned(), family.help.to_owned(), variable, Default::default());
        let child = |label| Child {
            label,
            counts: (0..=family.buckets.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_ms: AtomicU64::new(0),
        };
        let children = labels.into_iter().map(child).collect();
        Self(Arc::new(Shared { family, desc: desc.expect("the catalogue is valid"), children }))
    }

    /// Returns a local histogram for the label value `label`.
    ///
    /// # Panics
    /// Panics if `label` is not one of the values.
    pub fn local(&self, label: &str) -> LocalHistogram {
        let child = self.0.children.iter().position(|child| child.label == label);
        let child = child.unwrap_or_else(|| panic!("{} has no {label}", self.0.family.name));
        LocalHistogram { histograms: self.clone(), child, counts: vec![0; self.0.family.buckets.len() + 1], sum_ms: 0 }
    }
}

impl LocalHistogram {
    /// Counts a duration; a negative one counts as 0.
    pub fn observe(&mut self, duration: Millis) {
        self.observe_many(duration, 1);
    }

    /// Counts the same duration `times` times.
    pub fn observe_many(&mut self, duration: Millis, times: u64) {
        let bounds = self.histograms.0.family.buckets;
        let bucket = bounds.partition_point(|bound| *bound < duration);
        self.counts[bucket] += times;
        self.sum_ms = self.sum_ms.saturating_add(u64::try_from(duration).unwrap_or(0).saturating_mul(times));
    }

    /// Adds all observations to the shared histogram and resets this one.
    pub fn flush(&mut self) {
        let child = &self.histograms.0.children[self.child];
        for (shared, count) in child.counts.iter().zip(&mut self.counts) {
            if *count > 0 {
                shared.fetch_add(std::mem::take(count), Relaxed);
            }
        }
        // The sum wraps after half a billion years of delay.
        child.sum_ms.fetch_add(std::mem::take(&mut self.sum_ms), Relaxed);
    }
}

impl Child {
    fn metric(&self, family: &Family) -> proto::Metric {
        let mut total = 0;
        let mut cumulative = self.counts.iter().map(|count| {
            total += count.load(Relaxed);
            total
        });
        let bucket = |(bound, count): (&Millis, u64)| {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound as f64 / 1_000.0);
            bucket.set_cumulative_count(count);
            bucket
        };
        let buckets = family.buckets.iter().zip(cumulative.by_ref()).map(bucket).collect();
        let count = cumulative.next().unwrap_or(0);
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(count);
        histogram.set_sample_sum(self.sum_ms.load(Relaxed) as f64 / 1_000.0);
        let mut label = proto::LabelPair::default();
        label.set_name(family.labels[0].to_owned());
        label.set_value(self.label.to_owned());
        let mut metric = proto::Metric::from_label(vec![label]);
        metric.set_histogram(histogram);
        metric
    }
}

impl Collector for Histograms {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let Shared { family, children, .. } = &*self.0;
        let mut collected = proto::MetricFamily::default();
        collected.set_name(family.name.to_owned());
        collected.set_help(family.help.to_owned());
        collected.set_field_type(proto::MetricType::HISTOGRAM);
        collected.set_metric(children.iter().map(|child| child.metric(family)).collect());
        vec![collected]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::catalogue::own::EVENT_PROCESSING;

    fn shown(histograms: &Histograms, label: usize) -> proto::Histogram {
        histograms.collect()[0].get_metric()[label].get_histogram().clone()
    }

    #[test]
    fn observations_are_in_the_bucket_of_the_bound_they_reach() {
        let histograms = Histograms::new(&EVENT_PROCESSING, ["call", "milestone"]);
        let mut local = histograms.local("milestone");
        [-5, 0, 1, 2, 3].into_iter().for_each(|duration| local.observe(duration));
        local.observe_many(30_000, 10);
        local.observe_many(30_001, 100);
        assert_eq!(shown(&histograms, 1).get_sample_count(), 0, "not before the flush");
        local.flush();
        local.flush();
        let histogram = shown(&histograms, 1);
        let counts: Vec<_> =
            histogram.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count())).collect();
        assert_eq!(counts[..3], [(0.001, 3), (0.002, 4), (0.005, 5)]);
        assert_eq!(counts.last(), Some(&(30.0, 15)));
        assert_eq!(histogram.get_sample_count(), 115);
        assert_eq!(histogram.get_sample_sum(), 3_300.106);
        assert_eq!(shown(&histograms, 0).get_sample_count(), 0);
    }
}
