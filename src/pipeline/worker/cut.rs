//! Cuts: parts as partitions pass them, stored once whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Worker;
use crate::aggregate::ViewConfig;
use crate::checkpoint::LastCut;
use crate::clock::Timestamp;
use crate::cuts::{Cut, CutContext, CutSeal, CutTarget, SealKind};
use crate::pipeline::cut_scheduler::{CutProgress, PendingCut};
use crate::pipeline::cut_thread::{CutOutcome, CutRequest};
use crate::pipeline::partitions::OwnedPartition;
use crate::record::PartitionIndex;
use crate::runtime::failpoint;
use crate::view::cut::PartitionCut;
use crate::view::slots::Slots;

/// Time from a failure to the next try.
const RETRY: Duration = Duration::from_secs(10);

/// Maximum number of missed cuts that are dropped at once.
const MISSED_AT_ONCE: usize = 64;

/// Time for which a missed cut is reported as due. Nothing else would show it once a later one is stored.
const MISSED_REPORTED_FOR: Duration = Duration::from_secs(86_400);

/// State of the one cut that may be stored at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutStorage {
    Idle,
    /// Sent to the cut thread, whose outcome is awaited.
    InFlight,
    /// Failed, and not tried again before this time.
    RetryAt(Instant),
}

/// A cut that will not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MissedCut {
    at: Timestamp,
    /// Time until which it is reported as due.
    reported_until: Instant,
}

impl Worker {
    /// Passes the cuts before `instant`, with a record that is about to be applied. False if some are left, for which the
    /// record waits.
    pub(super) fn pass_cuts(&mut self, index: PartitionIndex, instant: Timestamp) -> bool {
        // There is an end to the cuts before an instant: to pass some is progress.
        self.heartbeat.beat();
        let Self { cut_scheduler, partitions, view_config, .. } = self;
        let OwnedPartition { cuts, state, log, .. } = &mut partitions[index];
        cut_scheduler.pass(cuts, instant, |at| OwnedPartition::cut(state, log, view_config, at))
    }

    /// Passes cuts by what is complete, and requests the oldest whole one to be stored.
    pub(super) fn cut(&mut self) {
        let Self { cut_scheduler, partitions, view_config, .. } = self;
        for OwnedPartition { cuts, state, log, freshness, .. } in partitions.iter_mut() {
            if let Some(complete_until) = freshness.complete_until() {
                let part = |at| OwnedPartition::cut(state, log, view_config, at);
                cut_scheduler.pass_complete(cuts, complete_until, part);
            }
        }
        self.request_cut();
        self.settle_cuts();
    }

    /// Takes an answer with the topics of the start to a question of the time `asked`.
    pub(super) fn confirm_cuts(&mut self, asked: Instant) {
        let passed_before = self.cut_scheduler.passed_before(self.cut_progress());
        self.cut_confirmation.confirm(asked, self.clock.instant(), passed_before);
        self.request_cut();
    }

    /// Each partition's progress through the cuts, and until when it is complete.
    fn cut_progress(&self) -> impl Iterator<Item = (&CutProgress, Option<Timestamp>)> + Clone {
        self.partitions.iter().map(|partition| (&partition.cuts, partition.freshness.complete_until()))
    }

    /// Instant of the oldest cut that is not stored, be it missed, due or the next; `None` before the first record.
    pub(super) fn due_cut(&self) -> Option<Timestamp> {
        let now = self.clock.instant();
        let missed = self.missed_cut.filter(|missed| now < missed.reported_until).map(|missed| missed.at);
        missed.into_iter().chain(self.cut_scheduler.oldest_unstored(self.cut_progress())).min()
    }

    fn request_cut(&mut self) {
        let is_waiting = match self.cut_storage {
            CutStorage::Idle => false,
            CutStorage::InFlight => true,
            CutStorage::RetryAt(retry_at) => self.clock.instant() < retry_at,
        };
        if is_waiting || !self.partitions.are_verified() {
            return;
        }
        let mut at = None;
        for _ in 0..MISSED_AT_ONCE {
            match self.cut_scheduler.oldest_pending(self.cut_progress()) {
                None => return,
                Some(PendingCut::Whole(whole)) => {
                    at = Some(whole);
                    break;
                }
                Some(PendingCut::Missed(at)) => {
                    tracing::warn!(event = "pacemeter.cut.missed", at = %at, "cut wanted too late");
                    let reported_until = self.clock.instant() + MISSED_REPORTED_FOR;
                    self.missed_cut = Some(MissedCut { at, reported_until });
                    self.drop_part(at);
                }
            }
        }
        let Some(at) = at.filter(|at| self.cut_confirmation.confirms(*at)) else { return };
        let cut = self.assemble_cut(at);
        // A partition without records has passed without a part.
        self.open_ends(cut.offsets.iter());
        self.cut_storage = CutStorage::InFlight;
        let _ = self.outputs.cuts.send(CutRequest::Store { oldest: self.oldest_kept(at), cut });
    }

