//! The answer of everything: equal to the exposition of the same publication, rendered once, and given before there are
//! figures.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::world::{World, at, three_targets};
use crate::record::Stream;
use crate::targets::held_status::HeldStatus;
use crate::targets::status::PaceStatus;
use crate::view::snapshot::{BrokerOutage, OutgrownTopic, Phase, Snapshot};

/// Values of an exposition by series.
struct Series(BTreeMap<String, String>);

impl Series {
    fn of(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .filter_map(|line| line.rsplit_once(' '))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// Sum of a family's series that have all of these labels.
    fn sum(&self, family: &str, labels: &[(&str, &str)]) -> f64 {
        let is_wanted = |key: &str| {
            let rest = key.strip_prefix(family).filter(|rest| rest.is_empty() || rest.starts_with('{'));
            rest.is_some_and(|rest| labels.iter().all(|(name, value)| rest.contains(&format!("{name}=\"{value}\""))))
        };
        let wanted = self.0.iter().filter(|(key, _)| is_wanted(key));
        wanted.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
    }

    fn get(&self, family: &str, target: &str) -> Option<f64> {
        self.0.get(&format!("{family}{{target=\"{target}\"}}")).map(|value| value.parse().unwrap())
    }
}

/// Number of a value, which may be text (pesos); `None` for null.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().map(|text| text.parse().unwrap()))
}

/// Programme with figures of every kind.
fn rich() -> World {
    let world = World::new(three_targets());
    world.enrich();
    world
}

#[test]
fn payments_and_backlog_equal_the_exposition() {
    let world = rich();
    let (now, series) = (world.ok("now"), Series::of(&world.exposition()));
    for (period, family) in [("day", "pacemeter_day"), ("week", "pacemeter_week"), ("month", "pacemeter_month")] {
        for field in ["dispersals", "net_pesos"] {
            let all = number(&now["payments"][period][field]);
            assert_eq!(all, Some(series.sum(&format!("{family}_{field}"), &[])), "{period} {field}");
        }
        for programme in now["payments"]["programmes"].as_array().unwrap() {
            let name = programme["programme"].as_str().unwrap();
            for field in ["beneficiaries", "dispersals", "net_pesos"] {
                let sum = series.sum(&format!("{family}_{field}"), &[("programme", name)]);
                let shown = number(&programme[period][field]);
                assert!(shown == Some(sum) || (name == "other" && shown.is_none()), "{name} {period} {field}");
            }
        }
    }
    assert!(number(&now["payments"]["week"]["dispersals"]) > Some(50.0), "the figures are not all zero");
    assert_eq!(number(&now["payments"]["backlog"]["supports"]), Some(series.sum("pacemeter_backlog_supports", &[])));
    assert_eq!(number(&now["payments"]["backlog"]["pesos"]), Some(series.sum("pacemeter_backlog_pesos", &[])));
    for programme in now["payments"]["programmes"].as_array().unwrap() {
        let labels = [("programme", programme["programme"].as_str().unwrap())];
        let oldest = number(&programme["backlog"]["oldest_approval_ms"]).unwrap_or(0.0) / 1_000.0;
        assert_eq!(oldest, series.sum("pacemeter_backlog_oldest_approval_timestamp_seconds", &labels));
        assert_eq!(number(&programme["backlog"]["supports"]), Some(series.sum("pacemeter_backlog_supports", &labels)));
    }
}

