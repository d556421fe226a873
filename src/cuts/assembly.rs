//! A cut from the parts of all partitions.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::closed_periods::ClosedPeriods;
use super::record::{Correction, Cut, CutCell, CutOffset, CutPeriod, CutTarget, cut_id};
use crate::allowlists::Allowlists;
use crate::calendar::{Interval, Period};
use crate::clock::Millis;
use crate::record::Stream;
use crate::source::TopicPartition;
use crate::targets::pace::{Observation, assess};
use crate::targets::{Quantity, Tally, Target, Targets};
use crate::view::cut::PartitionCut;
use crate::view::panes::SpanFigures;

/// What a cut depends on besides its parts.
#[derive(Clone, Copy)]
pub struct CutContext<'a> {
    pub targets: &'a Targets,
    pub allowlists: &'a Allowlists,
    /// What is known of the periods that have closed.
    pub closed_periods: &'a ClosedPeriods,
    pub taken: Millis,
    pub state_built: Millis,
}

impl Cut {
    /// Adds up the parts of all partitions.
    pub fn of<'a>(
        at: Millis,
        parts: impl Iterator<Item = (&'a TopicPartition, &'a PartitionCut)> + Clone,
        context: CutContext<'_>,
    ) -> Self {
        let CutContext { targets, allowlists, closed_periods, taken, state_built } = context;
        let offsets = parts.clone().map(|(partition, part)| CutOffset {
            stream: partition.stream.name().to_owned(),
            topic: partition.topic.clone(),
            partition: partition.partition,
            next_offset: part.next_offset,
        });
        let parts: Vec<(Stream, &PartitionCut)> =
            parts.clone().map(|(partition, part)| (partition.stream, part)).collect();
        let inside = |period: Period| {
            period.at(at - 1, &allowlists.zone).map(|span| cut_period(period, span, at, &parts, allowlists))
        };
        let mut cut = Self {
            id: cut_id(at),
            at_ms: at,
            at: Timestamp::from_millisecond(at).map_or_else(|_| cut_id(at), |instant| local(instant, allowlists)),
            taken_ms: taken,
            state_built_ms: state_built,
            offsets: offsets.collect(),
            periods: Period::OWN.into_iter().filter_map(inside).collect(),
            targets: Vec::new(),
            corrections: Vec::new(),
        };
        for target in &targets.targets {
            let tallies = tallies(target, &parts);
            cut.targets.extend(current(target, &tallies, at, allowlists));
            cut.corrections.extend(corrections(target, &tallies, at, closed_periods, allowlists));
        }
        cut
    }
}

/// As `2020-05-15T18:00:00-05:00`.
fn local(instant: Timestamp, allowlists: &Allowlists) -> String {
    instant.to_zoned(allowlists.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn cut_period(
    period: Period,
    span: Interval,
    at: Millis,
    parts: &[(Stream, &PartitionCut)],
    allowlists: &Allowlists,
) -> CutPeriod {
    let mut cells: BTreeMap<(&str, &str), SpanFigures> = BTreeMap::new();
    for cell in parts.iter().flat_map(|(_, part)| &part.cells[period.index()]) {
        *cells.entry((&cell.programme, &cell.state)).or_default() += &cell.figures;
    }
    let shown = |((programme, state), figures): ((&str, &str), SpanFigures)| CutCell {
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
        cells: cells.into_iter().map(shown).collect(),
    }
}

/// By the beginning of the period; only of periods that every partition of the stream knows.
fn tallies(target: &Target, parts: &[(Stream, &PartitionCut)]) -> BTreeMap<Millis, Tally> {
    let stream = target.measure.stream();
    let of_stream = parts.iter().filter(|(of, _)| *of == stream).map(|(_, part)| part);
    let selection = target.selection();
    let mut sums: BTreeMap<Millis, Tally> = BTreeMap::new();
    let mut known_from = Millis::MIN;
    for part in of_stream {
        let known = part.targets.iter().find(|known| known.name == target.name && known.selection == selection);
        let Some(known) = known else { return BTreeMap::new() };
        known_from = known_from.max(known.known_from);
        known.periods.iter().for_each(|(start, tally)| *sums.entry(*start).or_default() += tally);
    }
    sums.split_off(&known_from)
}

fn current(
    target: &Target,
    tallies: &BTreeMap<Millis, Tally>,
    at: Millis,
    allowlists: &Allowlists,
) -> Option<CutTarget> {
    let period = target.period.at(at - 1, &allowlists.zone)?;
    let actual = *tallies.get(&period.start)?;
    let moment =
        Observation { period, now: at, zone: &allowlists.zone, actual, past: Tally::default(), overdispersion: 1.0 };
    let assessment = assess(target, &moment);
    Some(CutTarget {
        target: target.name.clone(),
        measure: target.measure.name().to_owned(),
        selection: target.selection(),
        period: target.period.id(period.start, &allowlists.zone),
        start_ms: period.start,
        end_ms: period.end,
        closes: period.end == at,
        goal: assessment.goal,
        plan: assessment.plan,
        actual: assessment.actual,
    })
}

fn corrections<'a>(
    target: &'a Target,
    tallies: &'a BTreeMap<Millis, Tally>,
    at: Millis,
    closed_periods: &'a ClosedPeriods,
    allowlists: &'a Allowlists,
) -> impl Iterator<Item = Correction> + 'a {
    let closed = closed_periods
        .of(&target.name)
        .filter(move |closing| closing.selection == target.selection() && closing.end_ms < at);
    closed.filter_map(move |closing| {
        let after = target.measure.quantity(*tallies.get(&closing.start_ms)?);
        let before = closing.known_before(&cut_id(at));
        (after != before).then(|| Correction {
            target: target.name.clone(),
            period: target.period.id(closing.start_ms, &allowlists.zone),
            start_ms: closing.start_ms,
            before,
            after,
        })
    })
}
