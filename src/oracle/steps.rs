//! The steps that every record takes, and its outcome.

use std::collections::HashMap;

use super::families::{CONFLICTS, RECORDS, REJECTED, UNMATCHED, WATERMARK};
use super::series_map::SeriesMap;
use super::{Event, OracleRules, SentRecord};
use crate::clock::Millis;
use crate::record::{Outcome, Reason, Stream};

/// The applied events of one partition, in log order.
pub(super) struct ReplayedLog<'a> {
    pub(super) applied: Vec<AppliedEvent<'a>>,
    /// After the last record; absent if nothing was applied.
    pub(super) watermark: Option<Millis>,
}

#[derive(Clone, Copy)]
pub(super) struct AppliedEvent<'a> {
    pub(super) event: &'a Event,
    /// The watermark after step 4: what step 5 forgets by, before this event is applied.
    pub(super) watermark: Millis,
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

/// Gives every record of a partition its outcome and returns the applied ones. The numbers are the contract's.
pub(super) fn replay<'a>(
    stream: Stream,
    records: &'a [SentRecord],
    rules: &OracleRules,
    series: &mut SeriesMap<'a>,
) -> ReplayedLog<'a> {
    let horizon = rules.horizon(stream);
    let mut watermark: Option<Millis> = None;
    let mut first_of_id: HashMap<(Option<&str>, &str), &Event> = HashMap::new();
    let mut applied = Vec::new();
    for sent in records {
        let mut ends = |outcome: Outcome| series.count(&RECORDS, [stream.name(), outcome.name()], 1);
        // 1. "decode, or `rejected`"
        let event = match sent {
            SentRecord::Event(event) => event,
            SentRecord::Rejected(reason) => {
                ends(Outcome::Rejected);
                series.count(&REJECTED, [stream.name(), reason.name()], 1);
                continue;
            }
        };
        // 2. "`expired` if `time` < watermark - horizon (the watermark as it was)"
        if watermark.is_some_and(|watermark| event.time < watermark - horizon) {
            ends(Outcome::Expired);
            continue;
        }
        // 3. "`duplicate` if `source` + `id` is remembered". An id is forgotten (5) when its record's `time` < watermark - horizon.
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
        // 4. "watermark = max(watermark, `time`)"
        let moved = watermark.map_or(event.time, |watermark| watermark.max(event.time));
        watermark = Some(moved);
        // 5. and 6. belong to those who keep something.
        first_of_id.insert(id, event);
        ends(Outcome::Applied);
        applied.push(AppliedEvent { event, watermark: moved });
    }
    if let Some(watermark) = watermark {
        series.newest(&WATERMARK, [stream.name()], watermark);
    }
    ReplayedLog { applied, watermark }
}
