//! Snapshot and instant for which a request is answered.

use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Api, ApiError};
use crate::allowlists::Allowlists;
use crate::calendar::{Interval, Period};
use crate::clock::{Millis, Timestamp};
use crate::cuts::CutStore;
use crate::targets::{Target, TargetIndex, Targets};
use crate::view::closed_periods::ClosedPeriods;
use crate::view::held_statuses::{FigureTime, max_age};
use crate::view::progress::{Evaluator, Tallies, TargetStatus};
use crate::view::snapshot::Snapshot;

/// A period: its kind, its name and its bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PeriodSpan {
    /// `day`, `week`, `month` or `campaign`.
    pub(crate) period: String,
    /// Name such as `2020-05-15`, `2020-W20` or `2020-05`; weeks that do not begin on Monday and campaigns are named by
    /// their first and last date, `2020-05-10--2020-05-16`.
    pub(crate) id: String,
    /// Start of the period, in milliseconds since the epoch.
    pub(crate) start_ms: Timestamp,
    /// Start as text in the programme's zone.
    pub(crate) start: String,
    /// End of the period, not part of it, in milliseconds since the epoch.
    pub(crate) end_ms: Timestamp,
    /// End as text in the programme's zone.
    pub(crate) end: String,
}

/// Snapshot, instant and services of one request.
pub(super) struct RequestContext<'a> {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) now: Timestamp,
    /// Instant at which readiness is judged.
    pub(super) instant: Instant,
    /// Maximum age of figures that are current, by the clock; `None` if the clock says nothing of ages.
    max_age: Option<Millis>,
    pub(super) allowlists: &'a Allowlists,
    pub(super) cuts: &'a CutStore,
    evaluator: &'a Evaluator,
}

impl<'a> RequestContext<'a> {
    /// Takes the newest snapshot and the time.
    ///
    /// # Errors
    /// 503 if there are no figures yet.
    pub(super) fn new(api: &'a Api) -> Result<Self, ApiError> {
        let snapshot = api.publisher.newest();
        if !snapshot.has_figures() {
            return Err(ApiError::not_ready(snapshot.not_ready(api.clock.instant())));
        }
        Ok(Self::of(api, snapshot))
    }

    /// Takes a snapshot, whether it has figures or not.
    pub(super) fn of(api: &'a Api, snapshot: Arc<Snapshot>) -> Self {
        Self {
            now: snapshot.evaluated_at(&api.clock),
            instant: api.clock.instant(),
            snapshot,
            max_age: max_age(&api.clock),
            allowlists: &api.allowlists,
            cuts: &api.cuts,
            evaluator: &api.evaluator,
        }
    }

    /// Time of the figures.
    pub(super) fn time(&self) -> FigureTime<'_> {
        FigureTime {
            now: self.now,
            is_ready: self.snapshot.is_ready(self.instant),
            complete_until: &self.snapshot.complete_until,
            max_age: self.max_age,
        }
    }

    pub(super) fn targets(&self) -> &Targets {
        &self.snapshot.targets
    }

    pub(super) fn closed_periods(&self) -> &ClosedPeriods {
        &self.snapshot.closed_periods
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.allowlists.zone
    }

    pub(super) fn tallies(&self) -> Tallies {
        Tallies::of(&self.snapshot.targets, self.snapshot.merged.slots())
    }

    /// Evaluates all targets; the statuses are in the order of the targets.
    pub(super) fn statuses(&self, tallies: &Tallies) -> Vec<TargetStatus> {
        self.evaluator.statuses(tallies, self.now, self.closed_periods())
    }

    /// Finds a target and its index by name.
    ///
    /// # Errors
    /// 404 if no target has this name.
    pub(super) fn target(&self, name: &str) -> Result<(TargetIndex, &Target), ApiError> {
        let targets = &self.targets().targets;
        let found = targets
            .iter()
            .position(|target| target.name == name)
            .map(|index| (TargetIndex::new(index), &targets[index]));
        let names = targets.iter().map(|target| target.name.as_str());
        found.ok_or_else(|| ApiError::unknown("no such target, see /api/v1/targets", name, names))
    }

    /// Formats an instant in the programme's zone, such as `2020-05-15T18:00:00-05:00`.
    pub(super) fn local(&self, time: Timestamp) -> String {
        local_text(time, self.zone())
    }

    pub(super) fn span(&self, period: Period, bounds: Interval) -> PeriodSpan {
        self.named_span(period.name(), period.id(bounds.start, self.zone()), bounds)
    }

    pub(super) fn named_span(&self, period: &str, id: String, Interval { start, end }: Interval) -> PeriodSpan {
        PeriodSpan {
            period: period.to_owned(),
            id,
            start_ms: start,
            start: self.local(start),
            end_ms: end,
            end: self.local(end),
        }
    }

    /// True if a period of this kind starts at the instant. A stored period need not, if the programme once had another
    /// zone.
    pub(super) fn is_start(&self, period: Period, time: Timestamp) -> bool {
        period.at(time, self.zone()).is_some_and(|period| period.start == time)
    }
}

/// Formats an instant in a zone, such as `2020-05-15T18:00:00-05:00`.
pub(super) fn local_text(time: Timestamp, zone: &TimeZone) -> String {
    time.to_jiff().to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
