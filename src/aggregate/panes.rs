//! Counts that need no identity, by the quarter hour of their event time: the history behind curves and targets.
//!
//! Days, weeks and months of every time zone consist of whole quarter hours. The quarters of a UTC hour are folded into
//! the hour after `state.fine_history`, and the hour is forgotten after `state.coarse_history`. The watermark decides
//! both, so panes are a function of the log, like all state. Targets of calls, milestones, applications and approvals
//! are counted from them.
//!
//! Panes are stored by UTC day. An image shares days by pointer. A day that cannot change any more is *closed*: a
//! checkpoint refers to the bytes that an earlier one wrote of it. A closed day changes only if an event completes an
//! older one (a call answered long ago); it then stays open.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::image::{ClosedDay, Encode};
use super::labels::LabelId;
use crate::clock::{DAY, HOUR, Millis, QUARTER_HOUR, Timestamp};
use crate::view::add_each;
use crate::view::timeline::Timeline;

/// Key of a label set: two numbers of 16 bits.
pub(crate) type PaneKey = u32;

/// Packs two label numbers into a key.
pub(crate) fn pane_key(first: LabelId, second: u16) -> PaneKey {
    PaneKey::from(first) << 16 | PaneKey::from(second)
}

/// First label number of a key.
pub(crate) fn first_of(key: PaneKey) -> LabelId {
    (key >> 16) as LabelId
}

/// Second label number of a key.
pub(crate) fn second_of(key: PaneKey) -> u16 {
    (key & 0xffff) as u16
}

/// `N` counts for each label set and slice of time. `u128` holds 2^64 amounts of 10^12 centavos, so sums of pesos fit.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Panes<const N: usize> {
    /// Days by their beginning. A checkpoint stores them apart from the body.
    #[serde(skip)]
    days: Timeline<Arc<DayPanes<N>>>,
    fine: Millis,
    coarse: Millis,
    /// Earlier hours are folded.
    first_fine: Timestamp,
    /// Earlier hours are forgotten.
    first_coarse: Timestamp,
    /// Days that changed after they were closed.
    reopened: BTreeSet<Timestamp>,
}

/// Panes of a day, in no order: they are sorted when they are encoded. A sorted map took three times the instructions.
#[derive(Debug, Clone)]
struct DayPanes<const N: usize>(HashMap<PaneId, [u128; N]>);

/// Slice and key of a pane in one number, in the order in which panes are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct PaneId(u64);

impl PaneId {
    fn new(slice: Slice, key: PaneKey) -> Self {
        Self(u64::from(slice) << 32 | u64::from(key))
    }

    fn slice(self) -> Slice {
        (self.0 >> 32) as Slice
    }

    fn key(self) -> PaneKey {
        self.0 as PaneKey
    }
}

/// Slice of a day: a quarter hour below 96, an hour from 96 on.
type Slice = u8;

const QUARTERS: Slice = 96;
const HOURS: Slice = 24;

impl<const N: usize> Panes<N> {
    pub(crate) fn new(fine: Millis, coarse: Millis) -> Self {
        Self {
            days: Timeline::default(),
            fine,
            coarse,
            first_fine: Timestamp::MIN,
            first_coarse: Timestamp::MIN,
            reopened: BTreeSet::new(),
        }
    }

    /// Distances behind the watermark up to which counts of quarter hours, and of hours, are kept.
    pub(crate) fn history(&self) -> [Millis; 2] {
        [self.fine, self.coarse]
    }

    /// Adds to the counts of the pane that holds `time`. Anything older than the history is ignored.
    pub(crate) fn add(&mut self, time: Timestamp, key: PaneKey, amounts: [u128; N]) {
        if time.floor(HOUR) < self.first_coarse {
            return;
        }
        let day = time.floor(DAY);
        let within = time - day;
        let slice = if time >= self.first_fine {
            (within / QUARTER_HOUR) as Slice
        } else {
            QUARTERS + (within / HOUR) as Slice
        };
        let panes = Arc::make_mut(self.days.at(day));
        add_each(panes.0.entry(PaneId::new(slice, key)).or_insert([0; N]), &amounts);
    }

    /// Adds like [`Self::add`], at a time that may lie before `settled` (see [`Self::days`]).
    pub(crate) fn add_to_past(&mut self, time: Timestamp, key: PaneKey, amounts: [u128; N], settled: Timestamp) {
        let day = time.floor(DAY);
        if self.is_closed(day, settled) && time.floor(HOUR) >= self.first_coarse {
            self.reopened.insert(day);
        }
        self.add(time, key, amounts);
    }

    /// Folds and forgets the hours that the watermark has passed.
    pub(crate) fn forget(&mut self, watermark: Timestamp) {
        if watermark - self.fine >= self.first_fine + HOUR || watermark - self.coarse >= self.first_coarse + HOUR {
            self.forget_hours(watermark);
        }
    }

