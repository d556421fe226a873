//! Calls: events, waits, handle times, calls waiting (`spec/figures.md#calls`).

use std::collections::BTreeMap;

use super::families::{
    ABANDONED_SHORT, ANSWERED_WITHIN_TARGET, CALL_EVENTS, CALL_HANDLE, CALL_WAIT, CALLS_WAITING, UNMATCHED,
};
use super::labels::{LabelValues, listed_and_other};
use super::series_map::SeriesMap;
use super::steps::{self, ReplayedLog};
use super::{Oracle, OracleRules, SentBody};
use crate::clock::{Millis, Timestamp};
use crate::event::CallKind;
use crate::record::Stream;

/// One applied event of a call.
#[derive(Clone, Copy)]
struct CallEvent<'a> {
    time: Timestamp,
    /// Index among the applied events of the partition.
    order: usize,
    /// Queue that it is shown under.
    queue: &'a str,
    /// Sum of the `*_seconds` of a completed call, if any is given.
    handle: Option<Millis>,
}

/// Wait of a call whose offer and whose answer or abandonment are both known.
pub(super) struct CompletedWait {
    /// Index of the answer, or of the abandonment, among the applied events.
    pub(super) order: usize,
    pub(super) wait: Millis,
    pub(super) end: WaitEnd,
}

/// End of a wait.
pub(super) enum WaitEnd {
    Answered { within_target: bool },
    Abandoned { short: bool },
}

/// Remembered events of one `call`: the first of each kind in log order. After it is forgotten, the same
/// identifier names another call.
#[derive(Default)]
struct SentCall<'a> {
    offered: Option<CallEvent<'a>>,
    answered: Option<CallEvent<'a>>,
    abandoned: Option<CallEvent<'a>>,
    completed: Option<CallEvent<'a>>,
    /// Newest time of its events; `None` before the first.
    newest: Option<Timestamp>,
}

pub(super) fn start_series<'a>(rules: &'a OracleRules, series: &mut SeriesMap<'a>) {
    let queues = listed_and_other(&rules.labels.queues);
    let events: Vec<_> = CallKind::ALL.iter().map(|kind| kind.name()).collect();
    series.start_pairs(&CALL_EVENTS, &queues, &events);
    series.start_pairs(&CALL_WAIT, &queues, &["answered", "abandoned"]);
    for queue in queues {
        for family in [&ANSWERED_WITHIN_TARGET, &ABANDONED_SHORT, &CALLS_WAITING, &CALL_HANDLE] {
            series.start(family, [queue]);
        }
    }
}

/// Adds all series of calls and returns every wait ever observed.
pub(super) fn evaluate<'a>(
    log: &ReplayedLog<'a>,
    rules: &'a OracleRules,
    now: Timestamp,
    series: &mut SeriesMap<'a>,
) -> Vec<CompletedWait> {
    let mut waits = Vec::new();
    let mut remembered: BTreeMap<&str, SentCall> = BTreeMap::new();
    let mut queues = LabelValues::new(&rules.labels.queues, rules);
    for (order, applied) in log.applied.iter().enumerate() {
        let SentBody::Call(given) = &applied.event.body else { continue };
        let entry = CallEvent {
            time: applied.event.time,
            order,
            queue: queues.show(&given.queue),
            handle: given.given_handle_time(),
        };
        series.count(&CALL_EVENTS, [entry.queue, given.kind.name()], 1);

        let call = remembered.entry(&given.call).or_default();
        if call.is_forgotten(applied.watermark, rules) {
            waits.extend(std::mem::take(call).add_forgotten(rules, series));
        }
        call.apply(given.kind, entry);
    }
    for call in remembered.into_values() {
        if log.watermark.is_some_and(|watermark| call.is_forgotten(watermark, rules)) {
            waits.extend(call.add_forgotten(rules, series));
        } else {
            waits.extend(call.add_remembered(rules, now, series));
        }
    }
    waits
}