#[test]
fn targets_equal_the_exposition() {
    let world = rich();
    let (now, series) = (world.ok("now"), Series::of(&world.exposition()));
    let mut compared = 0;
    for target in now["targets"].as_array().unwrap() {
        let name = target["name"].as_str().unwrap();
        for field in [
            "goal",
            "actual",
            "plan",
            "shortfall",
            "shortfall_pesos",
            "projection",
            "pace_ratio",
            "pace_tolerance",
            "attainment_probability_ratio",
            "required_per_open_hour",
            "achieved_per_open_hour",
            "remaining_open_seconds",
        ] {
            let shown = number(&target["current"][field]);
            assert_eq!(shown, series.get(&format!("pacemeter_target_{field}"), name), "{name} {field}");
            compared += usize::from(shown.is_some());
        }
        assert_eq!(number(&target["previous"]["actual"]), series.get("pacemeter_target_previous_actual", name));
    }
    assert!(compared > 25, "{compared}");
    assert_eq!(now["targets"], world.ok("targets")["targets"], "one type and one instant");
}

#[test]
fn calls_agents_milestones_and_trust_equal_the_exposition() {
    let world = rich();
    let (now, series) = (world.ok("now"), Series::of(&world.exposition()));
    assert_eq!(number(&now["calls"]["waiting"]), Some(series.sum("pacemeter_calls_waiting", &[])));
    assert_eq!(now["calls"]["waiting"], 3);
    assert_eq!(now["calls"]["oldest_waiting_ms"], json!(at("2020-05-15T17:40:00Z")));
    let agents = now["calls"]["agents"].as_array().unwrap();
    assert_eq!(agents.len(), 2);
    for entry in agents {
        let labels = ["site", "status"].map(|label| (label, entry[label].as_str().unwrap()));
        assert_eq!(number(&entry["count"]), Some(series.sum("pacemeter_agents", &labels)));
    }
    for entry in now["milestones"].as_array().unwrap() {
        let labels = ["initiative", "milestone"].map(|label| (label, entry[label].as_str().unwrap()));
        let withdrawn = series.sum("pacemeter_milestones_withdrawn_total", &labels);
        assert_eq!(number(&entry["total"]), Some(series.sum("pacemeter_milestones_total", &labels) - withdrawn));
    }
    assert_eq!(now["milestones"].as_array().unwrap().len(), 1);
    assert_eq!(now["trust"]["ready"], series.sum("pacemeter_ready", &[]) == 1.0);
    for stream in now["trust"]["streams"].as_array().unwrap() {
        let labels = [("stream", stream["stream"].as_str().unwrap())];
        let until = number(&stream["complete_until_ms"]).unwrap() / 1_000.0;
        assert_eq!(until, series.sum("pacemeter_complete_until_timestamp_seconds", &labels));
    }
    for entry in now["health"]["rejected"].as_array().unwrap() {
        let labels = ["stream", "reason"].map(|label| (label, entry[label].as_str().unwrap()));
        assert_eq!(number(&entry["count"]), Some(series.sum("pacemeter_rejected_records_total", &labels)));
    }
    assert_eq!(now["health"]["rejected"].as_array().unwrap().len(), 1);
    for (outcome, count) in now["health"]["outcomes"].as_object().unwrap() {
        assert_eq!(number(count), Some(series.sum("pacemeter_records_total", &[("outcome", outcome)])), "{outcome}");
    }
    assert_eq!(number(&now["now_ms"]).unwrap() / 1_000.0, series.sum("pacemeter_time_seconds", &[]));
}

#[test]
fn calls_of_today_and_the_last_hour_are_counted() {
    let now = rich().ok("now");
    let day = json!({
        "offered": 13, "answered": 8, "abandoned": 2, "abandoned_short": 1, "answered_in_time": 6, "completed": 6,
        "service_level_ratio": 6.0 / 9.0, "wait_seconds": 6.375,
    });
    assert_eq!(now["calls"]["day"], day);
    assert_eq!(now["calls"]["queues"][0]["day"], day);
    assert_eq!((&now["calls"]["hour"]["offered"], &now["calls"]["hour"]["answered"]), (&json!(3), &json!(2)));
    assert_eq!(now["calls"]["hour"]["wait_seconds"], 2.0);
    for ratio in ["service_level_ratio", "wait_seconds"] {
        assert_eq!(now["calls"]["queues"][1]["day"][ratio], Value::Null, "nothing to divide by");
    }
    let payments = &now["payments"];
    let returned = |of: &Value| ["day", "week", "month"].map(|period| of[period]["returned"].as_u64().unwrap());
    assert_eq!((returned(payments), returned(&payments["programmes"][0])), ([0, 0, 1], [0, 0, 1]));
    assert_eq!(returned(&payments["programmes"][1]), [0; 3]);
    let milestone = &now["milestones"][0];
    assert_eq!((&milestone["day"], &milestone["week"]), (&json!(27), &json!(207)));
}