    #[cold]
    fn forget_hours(&mut self, watermark: Timestamp) {
        // Rounded down, so that only whole hours are folded and forgotten.
        let (first_fine, first_coarse) = ((watermark - self.fine).floor(HOUR), (watermark - self.coarse).floor(HOUR));
        let fine_before = std::mem::replace(&mut self.first_fine, first_fine);
        self.first_coarse = first_coarse;
        let folded = self.days.between(fine_before.max(Timestamp::EPOCH).floor(DAY), first_fine - 1);
        for start in folded.map(|(start, _)| *start).collect::<Vec<_>>() {
            Arc::make_mut(self.days.at(start)).fold((first_fine - start) / HOUR);
        }
        self.days.take_before(first_coarse.floor(DAY));
        self.reopened = self.reopened.split_off(&first_coarse.floor(DAY));
        let first_day = self.days.all().first().map(|&(start, _)| start);
        if let Some(start) = first_day.filter(|&start| start < first_coarse) {
            let day = Arc::make_mut(self.days.at(start));
            day.forget((first_coarse - start) / HOUR);
            if day.0.is_empty() {
                self.days.take_before(start + DAY);
            }
        }
    }

    /// Days for a checkpoint. Days that end by `settled` are closed: no event before it is ever applied again.
    pub(crate) fn days(&self, settled: Timestamp) -> Vec<ClosedDay> {
        let day = |(start, content): &(Timestamp, Arc<DayPanes<N>>)| ClosedDay {
            start: *start,
            is_closed: self.is_closed(*start, settled),
            content: Arc::clone(content) as Arc<dyn Encode>,
        };
        self.days.all().iter().map(day).collect()
    }

    fn is_closed(&self, start: Timestamp, settled: Timestamp) -> bool {
        start + DAY <= settled.min(self.first_fine) && !self.reopened.contains(&start)
    }

    /// Restores a day from a checkpoint, which may have been written before parts of it were forgotten. `None` if it is
    /// malformed.
    pub(crate) fn restore(&mut self, start: Timestamp, encoded: &[u8]) -> Option<()> {
        let entries: Vec<(Slice, PaneKey, Vec<u128>)> = postcard::from_bytes(encoded).ok()?;
        let mut panes = HashMap::with_capacity(entries.len());
        for (slice, key, counts) in entries {
            panes.insert(PaneId::new(slice, key), counts.try_into().ok()?);
        }
        let mut day = DayPanes(panes);
        if start < self.first_coarse {
            day.forget((self.first_coarse - start) / HOUR);
        }
        if !day.0.is_empty() {
            *self.days.at(start) = Arc::new(day);
        }
        Some(())
    }

    /// First UTC day with counts that begins at `from` or later.
    pub(crate) fn first_day_from(&self, from: Timestamp) -> Option<Timestamp> {
        self.days.from(from).first().map(|&(start, _)| start)
    }

    /// Panes of a day: beginning, key and counts.
    pub(crate) fn of_day(&self, start: Timestamp) -> impl Iterator<Item = (Timestamp, PaneKey, &[u128; N])> {
        let panes = self.days.between(start, start).flat_map(|(_, day)| day.sorted());
        panes.map(move |(id, counts)| (start + begin(id.slice()), id.key(), counts))
    }

    /// Number of days before the newest event's of which no quarter hour is folded yet, at most `days`.
    pub(crate) fn fine_days(&self, days: i64) -> i64 {
        days.min(self.fine / DAY - 1)
    }

    /// Panes of the newest day with counts and of `days` before it: beginning, key and counts.
    pub(crate) fn recent(&self, days: i64) -> impl Iterator<Item = (Timestamp, PaneKey, &[u128; N])> {
        let newest = self.days.all().last().map_or(Timestamp::MIN, |&(start, _)| start);
        let days = self.days.from(newest.saturating_sub(days * DAY));
        days.iter().flat_map(|&(start, _)| self.of_day(start))
    }

    /// Panes of all days: beginning, key and counts.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Timestamp, PaneKey, &[u128; N])> {
        self.days.all().iter().flat_map(|&(start, _)| self.of_day(start))
    }
}

/// Beginning of a slice within its day.
fn begin(slice: Slice) -> Millis {
    match slice {
        quarter if quarter < QUARTERS => Millis::from(quarter) * QUARTER_HOUR,
        hour => Millis::from(hour - QUARTERS) * HOUR,
    }
}

impl<const N: usize> Default for DayPanes<N> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<const N: usize> DayPanes<N> {
    /// Panes in their order.
    fn sorted(&self) -> Vec<(PaneId, &[u128; N])> {
        let mut panes: Vec<_> = self.0.iter().map(|(&id, counts)| (id, counts)).collect();
        panes.sort_unstable_by_key(|&(id, _)| id);
        panes
    }

