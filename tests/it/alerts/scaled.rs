//! The rules scaled for a programme whose time runs faster than that of its Prometheus.

use std::fs;
use std::path::Path;

use super::rules::files;
use super::{copy, prometheus, run};

/// Expression of the programme's clock, which replaces that of Prometheus.
pub const PROGRAMME_TIME: &str = r#"scalar(max(pacemeter_time_seconds{job="pacemeter"}))"#;

/// Rules for a programme whose time runs `factor` times as fast as that of Prometheus: `time()` becomes the programme's
/// time, and every duration (ranges, offsets, `interval`, `for`, `keep_firing_for`) is divided by `factor`, to whole
/// milliseconds.
///
/// Thresholds in seconds stay, as they compare the programme's times with each other. Rules must not use what would
/// change its meaning: `rate` that is not divided by another one, `timestamp`, and subqueries. Also for configurations
/// of Alertmanager.
pub fn scaled(rules: &str, factor: u32) -> String {
    let lines = rules.lines().map(|line| scaled_line(line, factor));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Copies the files of Prometheus, with the rules [`scaled`]; scrape configuration and scenarios stay as they are.
pub fn write_scaled(directory: &Path, factor: u32) {
    copy(&prometheus(), directory);
    for file in files() {
        fs::write(directory.join("rules").join(file.name()), scaled(&file.text, factor)).expect("a rules file");
    }
}

fn scaled_line(line: &str, factor: u32) -> String {
    if line.trim_start().starts_with('#') {
        return line.to_owned();
    }
    const KEYS: [&str; 6] = ["interval", "for", "keep_firing_for", "group_wait", "group_interval", "repeat_interval"];
    if let Some((key, value)) = line.split_once(": ")
        && KEYS.contains(&key.trim())
    {
        return format!("{key}: {}", shorter(value.trim(), factor));
    }
    let ranges = replaced(line, "[", |after| after.find(']'), factor);
    let offsets = replaced(
        &ranges,
        "offset ",
        |after| Some(after.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(after.len())),
        factor,
    );
    offsets.replace("time()", PROGRAMME_TIME)
}

/// The line with every duration divided that begins after `before` and ends where `end` says.
fn replaced(line: &str, before: &str, end: impl Fn(&str) -> Option<usize>, factor: u32) -> String {
    let mut parts = line.split(before);
    let mut made = parts.next().unwrap_or_default().to_owned();
    for after in parts {
        made.push_str(before);
        match end(after).filter(|end| milliseconds(&after[..*end]).is_some()) {
            Some(end) => made.push_str(&(shorter(&after[..end], factor) + &after[end..])),
            None => made.push_str(after),
        }
    }
    made
}

/// A duration divided by `factor`; at least a millisecond, the least that Prometheus has.
fn shorter(duration: &str, factor: u32) -> String {
    let milliseconds = milliseconds(duration).unwrap_or_else(|| panic!("no duration: {duration}"));
    format!("{}ms", (milliseconds / u64::from(factor)).max(1))
}

/// Milliseconds of a duration of one number and one unit.
fn milliseconds(duration: &str) -> Option<u64> {
    let digits = duration.find(|next: char| !next.is_ascii_digit())?;
    let unit = match &duration[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    Some(duration[..digits].parse::<u64>().ok()? * unit)
}

#[test]
fn durations_are_divided_and_thresholds_are_not() {
    let rules = "    interval: 1m\n        # for: 5m\n        expr: (time() - x[5m] > 300) and y{a=\"[b]\"} offset 1h\n        for: 30m\n        keep_firing_for: 15m\n";
    let expected = "    interval: 1000ms\n        # for: 5m\n        expr: (scalar(max(pacemeter_time_seconds{job=\"pacemeter\"})) - x[5000ms] > 300) and y{a=\"[b]\"} offset 60000ms\n        for: 30000ms\n        keep_firing_for: 15000ms\n";
    assert_eq!(scaled(rules, 60), expected);
    assert_eq!(scaled("  interval: 1m\n", u32::MAX), "  interval: 1ms\n");
}

#[test]
fn scaled_rules_are_valid_and_use_the_programmes_clock_only() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write_scaled(directory.path(), 600);
    for file in files() {
        let text = fs::read_to_string(directory.path().join("rules").join(file.name())).expect("a rules file");
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        for forbidden in ["time()", "timestamp(", ":]", "hour(", "day_of_week("] {
            assert!(!code.contains(forbidden), "{}: {forbidden} reads another clock", file.name());
        }
        let rates = file.rules.iter().filter(|rule| rule.expression().contains("rate("));
        rates.for_each(|rule| {
            assert!(rule.name.contains(":ratio_rate"), "{}: a rate that is not divided by another", rule.name)
        });
    }
    if let Err(said) = run("promtool", &["check", "config", "prometheus.yml"], directory.path()) {
        panic!("{said}");
    }
}
