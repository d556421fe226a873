//! Slots of a partition while they are kept up: where a week, a day or a month begins and ends for the figures.
//!
//! A *slot* is a span of a local day between two instants at which a cut may be taken: midnights and the times of
//! `cuts.at` ([`CutTimes`]). Every period (day, week from any weekday, month, campaign) consists of whole slots, and so
//! does the part of a period before a cut. A figure of any span is therefore the sum over its slots, in any partition,
//! for the current period, for past ones, and for a cut with today's knowledge. Where a period begins is decided by
//! [`Period::at`] alone: the programme's own week, [`Period::WEEK`], begins on Monday at midnight of its time zone. A
//! slot stores the periods that hold it.
//!
//! Slots are created when something first falls into their day and dropped once nothing that is shown needs them. A
//! view holds them as `Arc`s ([`view::slots`](crate::view::slots)); only slots that changed are rebuilt for it.
//!
//! # Hours
//!
//! Slots also have the tallies of their hours, behind the curve of a period. Contents by label set would take
//! kilobytes for each hour, and tallies for each target would take time for each event. So the newest hours
//! ([`RECENT_HOURS`]), to which nearly all events belong, have contents of their own ([`RecentHour`]), which are added
//! to those of their slot once later hours have begun. What is left of them then is a [`SlotHour`]; a late event changes
//! its slot and, target by target, its hour. Hours are kept for [`SlotLayout::hours_reach`].

use std::sync::Arc;

use crate::calendar::{CutTimes, Interval, Period, hour_starts};
use crate::clock::{Millis, Timestamp};
use crate::view::slots::{Slot, SlotHour};

/// Number of hours with contents of their own. Events that are less than an hour late fall into the newest two.
const RECENT_HOURS: usize = 2;

/// Division of time into slots, and the periods in which distinct people are counted.
#[derive(Debug)]
pub(crate) struct SlotLayout {
    pub cut_times: CutTimes,
    /// [`Period::STANDARD`] first, then the periods of targets, each once.
    pub periods: Vec<Period>,
    /// Distance behind the newest event up to which slots have their hours.
    pub hours_reach: Millis,
}

impl SlotLayout {
    fn slots_of_day<C: Default>(&self, time: Timestamp) -> impl Iterator<Item = OpenSlot<C>> {
        let instants = self.cut_times.of_day(time);
        let zone = self.cut_times.zone();
        let periods: Arc<[Option<Interval>]> = self.periods.iter().map(|period| period.at(time, zone)).collect();
        let hours_of_day = match (instants.first(), instants.last()) {
            (Some(&start), Some(&end)) => hour_starts(Interval { start, end }, zone),
            _ => Vec::new(),
        };
        let spans: Vec<Interval> = instants.windows(2).map(|ends| Interval { start: ends[0], end: ends[1] }).collect();
        spans.into_iter().map(move |span| OpenSlot {
            span,
            periods: Arc::clone(&periods),
            content: C::default(),
            hour_starts: hours_of_day.iter().copied().filter(|&start| span.contains(start)).collect(),
            hours: Vec::new(),
            cached: None,
        })
    }
}

/// Content of a slot, or of one of its hours.
pub(crate) trait SlotContent: Default {
    /// Adds the content of an hour to that of its slot.
    fn add(&mut self, more: &Self);
}

/// A slot whose figures still change.
#[derive(Debug)]
pub(crate) struct OpenSlot<C> {
    span: Interval,
    /// Period that holds the slot, for each of [`SlotLayout::periods`]; `None` outside of a campaign.
    periods: Arc<[Option<Interval>]>,
    /// Without that of recent hours.
    content: C,
    /// Beginnings of its hours; one that began before the slot is missing.
    hour_starts: Box<[Timestamp]>,
    /// Past hours with something in them, in the order of time.
    hours: Vec<Arc<SlotHour>>,
    /// The slot as last shown; `None` once it has changed since.
    cached: Option<Arc<Slot>>,
}

/// An hour, or the part of one that lies in a slot, with contents of its own.
#[derive(Debug)]
struct RecentHour<C> {
    span: Interval,
    slot_end: Timestamp,
    periods: Arc<[Option<Interval>]>,
    content: C,
    /// The hour as last shown; `None` once it has changed since.
    cached: Option<Arc<SlotHour>>,
}

