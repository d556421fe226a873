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
            let tallies = tallies(target, &shares);
            cut.targets.extend(current(target, &tallies, at, allowlists));
            cut.corrections.extend(corrections(target, &tallies, at, closed_periods, allowlists));
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

/// Adds up a target's tallies by start of the period; only periods that every partition of the stream knows completely.
fn tallies(target: &Target, shares: &[(Stream, &PartitionCut)]) -> BTreeMap<Timestamp, Tally> {
    let stream = target.measure.stream();
    let of_stream = shares.iter().filter(|(other, _)| *other == stream).map(|(_, share)| share);
    let selection = target.selection();
    let mut sums: BTreeMap<Timestamp, Tally> = BTreeMap::new();
    let mut known_from = Timestamp::MIN;
    for share in of_stream {
        let known = share.targets.iter().find(|known| known.name == target.name && known.selection == selection);
        let Some(known) = known else { return BTreeMap::new() };
        known_from = known_from.max(known.known_from);
        known.periods.iter().for_each(|(start, tally)| *sums.entry(*start).or_default() += tally);
    }
    sums.split_off(&known_from)
}

fn current(
    target: &Target,
    tallies: &BTreeMap<Timestamp, Tally>,
    at: Timestamp,
    allowlists: &Allowlists,
) -> Option<CutTarget> {
    let period = target.period.at(at - 1, &allowlists.zone)?;
    let actual = *tallies.get(&period.start)?;
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
    tallies: &'a BTreeMap<Timestamp, Tally>,
    at: Timestamp,
    closed_periods: &'a ClosedPeriods,
    allowlists: &'a Allowlists,
) -> impl Iterator<Item = Correction> + 'a {
    let earlier = closed_periods
        .of(&target.name)
        .filter(move |closed| closed.selection == target.selection() && closed.end_ms < at);
    earlier.filter_map(move |closed| {
        let after = target.measure.quantity(*tallies.get(&closed.start_ms)?);
        let before = closed.known_before(&cut_id(at));
        (after != before).then(|| Correction {
            target: target.name.clone(),
            period: target.period.id(closed.start_ms, &allowlists.zone),
            start_ms: closed.start_ms,
            before,
            after,
        })
    })
}