    /// Folds the quarters of the day's first `hours` hours into these hours.
    fn fold(&mut self, hours: Millis) {
        let end = (hours.clamp(0, Millis::from(HOURS)) * 4) as Slice;
        let quarters: Vec<_> = self.0.extract_if(|id, _| id.slice() < end).collect();
        for (id, counts) in quarters {
            let hour = PaneId::new(QUARTERS + id.slice() / 4, id.key());
            add_each(self.0.entry(hour).or_insert([0; N]), &counts);
        }
        self.0.shrink_to_fit();
    }

    /// Forgets the day's first `hours` hours, which are folded by then.
    fn forget(&mut self, hours: Millis) {
        let end = QUARTERS + hours.clamp(0, Millis::from(HOURS)) as Slice;
        let is_kept = |slice: Slice| slice >= end || (slice < QUARTERS && slice / 4 >= end - QUARTERS);
        self.0.retain(|id, _| is_kept(id.slice()));
    }
}

impl<const N: usize> Encode for DayPanes<N> {
    fn encode(&self) -> Vec<u8> {
        let panes = self.sorted().into_iter();
        let entries: Vec<(Slice, PaneKey, &[u128])> =
            panes.map(|(id, counts)| (id.slice(), id.key(), &counts[..])).collect();
        postcard::to_allocvec(&entries).expect("memory is the only limit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATERMARK: Timestamp = Timestamp::from_millis(1_600_000_000_000);

    fn total(panes: &Panes<1>) -> u128 {
        panes.all().map(|(.., counts)| counts[0]).sum()
    }

    #[test]
    fn counts_are_folded_into_hours_before_they_are_forgotten() {
        let mut panes = Panes::new(DAY, 3 * DAY);
        panes.forget(WATERMARK);
        for minute in 0..240 {
            panes.add(WATERMARK + minute * 60_000, 7, [1]);
        }
        let fine = panes.all().count();
        panes.forget(WATERMARK + 2 * DAY);
        let coarse = panes.all().count();
        assert!(coarse * 4 <= fine + 4, "{fine} quarters became {coarse} hours");
        assert_eq!(total(&panes), 240);
        panes.forget(WATERMARK + 4 * DAY);
        assert_eq!(total(&panes), 0);
    }

    #[test]
    fn a_late_event_joins_the_hour_of_its_folded_quarter() {
        let mut panes = Panes::new(DAY, 3 * DAY);
        panes.forget(WATERMARK);
        panes.add(WATERMARK, 7, [1]);
        panes.forget(WATERMARK + 2 * DAY);
        panes.add(WATERMARK + 1, 7, [1]);
        assert_eq!(panes.all().count(), 1);
        assert_eq!(total(&panes), 2);
    }

    #[test]
    fn a_closed_day_changes_only_by_being_forgotten() {
        let mut panes = Panes::new(DAY, 3 * DAY);
        panes.forget(WATERMARK);
        (0..48).for_each(|hour| panes.add(WATERMARK + hour * HOUR, 7, [1]));
        panes.forget(WATERMARK + 3 * DAY);
        let days = panes.days(WATERMARK + 2 * DAY);
        let closed: Vec<_> =
            days.iter().filter(|day| day.is_closed).map(|day| (day.start, day.content.encode())).collect();
        assert!(!closed.is_empty());
        panes.forget(WATERMARK + 3 * DAY + 12 * HOUR);
        panes.add(WATERMARK + 3 * DAY, 7, [1]);
        let mut restored: Panes<1> = postcard::from_bytes(&postcard::to_allocvec(&panes).unwrap()).unwrap();
        let open = panes
            .days(WATERMARK + 2 * DAY)
            .into_iter()
            .filter(|day| !day.is_closed)
            .map(|day| (day.start, day.content.encode()));
        closed.into_iter().chain(open).for_each(|(start, encoded)| restored.restore(start, &encoded).unwrap());
        assert_eq!(restored.all().collect::<Vec<_>>(), panes.all().collect::<Vec<_>>());
    }

    #[test]
    fn a_closed_day_that_changes_stays_open() {
        let mut panes = Panes::new(DAY, 9 * DAY);
        panes.add(WATERMARK, 7, [1]);
        panes.forget(WATERMARK + 3 * DAY);
        let is_closed = |panes: &Panes<1>| panes.days(WATERMARK + 2 * DAY)[0].is_closed;
        assert!(is_closed(&panes));
        panes.add_to_past(WATERMARK, 7, [1], WATERMARK + 2 * DAY);
        assert!(!is_closed(&panes));
        let restored: Panes<1> = postcard::from_bytes(&postcard::to_allocvec(&panes).unwrap()).unwrap();
        assert_eq!(restored.reopened, panes.reopened);
        panes.forget(WATERMARK + 12 * DAY);
        assert!(panes.reopened.is_empty());
    }
}
