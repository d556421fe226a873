//! Bucket bounds of the histograms that state stores.
//!
//! State keeps one count per bucket, not the durations, so counts of other bounds cannot be converted. The bounds are
//! therefore part of the settings that a checkpoint is compared with ([`Rules::semantic_settings`]): changing them is a
//! named mismatch and takes a rebuild. The metrics catalogue refers to these constants; it owns only the bounds of
//! histograms that no state stores.
//!
//! [`Rules::semantic_settings`]: crate::aggregate::Rules::semantic_settings

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};

/// Inclusive upper bounds of a stored histogram's buckets, in milliseconds and rising. The bucket above the last bound
/// has no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistogramBounds {
    /// Name of the measure. The key of the bounds in a checkpoint is `histogram.<measure>.bounds`.
    pub measure: &'static str,
    /// Bounds in milliseconds.
    pub bounds: &'static [Millis],
}

/// Time from a support's first application to its first approval.
pub const APPLICATION_TO_APPROVAL: HistogramBounds =
    HistogramBounds { measure: "application_to_approval", bounds: SUPPORT_STEPS };

/// Time from a support's first approval to its first dispersal.
pub const APPROVAL_TO_DISPERSAL: HistogramBounds =
    HistogramBounds { measure: "approval_to_dispersal", bounds: SUPPORT_STEPS };

/// Time from a call's offer to its answer or abandonment.
pub const CALL_WAIT: HistogramBounds = HistogramBounds {
    measure: "call_wait",
    bounds: &[
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        20 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        30 * MINUTE,
    ],
};

/// Talk, hold and wrap-up of a completed call together.
pub const CALL_HANDLE: HistogramBounds = HistogramBounds {
    measure: "call_handle",
    bounds: &[30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR],
};

/// Bounds of every stored histogram.
pub const ALL: [HistogramBounds; 4] = [APPLICATION_TO_APPROVAL, APPROVAL_TO_DISPERSAL, CALL_WAIT, CALL_HANDLE];

const SUPPORT_STEPS: &[Millis] =
    &[HOUR, 6 * HOUR, DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 60 * DAY];
