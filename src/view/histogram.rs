//! A histogram of durations in whole milliseconds. Its bounds are those of [`histogram_bounds`].

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::add_each;
use crate::clock::Millis;
use crate::event::histogram_bounds;

/// Observed durations: a count for each bucket, and their sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredHistogram")]
pub struct Histogram {
    /// Upper bounds, inclusive, in milliseconds.
    bounds: &'static [Millis],
    /// Number of observations up to each bound and above the one before; the last counts those above every bound.
    counts: Vec<u64>,
    /// Sum of the observations, in milliseconds.
    sum: u128,
}

/// Stored form of a [`Histogram`]. Other bounds are refused by name before a state is read; see [`histogram_bounds`].
#[derive(Deserialize)]
struct StoredHistogram {
    bounds: Vec<Millis>,
    counts: Vec<u64>,
    sum: u128,
}

impl TryFrom<StoredHistogram> for Histogram {
    type Error = &'static str;

    fn try_from(StoredHistogram { bounds, counts, sum }: StoredHistogram) -> Result<Self, Self::Error> {
        let known = histogram_bounds::ALL
            .iter()
            .find(|known| known.bounds == bounds)
            .ok_or("a histogram with unknown bounds")?;
        if counts.len() != bounds.len() + 1 {
            return Err("a histogram with a count too many or too few");
        }
        Ok(Self { bounds: known.bounds, counts, sum })
    }
}

impl Histogram {
    /// Returns an empty histogram. `bounds` are inclusive, in milliseconds and rising.
    pub fn new(bounds: &'static [Millis]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0 }
    }

    /// Adds a duration; a negative one counts as zero.
    pub fn observe(&mut self, duration: Millis) {
        let duration = duration.max(0);
        self.counts[self.bounds.partition_point(|&bound| bound < duration)] += 1;
        self.sum += duration as u128;
    }

    /// Bounds with the number of observations up to each, as in the cumulative buckets of the exposition.
    pub fn cumulative(&self) -> impl Iterator<Item = (Millis, u64)> {
        let mut below = 0;
        self.bounds.iter().zip(&self.counts).map(move |(&bound, count)| {
            below += count;
            (bound, below)
        })
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Sum of the observations, in milliseconds.
    pub fn sum(&self) -> u128 {
        self.sum
    }
}

impl AddAssign<&Histogram> for Histogram {
    fn add_assign(&mut self, more: &Histogram) {
        assert!(self.bounds == more.bounds, "histograms of one family have the same bounds");
        add_each(&mut self.counts, &more.counts);
        self.sum += more.sum;
    }
}
