//! The references of a run: the state of a partition that read the same log without faults, and the oracle's figures.

use pacemeter::clock::{Clock, Timestamp};
use std::sync::Arc;

use pacemeter::aggregate::PartitionState;
use pacemeter::export::Exporter;
use pacemeter::oracle::{Oracle, SeriesValues};
use pacemeter::record::{Outcome, Stream};
use pacemeter::view::progress::Evaluator;
use pacemeter::view::totals::PresenceLimits;

use super::logs::{Log, Logs};
use super::process::Process;
use super::shared::{Shared, Variant};

/// A partition that was never saved or restored.
pub struct Shadow {
    semantic_settings: usize,
    version: u32,
    state: PartitionState,
    /// Offsets of rejected and expired records.
    dead_letters: Vec<i64>,
    digest: Option<[u8; 32]>,
}

impl Shadow {
    fn new(log: &Log, variant: &Variant, semantic_settings: usize, first: i64) -> Self {
        let state =
            PartitionState::new(log.partition.stream, first, variant.rules, &variant.view_config, Timestamp::EPOCH);
        Self { semantic_settings, version: log.version, state, dead_letters: Vec::new(), digest: None }
    }

    /// Shadow of a state from offset `first` to `next`. Continues `last` if that is of the same log.
    pub fn of(
        last: Option<Self>,
        log: &Log,
        variant: &Variant,
        semantic_settings: usize,
        first: i64,
        next: i64,
    ) -> Self {
        let fits = |shadow: &Self| {
            let state = &shadow.state;
            (shadow.semantic_settings, shadow.version, state.first_offset()) == (semantic_settings, log.version, first)
                && state.next_offset() <= next
        };
        let mut shadow = last.filter(fits).unwrap_or_else(|| Self::new(log, variant, semantic_settings, first));
        for offset in shadow.state.next_offset()..next.min(log.end()) {
            let Some(entry) = log.entry(offset) else { continue };
            let outcome = shadow.state.step(offset, &entry.decoded, &entry.arena);
            if matches!(outcome, Outcome::Rejected | Outcome::Expired) {
                shadow.dead_letters.push(offset);
            }
            shadow.digest = None;
        }
        shadow
    }

    /// True if `state` equals the shadow's.
    pub fn equals(&mut self, state: &mut PartitionState) -> bool {
        let offsets = |state: &PartitionState| (state.first_offset(), state.next_offset(), state.records());
        let own = &mut self.state;
        offsets(own) == offsets(state) && *self.digest.get_or_insert_with(|| own.digest()) == state.digest()
    }

    pub fn dead_letters(&self) -> &[i64] {
        &self.dead_letters
    }
}

/// Figures that the process exposes now.
pub fn exposed(process: &Process<'_>, shared: &Shared, clock: &Clock) -> SeriesValues {
    let Variant { view_config, rules, .. } = process.variant;
    let exporter = Exporter::new(
        process.publisher(),
        Arc::clone(&view_config.allowlists),
        PresenceLimits { wait: rules.max_wait, agent: rules.agent_timeout },
        Arc::new(Evaluator::new(view_config.allowlists.zone.clone())),
        clock.clone(),
        Arc::clone(&shared.metrics),
        100_000,
    );
    let text = exporter.render().plain();
    SeriesValues::parse_exposition(std::str::from_utf8(&text).expect("an exposition is UTF-8"))
        .expect("the exposition is well-formed")
}

/// Figures that the process must expose: the oracle's over the records between the offsets of each partition.
pub fn expected(variant: &Variant, logs: &Logs, offsets: &[(i64, i64)], clock: &Clock) -> SeriesValues {
    let mut oracle = Oracle::new(variant.oracle.clone());
    for (log, &(first, next)) in logs.logs.iter().zip(offsets) {
        for entry in (first..next).filter_map(|offset| log.entry(offset)) {
            oracle.record(log.partition.stream, log.partition.partition, entry.sent.clone());
        }
    }
    oracle.figures(clock.now())
}

/// Describes the first differences, if there are any.
pub fn differences(expected: &SeriesValues, actual: &SeriesValues) -> Option<String> {
    let differences = expected.differences(actual);
    let few = &differences[..differences.len().min(4)];
    (!differences.is_empty()).then(|| format!("{} series differ, such as {few:#?}", differences.len()))
}

/// Describes a counter that is lower in `after` than in `before`, if there is one.
pub fn lowered(before: &SeriesValues, after: &SeriesValues) -> Option<String> {
    let is_counter = |series: &str| {
        let name = series.split('{').next().unwrap_or(series);
        ["_total", "_bucket", "_count", "_sum"].iter().any(|suffix| name.ends_with(suffix))
    };
    let mut lower = before
        .0
        .iter()
        .filter(|(series, _)| is_counter(series))
        .filter(|(series, value)| after.0.get(*series) < Some(value));
    lower.next().map(|(series, value)| format!("{series} was {value} and is {:?} (thousandths)", after.0.get(series)))
}

/// Index in `logs` of a partition.
pub fn index_of(logs: &Logs, stream: Stream, partition: i32) -> usize {
    let is_it = |log: &Log| (log.partition.stream, log.partition.partition) == (stream, partition);
    logs.logs.iter().position(is_it).expect("a partition of the run")
}
