//! What must be: the state of a partition that read the same log without any fault, and the naive oracle's figures.

use std::sync::{Arc, Mutex};

use pacemeter::aggregate::PartitionState;
use pacemeter::clock::Clock;
use pacemeter::export::Exporter;
use pacemeter::oracle::{Oracle, SeriesValues};
use pacemeter::record::{Outcome, Stream};
use pacemeter::view::progress::Evaluator;
use pacemeter::view::totals::PresenceLimits;

use super::logs::{Log, Logs};
use super::process::Process;
use super::shared::{Shared, Variant};

/// A partition that was never saved nor restored.
pub struct Shadow {
    semantic_settings: usize,
    version: u32,
    state: PartitionState,
    /// Offsets of what was rejected or expired.
    set_aside: Vec<i64>,
    digest: Option<[u8; 32]>,
}

impl Shadow {
    fn new(log: &Log, variant: &Variant, semantic_settings: usize, first: i64) -> Self {
        let state = PartitionState::new(log.partition.stream, first, variant.rules, &variant.view_config, 0);
        Self { semantic_settings, version: log.version, state, set_aside: Vec::new(), digest: None }
    }

    /// The shadow of a state from `first` to `next`, by going on with `last` where that is of the same log.
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
                shadow.set_aside.push(offset);
            }
            shadow.digest = None;
        }
        shadow
    }

    /// Whether `state` is what this one is.
    pub fn equals(&mut self, state: &mut PartitionState) -> bool {
        let offsets = |state: &PartitionState| (state.first_offset(), state.next_offset(), state.records());
        let own = &mut self.state;
        offsets(own) == offsets(state) && *self.digest.get_or_insert_with(|| own.digest()) == state.digest()
    }

    pub fn set_aside(&self) -> &[i64] {
        &self.set_aside
    }
}

/// What is exposed now.
pub fn view_config(process: &Process<'_>, shared: &Shared, clock: &Clock) -> SeriesValues {
    let Variant { view_config, rules, .. } = process.variant;
    let exporter = Exporter {
        publisher: process.publisher(),
        allowlists: Arc::clone(&view_config.allowlists),
        evaluator: Arc::new(Evaluator::new(view_config.allowlists.zone.clone())),
        lasting: PresenceLimits { wait: rules.max_wait, agent: rules.agent_timeout },
        clock: clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        max_series: 100_000,
        shared: Mutex::new(None),
    };
    let text = exporter.render().plain();
    SeriesValues::parse_exposition(std::str::from_utf8(&text).expect("an exposition is UTF-8"))
        .expect("the exposition is well-formed")
}

/// What must be exposed: all that the logs say between the offsets of each partition.
pub fn expected(variant: &Variant, logs: &Logs, offsets: &[(i64, i64)], clock: &Clock) -> SeriesValues {
    let mut ledger = Oracle::new(variant.ledger.clone());
    for (log, &(first, next)) in logs.logs.iter().zip(offsets) {
        for entry in (first..next).filter_map(|offset| log.entry(offset)) {
            ledger.record(log.partition.stream, log.partition.partition, entry.sent.clone());
        }
    }
    ledger.figures(clock.now())
}

/// Differences in short.
pub fn differences(expected: &SeriesValues, actual: &SeriesValues) -> Option<String> {
    let differences = expected.differences(actual);
    let few = &differences[..differences.len().min(4)];
    (!differences.is_empty()).then(|| format!("{} series differ, such as {few:#?}", differences.len()))
}

/// Counters of `before` that are lower in `after`.
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

pub fn slot_of(logs: &Logs, stream: Stream, partition: i32) -> usize {
    let is_it = |log: &Log| (log.partition.stream, log.partition.partition) == (stream, partition);
    logs.logs.iter().position(is_it).expect("a partition of the run")
}
