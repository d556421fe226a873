use serde_json::json;

use super::*;

fn partition(topic: &str, lag: Option<i64>, stalled: bool) -> serde_json::Value {
    json!({
        "conflicts": 0, "first_offset": 0, "high_watermark": 12_350, "lag": lag, "next_offset": 12_345,
        "outcomes": { "applied": 12_000, "duplicate": 300, "rejected": 45, "expired": 0 }, "partition": 3,
        "position": 12_345, "rejected": { "missing_field": 45, "empty": 0 }, "stalled": stalled,
        "stream": "disbursement", "topic": topic, "watermark_ms": null,
    })
}

fn status(partitions: Vec<serde_json::Value>, not_ready: &[&str], outage: serde_json::Value) -> StatusResponse {
    let answer = json!({
        "complete_until_ms": { "call": null, "disbursement": 1_589_565_600_000_i64 }, "not_ready": not_ready,
        "outage": outage, "partitions": partitions, "ready": not_ready.is_empty(), "state_built_ms": 0,
        "uptime_seconds": 7_500.0, "version": "0.1.0",
    });
    serde_json::from_value(answer).unwrap()
}

#[test]
fn tables_have_trust_partitions_and_outcomes() {
    let partitions = vec![partition("payments", Some(5), false), partition("more", Some(1_000), false)];
    let expected = "\
pacemeter 0.1.0, up 2h 05m
ready

complete until
call                                                       -
disbursement                                2020-05-15T18:00:00Z

partition                                           position             end         lag
payments 3                                            12,345          12,350           5
more 3                                                12,345          12,350       1,000
all 2 partitions                                                                   1,005

records                                              applied       duplicate    rejected     expired
disbursement                                          24,000             600          90           0
rejected of disbursement: missing_field                                               90
";
    assert_eq!(tables(&status(partitions, &[], json!(null)), Style::PLAIN), expected);
}

#[test]
fn what_is_wrong_stands_at_the_top() {
    let outage = json!({ "since_ms": 1_589_565_600_000_i64, "reason": "nothing listens at a:1" });
    let partitions = vec![partition("payments", None, true)];
    let text = tables(&status(partitions, &["payments partition 3 is stalled"], outage), Style::PLAIN);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[1..5],
        [
            "not ready",
            "  payments partition 3 is stalled",
            "brokers have not answered since 2020-05-15T18:00:00Z",
            "  nothing listens at a:1"
        ]
    );
    assert!(text.contains(" stalled\n\nrecords"), "{text}");
    let empty = tables(&status(Vec::new(), &["starting"], json!(null)), Style::PLAIN);
    assert!(empty.ends_with("no partitions yet\n"), "{empty}");
}

#[test]
fn no_line_is_too_long_and_text_can_only_be_read() {
    let hidden = "a\u{202e}b\u{1b}[8mc\nd ".repeat(40);
    let outage = json!({ "since_ms": i64::MAX / 1_000_000, "reason": hidden });
    let mut wild = partition(&hidden, Some(i64::MIN / 2), true);
    wild["stream"] = json!(hidden);
    wild["rejected"] = json!({ hidden.as_str(): 1_u64 << 40 });
    let text = tables(&status(vec![wild], &[&hidden], outage), Style::PLAIN);
    assert!(text.chars().all(|one| one == '\n' || crate::settings::is_printable(one)), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let coloured = tables(&status(Vec::new(), &["x"], json!(null)), Style::terminal(true));
    assert!(coloured.contains("\u{1b}[31mnot ready\u{1b}[0m"), "{coloured}");
}
