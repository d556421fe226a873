//! Status of a target: one word for its figures, by the first rule that holds (docs/targets.md#status).
//!
//! The bounds are those of the alert rules, so that terminal and alert agree; a test compares them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pace::PaceReport;

/// Pace below which a shortfall matters. `PacemeterTargetBehindPlan` has the same bound.
pub const LOW_PACE: f64 = 0.9;
/// Share of the goal that is planned before a target is judged. `PacemeterTargetBehindPlan` has the same bound.
pub const LEAST_JUDGED_SHARE: f64 = 0.05;
/// Probability of attainment below which a target is at risk. `PacemeterTargetAtRisk` has the same bound.
pub const LOW_PROBABILITY: f64 = 0.1;
/// Share of the goal that is planned before the probability is judged. `PacemeterTargetAtRisk` has the same bound.
pub const LEAST_RISKED_SHARE: f64 = 0.4;

/// Status of a target in its current period. The names are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaceStatus {
    /// The figures cannot be relied on or are older than a minute, or there are none.
    Unknown,
    /// The goal is reached.
    Reached,
    /// Nothing is planned yet, and the calendar is closed.
    Closed,
    /// Too little is planned for a judgement.
    Starting,
    /// The goal is unlikely to be reached.
    AtRisk,
    /// Far behind the plan, and more than chance explains; a ratio below its goal by more than its tolerance.
    Behind,
    /// Behind the plan by more than chance explains.
    SlightlyBehind,
    /// Far behind the plan, which may be chance.
    WithinChance,
    /// Ahead of the plan by more than chance explains.
    Ahead,
    /// None of the others.
    OnPace,
}

impl PaceStatus {
    /// Every status with its name, in the order of the rules.
    pub const ALL: [(PaceStatus, &'static str); 10] = [
        (PaceStatus::Unknown, "unknown"),
        (PaceStatus::Reached, "reached"),
        (PaceStatus::Closed, "closed"),
        (PaceStatus::Starting, "starting"),
        (PaceStatus::AtRisk, "at_risk"),
        (PaceStatus::Behind, "behind"),
        (PaceStatus::SlightlyBehind, "slightly_behind"),
        (PaceStatus::WithinChance, "within_chance"),
        (PaceStatus::Ahead, "ahead"),
        (PaceStatus::OnPace, "on_pace"),
    ];

    /// Finds the status of figures. `is_current` is false while they cannot be relied on or are old; `is_open` is true while the target's calendar is open.
    pub fn of(report: &PaceReport, is_current: bool, is_open: bool) -> Self {
        let is_ratio = report.goal.ratio().is_some();
        let is_reached = || match report.actual.and_then(|actual| actual.above(report.goal)) {
            Some(excess) => !is_ratio && excess.value() >= 0.0,
            None => false,
        };
        let (Some(_), Some(shortfall)) = (report.actual.filter(|_| is_current), report.shortfall) else {
            return Self::Unknown;
        };
        // Money has no tolerance until a payment is known: then all of the shortfall counts.
        let tolerance = report.tolerance.unwrap_or(0.0);
        let is_slow = report.pace.is_some_and(|pace| pace < LOW_PACE);
        let is_unlikely = report.probability.is_some_and(|probability| probability < LOW_PROBABILITY);
        let planned_at_least = |share: f64| report.plan >= share * report.goal.value();
        match () {
            () if is_reached() => Self::Reached,
            () if report.share == 0.0 && !is_open => Self::Closed,
            () if !planned_at_least(LEAST_JUDGED_SHARE) => Self::Starting,
            () if is_unlikely && planned_at_least(LEAST_RISKED_SHARE) => Self::AtRisk,
            () if shortfall > tolerance && (is_slow || is_ratio) => Self::Behind,
            () if shortfall > tolerance => Self::SlightlyBehind,
            () if is_slow => Self::WithinChance,
            () if shortfall < -tolerance => Self::Ahead,
            () => Self::OnPace,
        }
    }

    /// True if the status weighs the result against the plan: such a status scatters with the counts.
    pub fn is_judgement(self) -> bool {
        match self {
            Self::AtRisk | Self::Behind | Self::SlightlyBehind | Self::WithinChance | Self::Ahead | Self::OnPace => {
                true
            }
            Self::Unknown | Self::Reached | Self::Closed | Self::Starting => false,
        }
    }

    /// True at the beginning of the plan, when nothing is judged yet.
    pub fn is_early(self) -> bool {
        self == Self::Starting
    }

    /// Name in the API.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(status, _)| *status == self).map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests;
