//! Names of instants by which a cut can be asked for (docs/api.md).

use jiff::civil::DateTime;

use super::context::RequestContext;
use crate::calendar::Period;
use crate::clock::Timestamp;

/// Name of the end of the last day that has ended.
const YESTERDAY: &str = "yesterday";

/// Instant of a name: a time of the programme's zone (`2020-05-15T18:00`) or with an offset, or the end of a day, a
/// week or a month (`yesterday`, `2020-05-15`, `2020-W20`, `2020-05`). `None` if the text is no such name.
pub(super) fn instant_named(context: &RequestContext<'_>, name: &str) -> Option<Timestamp> {
    let zone = context.zone();
    if name == YESTERDAY {
        return Period::Day.ended(context.now, zone).map(|day| day.end);
    }
    if let Some(period) = Period::STANDARD.into_iter().find_map(|period| period.named(name, zone)) {
        return Some(period.end);
    }
    // Without hyphens it would be an id, or half of one.
    if name.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    if let Ok(instant) = name.parse::<jiff::Timestamp>() {
        return Some(instant.into());
    }
    let local: DateTime = name.parse().ok()?;
    // Where the clock goes back, the first of two instants.
    zone.to_ambiguous_timestamp(local).compatible().ok().map(Timestamp::from)
}
