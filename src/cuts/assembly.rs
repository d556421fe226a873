//! Assembly of a cut from the shares of all partitions.

use std::collections::BTreeMap;

use super::record::{Correction, Cut, CutCell, CutOffset, CutPeriod, CutTarget, cut_id};
use crate::allowlists::Allowlists;
use crate::calendar::{Interval, Period};
use crate::clock::Timestamp;
use crate::record::Stream;
use crate::record::TopicPartition;
use crate::targets::pace::{Observation, assess};
use crate::targets::{Quantity, Tally, Target, Targets};
use crate::view::closed_periods::ClosedPeriods;
use crate::view::cut::PartitionCut;
use crate::view::panes::SpanFigures;

/// Inputs of a cut besides the partitions' parts.
#[derive(Clone, Copy)]
pub struct CutContext<'a> {
    /// Targets to evaluate.
    pub targets: &'a Targets,
    /// Labels and zone of the figures.
    pub allowlists: &'a Allowlists,
    /// Periods that earlier cuts have closed.
    pub closed_periods: &'a ClosedPeriods,
    /// The present instant.
    pub taken: Timestamp,
    /// Instant when building the state began.
    pub state_built: Timestamp,
}

impl Cut {
    /// Adds up the shares of all partitions to the cut at `at`. Settings and first offsets are left empty.
    pub fn of<'a>(
        at: Timestamp,
        shares: impl Iterator<Item = (&'a TopicPartition, &'a PartitionCut)> + Clone,
        context: CutContext<'_>,
    ) -> Self {
        let CutContext { targets, allowlists, closed_periods, taken, state_built } = context;
        let offsets = shares.clone().map(|(partition, share)| CutOffset {
            stream: partition.stream.name().to_owned(),
            topic: partition.topic.clone(),
            partition: partition.partition,
            first_offset: None,
            next_offset: share.next_offset,
            is_provisional: false,
            is_late: false,
        });
        let shares: Vec<(Stream, &PartitionCut)> =
            shares.clone().map(|(partition, share)| (partition.stream, share)).collect();
        let inside = |period: Period| {
            period.at(at - 1, &allowlists.zone).map(|span| cut_period(period, span, at, &shares, allowlists))
        };
        let mut cut = Self {
            id: cut_id(at),
            at_ms: at,
            at: local(at, allowlists),
            taken_ms: taken,
            state_built_ms: state_built,
            settings: BTreeMap::new(),
            offsets: offsets.collect(),
            periods: Period::STANDARD.into_iter().filter_map(inside).collect(),
            targets: Vec::new(),
            corrections: Vec::new(),
        };
        for target in &targets.targets {
            let tallies = KnownTallies::of(target, &shares);
            cut.targets.extend(current(target, tallies.as_ref(), at, allowlists));
            cut.corrections.extend(corrections(target, tallies.as_ref(), at, closed_periods, allowlists));
        }
        cut
    }
}

