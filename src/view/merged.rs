//! The views of all partitions, added up once for all readers when a snapshot is published. So a reader adds up nothing:
//! a scrape of 60 partitions takes 1.4 times the CPU of one of 6 (docs/benchmarks.md), instead of 3.4.
//!
//! Panes and slots are shared until they change, so two views of a partition differ in those whose `Arc`s differ. Only
//! times at which some partition's pane differs from the one before are added up again; all other sums are taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::sync::Arc;

use hashbrown::HashMap;

use super::panes::{HourPane, RecentPane, RecentPanes, RollingPanes, SpanPane};
use super::recent_counts::{QuarterCounts, RecentCounts};
use super::slots::{Slot, SlotHour, Slots};
use super::timeline::Timeline;
use super::{
    CallView, DisbursementView, MilestoneView, PartitionView, RecordCounts, StreamFigures, UnmatchedDisbursements,
    Views, add_each,
};
use crate::allowlists::CellIndex;
use crate::clock::Timestamp;
use crate::event::CallKind;
use crate::record::{PerStream, Stream};

/// Views of all partitions, added up by stream. What depends on now is still kept in panes.
#[derive(Debug, Clone, Default)]
pub struct MergedView {
    /// Outcomes of records.
    pub records: PerStream<RecordCounts>,
    /// Newest event time applied.
    pub watermarks: PerStream<Option<Timestamp>>,
    /// Supports, people and money.
    pub disbursements: Arc<DisbursementView>,
    /// Calls and agents.
    pub calls: Arc<CallView>,
    /// Quantities reached and withdrawn.
    pub milestones: Arc<MilestoneView>,
}

impl MergedView {
    /// Adds up the views of all partitions.
    pub fn of(views: &[Arc<PartitionView>]) -> Self {
        ViewMerger::default().merge(views.to_vec())
    }

    /// Figures by slot of each stream.
    pub fn slots(&self) -> PerStream<Slots> {
        PerStream::from_fn(|stream| match stream {
            Stream::Disbursement => self.disbursements.slots.clone(),
            Stream::Call => self.calls.slots.clone(),
            Stream::Milestone => self.milestones.slots.clone(),
        })
    }
}

/// Adds up the views of one publication after the other.
#[derive(Debug, Default)]
pub struct ViewMerger {
    /// Views that were added up last, in the order of partitions.
    views: Views,
    merged: MergedView,
}

impl ViewMerger {
    /// Adds up the views of all partitions, which keep their order from call to call.
    pub fn merge(&mut self, views: Views) -> MergedView {
        let streams = |views: &[Arc<PartitionView>]| views.iter().map(|view| view.stream).collect::<Vec<_>>();
        if streams(&self.views) != streams(&views) {
            *self = Self::default();
        }
        let mut merged = MergedView {
            records: PerStream::default(),
            watermarks: PerStream::default(),
            ..std::mem::take(&mut self.merged)
        };
        for view in &views {
            merged.records[view.stream] += &view.counts;
            merged.watermarks[view.stream] = merged.watermarks[view.stream].max(view.watermark);
        }
        let before = &self.views;
        Parts::of(before, &views, |figures| match figures {
            StreamFigures::Disbursement(view) => Some(&**view),
            _ => None,
        })
        .renew(&mut merged.disbursements, disbursements);
        Parts::of(before, &views, |figures| match figures {
            StreamFigures::Call(view) => Some(&**view),
            _ => None,
        })
        .renew(&mut merged.calls, calls);
        Parts::of(before, &views, |figures| match figures {
            StreamFigures::Milestone(view) => Some(view),
            _ => None,
        })
        .renew(&mut merged.milestones, milestones);
        self.views = views;
        self.merged = merged;
        self.merged.clone()
    }
}

fn disbursements(parts: &Parts<'_, DisbursementView>, before: &DisbursementView) -> DisbursementView {
    let mut unmatched = UnmatchedDisbursements::default();
    parts.now().for_each(|view| unmatched += &view.unmatched);
    DisbursementView {
        programmes: parts.totals(|view| &view.programmes),
        cells: parts.totals(|view| &view.cells),
        people_complete: parts.now().all(|view| view.people_complete),
        unmatched,
        rolling: RollingPanes {
            minutes: parts.panes(&before.rolling.minutes, |view| &view.rolling.minutes),
            hours: parts.panes(&before.rolling.hours, |view| &view.rolling.hours),
            before: parts.pane(&before.rolling.before, |view| &view.rolling.before),
        },
        slots: parts.slots(&before.slots, |view| &view.slots),
    }
}

