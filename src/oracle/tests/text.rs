//! Figures as text.

use super::*;

const EXPOSITION: &str = r#"# HELP pacemeter_records_total Records read.
# TYPE pacemeter_records_total counter
pacemeter_records_total{stream="call",outcome="applied"} 12
pacemeter_records_total{outcome="expired",stream="call"} 3 1589994000000
process_cpu_seconds_total 1e+06
pacemeter_ready 1
pacemeter_week_net_pesos{programme="a \"b\" \\ c",state="MX-JAL"} 25000.5
pacemeter_call_handle_seconds_bucket{le="+Inf",queue="x"} 2
pacemeter_call_handle_seconds_bucket{queue="x",le="30"} 1
pacemeter_call_handle_seconds_sum{queue="x"} 61.002
pacemeter_call_handle_seconds_count{queue="x"} 2
"#;

fn figures(pairs: &[(&str, i128)]) -> SeriesValues {
    SeriesValues(pairs.iter().map(|&(series, value)| (series.to_owned(), value)).collect())
}

#[test]
fn an_exposition_is_read_exactly_and_other_families_are_skipped() {
    let expected = figures(&[
        (r#"pacemeter_records_total{stream="call",outcome="applied"}"#, 12_000),
        (r#"pacemeter_records_total{stream="call",outcome="expired"}"#, 3_000),
        (r#"pacemeter_week_net_pesos{programme="a \"b\" \\ c",state="MX-JAL"}"#, 25_000_500),
        (r#"pacemeter_call_handle_seconds_bucket{queue="x",le="+Inf"}"#, 2_000),
        (r#"pacemeter_call_handle_seconds_bucket{queue="x",le="30"}"#, 1_000),
        (r#"pacemeter_call_handle_seconds_sum{queue="x"}"#, 61_002),
        (r#"pacemeter_call_handle_seconds_count{queue="x"}"#, 2_000),
    ]);
    assert_eq!(SeriesValues::parse_exposition(EXPOSITION).expect("an exposition"), expected);
}

#[test]
fn values_that_cannot_be_compared_exactly_are_errors() {
    for (text, message) in [
        ("pacemeter_conflicts_total{stream=\"call\"} 1.0001", "line 1 of the exposition has a value"),
        ("pacemeter_conflicts_total{stream=\"call\"} NaN", "line 1 of the exposition has a value"),
        ("\npacemeter_conflicts_total{stream=\"call\"} 1e+06", "line 2 of the exposition has a value"),
        ("pacemeter_conflicts_total{stream=\"call\"}", "line 1 of the exposition is no sample"),
        ("pacemeter_conflicts_total{stream=\"call} 1", "line 1 of the exposition is no sample"),
        (
            "pacemeter_conflicts_total{stream=\"call\"} 1\npacemeter_conflicts_total{stream=\"call\"} 1",
            "line 2 of the exposition repeats",
        ),
    ] {
        let error = SeriesValues::parse_exposition(text).expect_err(text).to_string();
        assert!(error.starts_with(message), "{text:?}: {error}");
    }
}

#[test]
fn figures_survive_json_and_exposition() {
    let mut log = TestLog::new();
    log.send(dispersed("a", 10, noon(0)).with_disbursement(|body| body.amount = Some(12_345.into()))).send(approved(
        "b",
        1,
        noon(5),
    ));
    log.send(answered("a", noon(1_234))).send(offered("a", noon(0)));
    let figures = log.at(noon(0));
    assert_eq!(SeriesValues::from_json(&figures.to_json()).expect("figures"), figures);
    assert!(
        figures.to_json().contains(r#""pacemeter_day_net_pesos{programme=\"support\",state=\"MX-JAL\"}": "123.45""#)
    );
    let exposition: String =
        figures.0.iter().map(|(series, &value)| format!("{series} {}\n", decimal(value))).collect();
    assert_eq!(SeriesValues::parse_exposition(&exposition).expect("figures"), figures);
    assert!(SeriesValues::from_json(r#"{"x": "1.2345"}"#).is_err());
    assert!(SeriesValues::from_json("[]").is_err());
}

#[test]
fn differences_name_missing_surplus_and_wrong_series() {
    let expected = figures(&[("equal", 1), ("missing", 2), ("wrong", 3)]);
    let actual = figures(&[("equal", 1), ("surplus", 4), ("wrong", 5)]);
    let difference = |series: &str, expected, actual| SeriesDifference { series: series.to_owned(), expected, actual };
    assert_eq!(
        expected.differences(&actual),
        [
            difference("missing", Some(2), None),
            difference("surplus", None, Some(4)),
            difference("wrong", Some(3), Some(5))
        ]
    );
    assert_eq!(expected.differences(&expected), []);
}

#[test]
fn thousandths_have_the_shortest_decimal() {
    for (thousandths, text) in [(0, "0"), (10_000, "10"), (1_500, "1.5"), (-1, "-0.001"), (12_340, "12.34")] {
        assert_eq!(decimal(thousandths), text);
    }
}