#[test]
fn figures_are_of_the_publication_whenever_they_are_read() {
    let world = rich();
    let (first, exposition) = (world.ok("now"), world.exposition());
    world.advance(3_000);
    assert_eq!(world.ok("now"), first);
    let time = |text: &str| Series::of(text).sum("pacemeter_time_seconds", &[]);
    assert_eq!(time(&world.exposition()), time(&exposition));
    assert_eq!(world.ok("targets")["now"], first["now"]);
}

#[test]
fn one_rendering_serves_a_publication() {
    let world = rich();
    let (one, tag) = world.shared("now");
    let (again, same) = world.shared("now");
    assert!(Arc::ptr_eq(&one, &again));
    assert_eq!(tag, same);
    world.publish(|_| {});
    let (next, other) = world.shared("now");
    assert!(!Arc::ptr_eq(&one, &next));
    assert_ne!(tag, other);
    assert_eq!(next.revision(), one.revision().map(|revision| revision + 1));
}

#[test]
fn an_overdue_publication_is_told_without_a_new_one() {
    let world = rich();
    let (_, tag) = world.shared("now");
    world.advance(12_000);
    let now = world.ok("now");
    assert_eq!((&now["trust"]["ready"], &now["trust"]["age_ms"]), (&json!(false), &json!(14_000)));
    assert_eq!(now["trust"]["reasons"][0]["kind"], "stale");
    assert_eq!(now["trust"]["reasons"][0]["since_ms"], json!(at("2020-05-15T18:00:00Z")));
    assert_ne!(world.shared("now").1, tag);
}

#[test]
fn before_the_figures_are_complete_the_answer_says_why() {
    let world = rich();
    world.publish(|snapshot| {
        snapshot.phase = Phase::Replaying { read: 37, total: 100 };
        snapshot.built = at("2020-05-15T18:00:00Z");
        snapshot.publication.phase_since = at("2020-05-15T17:59:00Z");
    });
    let now = world.ok("now");
    for unknown in ["targets", "payments", "calls"] {
        assert_eq!(now[unknown], Value::Null, "{unknown}");
    }
    assert_eq!((&now["states"], &now["milestones"]), (&json!([]), &json!([])));
    let reason = &now["trust"]["reasons"][0];
    assert_eq!((&now["trust"]["ready"], &reason["kind"]), (&json!(false), &json!("rebuilding")));
    assert_eq!(reason["since_ms"], json!(at("2020-05-15T17:59:00Z")));
    assert_eq!(reason["say"]["es"], "Se leen los registros desde el principio: 37 %.");
    assert_eq!(reason["text"], "replaying the log: 37 of 100 records read");
    world.publish(|snapshot| snapshot.phase = Phase::Replaying { read: 1, total: 2 });
    assert_eq!(world.ok("now")["trust"]["reasons"][0]["kind"], "replaying", "of a state that was built before");
    world.publish(|snapshot| snapshot.phase = Phase::Starting("waiting for topics".to_owned()));
    assert_eq!(world.ok("now")["trust"]["reasons"][0]["text"], "waiting for topics");
}

