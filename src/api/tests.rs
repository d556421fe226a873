//! Answers about a small programme with known figures.

mod curve;
mod documents;
mod now;
mod openapi;
mod page;
mod rich;
mod schema;
mod world;

use serde_json::{Value, json};

use self::world::{CLOSING, EVENING, World, at, target, three_targets};
use crate::calendar::Period;
use crate::cuts::{CutKey, CutStore};
use crate::targets::{Filter, Measure, Quantity};
use crate::view::slots::Slot;
use crate::view::snapshot::Phase;

fn world() -> World {
    World::new(three_targets())
}

/// Returns the entries of an object with these keys.
fn picked(object: &Value, keys: &[&str]) -> Value {
    keys.iter().map(|&key| (key.to_owned(), object[key].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn a_target_has_its_period_goal_and_progress() {
    let answer = world().ok("targets");
    assert_eq!(answer["now"], "2020-05-15T13:00:00-05:00");
    let people = &answer["targets"][0];
    let fields = picked(people, &["name", "title", "group", "measure", "unit", "calendar", "complete_until_ms"]);
    let until = at("2020-05-15T17:59:58Z");
    assert_eq!(
        fields,
        json!({
            "name": "weekly-people", "title": { "es": "weekly-people", "en": "weekly-people" }, "group": null,
            "measure": "beneficiaries", "unit": "people",
            "calendar": { "name": "always", "open": true, "changes_ms": null }, "complete_until_ms": until
        })
    );
    let current = &people["current"];
    assert_eq!(
        picked(current, &["goal", "actual", "dispersion"]),
        json!({ "goal": 100, "actual": 55, "dispersion": 4.0 })
    );
    assert_eq!(
        picked(&current["period"], &["id", "start", "end"]),
        json!({
            "id": "2020-W20", "start": "2020-05-11T00:00:00-05:00", "end": "2020-05-18T00:00:00-05:00"
        })
    );
    // 109 of 168 hours have passed.
    let plan = current["plan"].as_f64().unwrap();
    assert!((plan - 100.0 * 109.0 / 168.0).abs() < 1e-6, "{plan}");
    assert_eq!(current["remaining_open_seconds"], 59.0 * 3_600.0);
    assert_eq!(current["shortfall_pesos"].as_f64(), current["shortfall"].as_f64().map(|people| people * 25_000.0));
    assert_eq!(
        picked(&people["previous"], &["goal", "actual"]),
        json!({ "goal": 100, "actual": 51 }),
        "late records included"
    );
}

#[test]
fn money_is_exact_text_and_a_ratio_has_no_projection() {
    let answer = world().ok("targets");
    let (ratio, pesos) = (&answer["targets"][1]["current"], &answer["targets"][2]["current"]);
    assert_eq!(picked(pesos, &["goal", "actual"]), json!({ "goal": "10000000.00", "actual": "2650000.00" }));
    assert_eq!(
        picked(ratio, &["goal", "actual", "projection"]),
        json!({ "goal": 0.8, "actual": 0.75, "projection": null })
    );
}

#[test]
fn a_curve_has_plan_and_actual_at_each_cut_and_now() {
    let answer = world().ok("targets/weekly-people");
    let curve = answer["curve"].as_array().unwrap();
    let is_known = |point: &&Value| !point["actual"].is_null();
    let known_points: Vec<_> =
        curve.iter().filter(is_known).map(|point| (point["at"].as_str().unwrap(), &point["actual"])).collect();
    assert_eq!((known_points[0].1, known_points[1].1), (&json!(0), &json!(30)));
    assert_eq!(known_points.last(), Some(&("2020-05-15T13:00:00-05:00", &json!(55))));
    // Two cuts a day, the end and now.
    assert_eq!(curve.len(), 16);
    let plans: Vec<f64> = curve.iter().map(|point| point["plan"].as_f64().unwrap()).collect();
    assert!(plans.is_sorted() && plans[0] == 0.0 && plans[15] == 100.0, "{plans:?}");
    assert!(
        curve.iter().all(|point| point["at_ms"].as_i64() <= Some((at("2020-05-15T18:00:00Z")).as_millis())
            || point["actual"].is_null())
    );
}

#[test]
fn outside_its_campaign_a_target_has_previous_figures_only() {
    let campaign = Period::Campaign("2020-05-04".parse().unwrap(), "2020-05-10".parse().unwrap());
    let world = World::new(vec![target("campaign", Measure::Dispersals, campaign, Quantity::Count(10))]);
    let target = &world.ok("targets/campaign")["target"];
    assert_eq!(target["current"], Value::Null);
    assert_eq!(target["previous"]["period"]["id"], "2020-05-04--2020-05-10");
    assert_eq!(world.ok("targets/campaign")["curve"], json!([]));
}

#[test]
fn a_closed_period_is_shown_beside_what_is_known_today() {
    let answer = world().ok("targets/weekly-people/history");
    assert_eq!(answer["periods"].as_array().unwrap().len(), 1);
    let closed = picked(&answer["periods"][0], &["goal", "actual", "cut", "corrections", "today", "difference"]);
    assert_eq!(
        closed,
        json!({ "goal": 100, "actual": 50, "cut": CLOSING, "corrections": [], "today": 51, "difference": 1 })
    );
    assert_eq!(answer["periods"][0]["period"]["id"], "2020-W19");
    assert_eq!(answer["more"], false);
}

#[test]
fn periods_of_another_selection_are_no_history() {
    let world = world();
    world.publish(|snapshot| {
        let mut targets = three_targets();
        targets[0].filter = Filter { programmes: vec!["palabra".to_owned()], ..Filter::default() };
        let cuts = snapshot.targets.cuts.clone();
        snapshot.targets = std::sync::Arc::new(crate::targets::Targets { targets, calendars: Vec::new(), cuts });
        for status in &mut snapshot.partitions {
            let mut view = (*status.view).clone();
            view.slots_mut().targets = std::sync::Arc::clone(&snapshot.targets);
            status.view = std::sync::Arc::new(view);
        }
    });
    assert_eq!(world.ok("targets/weekly-people/history")["periods"], json!([]));
    assert_eq!(world.ok(&format!("cuts/{EVENING}"))["targets"][0]["today"], Value::Null);
}

#[test]
fn forgotten_figures_are_null_today() {
    let world = world();
    let from = at("2020-05-11T05:00:00Z");
    world.publish(|snapshot| {
        let mut view = (*snapshot.partitions[0].view).clone();
        if let crate::view::StreamFigures::Disbursement(view) = &mut view.figures {
            view.slots.people_from = from;
        }
        snapshot.partitions[0].view = std::sync::Arc::new(view);
        // As a restart reads them.
        let cuts = CutStore::new(std::sync::Arc::new(world.disk.clone()), CutKey::new([7; 32]));
        snapshot.closed_periods = std::sync::Arc::new(cuts.closed_periods().unwrap().0);
    });
    let previous = &world.ok("targets")["targets"][0]["previous"];
    assert_eq!(picked(previous, &["goal", "actual"]), json!({ "goal": 100, "actual": 50 }), "as the cut has it");
    let closed = &world.ok("targets/weekly-people/history")["periods"][0];
    assert_eq!(
        picked(closed, &["actual", "today", "difference"]),
        json!({ "actual": 50, "today": null, "difference": null })
    );
    assert_eq!(world.ok("periods/week/2020-W19")["today"], Value::Null);
    assert_eq!(world.ok(&format!("cuts/{CLOSING}"))["periods"][1]["cells"][0]["today"], Value::Null);
    let (status, error) = world.get("periods/week/2020-W18");
    assert_eq!((status, error["error"].as_str().unwrap().contains("forgotten")), (404, true), "{error}");
}

#[test]
fn cuts_are_listed_newest_first_with_closed_periods() {
    let answer = world().ok("cuts");
    let ids: Vec<_> = answer["cuts"].as_array().unwrap().iter().map(|cut| &cut["id"]).collect();
    assert_eq!(ids, [EVENING, CLOSING]);
    let closing_cut = picked(&answer["cuts"][1], &["at", "periods", "targets"]);
    assert_eq!(
        closing_cut,
        json!({
            "at": "2020-05-11T00:00:00-05:00",
            "periods": [{ "period": "day", "id": "2020-05-10" }, { "period": "week", "id": "2020-W19" }],
            "targets": [{ "target": "weekly-people", "period": "2020-W19" }],
        })
    );
    assert_eq!(picked(&answer["cuts"][0], &["periods", "targets"]), json!({ "periods": [], "targets": [] }));
    let first = world().ok("cuts?limit=1");
    assert_eq!((first["cuts"].as_array().unwrap().len(), &first["more"]), (1, &json!(true)));
}

#[test]
fn a_cut_is_shown_beside_the_same_figures_today() {
    let answer = world().ok(&format!("cuts/{CLOSING}"));
    let week = &answer["periods"][1];
    assert_eq!(
        picked(week, &["period", "id", "closes"]),
        json!({ "period": "week", "id": "2020-W19", "closes": true })
    );
    let figures = |people: u64, dispersals: u64, pesos: &str| json!({ "beneficiaries": people, "dispersals": dispersals, "net_pesos": pesos });
    let cell = |cell: &Value| (picked(cell, &["beneficiaries", "dispersals", "net_pesos"]), cell["today"].clone());
    assert_eq!(cell(&week["cells"][0]), (figures(40, 40, "1000000.00"), figures(39, 40, "975000.00")));
    assert_eq!(cell(&week["cells"][1]), (figures(0, 0, "0.00"), figures(2, 2, "50000.00")), "a cell of late records");
    assert_eq!(week["cells"][1]["state"], "MX-OAX");
    let people = picked(&answer["targets"][0], &["target", "actual", "today", "closes"]);
    assert_eq!(people, json!({ "target": "weekly-people", "actual": 50, "today": 51, "closes": true }));
    assert_eq!(
        picked(&answer["offsets"][0], &["partition", "next_offset"]),
        json!({ "partition": 0, "next_offset": 60 })
    );
}

#[test]
fn today_covers_the_span_of_the_cut_only() {
    let answer = world().ok(&format!("cuts/{EVENING}"));
    let people = picked(&answer["targets"][0], &["actual", "today"]);
    assert_eq!(people, json!({ "actual": 30, "today": 30 }), "55 by now");
    assert_eq!(answer["targets"][1]["today"], "2025000.00", "of the month up to the cut");
}

#[test]
fn newest_is_the_id_of_the_newest_cut() {
    assert_eq!(world().ok("cuts/newest")["id"], EVENING);
}

#[test]
fn a_cut_is_found_by_a_time_of_the_zone_or_a_period_it_ends() {
    let world = world();
    let names = [
        ("2020-05-11T18:00", EVENING),
        ("2020-05-11 18:00:00", EVENING),
        ("2020-05-11T23:00:00Z", EVENING),
        ("2020-05-11T18:00:00-05:00", EVENING),
        ("2020-05-11T00:00", CLOSING),
        ("2020-05-10", CLOSING),
        ("2020-W19", CLOSING),
    ];
    for (name, id) in names {
        let cut = world.ok(&format!("cuts/{name}"));
        assert_eq!((&cut["id"], &cut["nearest_to"]), (&json!(id), &Value::Null), "{name}");
    }
}

#[test]
fn without_a_cut_at_an_instant_the_nearest_is_given() {
    let world = world();
    let names = [
        ("2020-05-11T08:59", CLOSING, "2020-05-11T08:59:00-05:00"),
        // Nine hours from both.
        ("2020-05-11T09:00", CLOSING, "2020-05-11T09:00:00-05:00"),
        ("2020-05-11T09:01", EVENING, "2020-05-11T09:01:00-05:00"),
        ("yesterday", EVENING, "2020-05-15T00:00:00-05:00"),
        ("2019-12", CLOSING, "2020-01-01T00:00:00-06:00"),
        ("2030-01-01T00:00", EVENING, "2030-01-01T00:00:00-06:00"),
    ];
    for (name, id, wanted) in names {
        let cut = world.ok(&format!("cuts/{name}"));
        assert_eq!((&cut["id"], &cut["nearest_to"]), (&json!(id), &json!(wanted)), "{name}");
    }
    let wanted = at("2020-05-15T05:00:00Z").as_millis();
    assert_eq!(world.ok("cuts/yesterday")["nearest_to_ms"], wanted);
    for name in ["20200511T050001Z", "20200511T0500", "20200511", "2020-05-11T25:00", "2020", "monday"] {
        assert_eq!(world.get(&format!("cuts/{name}")).0, 404, "{name}");
    }
}

#[test]
fn the_next_page_of_cuts_is_before_the_last_one() {
    let world = world();
    let before = |id: &str| {
        let instant = world.ok(&format!("cuts/{id}"))["at_ms"].clone();
        let page = world.ok(&format!("cuts?limit=1&before_ms={instant}"));
        page["cuts"].as_array().unwrap().iter().map(|cut| cut["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(before(EVENING), [json!(CLOSING)]);
    assert_eq!(before(CLOSING), [] as [Value; 0]);
}

/// Week 19 has a target without a filter, the months and days have none.
#[test]
fn people_of_all_programmes_are_those_that_a_target_counted() {
    let world = world();
    world.publish(|snapshot| {
        let mut view = (*snapshot.partitions[0].view).clone();
        // One person was paid by both programmes.
        for slot in &mut view.slots_mut().slots {
            let mut tallies = slot.tallies.clone();
            tallies[0].amount -= 1;
            let cells = slot.cells.clone();
            *slot = std::sync::Arc::new(Slot {
                span: slot.span,
                cells,
                tallies,
                states: slot.states.clone(),
                hours: slot.hours.clone(),
            });
        }
        snapshot.partitions[0].view = std::sync::Arc::new(view);
    });
    let cut = world.ok(&format!("cuts/{CLOSING}"));
    let [day, week, month] = [0, 1, 2].map(|period| cut["periods"][period]["total"].clone());
    let today = json!({ "beneficiaries": 50, "dispersals": 52, "net_pesos": "1275000.00" });
    let expected = json!({ "beneficiaries": 50, "dispersals": 50, "net_pesos": "1250000.00", "today": today });
    assert_eq!(week, expected, "51 in the sum of today");
    assert_eq!((&month["beneficiaries"], &month["today"]["beneficiaries"]), (&Value::Null, &Value::Null));
    assert_eq!((&month["dispersals"], &month["today"]["dispersals"]), (&json!(50), &json!(52)));
    assert_eq!(day["beneficiaries"], 0, "nobody was paid");
    assert_eq!(world.ok("periods/week/2020-W20")["today"]["beneficiaries"], 53);
    let today = &world.ok("periods/day/2020-05-15")["today"];
    assert_eq!(today["beneficiaries"], 25, "there is only one programme");
}

#[test]
fn the_current_and_the_previous_period_have_names() {
    let world = world();
    for (path, id) in [
        ("periods/day/current", "2020-05-15"),
        ("periods/day/previous", "2020-05-14"),
        ("periods/week/current", "2020-W20"),
        ("periods/week/previous", "2020-W19"),
        ("periods/month/current", "2020-05"),
    ] {
        assert_eq!(world.ok(path)["period"]["id"], id, "{path}");
    }
    assert_eq!(world.get("periods/month/previous").0, 404, "forgotten");
}

#[test]
fn a_period_adds_up_programmes_but_not_their_people() {
    let answer = world().ok("periods/week/2020-W19");
    assert_eq!(answer["cut"], CLOSING);
    assert_eq!(answer["closed"], json!({ "beneficiaries": 50, "dispersals": 50, "net_pesos": "1250000.00" }));
    assert_eq!(answer["today"], json!({ "beneficiaries": 51, "dispersals": 52, "net_pesos": "1275000.00" }));
    let palabra = &answer["programmes"][0];
    assert_eq!(palabra["closed"], json!({ "beneficiaries": 40, "dispersals": 40, "net_pesos": "1000000.00" }));
    assert_eq!(palabra["today"], json!({ "beneficiaries": 41, "dispersals": 42, "net_pesos": "1025000.00" }));
    let states: Vec<_> = palabra["states"].as_array().unwrap().iter().map(|state| &state["state"]).collect();
    assert_eq!(states, ["MX-JAL", "MX-OAX"]);
}

#[test]
fn the_current_period_has_figures_of_today_only() {
    let world = world();
    for (path, dispersals) in
        [("periods/day/2020-05-15", 25), ("periods/week/2020-W20", 55), ("periods/month/2020-05", 107)]
    {
        let answer = world.ok(path);
        assert_eq!((&answer["cut"], &answer["closed"]), (&Value::Null, &Value::Null), "{path}");
        assert_eq!(answer["today"]["dispersals"], dispersals, "{path}");
        assert_eq!(answer["programmes"][0]["closed"], Value::Null, "{path}");
    }
}

#[test]
fn an_unknown_name_is_404_with_a_suggestion() {
    let world = world();
    for (path, nearest) in [
        ("targets/wekly-people", "weekly-people"),
        ("targets/weekly_people/history", "weekly-people"),
        ("cuts/20200511T050000", CLOSING),
        ("periods/weeks/2020-W20", "week"),
    ] {
        let (status, error) = world.get(path);
        assert_eq!((status, &error["nearest"]), (404, &json!(nearest)), "{path}: {error}");
        assert!(error["error"].as_str().unwrap().ends_with(&format!("; did you mean {nearest}?")), "{path}: {error}");
    }
    assert_eq!(world.get("periods/day/2020-05-16").0, 404, "the period has not begun");
}

#[test]
fn invalid_parameters_and_period_ids_are_400() {
    let world = world();
    for path in [
        "cuts?limit=0",
        "cuts?limit=1001",
        "cuts?limit=ten",
        "cuts?limit=1&limit=2",
        "cuts?limit",
        "cuts?limit=%31%30%30%31",
        "cuts?limit=%2B3",
        "cuts?limit=+3",
        "cuts?limit=3%",
        "cuts?limit=%FF",
        "cuts?%FF=3",
        "cuts?%6Cimit=1&limit=2",
        "cuts?page=2",
        "cuts?before_ms=now",
        "cuts?before_ms=-1",
        "cuts?before_ms=1&before_ms=2",
        "targets/weekly-people/history?before_ms=now",
        "targets/weekly-people?before_ms=1",
        "targets?limit=1",
        "targets/weekly-people/history?limit=-1",
        "periods/day/2020-02-30",
        "periods/week/2020-20",
        "periods/month/may",
    ] {
        let (status, error) = world.get(path);
        assert_eq!((status, error["error"].is_string()), (400, true), "{path}: {error}");
    }
}

#[test]
fn names_and_values_of_parameters_are_percent_decoded() {
    let world = world();
    let plain = world.ok("cuts?limit=1");
    assert_eq!(plain["cuts"].as_array().unwrap().len(), 1);
    for query in ["%6C%69mit=%31", "limi%74=1", "&limit=%31&"] {
        assert_eq!(world.ok(&format!("cuts?{query}")), plain, "{query}");
    }
}

#[test]
fn without_figures_the_answer_is_503_with_the_reasons() {
    let world = world();
    world.publish(|snapshot| snapshot.phase = Phase::Replaying { read: 3, total: 7 });
    for path in ["targets", "targets/weekly-people", "cuts", "cuts/newest", "periods/week/2020-W20"] {
        let (status, error) = world.get(path);
        assert_eq!((status, &error["reasons"]), (503, &json!(["replaying the log: 3 of 7 records read"])), "{path}");
    }
}

#[test]
fn a_damaged_cut_is_500_and_the_others_are_readable() {
    let world = world();
    let file = format!("cuts/{CLOSING}.json");
    let intact = String::from_utf8(world.disk.read(&file).unwrap()).unwrap();
    world.disk.put(&file, intact.replacen("50", "51", 1).into_bytes());
    for path in [format!("cuts/{CLOSING}"), "periods/week/2020-W19".to_owned()] {
        let (status, error) = world.get(&path);
        assert_eq!(status, 500, "{path}");
        assert!(error["error"].as_str().unwrap().contains(CLOSING), "{error}");
    }
    world.ok(&format!("cuts/{EVENING}"));
    world.ok("targets/weekly-people/history");
}

#[test]
fn without_targets_and_cuts_the_lists_are_empty() {
    let world = World::new(Vec::new());
    world.publish(|snapshot| snapshot.closed_periods = std::sync::Arc::default());
    assert_eq!(world.ok("targets")["targets"], json!([]));
    assert_eq!(world.ok("cuts")["cuts"], json!([]));
    let (status, error) = world.get("cuts/newest");
    assert_eq!((status, &error["error"]), (404, &json!("there are no cuts yet")));
}