fn calls(parts: &Parts<'_, CallView>, before: &CallView) -> CallView {
    let mut unmatched = [0; CallKind::ALL.len()];
    parts.now().for_each(|view| add_each(&mut unmatched, &view.unmatched));
    CallView {
        queues: parts.totals(|view| &view.queues),
        unmatched,
        waiting: RecentPanes { minutes: parts.panes(&before.waiting.minutes, |view| &view.waiting.minutes) },
        recent: parts.recent(&before.recent, |view| &view.recent),
        waits: parts.recent(&before.waits, |view| &view.waits),
        agents: RecentPanes { minutes: parts.panes(&before.agents.minutes, |view| &view.agents.minutes) },
        slots: parts.slots(&before.slots, |view| &view.slots),
    }
}

fn milestones(parts: &Parts<'_, MilestoneView>, before: &MilestoneView) -> MilestoneView {
    MilestoneView {
        cells: parts.totals(|view| &view.cells),
        recent: parts.recent(&before.recent, |view| &view.recent),
        slots: parts.slots(&before.slots, |view| &view.slots),
    }
}

/// Figures of each partition of a stream: those added up last, `None` at first, and those of now.
struct Parts<'a, V>(Vec<(Option<&'a V>, &'a V)>);

impl<'a, V> Parts<'a, V> {
    fn of(
        before: &'a [Arc<PartitionView>],
        now: &'a [Arc<PartitionView>],
        of_stream: impl Fn(&'a StreamFigures) -> Option<&'a V>,
    ) -> Self {
        let part = |(index, view): (usize, &'a Arc<PartitionView>)| {
            let before = before.get(index).and_then(|view| of_stream(&view.figures));
            Some((before, of_stream(&view.figures)?))
        };
        Self(now.iter().enumerate().filter_map(part).collect())
    }

    /// Replaces the sum if a part has changed.
    fn renew(&self, sum: &mut Arc<V>, add_up: impl Fn(&Self, &V) -> V) {
        if self.changed().next().is_some() {
            *sum = Arc::new(add_up(self, sum));
        }
    }

    fn now(&self) -> impl Iterator<Item = &'a V> {
        self.0.iter().map(|&(_, now)| now)
    }

    fn changed(&self) -> impl Iterator<Item = (Option<&'a V>, &'a V)> {
        let is_changed = |(before, now): &(Option<&V>, &V)| before.is_none_or(|before| !std::ptr::eq(before, *now));
        self.0.iter().copied().filter(is_changed)
    }

