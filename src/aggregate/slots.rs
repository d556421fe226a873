//! Keeps figures by slot, as [`view::slots`](crate::view::slots) has them.

use std::sync::Arc;

use crate::calendar::{CutTimes, Interval, Period};
use crate::clock::Millis;
use crate::view::slots::Slot;

/// Which slots there are, and which periods people are told apart in.
#[derive(Debug)]
pub struct SlotLayout {
    pub cut_times: CutTimes,
    /// The first are [`Period::OWN`].
    pub periods: Vec<Period>,
}

impl SlotLayout {
    fn slots_of_day<C: Default>(&self, time: Millis) -> impl Iterator<Item = OpenSlot<C>> {
        let instants = self.cut_times.of_day(time);
        let periods: Box<[Option<Interval>]> =
            self.periods.iter().map(|period| period.at(time, self.cut_times.zone())).collect();
        let spans: Vec<Interval> = instants.windows(2).map(|ends| Interval { start: ends[0], end: ends[1] }).collect();
        spans.into_iter().map(move |span| OpenSlot {
            span,
            periods: periods.clone(),
            content: C::default(),
            view_config: None,
        })
    }
}

/// A slot that is kept up.
#[derive(Debug)]
pub struct OpenSlot<C> {
    pub span: Interval,
    /// By [`SlotLayout::periods`]: the one that holds the slot; none outside of a campaign.
    pub periods: Box<[Option<Interval>]>,
    pub content: C,
    /// As last shown, if nothing has changed since.
    view_config: Option<Arc<Slot>>,
}

#[derive(Debug)]
pub struct SlotSeries<C> {
    grid: Arc<SlotLayout>,
    /// In order.
    panes: Vec<OpenSlot<C>>,
    /// The pane that was asked for last: most likely the next one, too.
    last: usize,
    /// What is older is not kept.
    kept_from: Millis,
}

impl<C: Default> SlotSeries<C> {
    pub fn new(grid: Arc<SlotLayout>) -> Self {
        Self { grid, panes: Vec::new(), last: 0, kept_from: Millis::MIN }
    }

    /// The pane that holds `time`, to be changed; none if that is too old to be kept.
    pub fn at(&mut self, time: Millis) -> Option<&mut OpenSlot<C>> {
        let place = self.place(time)?;
        let pane = &mut self.panes[place];
        pane.view_config = None;
        Some(pane)
    }

    /// The periods that hold `time`, by [`SlotLayout::periods`]; none if that is too old to be kept.
    pub fn periods_at(&mut self, time: Millis) -> Option<&[Option<Interval>]> {
        self.place(time).map(|place| &*self.panes[place].periods)
    }

    fn place(&mut self, time: Millis) -> Option<usize> {
        if time < self.kept_from {
            return None;
        }
        if !self.panes.get(self.last).is_some_and(|pane| pane.span.holds(time)) {
            self.last = self.find(time);
        }
        Some(self.last)
    }

    fn find(&mut self, time: Millis) -> usize {
        let before = |pane: &OpenSlot<C>| pane.span.end <= time;
        let place = self.panes.partition_point(before);
        if self.panes.get(place).is_some_and(|pane| pane.span.holds(time)) {
            return place;
        }
        let of_day: Vec<OpenSlot<C>> = self.grid.slots_of_day(time).collect();
        self.panes.splice(place..place, of_day);
        self.panes.partition_point(before)
    }

    /// Forgets what is older.
    pub fn keep_from(&mut self, time: Millis) {
        self.kept_from = self.kept_from.max(time);
        let old = self.panes.partition_point(|pane| pane.span.end <= self.kept_from);
        self.panes.drain(..old);
        self.last = 0;
    }

    /// All panes, as `show` shows those that have changed.
    pub fn show(&mut self, show: impl Fn(&OpenSlot<C>) -> Slot) -> Vec<Arc<Slot>> {
        let view_config = |pane: &mut OpenSlot<C>| {
            let slot = pane.view_config.take().unwrap_or_else(|| Arc::new(show(pane)));
            Arc::clone(pane.view_config.insert(slot))
        };
        self.panes.iter_mut().map(view_config).collect()
    }
}