impl Oracle {
    /// Time of each answer of a call whose offer is known, and the wait until then.
    pub fn answered_waits(&self) -> Vec<(Timestamp, Millis)> {
        let mut answers = Vec::new();
        // Not used: only the waits are.
        let mut series = SeriesMap::default();
        for (_, records) in self.partitions.iter().filter(|((stream, _), _)| *stream == Stream::Call) {
            let log = steps::replay(Stream::Call, records, &self.rules, &mut series);
            let waits = evaluate(&log, &self.rules, Timestamp::EPOCH, &mut series);
            let answered = waits.iter().filter(|wait| matches!(wait.end, WaitEnd::Answered { .. }));
            answers.extend(answered.map(|wait| (log.applied[wait.order].event.time, wait.wait)));
        }
        answers
    }
}

impl<'a> SentCall<'a> {
    fn apply(&mut self, kind: CallKind, entry: CallEvent<'a>) {
        self.newest = self.newest.max(Some(entry.time));
        let first = match kind {
            CallKind::Offered => &mut self.offered,
            CallKind::Answered => &mut self.answered,
            CallKind::Abandoned => &mut self.abandoned,
            CallKind::Completed => &mut self.completed,
        };
        first.get_or_insert(entry);
    }

    /// True once the watermark is later than the newest event by more than the horizon (`spec/figures.md#forgetting`).
    fn is_forgotten(&self, watermark: Timestamp, rules: &OracleRules) -> bool {
        self.newest.is_some_and(|newest| newest < watermark - rules.horizons.call)
    }

    /// Adds what is counted when the call is forgotten (`spec/figures.md#unmatched`), and its waits.
    fn add_forgotten(&self, rules: &OracleRules, series: &mut SeriesMap<'a>) -> Vec<CompletedWait> {
        let completed_alone = self.completed.filter(|completed| completed.handle.is_none() && self.answered.is_none());
        let unmatched = [
            ("answered", self.answered.is_some() && self.offered.is_none()),
            ("abandoned", self.abandoned.is_some() && self.offered.is_none()),
            ("completed", completed_alone.is_some()),
        ];
        for (event, is_unmatched) in unmatched {
            if is_unmatched {
                series.count(&UNMATCHED, [Stream::Call.name(), event], 1);
            }
        }
        self.add_spans(rules, series)
    }

    /// Adds the call if it still waits (`spec/figures.md#calls-waiting`), and its waits.
    fn add_remembered(&self, rules: &OracleRules, now: Timestamp, series: &mut SeriesMap<'a>) -> Vec<CompletedWait> {
        if let (Some(offered), None, None) = (self.offered, self.answered, self.abandoned)
            && now - offered.time <= rules.max_wait
        {
            series.count(&CALLS_WAITING, [offered.queue], 1);
        }
        self.add_spans(rules, series)
    }

    /// Observes waits (`spec/figures.md#call-waits`) and handle time (`spec/figures.md#handle-time`). Negative ones
    /// count as 0.
    fn add_spans(&self, rules: &OracleRules, series: &mut SeriesMap<'a>) -> Vec<CompletedWait> {
        let mut waits = Vec::new();
        if let (Some(offered), Some(answered)) = (self.offered, self.answered) {
            let wait = (answered.time - offered.time).max(0);
            series.observe(&CALL_WAIT, [answered.queue, "answered"], wait);
            let within_target = wait <= rules.service_level;
            waits.push(CompletedWait { order: answered.order, wait, end: WaitEnd::Answered { within_target } });
            if within_target {
                series.count(&ANSWERED_WITHIN_TARGET, [answered.queue], 1);
            }
        }
        if let (Some(offered), Some(abandoned)) = (self.offered, self.abandoned) {
            let wait = (abandoned.time - offered.time).max(0);
            series.observe(&CALL_WAIT, [abandoned.queue, "abandoned"], wait);
            let short = wait < rules.short_abandon;
            waits.push(CompletedWait { order: abandoned.order, wait, end: WaitEnd::Abandoned { short } });
            if short {
                series.count(&ABANDONED_SHORT, [abandoned.queue], 1);
            }
        }
        if let Some(completed) = self.completed {
            let since_answered = self.answered.map(|answered| (completed.time - answered.time).max(0));
            if let Some(handle) = completed.handle.or(since_answered) {
                series.observe(&CALL_HANDLE, [completed.queue], handle);
            }
        }
        waits
    }
}
