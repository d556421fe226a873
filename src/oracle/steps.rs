//! The steps that every record takes, and its outcome (`spec/figures.md#steps`).

use std::collections::HashMap;

use super::families::{CONFLICTS, RECORDS, REJECTED, UNMATCHED, WATERMARK};
use super::series_map::SeriesMap;
use super::{OracleRules, SentEvent, SentRecord};
use crate::clock::Timestamp;
use crate::record::{Outcome, Reason, Stream};

/// The applied events of one partition, in log order.
pub(super) struct ReplayedLog<'a> {
    pub(super) applied: Vec<AppliedEvent<'a>>,
    /// Watermark after the last record; `None` if nothing was applied.
    pub(super) watermark: Option<Timestamp>,
}

#[derive(Clone, Copy)]
pub(super) struct AppliedEvent<'a> {
    pub(super) event: &'a SentEvent,
    /// Watermark after step 4. Step 5 forgets by it, before this event is applied.
    pub(super) watermark: Timestamp,
}

pub(super) fn start_series(series: &mut SeriesMap) {
    for stream in Stream::ALL {
        for outcome in Outcome::ALL {
            series.start(&RECORDS, [stream.name(), outcome.name()]);
        }
        for reason in Reason::ALL {
            series.start(&REJECTED, [stream.name(), reason.name()]);
        }
        series.start(&CONFLICTS, [stream.name()]);
    }
    for event in ["returned", "approved"] {
        series.start(&UNMATCHED, [Stream::Disbursement.name(), event]);
    }
    for event in ["answered", "abandoned", "completed"] {
        series.start(&UNMATCHED, [Stream::Call.name(), event]);
    }
}

/// Decides the outcome of every record of a partition and returns the applied ones. Comments number the steps of
/// `spec/figures.md#steps`.
pub(super) fn replay<'a>(
    stream: Stream,
    records: &'a [SentRecord],
    rules: &OracleRules,
    series: &mut SeriesMap<'a>,
) -> ReplayedLog<'a> {
    let horizon = rules.horizon(stream);
    let mut watermark: Option<Timestamp> = None;
    let mut first_of_id: HashMap<(Option<&str>, &str), &SentEvent> = HashMap::new();
    let mut applied = Vec::new();
    for sent in records {
        let mut ends = |outcome: Outcome| series.count(&RECORDS, [stream.name(), outcome.name()], 1);
        // 1. Decode.
        let event = match sent {
            SentRecord::Event(event) => event,
            SentRecord::Rejected(reason) => {
                ends(Outcome::Rejected);
                series.count(&REJECTED, [stream.name(), reason.name()], 1);
                continue;
            }
        };
        // 2. Expired: decided by the watermark before this record.
        if watermark.is_some_and(|watermark| event.time < watermark - horizon) {
            ends(Outcome::Expired);
            continue;
        }
        // 3. Duplicate: an id is remembered until the horizon has passed the time of its event.
        let id = (event.source.as_deref(), event.id.as_str());
        let remembered =
            first_of_id.get(&id).filter(|first| watermark.is_some_and(|watermark| first.time >= watermark - horizon));
        if let Some(first) = remembered {
            ends(Outcome::Duplicate);
            if event.conflicts_with(first) {
                series.count(&CONFLICTS, [stream.name()], 1);
            }
            continue;
        }
        // 4. Watermark.
        let risen = watermark.map_or(event.time, |watermark| watermark.max(event.time));
        watermark = Some(risen);
        // 5. Forget and 6. apply: see the modules of each stream.
        first_of_id.insert(id, event);
        ends(Outcome::Applied);
        applied.push(AppliedEvent { event, watermark: risen });
    }
    if let Some(watermark) = watermark {
        series.newest(&WATERMARK, [stream.name()], watermark);
    }
    ReplayedLog { applied, watermark }
}