/// Formats an instant as `2020-05-15T18:00:00-05:00`, in the programme's zone.
fn local(instant: Timestamp, allowlists: &Allowlists) -> String {
    instant.to_jiff().to_zoned(allowlists.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn cut_period(
    period: Period,
    span: Interval,
    at: Timestamp,
    shares: &[(Stream, &PartitionCut)],
    allowlists: &Allowlists,
) -> CutPeriod {
    let mut cells: BTreeMap<(&str, &str), SpanFigures> = BTreeMap::new();
    for cell in shares.iter().flat_map(|(_, share)| &share.cells[period.index()]) {
        *cells.entry((&cell.programme, &cell.state)).or_default() += &cell.figures;
    }
    let cut_cell = |((programme, state), figures): ((&str, &str), SpanFigures)| CutCell {
        programme: programme.to_owned(),
        state: state.to_owned(),
        beneficiaries: figures.beneficiaries,
        dispersals: figures.dispersals,
        net_pesos: Quantity::Centavos(figures.net as i128),
    };
    CutPeriod {
        period: period.name().to_owned(),
        id: period.id(span.start, &allowlists.zone),
        start_ms: span.start,
        end_ms: span.end,
        closes: span.end == at,
        cells: cells.into_iter().map(cut_cell).collect(),
    }
}

/// Tallies of a target by start of the period, over all partitions.
struct KnownTallies {
    /// Every partition of the stream knows the periods completely that begin here or later.
    from: Timestamp,
    sums: BTreeMap<Timestamp, Tally>,
}

impl KnownTallies {
    /// Adds up a target's tallies. Returns `None` unless every partition has some, or none is of the stream.
    fn of(target: &Target, shares: &[(Stream, &PartitionCut)]) -> Option<Self> {
        let stream = target.measure.stream();
        let of_stream = shares.iter().filter(|(other, _)| *other == stream).map(|(_, share)| share);
        let selection = target.selection();
        let mut tallies: Option<Self> = None;
        for share in of_stream {
            let known = share.targets.iter().find(|known| known.name == target.name && known.selection == selection)?;
            let Self { from, sums } = tallies.get_or_insert(Self { from: Timestamp::MIN, sums: BTreeMap::new() });
            *from = known.known_from.max(*from);
            known.periods.iter().for_each(|(start, tally)| *sums.entry(*start).or_default() += tally);
        }
        tallies
    }

    /// Tally of the period that begins at `start`, zero if no partition has one; `None` if records of the period may be
    /// forgotten.
    fn within(&self, start: Timestamp) -> Option<Tally> {
        (start >= self.from).then(|| self.sums.get(&start).copied().unwrap_or_default())
    }
}

fn current(
    target: &Target,
    tallies: Option<&KnownTallies>,
    at: Timestamp,
    allowlists: &Allowlists,
) -> Option<CutTarget> {
    let period = target.period.at(at - 1, &allowlists.zone)?;
    let actual = tallies?.within(period.start)?;
    let observation =
        Observation { period, now: at, zone: &allowlists.zone, actual, past: Tally::default(), overdispersion: 1.0 };
    let report = assess(target, &observation);
    Some(CutTarget {
        target: target.name.clone(),
        measure: target.measure.name().to_owned(),
        selection: target.selection(),
        period: target.period.id(period.start, &allowlists.zone),
        start_ms: period.start,
        end_ms: period.end,
        closes: period.end == at,
        goal: report.goal,
        plan: report.plan,
        actual: report.actual,
    })
}

fn corrections<'a>(
    target: &'a Target,
    tallies: Option<&'a KnownTallies>,
    at: Timestamp,
    closed_periods: &'a ClosedPeriods,
    allowlists: &'a Allowlists,
) -> impl Iterator<Item = Correction> + 'a {
    let cut = cut_id(at);
    let zone = &allowlists.zone;
    let earlier = closed_periods
        .of(&target.name)
        .filter(move |closed| closed.selection == target.selection() && closed.end_ms < at);
    earlier.filter_map(move |closed| {
        let after = target.measure.quantity(tallies?.within(closed.start_ms)?);
        let before = closed.known_before(&cut);
        // A period of another calendar has no tally either, which says nothing of its result.
        let is_period = || target.period.at(closed.start_ms, zone).is_some_and(|span| span.end == closed.end_ms);
        (after != before && is_period()).then(|| Correction {
            target: target.name.clone(),
            period: target.period.id(closed.start_ms, zone),
            start_ms: closed.start_ms,
            before,
            after,
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::calendar::WorkingCalendar;
    use crate::clock::{DAY, HOUR};
    use crate::targets::{Filter, Measure};
    use crate::view::closed_periods::ClosedPeriod;
    use crate::view::cut::PartitionCutTarget;
    use jiff::tz::TimeZone;

    /// Midnight, UTC.
    const START: Timestamp = Timestamp::from_millis(18_400 * DAY);

    fn target() -> Target {
        Target {
            name: "calls".to_owned(),
            description: String::new(),
            title: None,
            group: None,
            measure: Measure::CallsOffered,
            filter: Filter::default(),
            period: Period::Day,
            goals: vec![(jiff::civil::date(2020, 1, 1), Quantity::Count(100))],
            calendar: Arc::new(WorkingCalendar::always(TimeZone::UTC)),
            profile: None,
            prorate: false,
            tolerance: 0.0,
            pesos_each: None,
        }
    }

    /// A cut at the end of the tenth day whose one partition has tallies of no period, after a day that closed with 5.
    fn cut(known_from: Timestamp, closed_start: Timestamp) -> Cut {
        let target = target();
        let known = PartitionCutTarget {
            name: target.name.clone(),
            selection: target.selection(),
            known_from,
            periods: Vec::new(),
        };
        let part = PartitionCut { targets: vec![known], ..PartitionCut::default() };
        let partition = TopicPartition { stream: Stream::Call, topic: "calls".to_owned(), partition: 0 };
        let mut closed_periods = ClosedPeriods::default();
        let closed = ClosedPeriod {
            cut: cut_id(closed_start + DAY),
            period: String::new(),
            selection: target.selection(),
            start_ms: closed_start,
            end_ms: closed_start + DAY,
            goal: Quantity::Count(100),
            actual: Some(Quantity::Count(5)),
            corrections: BTreeMap::new(),
        };
        closed_periods.close("calls", closed);
        let at = START + 10 * DAY;
        let mut allowlists = Allowlists::default();
        allowlists.zone = TimeZone::UTC;
        let context = CutContext {
            targets: &Targets { targets: vec![target], ..Targets::default() },
            allowlists: &allowlists,
            closed_periods: &closed_periods,
            taken: at,
            state_built: START,
        };
        Cut::of(at, [(&partition, &part)].into_iter(), context)
    }

    #[test]
    fn a_known_period_without_a_tally_is_corrected_to_zero() {
        let corrected = |known_from, start| -> Vec<_> {
            cut(known_from, start).corrections.into_iter().map(|entry| (entry.start_ms, entry.after)).collect()
        };
        assert_eq!(corrected(START, START + DAY), [(START + DAY, Some(Quantity::Count(0)))]);
        assert_eq!(corrected(START + DAY, START + DAY).len(), 1);
        assert_eq!(corrected(START + DAY + 1, START + DAY), [], "records of it may be forgotten");
        assert_eq!(corrected(START, START + DAY + HOUR), [], "it is no day of this zone");
    }

    #[test]
    fn a_known_period_without_a_tally_is_in_the_cut() {
        let actual = |known_from| cut(known_from, START).targets.first().map(|entry| entry.actual);
        assert_eq!(actual(START + 9 * DAY), Some(Some(Quantity::Count(0))));
        assert_eq!(actual(START + 9 * DAY + 1), None);
    }
}
