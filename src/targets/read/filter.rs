//! Filters of targets: labels of the events that count.

use std::collections::BTreeSet;

use crate::event::FederalState;
use crate::record::Stream;
use crate::settings::{DocumentTable, nearest, redacted_text};
use crate::targets::{Filter, Measure};

/// Maximum length of a label in bytes.
const MAX_LABEL: usize = 64;

/// Maximum number of labels in a list: each new combination of labels in the events is compared with all of them.
const MAX_LABELS: usize = 1_000;

/// Keys that select the events of each stream.
const KEYS: [(Stream, &[&str]); 3] = [
    (Stream::Disbursement, &["programmes", "states"]),
    (Stream::Call, &["queues"]),
    (Stream::Milestone, &["initiatives", "milestones"]),
];

/// Reads the filter; a list with a fault is empty. With a known measure, checks that the keys fit its stream.
pub(super) fn read(table: &DocumentTable<'_>, measure: Option<Measure>) -> Filter {
    if let Some(measure) = measure {
        check_fit(table, measure);
    }
    Filter {
        programmes: labels(table, "programmes", label),
        states: labels(table, "states", state),
        queues: labels(table, "queues", label),
        initiatives: labels(table, "initiatives", label),
        milestones: labels(table, "milestones", label),
    }
}

fn check_fit(table: &DocumentTable<'_>, measure: Measure) {
    let stream = measure.stream();
    for (_, keys) in KEYS.iter().filter(|(other, _)| *other != stream) {
        for key in keys.iter().filter(|key| table.has(key)) {
            let fitting: Vec<&str> =
                KEYS.iter().filter(|(own, _)| *own == stream).flat_map(|(_, keys)| keys.iter().copied()).collect();
            let name = measure.name();
            table.fault(
                key,
                format!("does not fit the measure {name}, whose events are selected by {}", fitting.join(" and ")),
            );
        }
    }
}

fn labels(table: &DocumentTable<'_>, key: &str, parse: fn(&str) -> Result<String, String>) -> Vec<String> {
    let Some(labels) = table.parsed_each(key, parse) else { return Vec::new() };
    if labels.is_empty() {
        table.fault(key, "is an empty list; leave it out to select all");
    }
    if labels.len() > MAX_LABELS {
        table.fault(key, format!("has {} labels; list at most {MAX_LABELS}", labels.len()));
    }
    let mut seen = BTreeSet::new();
    for label in labels.iter().filter(|label| !seen.insert(label.as_str())) {
        table.fault(key, format!("{:?} is listed twice", redacted_text(label)));
    }
    labels
}

fn label(text: &str) -> Result<String, String> {
    if (1..=MAX_LABEL).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!("{:?} is no label, which has 1 to {MAX_LABEL} bytes", redacted_text(text)))
    }
}

/// Code of a federal state in its current form.
fn state(text: &str) -> Result<String, String> {
    match FederalState::from_code(text).code() {
        _ if FederalState::CODES.contains(&text) => Ok(text.to_owned()),
        "other" => {
            let meant = nearest(text, FederalState::CODES)
                .map_or(String::new(), |nearest| format!("; did you mean {nearest}?"));
            let text = redacted_text(text);
            Err(format!("{text:?} is no code of ISO 3166-2:MX, such as \"MX-JAL\", nor unknown or other{meant}"))
        }
        now => Err(format!("{text:?} is out of use; write {now:?}")),
    }
}
