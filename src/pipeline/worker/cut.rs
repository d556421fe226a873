//! Cuts: parts as partitions pass them, stored once whole.

use std::time::Duration;

use super::Worker;
use crate::aggregate::ViewConfig;
use crate::clock::Millis;
use crate::cuts::{Cut, CutContext, CutTarget};
use crate::pipeline::message::{CutOutcome, CutRequest};
use crate::runtime::failpoint;
use crate::view::cut::PartitionCut;
use crate::view::slots::Slots;

/// How long after a failure a cut is tried again to be stored.
const RETRY: Duration = Duration::from_secs(10);

impl Worker {
    /// A partition is about to apply a record of this timestamp.
    pub(super) fn pass_cuts(&mut self, slot: usize, timestamp: Millis) {
        let Self { cut_scheduler, partitions, view_config, .. } = self;
        cut_scheduler.pass(slot, timestamp, |at| partitions[slot].part(view_config, at));
    }

    /// Looks which cuts are passed by what is complete, and orders the oldest that is whole to be stored.
    pub(super) fn cut(&mut self) {
        let Self { cut_scheduler, partitions, view_config, freshness, .. } = self;
        for (slot, owned) in partitions.iter_mut().enumerate() {
            if let Some(complete_until) = freshness.complete_until_of(slot) {
                cut_scheduler.pass_complete(slot, complete_until, |at| owned.part(view_config, at));
            }
        }
        self.order_cut();
    }

    fn order_cut(&mut self) {
        let instant = self.clock.instant();
        let is_waiting = self.storing.is_some_and(|retry_at| instant < retry_at);
        if is_waiting || !self.partitions.iter().all(|owned| owned.verified) {
            return;
        }
        let Some((at, parts)) = self.cut_scheduler.whole(|slot| self.freshness.complete_until_of(slot)) else { return };
        let ViewConfig { targets, allowlists } = &self.view_config;
        let nothing = |owned: &super::OwnedPartition| {
            PartitionCut::of(
                &Slots::default(),
                owned.log.partition.stream,
                targets,
                allowlists,
                at,
                owned.state.first_offset(),
            )
        };
        let nothing: Vec<PartitionCut> = self.partitions.iter().map(nothing).collect();
        let by_slot = self.partitions.iter().zip(parts).zip(&nothing);
        let parts = by_slot.map(|((owned, part), nothing)| (&owned.log.partition, part.as_ref().unwrap_or(nothing)));
        let context = CutContext {
            targets,
            allowlists,
            closed_periods: &self.cut_scheduler.closed_periods,
            taken: self.clock.now(),
            state_built: self.partitions.iter().map(|owned| owned.built).max().unwrap_or(0),
        };
        let cut = Cut::of(at, parts, context);
        // Until it is known what became of it; the thread that stores cuts ends only with this one.
        self.storing = Some(instant + Duration::from_secs(86_400));
        let _ = self.outputs.cuts.send(CutRequest { cut, oldest: self.cut_scheduler.oldest(at) });
    }

    /// Takes note of what became of a cut.
    pub fn cut_stored(&mut self, stored: CutOutcome) {
        let CutOutcome { cut, result } = stored;
        if let Err(error) = result {
            tracing::error!(event = "pacemeter.cut.failed", cut = cut.id, error = %error, "cut not stored; retrying");
            self.storing = Some(self.clock.instant() + RETRY);
            return;
        }
        failpoint("cut.stored");
        self.storing = None;
        tell(&cut);
        let mut closed_periods = (*self.cut_scheduler.closed_periods).clone();
        closed_periods.add(&cut);
        closed_periods.forget(self.cut_scheduler.oldest(cut.at_ms));
        self.cut_scheduler.stored(cut.at_ms, closed_periods);
        self.order_cut();
    }
}

impl super::OwnedPartition {
    fn part(&mut self, view_config: &ViewConfig, at: Millis) -> PartitionCut {
        let slots = self.state.slots();
        PartitionCut::of(
            &slots,
            self.log.partition.stream,
            &view_config.targets,
            &view_config.allowlists,
            at,
            self.state.next_offset(),
        )
    }
}

fn tell(cut: &Cut) {
    tracing::info!(event = "pacemeter.cut.taken", cut = cut.id, at = cut.at, targets = cut.targets.len(), "cut stored");
    for CutTarget { target, period, goal, actual, .. } in cut.targets.iter().filter(|target| target.closes) {
        tracing::info!(
            event = "pacemeter.period.closed",
            target_name = target,
            period,
            goal = goal.value(),
            actual = actual.map(crate::targets::Quantity::value),
            cut = cut.id,
            "period closed"
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