/// Place to which an event belongs.
pub(crate) struct SlotPlace<'a, C> {
    pub content: &'a mut C,
    /// Tallies of the hour, to be changed with the content; `None` if they follow from the content, or are not kept.
    pub hour: Option<PastHour<'a>>,
}

/// Tallies of a past hour.
pub(crate) struct PastHour<'a> {
    start: Timestamp,
    hours: &'a mut Vec<Arc<SlotHour>>,
}

impl PastHour<'_> {
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut SlotHour)) {
        let start = self.start;
        let index = self.hours.binary_search_by_key(&start, |hour| hour.start).unwrap_or_else(|index| {
            self.hours.insert(index, Arc::new(SlotHour::new(start)));
            index
        });
        change(Arc::make_mut(&mut self.hours[index]));
    }
}

/// Slots in the order of time.
#[derive(Debug)]
pub(crate) struct SlotSeries<C> {
    layout: Arc<SlotLayout>,
    slots: Vec<OpenSlot<C>>,
    /// Newest first.
    recent: Vec<RecentHour<C>>,
    /// End of the newest hour.
    newest_end: Timestamp,
    /// Index of the slot that was asked for last, which is most likely asked for next.
    last_index: usize,
    /// Slots that end before are dropped.
    kept_from: Timestamp,
}

impl<C: SlotContent> SlotSeries<C> {
    pub(crate) fn new(layout: Arc<SlotLayout>) -> Self {
        Self {
            layout,
            slots: Vec::new(),
            recent: Vec::with_capacity(RECENT_HOURS + 1),
            newest_end: Timestamp::MIN,
            last_index: 0,
            kept_from: Timestamp::MIN,
        }
    }

    /// True if `time` lies beyond the newest hour: then [`Self::advance`] begins another one, before anything is counted
    /// there.
    pub(crate) fn is_beyond(&self, time: Timestamp) -> bool {
        time >= self.newest_end
    }

    /// Begins the hour of `time`. `hour` computes the tallies of an hour from its content.
    #[cold]
    pub(crate) fn advance(&mut self, time: Timestamp, hour: impl Fn(Timestamp, &C) -> SlotHour) {
        let Some(index) = self.index_at(time) else { return };
        let slot = &self.slots[index];
        let next = slot.hour_starts.partition_point(|&start| start <= time);
        let start = next.checked_sub(1).map_or(slot.span.start, |before| slot.hour_starts[before]);
        let end = slot.hour_starts.get(next).copied().unwrap_or(slot.span.end);
        let recent = RecentHour {
            span: Interval { start, end },
            slot_end: slot.span.end,
            periods: Arc::clone(&slot.periods),
            content: C::default(),
            cached: None,
        };
        self.recent.insert(0, recent);
        self.newest_end = end;
        while self.recent.len() > RECENT_HOURS {
            self.recent.pop().into_iter().for_each(|recent| self.end_hour(recent, &hour));
        }
        let hours_from = self.hours_from();
        for slot in &mut self.slots {
            if slot.span.end <= hours_from && !slot.hours.is_empty() {
                slot.hours = Vec::new();
                slot.cached = None;
            }
        }
    }

    /// Adds an hour to its slot.
    fn end_hour(&mut self, recent: RecentHour<C>, hour: impl Fn(Timestamp, &C) -> SlotHour) {
        let Some(index) = self.index_at(recent.span.start) else { return };
        let hours_from = self.hours_from();
        let slot = &mut self.slots[index];
        slot.content.add(&recent.content);
        slot.cached = None;
        if slot.span.end > hours_from {
            let start = recent.span.start;
            let ended = recent.cached.unwrap_or_else(|| Arc::new(hour(start, &recent.content)));
            let place = slot.hours.partition_point(|hour| hour.start < start);
            slot.hours.insert(place, ended);
        }
    }

    fn hours_from(&self) -> Timestamp {
        self.newest_end.saturating_sub(self.layout.hours_reach)
    }

