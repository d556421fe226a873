//! Figures of every kind for the world, and the exposition beside its answers.

use std::sync::Arc;

use super::world::{World, allowlists, at, partition};
use crate::allowlists::CellIndex;
use crate::clock::{HOUR, Millis};
use crate::event::CallKind;
use crate::export::Exporter;
use crate::http::{ApiContent, EncodedBody};
use crate::record::{Outcome, Reason, Stream};
use crate::targets::held_status::{HeldStatus, StatusSubject};
use crate::telemetry::Metrics;
use crate::telemetry::log::{self, LogCounters};
use crate::view::held_statuses::HeldStatuses;
use crate::view::panes::RecentPanes;
use crate::view::recent_counts::RecentCounts;
use crate::view::snapshot::{PartitionStatus, Snapshot};
use crate::view::totals::PresenceLimits;
use crate::view::{
    Backlog, CellTotals, MilestoneTotals, MilestoneView, PartitionView, ProgrammeTotals, QueueTotals, StreamFigures,
};

/// Limits of the world's API.
pub(super) const LIMITS: PresenceLimits = PresenceLimits { wait: 4 * HOUR, agent: 24 * HOUR };

impl World {
    /// Publishes figures of every kind, beside those of the slots.
    pub(super) fn enrich(&self) {
        self.publish(enrich);
    }

    /// Advances the clock without a publication.
    pub(super) fn advance(&self, by: Millis) {
        self.api.clock.advance(by, 0);
    }

    /// Publishes with a status of the first target that was held.
    pub(super) fn hold(&self, status: impl FnOnce(StatusSubject) -> HeldStatus) {
        let newest = self.api.publisher.newest();
        let target = &newest.targets.targets[0];
        let period = target.period.at(self.api.clock.now(), &self.api.allowlists.zone).unwrap();
        let held = status(StatusSubject { selection: target.selection(), period });
        let statuses = HeldStatuses::of(120_000, [(target.name.clone(), held)]);
        self.publish(|snapshot| {
            enrich(snapshot);
            snapshot.publication.statuses = statuses;
        });
    }

    /// Renders the newest snapshot as `/metrics`.
    pub(super) fn exposition(&self) -> String {
        let log = log::Settings::OF_TESTS;
        let api = &self.api;
        let exporter = Exporter::new(
            Arc::clone(&api.publisher),
            Arc::clone(&api.allowlists),
            LIMITS,
            Arc::clone(&api.evaluator),
            api.clock.clone(),
            Arc::new(Metrics::new(&[], &[], Arc::new(LogCounters::new(&log)))),
            100_000,
        );
        String::from_utf8(exporter.render().plain().to_vec()).unwrap()
    }

    /// Returns a shared answer and its tag.
    pub(super) fn shared(&self, path: &str) -> (Arc<EncodedBody>, String) {
        match self.answer(path).content {
            ApiContent::Shared(body, tag) => (body, tag),
            other => panic!("{other:?} is not shared"),
        }
    }
}

fn enrich(snapshot: &mut Snapshot) {
    let allowlists = allowlists();
    for status in &mut snapshot.partitions {
        let mut view = PartitionView::clone(&status.view);
        match &mut view.figures {
            StreamFigures::Disbursement(figures) => {
                figures.programmes = vec![ProgrammeTotals::default(); allowlists.programmes.count()];
                for (index, programme) in figures.programmes.iter_mut().enumerate() {
                    let supports = 3 + index as u64;
                    programme.events = [9, 8, 0, 7, 1];
                    let oldest_approval = Some(at("2020-05-14T15:00:00Z") + index as Millis);
                    programme.backlog =
                        Backlog { supports, centavos: 2_500_050 * u128::from(supports), oldest_approval };
                }
                figures.cells = vec![CellTotals { dispersals: 5, ..CellTotals::default() }; allowlists.cells()];
            }
            StreamFigures::Call(figures) => {
                let mut queue = QueueTotals::default();
                queue.events[CallKind::Offered as usize] = 12;
                figures.queues = vec![queue; allowlists.queues.count()];
                figures.waiting = panes(&[
                    ("2020-05-15T12:00:00Z", 0),
                    ("2020-05-15T17:40:00Z", 1),
                    ("2020-05-15T17:59:00Z", 0),
                    ("2020-05-15T17:59:00Z", 0),
                ]);
                for (time, counts) in [
                    ("2020-05-15T04:59:00Z", [9, 9, 9, 9, 9, 9]),
                    ("2020-05-15T05:00:00Z", [10, 6, 2, 5, 4, 1]),
                    ("2020-05-15T17:15:00Z", [3, 2, 0, 1, 2, 0]),
                ] {
                    figures.recent.add(at(time), CellIndex::new(0), &counts);
                }
                for (time, wait) in [
                    ("2020-05-15T04:59:00Z", 900_000),
                    ("2020-05-15T05:00:00Z", 21_500),
                    ("2020-05-15T17:15:00Z", 4_000),
                ] {
                    figures.waits.add(at(time), CellIndex::new(0), &[wait, 2]);
                }
                figures.agents = panes(&[("2020-05-15T16:00:00Z", 0), ("2020-05-15T17:00:00Z", 2)]);
            }
            StreamFigures::Milestone(_) => {}
        }
        view.counts.outcomes[Outcome::Applied as usize] = 118;
        status.view = Arc::new(view);
    }
    snapshot.partitions.push(milestones());
}

fn milestones() -> PartitionStatus {
    let mut cells = vec![MilestoneTotals::default(); allowlists().milestone_cells()];
    cells[0] = MilestoneTotals { reached: 3_660, withdrawn: 12 };
    let mut recent = RecentCounts::default();
    for (time, reached) in
        [("2020-05-10T12:00:00Z", 1_000), ("2020-05-11T06:00:00Z", 200), ("2020-05-15T06:00:00Z", 30)]
    {
        recent.add(at(time), CellIndex::new(0), &[reached, reached / 10]);
    }
    let figures = StreamFigures::Milestone(MilestoneView { cells, recent, ..MilestoneView::default() });
    let mut status = partition(Stream::Milestone, figures);
    let view = Arc::make_mut(&mut status.view);
    view.counts.rejected[Reason::ALL[0] as usize] = 4;
    view.counts.outcomes[Outcome::Rejected as usize] = 4;
    status
}

/// Things that count from these times on, by cell.
fn panes(times: &[(&str, usize)]) -> RecentPanes {
    let mut panes = RecentPanes::default();
    times.iter().for_each(|&(time, cell)| panes.add(at(time), CellIndex::new(cell)));
    panes
}
