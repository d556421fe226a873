use std::collections::HashSet;
use std::fmt::Write as _;

use super::*;

/// Compares a generated page with the file at `path`. With `PACEMETER_BLESS=1` it writes the file instead.
fn golden(path: &str, generated: &str) {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("PACEMETER_BLESS").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == generated,
        "{path} differs from the catalogue; run the tests with PACEMETER_BLESS=1 and look at the difference"
    );
}

#[test]
fn the_metrics_page_is_generated_from_the_catalogue() {
    golden("docs/metrics.md", &page());
}

fn page() -> String {
    let introduction = "\
# Metrics

Generated from `src/telemetry/catalogue/`. To change it, change the catalogue and run
`PACEMETER_BLESS=1 cargo test --lib telemetry::catalogue`.

Figures come from the records alone; the [specification](spec/figures.md) defines them. After a start, a family of figures is absent until every
partition has been read to the end offset requested after that start. From then on it is exact for everything up to
`pacemeter_complete_until_timestamp_seconds`.

Counters and histograms start at 0 for every label set known from the configuration. A value that is not listed in `labels.*` is shown as `other`.
";
    let (figures, own) = (markdown(business::ALL.iter().copied()), markdown(own::ALL.iter().copied()));
    format!("{introduction}\n## Figures\n\n{figures}\n## Process\n\n{own}")
}

/// Returns a Markdown table with a row for each family.
fn markdown(families: impl Iterator<Item = &'static Family>) -> String {
    let mut table = String::from("| family | kind | labels | unit | meaning |\n|---|---|---|---|---|\n");
    for family in families {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, unit) = (family.name, family.kind.name(), family.unit.name());
        let mut meaning = family.help.to_owned();
        if !family.note.is_empty() {
            write!(meaning, " {}", family.note).unwrap();
        }
        if !family.buckets.is_empty() {
            let bounds: Vec<String> = family.buckets.iter().map(|bound| seconds(*bound)).collect();
            write!(meaning, " Buckets: {} s.", bounds.join(", ")).unwrap();
        }
        writeln!(table, "| `{name}` | {kind} | {} | {unit} | {} |", labels.join(", "), meaning.replace('|', "\\|"))
            .unwrap();
    }
    table
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let mut names = HashSet::new();
    for family in all() {
        let name = family.name;
        assert!(names.insert(name), "{name} is defined twice");
        assert!(
            name.starts_with("pacemeter_") || name.starts_with("process_") && !family.business,
            "{name} lacks the prefix"
        );
        assert!(
            name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')),
            "{name} is not in snake case"
        );
        assert!(!name.contains("__") && !name.ends_with('_'), "{name} has an empty word");
        assert_eq!(
            family.kind == MetricKind::Counter,
            name.ends_with("_total"),
            "{name}: counters, and only they, end in _total"
        );
        for suffix in ["_bucket", "_count", "_sum"] {
            assert!(!name.ends_with(suffix), "{name} reads as a series of a histogram");
        }
    }
}

#[test]
fn units_stand_last_in_names() {
    for family in all() {
        let name = family.name.strip_suffix("_total").unwrap_or(family.name);
        let timestamp = name.ends_with("_timestamp_seconds")
            || ["process_start_time_seconds", "pacemeter_time_seconds"].contains(&name);
        let fits = match family.unit {
            Unit::Seconds => name.ends_with("_seconds") && !timestamp,
            Unit::UnixSeconds => timestamp,
            Unit::Pesos => name.ends_with("_pesos") && family.help.contains("MXN"),
            Unit::Bytes => name.ends_with("_bytes"),
            Unit::Ratio | Unit::Quotient => name.ends_with("_ratio"),
            Unit::Info => name.ends_with("_info"),
            Unit::Count(_) | Unit::YesNo => {
                !["_seconds", "_pesos", "_bytes", "_info", "_ratio"].iter().any(|unit| name.ends_with(unit))
            }
        };
        assert!(fits, "{} does not end in its unit, {}", family.name, family.unit.name());
    }
}

#[test]
fn labels_are_not_reserved_by_prometheus() {
    // The last six are attached by Prometheus servers and their rules.
    let reserved = ["le", "quantile", "job", "instance", "type", "region", "service", "env"];
    for family in all() {
        let distinct: HashSet<_> = family.labels.iter().collect();
        assert_eq!(distinct.len(), family.labels.len(), "{} repeats a label", family.name);
        for label in family.labels {
            let is_plain = label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            assert!(is_plain && label.starts_with(|first: char| first.is_ascii_lowercase()), "{label}");
            assert!(!reserved.contains(label), "{} has the reserved label {label}", family.name);
        }
    }
}

#[test]
fn only_histograms_have_buckets_and_they_rise() {
    for family in all() {
        assert_eq!(family.kind == MetricKind::Histogram, !family.buckets.is_empty(), "{}", family.name);
        assert!(
            family.buckets.is_sorted_by(|a, b| a < b) && family.buckets.first().is_none_or(|first| *first > 0),
            "{}",
            family.name
        );
        assert!(
            family.kind != MetricKind::Histogram || family.unit == Unit::Seconds,
            "{}: buckets are in milliseconds",
            family.name
        );
    }
}

#[test]
fn help_is_one_sentence_of_at_most_twenty_words() {
    for family in all() {
        let (name, help) = (family.name, family.help);
        assert!(help.starts_with(char::is_uppercase), "{name}: {help:?}");
        assert!(help.ends_with('.') && !help.contains(". ") && !help.contains("  "), "{name}: {help:?}");
        assert!(!help.contains(['\n', '\\', '"', '`', '[']), "{name}: {help:?} is plain text");
        let words = help.split_whitespace().count();
        assert!(words <= 20, "{name}: the help has {words} words; move the details to the note");
    }
}

#[test]
fn notes_are_sentences_that_explain_the_service_level() {
    for family in all().filter(|family| !family.note.is_empty()) {
        let (name, note) = (family.name, family.note);
        assert!(note.ends_with('.') && !note.contains(['\n', '\\', '"']) && !note.contains("  "), "{name}: {note:?}");
    }
    let formula = "answered within target / (answered + abandoned - short abandons)";
    for family in [
        business::CALL_EVENTS,
        business::CALLS_ANSWERED_WITHIN_TARGET,
        business::CALLS_ABANDONED_SHORT,
        business::CALL_WAIT,
    ] {
        assert!(family.note.contains(formula), "{}", family.name);
    }
}

#[test]
fn links_in_notes_lead_to_anchors() {
    for family in all() {
        for link in family.note.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let page = std::fs::read_to_string(format!("{}/docs/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let heading = format!("\n## {}", anchor.replace('-', " "));
            let found = anchor.is_empty()
                || page.contains(&format!("<a id=\"{anchor}\">"))
                || page.to_lowercase().contains(&heading);
            assert!(found, "{}: {link} leads nowhere", family.name);
        }
    }
}

#[test]
fn bounds_have_the_shortest_decimal_form() {
    let written: Vec<_> = [0, 1, 10, 250, 1_000, 2_500, 3_600_000, -1_500].map(seconds).to_vec();
    assert_eq!(written, ["0", "0.001", "0.01", "0.25", "1", "2.5", "3600", "-1.5"]);
}

#[test]
fn a_family_is_found_by_its_name() {
    assert_eq!(find("pacemeter_records_total"), Some(&business::RECORDS));
    assert_eq!(find("pacemeter_nothing"), None);
}