    /// Place that contains `time`, for an update; `None` if `time` is older than the kept slots.
    pub(crate) fn at(&mut self, time: Timestamp) -> Option<SlotPlace<'_, C>> {
        if let Some(index) = self.recent.iter().position(|recent| recent.span.contains(time)) {
            let recent = &mut self.recent[index];
            recent.cached = None;
            return Some(SlotPlace { content: &mut recent.content, hour: None });
        }
        let hours_from = self.hours_from();
        let index = self.index_at(time)?;
        let OpenSlot { span, content, hour_starts, hours, cached, .. } = &mut self.slots[index];
        *cached = None;
        let start =
            || hour_starts.partition_point(|&start| start <= time).checked_sub(1).map(|index| hour_starts[index]);
        let hour = (span.end > hours_from).then(|| PastHour { start: start().unwrap_or(span.start), hours });
        Some(SlotPlace { content, hour })
    }

    /// The periods that hold `time`, in the order of [`SlotLayout::periods`]; `None` if that is too old to be kept.
    pub(crate) fn periods_at(&mut self, time: Timestamp) -> Option<&[Option<Interval>]> {
        if let Some(index) = self.recent.iter().position(|recent| recent.span.contains(time)) {
            return Some(&*self.recent[index].periods);
        }
        self.index_at(time).map(|index| &*self.slots[index].periods)
    }

    fn index_at(&mut self, time: Timestamp) -> Option<usize> {
        if time < self.kept_from {
            return None;
        }
        if !self.slots.get(self.last_index).is_some_and(|slot| slot.span.contains(time)) {
            self.last_index = self.find_or_insert(time);
        }
        Some(self.last_index)
    }

    fn find_or_insert(&mut self, time: Timestamp) -> usize {
        let before = |slot: &OpenSlot<C>| slot.span.end <= time;
        let index = self.slots.partition_point(before);
        if self.slots.get(index).is_some_and(|slot| slot.span.contains(time)) {
            return index;
        }
        let of_day: Vec<OpenSlot<C>> = self.layout.slots_of_day(time).collect();
        self.slots.splice(index..index, of_day);
        self.slots.partition_point(before)
    }

    /// Drops slots that end by `time`.
    pub(crate) fn keep_from(&mut self, time: Timestamp) {
        self.kept_from = self.kept_from.max(time);
        let old = self.slots.partition_point(|slot| slot.span.end <= self.kept_from);
        self.slots.drain(..old);
        self.recent.retain(|recent| recent.slot_end > self.kept_from);
        self.last_index = 0;
    }

    /// All slots for a view. `hour` computes the tallies of an hour from its content, and `show` the figures of a slot
    /// from its contents and hours; `show` is called for slots that have changed since the last call.
    pub(crate) fn show(
        &mut self,
        hour: impl Fn(Timestamp, &C) -> SlotHour,
        show: impl Fn(Interval, &[&C], Vec<Arc<SlotHour>>) -> Slot,
    ) -> Vec<Arc<Slot>> {
        for index in 0..self.recent.len() {
            let start = self.recent[index].span.start;
            if self.recent[index].cached.is_none() {
                let place = self.slots.partition_point(|slot| slot.span.end <= start);
                self.slots[place].cached = None;
                let recent = &mut self.recent[index];
                recent.cached = Some(Arc::new(hour(start, &recent.content)));
            }
        }
        let Self { slots, recent, .. } = self;
        let show_slot = |open: &mut OpenSlot<C>| {
            let OpenSlot { span, content, hours, cached, .. } = open;
            let slot = cached.take().unwrap_or_else(|| {
                let recent = || recent.iter().filter(|recent| span.contains(recent.span.start));
                let contents: Vec<&C> =
                    std::iter::once(&*content).chain(recent().map(|recent| &recent.content)).collect();
                let newest = recent().filter_map(|recent| recent.cached.clone());
                let mut hours: Vec<Arc<SlotHour>> = hours.iter().cloned().chain(newest).collect();
                hours.sort_unstable_by_key(|hour| hour.start);
                Arc::new(show(*span, &contents, hours))
            });
            Arc::clone(cached.insert(slot))
        };
        slots.iter_mut().map(show_slot).collect()
    }
}
