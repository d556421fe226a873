//! Targets that an event counts for, by its labels.

use std::sync::Arc;

use hashbrown::HashMap;

use super::slots::SlotLayout;
use crate::calendar::{CutTimes, Period};
use crate::clock::{DAY, HOUR, Millis};
use crate::record::Stream;
use crate::targets::{Filter, Measure, StreamTargetIndex, Target, Targets};
use crate::view::slots::MAX_HOURLY_DAYS;

/// The targets of one stream.
#[derive(Debug)]
pub(crate) struct Selection {
    pub layout: Arc<SlotLayout>,
    pub targets: Vec<SelectedTarget>,
    /// The set that these targets are of.
    pub set: Arc<Targets>,
    /// Distance behind the watermark up to which slots are kept.
    pub reach: Millis,
    /// Distance behind the watermark up to which counts are known: no further than state keeps panes, since a restart
    /// derives all counts from these.
    pub counted: Millis,
    /// Distance behind the watermark up to which hours are known.
    pub hours: Millis,
}

#[derive(Debug)]
pub(crate) struct SelectedTarget {
    pub measure: Measure,
    filter: Filter,
    /// Index of its period in [`SlotLayout::periods`].
    pub period: usize,
    /// First target of the stream with the same filter, which may be this one.
    pub like: StreamTargetIndex,
}

/// Least distance that slots are kept: enough weeks for the overdispersion of a target, and the months before.
const MIN_REACH: Millis = 92 * DAY;

/// Time for which hours are kept beyond the days of the periods: the newest event may be some hours ahead of a reader's
/// clock, and a day may have 25 hours.
const BEYOND_HOURLY_DAYS: Millis = 2 * DAY;

/// Time by which the end of the newest hour may be ahead of the watermark, and some more.
const HOURS_SLACK: Millis = 2 * HOUR;

/// Days for which hours of targets with such a period are kept: the running period and the one before, of a campaign as
/// long after its end. None for campaigns that are too long.
fn hourly_days(period: Period) -> i64 {
    if period.longest_days() <= MAX_HOURLY_DAYS { (2 * period.longest_days()).min(MAX_HOURLY_DAYS) } else { 0 }
}

impl Selection {
    /// Selects the targets of a stream. State remembers single events up to `horizon`, counts up to `history` and those
    /// of quarter hours up to `fine` behind the watermark.
    pub(crate) fn new(
        set: &Arc<Targets>,
        stream: Stream,
        cut_times: CutTimes,
        horizon: Millis,
        [fine, history]: [Millis; 2],
    ) -> Self {
        let mut periods = Period::STANDARD.to_vec();
        let mut reach = horizon.max(MIN_REACH);
        // Federal states have hours for this week and the one before.
        let mut hours = hourly_days(Period::WEEK) * DAY;
        let mut by_filter = HashMap::new();
        let mut select = |(place, target): (usize, &Target)| {
            let index = periods.iter().position(|&period| period == target.period).unwrap_or_else(|| {
                periods.push(target.period);
                periods.len() - 1
            });
            reach = reach.max(target.period.longest_days() * DAY + 3 * DAY + HOUR);
            hours = hours.max(hourly_days(target.period) * DAY);
            let place = StreamTargetIndex::new(place);
            let like = *by_filter.entry(target.filter.clone()).or_insert(place);
            SelectedTarget { measure: target.measure, filter: target.filter.clone(), period: index, like }
        };
        let targets = set.of_stream(stream).map(|(_, target)| target).enumerate().map(&mut select).collect();
        let hours = (hours + BEYOND_HOURLY_DAYS).min(fine);
        Self {
            layout: Arc::new(SlotLayout { cut_times, periods, hours_reach: hours + HOURS_SLACK }),
            targets,
            set: Arc::clone(set),
            reach,
            counted: reach.min(history),
            hours,
        }
    }

    /// Targets whose filter has the values that `is_selected` checks, in rising order; see [`Filter`].
    pub(crate) fn matching(&self, is_selected: impl Fn(&Filter) -> bool) -> Box<[StreamTargetIndex]> {
        let matching = self.targets.iter().enumerate().filter(|(_, target)| is_selected(&target.filter));
        matching.map(|(index, _)| StreamTargetIndex::new(index)).collect()
    }

    pub(crate) fn of(&self, target: StreamTargetIndex) -> &SelectedTarget {
        &self.targets[target.index()]
    }
}

/// Groups of label sets that count for the same figures, so that the number of figures does not grow with the labels.
#[derive(Debug)]
pub(crate) struct Groups<G> {
    groups: Vec<G>,
    /// Group number of each label set, by its key.
    numbers: HashMap<u32, u32>,
    /// Keys that were asked for last and their numbers, by [`recent_index`]: a few label sets make up most events.
    recent: Box<[Option<(u32, u32)>; RECENT]>,
}

const RECENT: usize = 256;

/// Index of a key among the recent ones: those of 32 states of eight programmes have different ones, and those of queues.
fn recent_index(key: u32) -> usize {
    (key ^ key >> 11 ^ key >> 16) as usize % RECENT
}

impl<G: PartialEq> Groups<G> {
    pub(crate) fn new() -> Self {
        Self { groups: Vec::new(), numbers: HashMap::new(), recent: Box::new([None; RECENT]) }
    }

    /// Number of the group of `key`; `group` computes it for a key seen for the first time.
    pub(crate) fn number(&mut self, key: u32, group: impl FnOnce() -> G) -> u32 {
        match self.recent[recent_index(key)] {
            Some((known, number)) if known == key => number,
            _ => self.look_up(key, group),
        }
    }

    #[inline(never)]
    fn look_up(&mut self, key: u32, group: impl FnOnce() -> G) -> u32 {
        let Self { groups, numbers, recent } = self;
        let number = *numbers.entry(key).or_insert_with(|| {
            let group = group();
            let number = groups.iter().position(|known| *known == group).unwrap_or_else(|| {
                groups.push(group);
                groups.len() - 1
            });
            u32::try_from(number).expect("there are no more groups than keys")
        });
        recent[recent_index(key)] = Some((key, number));
        number
    }

    /// Number of the group of a key that was looked up before.
    pub(crate) fn known(&self, key: u32) -> u32 {
        match self.recent[recent_index(key)] {
            Some((known, number)) if known == key => number,
            _ => self.numbers[&key],
        }
    }

    pub(crate) fn get(&self, number: u32) -> &G {
        &self.groups[number as usize]
    }
}

/// Counts of a group in a slot, created if they are missing.
pub(crate) fn counts_of<T: Default>(counts: &mut Vec<T>, group: u32) -> &mut T {
    let index = group as usize;
    if counts.len() <= index {
        counts.resize_with(index + 1, T::default);
    }
    &mut counts[index]
}

/// True if a filter's list contains a value; an empty list contains every value.
pub(crate) fn has(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|listed| listed == value)
}