    /// Adds up totals in the same order.
    fn totals<T: Clone + for<'t> AddAssign<&'t T> + 'a>(&self, totals: impl Fn(&'a V) -> &'a Vec<T>) -> Vec<T> {
        let mut parts = self.now().map(totals);
        let mut sums = parts.next().cloned().unwrap_or_default();
        parts.for_each(|more| add_each(&mut sums, more));
        sums
    }

    fn pane<P: Pane + 'a>(&self, before: &Arc<P>, pane: impl Fn(&'a V) -> &'a Arc<P>) -> Arc<P> {
        let differs =
            |(before, now): (Option<&'a V>, &'a V)| before.is_none_or(|before| !Arc::ptr_eq(pane(before), pane(now)));
        let sum = self.changed().any(differs).then(|| shared_sum(self.now().map(&pane)));
        sum.flatten().unwrap_or_else(|| Arc::clone(before))
    }

    fn panes<S: PaneSeries + 'a>(&self, before: &S, series: impl Fn(&'a V) -> &'a S) -> S {
        let mut sums = before.clone();
        for time in self.differences(&series) {
            sums.set(time, shared_sum(self.now().filter_map(|view| series(view).get(time))));
        }
        sums
    }

    /// Times at which the series of some part differs from the one before.
    fn differences<S: PaneSeries + 'a>(&self, series: impl Fn(&'a V) -> &'a S) -> BTreeSet<Timestamp> {
        let mut times = BTreeSet::new();
        self.changed().for_each(|(before, now)| add_differences(before.map(&series), series(now), &mut times));
        times
    }

    /// Adds up slots. Their hours are panes, too: a slot that changed has up to a day of these, of which few did.
    fn slot_series(&self, before: &Vec<Arc<Slot>>, slots: impl Fn(&'a V) -> &'a Vec<Arc<Slot>>) -> Vec<Arc<Slot>> {
        static NO_HOURS: Vec<Arc<SlotHour>> = Vec::new();
        let mut sums = before.clone();
        for time in self.differences(&slots) {
            let hours_before = before.get(time).map_or(&NO_HOURS, |slot| &slot.hours);
            let hours = self.panes(hours_before, |view| slots(view).get(time).map_or(&NO_HOURS, |slot| &slot.hours));
            let mut sum = shared_sum(self.now().filter_map(|view| slots(view).get(time)));
            // A slot of one part alone is shared, and has the hours of that part.
            if let Some(sum) = sum.as_mut().and_then(Arc::get_mut) {
                sum.hours = hours;
            }
            sums.set(time, sum);
        }
        sums
    }

    fn recent<const N: usize>(
        &self,
        before: &RecentCounts<N>,
        recent: impl Fn(&'a V) -> &'a RecentCounts<N>,
    ) -> RecentCounts<N> {
        RecentCounts {
            quarters: self.panes(&before.quarters, |view| &recent(view).quarters),
            from: self.now().map(|view| recent(view).from).max().unwrap_or(Timestamp::MIN),
        }
    }

    fn slots(&self, before: &Slots, slots: impl Fn(&'a V) -> &'a Slots) -> Slots {
        let newest = |from: fn(&Slots) -> Timestamp| self.now().map(&slots).map(from).max();
        Slots {
            targets: self.now().next().map(|view| Arc::clone(&slots(view).targets)).unwrap_or_default(),
            slots: self.slot_series(&before.slots, |view| &slots(view).slots),
            people_from: newest(|slots| slots.people_from).unwrap_or(Timestamp::MIN),
            counts_from: newest(|slots| slots.counts_from).unwrap_or(Timestamp::MIN),
            hours_from: newest(|slots| slots.hours_from).unwrap_or(Timestamp::MIN),
        }
    }
}

/// Adds the times at which two series of a partition differ.
fn add_differences<S: PaneSeries>(before: Option<&S>, now: &S, times: &mut BTreeSet<Timestamp>) {
    let mut before = before.into_iter().flat_map(S::panes).peekable();
    let mut now = now.panes().peekable();
    loop {
        let (old, new) = (before.peek(), now.peek());
        let Some(time) = old.iter().chain(&new).map(|(time, _)| *time).min() else { return };
        let old = before.next_if(|(other, _)| *other == time);
        let new = now.next_if(|(other, _)| *other == time);
        let is_same = old.zip(new).is_some_and(|((_, old), (_, new))| Arc::ptr_eq(old, new));
        if !is_same {
            times.insert(time);
        }
    }
}

/// Adds up panes; one alone is shared. `None` without panes.
fn shared_sum<'a, P: Pane + 'a>(mut panes: impl Iterator<Item = &'a Arc<P>>) -> Option<Arc<P>> {
    let first = panes.next()?;
    let Some(second) = panes.next() else { return Some(Arc::clone(first)) };
    Some(Arc::new(P::sum(first, std::iter::once(second).chain(panes).map(AsRef::as_ref))))
}

/// Figures of a time that can be added up.
trait Pane: Sized {
    fn sum<'a>(first: &Self, more: impl Iterator<Item = &'a Self>) -> Self
    where
        Self: 'a;
}

/// Panes by the time at which they begin.
trait PaneSeries: Clone {
    type Pane: Pane;

    /// Panes in the order of time.
    fn panes(&self) -> impl Iterator<Item = (Timestamp, &Arc<Self::Pane>)>;
    fn get(&self, time: Timestamp) -> Option<&Arc<Self::Pane>>;
    /// Replaces or removes a pane.
    fn set(&mut self, time: Timestamp, pane: Option<Arc<Self::Pane>>);
}

impl<P: Pane> PaneSeries for BTreeMap<Timestamp, Arc<P>> {
    type Pane = P;

    fn panes(&self) -> impl Iterator<Item = (Timestamp, &Arc<P>)> {
        self.iter().map(|(&time, pane)| (time, pane))
    }

    fn get(&self, time: Timestamp) -> Option<&Arc<P>> {
        self.get(&time)
    }

    fn set(&mut self, time: Timestamp, pane: Option<Arc<P>>) {
        match pane {
            Some(pane) => drop(self.insert(time, pane)),
            None => drop(self.remove(&time)),
        }
    }
}

impl<P: Pane + Default> PaneSeries for Timeline<Arc<P>> {
    type Pane = P;

    fn panes(&self) -> impl Iterator<Item = (Timestamp, &Arc<P>)> {
        self.all().iter().map(|(time, pane)| (*time, pane))
    }

    fn get(&self, time: Timestamp) -> Option<&Arc<P>> {
        self.get(time)
    }

    fn set(&mut self, time: Timestamp, pane: Option<Arc<P>>) {
        match pane {
            Some(pane) => *self.at(time) = pane,
            None => drop(self.remove(time)),
        }
    }
}

/// Pane that knows its own time.
trait TimedPane: Pane {
    fn start(&self) -> Timestamp;
}

impl TimedPane for Slot {
    fn start(&self) -> Timestamp {
        self.span.start
    }
}

impl TimedPane for SlotHour {
    fn start(&self) -> Timestamp {
        self.start
    }
}

impl<P: TimedPane> PaneSeries for Vec<Arc<P>> {
    type Pane = P;

    fn panes(&self) -> impl Iterator<Item = (Timestamp, &Arc<P>)> {
        self.iter().map(|pane| (pane.start(), pane))
    }

    fn get(&self, time: Timestamp) -> Option<&Arc<P>> {
        self.binary_search_by_key(&time, |pane| pane.start()).ok().map(|index| &self[index])
    }

    fn set(&mut self, time: Timestamp, pane: Option<Arc<P>>) {
        match (self.binary_search_by_key(&time, |pane| pane.start()), pane) {
            (Ok(index), Some(pane)) => self[index] = pane,
            (Ok(index), None) => drop(self.remove(index)),
            (Err(index), Some(pane)) => self.insert(index, pane),
            (Err(_), None) => {}
        }
    }
}

fn fold<'a, P: Clone + 'a>(first: &P, more: impl Iterator<Item = &'a P>, add: impl Fn(&mut P, &P)) -> P {
    more.fold(first.clone(), |mut sum, more| {
        add(&mut sum, more);
        sum
    })
}

fn add_cells<F: Default + for<'f> AddAssign<&'f F>>(sums: &mut HashMap<CellIndex, F>, more: &HashMap<CellIndex, F>) {
    more.iter().for_each(|(&cell, figures)| *sums.entry(cell).or_default() += figures);
}

impl Pane for SpanPane {
    fn sum<'a>(first: &Self, more: impl Iterator<Item = &'a Self>) -> Self {
        fold(first, more, add_cells)
    }
}

