use std::collections::HashSet;

use super::*;

/// A page of the documentation that is made from the code. With `PACEMETER_BLESS=1` it is written instead of compared.
fn golden(path: &str, made: &str) {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("PACEMETER_BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == made,
        "{path} is not what the catalogue makes; run the tests with PACEMETER_BLESS=1 and look at the difference"
    );
}

/// The same of what stands between `<!-- name -->` and `<!-- /name -->` in a page that is written by hand.
fn golden_part(path: &str, name: &str, made: &str) {
    let page = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("{path} has no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{path} has no {end}"));
    golden(path, &format!("{before}{begin}\n\n{made}\n{end}{after}"));
}

#[test]
fn the_page_of_metrics_is_made_from_the_catalogue() {
    golden("docs/metrics.md", &page());
}

#[test]
fn the_table_of_figures_in_the_readme_is_made_from_the_catalogue() {
    golden_part("README.md", "metrics", &markdown(business::ALL.iter().copied()));
}

fn page() -> String {
    let introduction = "\
# Metrics

Made from `src/telemetry/catalogue/` by its test; change the catalogue, then run the tests with `PACEMETER_BLESS=1`.

A family of figures comes from the records alone. After a start it is absent until every partition has been read to the end asked for after that
start; from then on it is exact for everything up to `pacemeter_complete_until_timestamp_seconds`. Counters and histograms start at 0 for every
label set known from the configuration; what is not listed in `labels.*` is shown under `other`.
";
    let (figures, own) = (markdown(business::ALL.iter().copied()), markdown(own::ALL.iter().copied()));
    format!("{introduction}\n## Figures\n\n{figures}\n## The process' own\n\n{own}")
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let mut names = HashSet::new();
    for family in all() {
        let name = family.name;
        assert!(names.insert(name), "{name} stands twice");
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
fn labels_are_none_of_prometheus_own_and_no_part_of_names() {
    // The last six are what servers and their rules attach.
    let reserved = ["le", "quantile", "job", "instance", "type", "region", "service", "env"];
    for family in all() {
        let distinct: HashSet<_> = family.labels.iter().collect();
        assert_eq!(distinct.len(), family.labels.len(), "{} has a label twice", family.name);
        for label in family.labels {
            assert!(label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')) && !label.starts_with('_'), "{label}");
            assert!(!reserved.contains(label), "{} has the reserved label {label}", family.name);
        }
    }
}

#[test]
fn histograms_have_rising_buckets_and_nothing_else_has_any() {
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
fn help_is_one_sentence_or_more_and_says_how_the_service_level_is_made() {
    for family in all() {
        let help = family.help;
        assert!(
            help.ends_with('.') && !help.contains(['\n', '\\', '"']) && !help.contains("  "),
            "{}: {help:?}",
            family.name
        );
    }
    let formula = "answered within target / (answered + abandoned - short abandons)";
    for family in [
        business::CALL_EVENTS,
        business::CALLS_ANSWERED_WITHIN_TARGET,
        business::CALLS_ABANDONED_SHORT,
        business::CALL_WAIT,
    ] {
        assert!(family.help.contains(formula), "{}", family.name);
    }
}

#[test]
fn bounds_are_written_as_prometheus_writes_them() {
    let written: Vec<_> = [0, 1, 10, 250, 1_000, 2_500, 3_600_000, -1_500].map(seconds).to_vec();
    assert_eq!(written, ["0", "0.001", "0.01", "0.25", "1", "2.5", "3600", "-1.5"]);
}

#[test]
fn a_family_is_found_by_its_name() {
    assert_eq!(find("pacemeter_records_total"), Some(&business::RECORDS));
    assert_eq!(find("pacemeter_nothing"), None);
}