#[test]
fn stalls_and_outages_have_their_reason_and_beginning() {
    let world = rich();
    let since = at("2020-05-15T17:58:00Z");
    world.publish(|snapshot| {
        for partition in &mut snapshot.partitions {
            partition.stalled = true;
        }
        snapshot.publication.stalled_since = Some(since);
        snapshot.outage = Some(BrokerOutage { since, reason: "nothing listens".to_owned() });
        snapshot.complete_until[Stream::Call] = Some(at("2020-05-15T17:58:59Z"));
    });
    let now = world.ok("now");
    let reasons = now["trust"]["reasons"].as_array().unwrap();
    let kinds: Vec<_> = reasons.iter().map(|reason| reason["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["stalled", "outage"], "a manual clock says nothing of ages");
    assert!(reasons.iter().all(|reason| reason["since_ms"] == json!(since)), "{reasons:?}");
    assert_eq!(now["health"]["stalled_partitions"], now["health"]["partitions"]);
    assert_eq!(reasons[0]["text"].as_str().unwrap().matches("is stalled").count(), 2);
}

/// Status, sentence and beginning of a target in every answer that has them.
fn statuses(world: &World) -> Vec<Value> {
    let current = |target: &Value| {
        let current = &target["current"];
        json!([current["status"], current["say"]["en"], current["status_since_ms"]])
    };
    let lists = [world.ok("now"), world.ok("targets")];
    let mut found: Vec<Value> = lists.iter().map(|list| current(&list["targets"][0])).collect();
    found.push(current(&world.ok("targets/weekly-people")["target"]));
    found
}

#[test]
fn without_readiness_every_status_is_unknown() {
    let world = rich();
    let before = statuses(&world);
    assert!(before.iter().all(|status| *status == before[0] && status[0] != "unknown"), "{before:?}");
    let not_ready: [fn(&mut Snapshot); 3] = [
        |snapshot| snapshot.partitions[0].stalled = true,
        |snapshot| snapshot.partitions[1].missing = true,
        |snapshot| snapshot.outgrown.push(OutgrownTopic { topic: "calls".to_owned(), read: 1, found: 2 }),
    ];
    for change in not_ready {
        world.publish(change);
        let (found, ready) = (statuses(&world), world.ok("now")["trust"]["ready"].clone());
        assert_eq!(ready, false);
        for status in found {
            assert_eq!((&status[0], &status[1]), (&json!("unknown"), &json!("The last figure known, of 12:59:58.")));
        }
    }
    world.publish(|_| {});
    assert_eq!(statuses(&world), before);
    world.advance(12_000);
    assert!(statuses(&world).iter().all(|status| status[0] == "unknown"), "the next publication is overdue");
}

#[test]
fn names_are_shown_in_both_languages() {
    let now = rich().ok("now");
    assert_eq!(now["payments"]["programmes"][0]["title"], json!({ "es": "Crédito a la palabra", "en": "Word credit" }));
    assert_eq!(now["payments"]["programmes"][1]["title"], json!({ "es": "solidario", "en": "solidario" }));
    assert_eq!(now["programme"], json!({ "es": "Pacemeter", "en": "Pacemeter" }));
    assert_eq!(now["zone"], "America/Mexico_City");
}

#[test]
fn a_parameter_is_refused() {
    assert_eq!(rich().get("now?limit=3").0, 400);
}

#[test]
fn a_status_is_shown_as_it_was_held() {
    let world = rich();
    let status = |world: &World| world.ok("now")["targets"][0]["current"]["status"].clone();
    let found = status(&world);
    assert_eq!(world.ok("now")["targets"][0]["current"]["status_since_ms"], Value::Null);
    let since = at("2020-05-15T09:00:00Z");
    world.hold(|subject| HeldStatus::since(PaceStatus::Ahead, subject, since));
    assert_ne!(found, "ahead");
    assert_eq!(status(&world), "ahead");
    assert_eq!(world.ok("now")["targets"][0]["current"]["status_since_ms"], json!(since));
    assert_eq!(world.ok("targets")["targets"][0]["current"]["status"], "ahead");
}
