//! When work is done: hours and weights of weekdays, holidays, exceptions.

use crate::clock::Millis;

/// When a kind of work is done, and how much of a plan falls to it.
#[derive(Debug)]
pub struct Working {
    name: String,
}

impl Working {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn covered_until(&self) -> Option<Millis> {
        None
    }

    pub fn is_working_day(&self, _date: jiff::civil::Date) -> bool {
        unimplemented!()
    }

    /// Whether `time` is working time.
    pub fn is_open(&self, _time: Millis) -> bool {
        unimplemented!()
    }

    pub fn always(_zone: jiff::tz::TimeZone) -> Self {
        Self { name: "always".into() }
    }

    pub fn open_time(&self, interval: super::Interval) -> Millis {
        interval.end - interval.start
    }

    pub fn weight(&self, interval: super::Interval, _profile: Option<&[f64; 24]>) -> f64 {
        (interval.end - interval.start) as f64
    }

    pub fn regular_weight(&self, interval: super::Interval) -> f64 {
        self.weight(interval, None)
    }
}
