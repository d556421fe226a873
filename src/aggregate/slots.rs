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

use std::sync::Arc;

use crate::calendar::{CutTimes, Interval, Period};
use crate::clock::Timestamp;
use crate::view::slots::Slot;

/// Division of time into slots, and the periods in which distinct people are counted.
#[derive(Debug)]
pub(crate) struct SlotLayout {
    pub cut_times: CutTimes,
    /// [`Period::STANDARD`] first, then the periods of targets, each once.
    pub periods: Vec<Period>,
}

impl SlotLayout {
    fn slots_of_day<C: Default>(&self, time: Timestamp) -> impl Iterator<Item = OpenSlot<C>> {
        let instants = self.cut_times.of_day(time);
        let periods: Box<[Option<Interval>]> =
            self.periods.iter().map(|period| period.at(time, self.cut_times.zone())).collect();
        let spans: Vec<Interval> = instants.windows(2).map(|ends| Interval { start: ends[0], end: ends[1] }).collect();
        spans.into_iter().map(move |span| OpenSlot {
            span,
            periods: periods.clone(),
            content: C::default(),
            cached: None,
        })
    }
}

/// A slot whose figures still change.
#[derive(Debug)]
pub(crate) struct OpenSlot<C> {
    pub span: Interval,
    /// Period that holds the slot, for each of [`SlotLayout::periods`]; `None` outside of a campaign.
    pub periods: Box<[Option<Interval>]>,
    pub content: C,
    /// The slot as last shown; `None` once it has changed since.
    cached: Option<Arc<Slot>>,
}

/// Slots in the order of time.
#[derive(Debug)]
pub(crate) struct SlotSeries<C> {
    layout: Arc<SlotLayout>,
    slots: Vec<OpenSlot<C>>,
    /// Index of the slot that was asked for last, which is most likely asked for next.
    last_index: usize,
    /// Slots that end before are dropped.
    kept_from: Timestamp,
}

impl<C: Default> SlotSeries<C> {
    pub(crate) fn new(layout: Arc<SlotLayout>) -> Self {
        Self { layout, slots: Vec::new(), last_index: 0, kept_from: Timestamp::MIN }
    }

    /// Slot that contains `time`, for an update; `None` if `time` is older than the kept slots.
    pub(crate) fn at(&mut self, time: Timestamp) -> Option<&mut OpenSlot<C>> {
        let index = self.index_at(time)?;
        let slot = &mut self.slots[index];
        slot.cached = None;
        Some(slot)
    }

    /// The periods that hold `time`, in the order of [`SlotLayout::periods`]; `None` if that is too old to be kept.
    pub(crate) fn periods_at(&mut self, time: Timestamp) -> Option<&[Option<Interval>]> {
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
        self.last_index = 0;
    }

    /// All slots for a view; `show` is called for those that have changed since the last call.
    pub(crate) fn show(&mut self, show: impl Fn(&OpenSlot<C>) -> Slot) -> Vec<Arc<Slot>> {
        let show_slot = |open: &mut OpenSlot<C>| {
            let slot = open.cached.take().unwrap_or_else(|| Arc::new(show(open)));
            Arc::clone(open.cached.insert(slot))
        };
        self.slots.iter_mut().map(show_slot).collect()
    }
}