    /// Instant before which cuts are no longer kept once the one at an instant is stored. A clock that is ahead must not
    /// remove cuts, neither that of producers nor the own one: the last record of some partition is as late, too.
    fn oldest_kept(&self, at: Timestamp) -> Timestamp {
        let last_records = self.partitions.iter().filter_map(|partition| partition.last_record?.timestamp);
        let newest = last_records.max().unwrap_or(Timestamp::MIN);
        self.cut_scheduler.oldest_kept(at.min(self.clock.now()).min(newest))
    }

    fn drop_part(&mut self, at: Timestamp) {
        let Self { cut_scheduler, partitions, .. } = self;
        partitions.iter_mut().for_each(|partition| cut_scheduler.drop_part(&mut partition.cuts, at));
    }

    fn assemble_cut(&self, at: Timestamp) -> Cut {
        let ViewConfig { targets, allowlists } = &self.view_config;
        // A partition that had no record by then contributes nothing.
        let nothing = |partition: &OwnedPartition| {
            let (stream, first_offset) = (partition.log.partition.stream, partition.state.first_offset());
            PartitionCut::of(&Slots::default(), stream, targets, allowlists, at, first_offset)
        };
        let parts: Vec<_> = self
            .partitions
            .iter()
            .map(|partition| self.cut_scheduler.part(&partition.cuts, at).unwrap_or_else(|| nothing(partition)))
            .collect();
        let context = CutContext {
            targets,
            allowlists,
            closed_periods: &self.cut_scheduler.closed_periods,
            taken: self.clock.now(),
            state_built: self.partitions.built().unwrap_or_default(),
        };
        let logs = self.partitions.iter().map(|partition| &partition.log.partition);
        let mut cut = Cut::of(at, logs.zip(&parts), context);
        for (offset, partition) in cut.offsets.iter_mut().zip(self.partitions.iter()) {
            offset.is_provisional = self.cut_scheduler.is_provisional(&partition.cuts, at);
        }
        self.partitions.describe_cut(cut, &self.view_config)
    }

    /// Takes the outcome of a cut that was to be stored.
    pub fn cut_stored(&mut self, outcome: CutOutcome) {
        let CutOutcome { cut, result } = outcome;
        let seal = match result {
            Ok(seal) => seal,
            Err(error) => {
                tracing::error!(event = "pacemeter.cut.failed", cut = cut.id, error = %error, "cut not stored; retrying");
                self.cut_storage = CutStorage::RetryAt(self.clock.instant() + RETRY);
                return;
            }
        };
        failpoint("cut.stored");
        self.cut_storage = CutStorage::Idle;
        log_cut(&cut, &seal);
        self.partitions.last_cut = Some(LastCut { id: cut.id.clone(), hash: seal.hash.clone() });
        self.checkpoint_scheduler.name_last_cut(&mut self.partitions, self.clock.instant());
        let oldest = self.oldest_kept(cut.at_ms);
        // Copied once for each snapshot that is shown, not for each cut.
        let closed_periods = Arc::make_mut(&mut self.cut_scheduler.closed_periods);
        cut.report(closed_periods);
        closed_periods.forget_before(oldest);
        self.unsettled_cuts.forget_before(oldest);
        self.await_settlement(&cut, &seal);
        self.drop_part(cut.at_ms);
        self.request_cut();
    }
}

/// Logs a stored cut, the periods that close with it, and its corrections.
fn log_cut(cut: &Cut, seal: &CutSeal) {
    tracing::info!(
        event = "pacemeter.cut.taken",
        cut = cut.id,
        at = cut.at,
        targets = cut.targets.len(),
        hash = seal.hash,
        provisional = cut.is_provisional(),
        retaken = seal.kind == SealKind::Retaken,
        "cut stored"
    );
    for CutTarget { target, period, goal, actual, .. } in cut.targets.iter().filter(|target| target.closes) {
        tracing::info!(
            event = "pacemeter.period.closed",
            target_name = target,
            period,
            goal = goal.value(),
            actual = actual.map(crate::targets::Quantity::value),
            cut = cut.id,
            "a period has closed"
        );
    }
    for correction in &cut.corrections {
        let value = |quantity: Option<crate::targets::Quantity>| quantity.map(crate::targets::Quantity::value);
        let (before, after) = (value(correction.before), value(correction.after));
        tracing::info!(
            event = "pacemeter.period.corrected",
            target_name = correction.target,
            period = correction.period,
            before,
            after,
            difference = before.zip(after).map(|(before, after)| after - before),
            cut = cut.id,
            "closed period corrected"
        );
    }
}