impl Pane for HourPane {
    fn sum<'a>(first: &Self, more: impl Iterator<Item = &'a Self>) -> Self {
        fold(first, more, add_cells)
    }
}

/// Changes of people before the first hour that is kept.
impl Pane for HashMap<CellIndex, [i64; 2]> {
    fn sum<'a>(first: &Self, more: impl Iterator<Item = &'a Self>) -> Self {
        fold(first, more, |sums, more| {
            more.iter().for_each(|(&cell, changes)| add_each(sums.entry(cell).or_default(), changes));
        })
    }
}

impl Pane for RecentPane {
    fn sum<'a>(first: &Self, more: impl Iterator<Item = &'a Self>) -> Self {
        fold(first, more, |sums, more| more.iter().for_each(|(&key, count)| *sums.entry(key).or_default() += count))
    }
}

impl<const N: usize> Pane for QuarterCounts<N> {
    fn sum<'a>(first: &Self, more: impl Iterator<Item = &'a Self>) -> Self {
        fold(first, more, |sums, more| {
            more.iter().for_each(|(&cell, counts)| add_each(sums.entry(cell).or_insert([0; N]), counts));
        })
    }
}

/// Slots without their hours, which [`Parts::slot_series`] adds up.
impl Pane for Slot {
    fn sum<'a>(first: &Self, more: impl Iterator<Item = &'a Self>) -> Self {
        let mut cells: HashMap<_, _> = first.cells.iter().copied().collect();
        let mut tallies = first.tallies.clone();
        let mut states = first.states.clone();
        for slot in more {
            slot.cells.iter().for_each(|(cell, figures)| *cells.entry(*cell).or_default() += figures);
            add_each(&mut tallies, &slot.tallies);
            add_each_pair(&mut states, &slot.states);
        }
        Self { span: first.span, cells: cells.into_iter().collect(), tallies, states, hours: Vec::new() }
    }
}

impl Pane for SlotHour {
    fn sum<'a>(first: &Self, more: impl Iterator<Item = &'a Self>) -> Self {
        fold(first, more, |sum, more| *sum += more)
    }
}

fn add_each_pair(sums: &mut Vec<[i64; 2]>, more: &[[i64; 2]]) {
    sums.resize(sums.len().max(more.len()), [0; 2]);
    sums.iter_mut().zip(more).for_each(|(sum, more)| add_each(sum, more));
}

#[cfg(test)]
mod tests;
