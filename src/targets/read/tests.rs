use std::path::Path;

use jiff::civil::{Date, Weekday, date};

use super::*;
use crate::calendar::Period;
use crate::clock::DAY;
use crate::settings::BilingualText;
use crate::targets::{Filter, Quantity};

const BOUNDS: PeriodBounds =
    PeriodBounds { disbursement_horizon: 92 * DAY, counts: (800 * DAY, "state.coarse_history") };

fn documents(texts: &[&str]) -> Vec<Document> {
    texts.iter().zip(["a.toml", "b.toml"]).map(|(text, name)| Document::parse(name, text)).collect()
}

fn read_all(texts: &[&str]) -> Result<Targets, Vec<String>> {
    read(&documents(texts), &TimeZone::UTC, &BOUNDS).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn faults_of(texts: &[&str]) -> Vec<String> {
    read_all(texts).expect_err("there are faults")
}

fn one(text: &str) -> Target {
    read_all(&[text]).unwrap().targets.remove(0)
}

/// Valid target with these keys in place of, or besides, the required ones.
fn with(lines: &str) -> String {
    let keys = [("measure", "'beneficiaries'"), ("period", "'week'"), ("goal", "100")];
    let missing = keys.iter().filter(|(key, _)| !lines.lines().any(|line| line.starts_with(&format!("{key} ="))));
    let missing: String = missing.map(|(key, value)| format!("{key} = {value}\n")).collect();
    format!("[target.a]\n{lines}\n{missing}")
}

#[test]
fn the_shipped_targets_have_no_fault() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let documents = ["targets.toml", "calendars/payments.toml", "calendars/calls.toml"]
        .map(|name| Document::read(&config.join(name)));
    let zone = TimeZone::get("America/Mexico_City").unwrap();
    let targets = read(&documents, &zone, &BOUNDS).unwrap();
    assert!(targets.targets.len() >= 12);
    assert!(targets.targets.iter().all(|target| !target.description.is_empty()));
    assert!(targets.targets.iter().all(|target| target.title.is_some() && target.group.is_some()));
    let people = targets.targets.iter().find(|target| target.name == "weekly_beneficiaries").unwrap();
    assert_eq!((people.goals[0].1, people.pesos_each), (Quantity::Count(100_000), Some(2_500_000)));
    assert_eq!(people.calendar.name(), "payments");
}

#[test]
fn every_key_is_read() {
    let text = "[target.people]\ndescription = 'who was paid'\nmeasure = 'beneficiaries'\nprogrammes = ['p', 'q']\nstates = ['MX-JAL', 'unknown']\n\
                period = 'week'\nfirst_day = 'sunday'\ngoal = 7\ncalendar = 'office'\nprofile = [0,0,0,0,0,0,0,0,0,1,2,1.5,0,0,0,0,0,0,0,0,0,0,0,0]\n\
                prorate = true\npesos_each = 25000.50\n[calendar.office.hours]\nmonday = ['09:00-18:00']\n";
    let target = one(text);
    assert_eq!((target.name.as_str(), target.description.as_str()), ("people", "who was paid"));
    assert_eq!(target.measure, Measure::Beneficiaries);
    let (programmes, states) = (vec!["p".into(), "q".into()], vec!["MX-JAL".into(), "unknown".into()]);
    assert_eq!(target.filter, Filter { programmes, states, ..Filter::default() });
    assert_eq!(target.period, Period::Week(Weekday::Sunday));
    assert_eq!(target.goals, [(Date::MIN, Quantity::Count(7))]);
    assert_eq!(target.calendar.name(), "office");
    assert_eq!(target.profile.map(|profile| profile[9..12].to_vec()), Some(vec![1.0, 2.0, 1.5]));
    assert!(target.prorate);
    assert_eq!(target.pesos_each, Some(2_500_050));
}

#[test]
fn a_title_is_one_text_or_one_for_each_language() {
    let both = one(&with("title = { es = 'Personas', en = 'People' }\ngroup = 'Apoyos'"));
    assert_eq!(both.shown_title(), BilingualText::new("Personas", "People"));
    assert_eq!(both.group.as_deref(), Some("Apoyos"));
    let hostile = "<img src=x onerror=alert(1)>";
    assert_eq!(one(&with(&format!("title = '{hostile}'"))).shown_title(), BilingualText::same(hostile));
    assert_eq!(one(&with("")).shown_title(), BilingualText::same("a"), "without a title the name is shown");
    for (wrong, fault) in [
        ("title = ''", "is empty"),
        ("title = 7", "expected a string"),
        ("title = { es = 'x' }", "target.a.title.en"),
        ("title = { es = 'x', en = 'y', fr = 'z' }", "no such key"),
        (&format!("group = '{}'", "ñ".repeat(121)), "has 121 characters"),
    ] {
        let faults = faults_of(&[&with(wrong)]);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{wrong}: {faults:?}");
    }
}

#[test]
fn defaults_select_everything_evenly_and_always() {
    let target = one(&with(""));
    assert_eq!((target.filter, target.period), (Filter::default(), Period::WEEK));
    assert_eq!(
        (target.calendar.name(), target.profile, target.prorate, target.pesos_each),
        ("always", None, false, None)
    );
}

#[test]
fn goals_are_whole_numbers_exact_pesos_or_ratios() {
    let goal = |measure: &str, goal: &str| one(&with(&format!("measure = '{measure}'\ngoal = {goal}"))).goals[0].1;
    assert_eq!(goal("milestones", "837"), Quantity::Count(837));
    assert_eq!(goal("net_pesos", "2_500_000_000"), Quantity::Centavos(250_000_000_000));
    assert_eq!(goal("net_pesos", "0.29"), Quantity::Centavos(29));
    assert_eq!(goal("net_pesos", "999999999999.99"), Quantity::Centavos(99_999_999_999_999));
    assert_eq!(goal("service_level", "0.8"), Quantity::Ratio(0.8));
    assert_eq!(
        faults_of(&[&with("measure = 'net_pesos'\ngoal = 0.295")])[0],
        "target.a.goal (a.toml:3): 0.295 has more than the two decimals of pesos"
    );
    assert!(
        faults_of(&[&with("measure = 'dispersals'\ngoal = 1.5")])[0].contains("is a fraction, expected a whole number")
    );
    assert!(faults_of(&[&with("measure = 'service_level'\ngoal = 80")])[0].contains("80 is outside 0 to 1"));
}

#[test]
fn goals_are_sorted_by_date() {
    let text = "[target.a]\nmeasure = 'approvals'\nperiod = 'month'\n[[target.a.goal]]\nfrom = 2020-06-01\nvalue = 2\n\
                [[target.a.goal]]\nfrom = '2020-05-01'\nvalue = 1\n";
    assert_eq!(one(text).goals, [(date(2020, 5, 1), Quantity::Count(1)), (date(2020, 6, 1), Quantity::Count(2))]);
    let twice = text.replace("2020-06-01", "2020-05-01");
    assert_eq!(
        faults_of(&[&twice]),
        ["target.a.goal.from (a.toml:8): there is a goal from 2020-05-01 already; join the two"]
    );
    let campaign = text.replace("'month'", "'campaign'\nfrom = 2020-05-04\nto = 2020-05-31");
    let expected = "target.a.goal.from (a.toml:7): a campaign has the goal of its first day, 2020-05-04, so this one would never apply";
    assert_eq!(faults_of(&[&campaign]), [expected]);
}

#[test]
fn all_faults_of_all_files_are_reported_with_their_lines() {
    let first = "[target.A]\nmeasure = 'beneficiary'\nperiod = 'wek'\ngoal = 1\ncalendar = 'paymets'\n\
                 [calendar.payments.hours]\nmonday = ['09:00-18:00']\n\
                 [target.b]\nmeasure = 'calls_offered'\nprogrammes = ['p']\nqueus = ['q']\nqueues = []\nperiod = 'day'\ngoal = 0\n";
    let second = "[target.b]\nmeasure = 'dispersals'\nstates = ['MX-JAK', 'MX-DIF', 'MX-JAL', 'MX-JAL']\nprofile = [1, 2]\nprorate = 1\n\
                  tolerance = 0.1\n[target.c]\nmeasure = 'service_level'\nperiod = 'month'\nfirst_day = 'monday'\nfrom = 2020-05-04\ngoal = 0.8\n\
                  pesos_each = 1\n";
    let expected = [
        "target.A (a.toml:1): is no name for a target; use a lower-case letter and at most 63 more, digits or _",
        "target.A.measure (a.toml:2): \"beneficiary\" is not one of beneficiaries, dispersals, net_pesos, approvals, applications, calls_offered, \
         calls_answered, calls_completed, service_level, milestones; did you mean beneficiaries?",
        "target.A.period (a.toml:3): \"wek\" is not one of day, week, month, campaign; did you mean week?",
        "target.A.calendar (a.toml:5): \"paymets\" is not one of always, payments; did you mean payments?",
        "target.b.programmes (a.toml:10): does not fit the measure calls_offered, whose events are selected by queues",
        "target.b.queus (a.toml:11): no such key; did you mean queues?",
        "target.b.queues (a.toml:12): is an empty list; leave it out to select all",
        "target.b.goal (a.toml:14): 0 is outside 1 to 1000000000000",
        "target.b (b.toml:1): a.toml:8 already has a target of this name; choose another",
        "target.b.period (b.toml:1): is missing and has no default",
        "target.b.goal (b.toml:1): is missing and has no default",
        "target.b.states (b.toml:3): \"MX-JAK\" is no code of ISO 3166-2:MX, such as \"MX-JAL\", nor unknown or other; did you mean MX-JAL?",
        "target.b.states (b.toml:3): \"MX-DIF\" is out of use; write \"MX-CMX\"",
        "target.b.profile (b.toml:4): has 2 numbers; write 24, the share of a day's plan of each hour from midnight",
        "target.b.prorate (b.toml:5): is a whole number, expected true or false",
        "target.b.tolerance (b.toml:6): fits a ratio only, since the tolerance of counts is their scatter; leave it out",
        "target.c.first_day (b.toml:10): fits the period week only; leave it out",
        "target.c.from (b.toml:11): fits the period campaign only; to change a goal from a date on, write [[target.NAME.goal]]",
        "target.c.pesos_each (b.toml:13): does not fit a ratio, whose plan is always its goal; leave it out",
    ];
    assert_eq!(faults_of(&[first, second]), expected);
    assert_eq!(
        faults_of(&[&with("states = ['MX-JAL', 'MX-JAL']")]),
        ["target.a.states (a.toml:2): \"MX-JAL\" is listed twice"]
    );
    assert_eq!(
        faults_of(&[&with("programmes = ['']")]),
        ["target.a.programmes (a.toml:2): \"\" is no label, which has 1 to 64 bytes"]
    );
}

#[test]
fn a_campaign_includes_its_first_and_last_day() {
    let campaign = |lines: &str| with(&format!("measure = 'milestones'\nperiod = 'campaign'\n{lines}"));
    let target = one(&campaign("from = 2020-05-04\nto = 2020-05-04"));
    assert_eq!(target.period, Period::Campaign(date(2020, 5, 4), date(2020, 5, 4)));
    assert_eq!(
        faults_of(&[&campaign("from = 2020-05-04\nto = 2020-05-03")]),
        ["target.a.to (a.toml:5): 2020-05-03 is before from = 2020-05-04"]
    );
    assert_eq!(faults_of(&[&campaign("from = 2020-05-04")]), ["target.a.to (a.toml:1): is missing and has no default"]);
    assert!(
        faults_of(&[&campaign("from = 1999-05-04\nto = 2020-05-04")])[0].contains("outside the years 2000 to 2100")
    );
}

#[test]
fn a_campaign_of_a_date_that_the_zone_skipped_is_refused() {
    let zone = TimeZone::get("Pacific/Apia").unwrap();
    let faults = |to: &str| {
        let text = with(&format!("period = 'campaign'\nfrom = 2011-12-30\nto = {to}"));
        let read = read(&documents(&[&text]), &zone, &BOUNDS);
        read.map_err(|faults| faults.to_string()).err()
    };
    assert!(faults("2011-12-30").unwrap().contains("the time zone Pacific/Apia skipped, so the campaign has no day"));
    assert_eq!(faults("2011-12-31"), None);
}

#[test]
fn a_period_beyond_retention_names_the_setting() {
    let campaign = |measure: &str, to: &str| {
        with(&format!("measure = '{measure}'\nperiod = 'campaign'\nfrom = 2020-01-01\nto = {to}"))
    };
    assert_eq!(one(&campaign("beneficiaries", "2020-03-29")).name, "a", "89 days and three more are 92");
    let expected = "target.a.period (a.toml:3): is up to 90d long and needs streams.disbursement.horizon of at least 93d, which is 92d; raise it, \
                    or choose a shorter period";
    assert_eq!(faults_of(&[&campaign("net_pesos", "2020-03-30")]), [expected]);
    assert_eq!(one(&campaign("calls_answered", "2022-03-07")).name, "a", "counts are kept longer");
    let expected = "target.a.period (a.toml:3): is up to 798d long and needs state.coarse_history of at least 801d, which is 800d; raise it, or \
                    choose a shorter period";
    assert_eq!(faults_of(&[&campaign("calls_answered", "2022-03-08")]), [expected]);
}

#[test]
fn names_and_numbers_of_targets_are_bounded() {
    let named = |name: &str| format!("[target.{name}]\nmeasure = 'dispersals'\nperiod = 'day'\ngoal = 1\n");
    for name in ["a", "a_1", &"a".repeat(64)] {
        assert_eq!(one(&named(name)).name, name);
    }
    for name in ["A", "1a", "_a", "a-b", "\"\"", "\"á\"", &"a".repeat(65)] {
        assert!(faults_of(&[&named(name)])[0].contains("is no name for a target"), "{name}");
    }
    let many: String = (0..=MAX_TARGETS).map(|number| named(&format!("t{number}"))).collect();
    assert_eq!(faults_of(&[&many]), ["target.t1000 (a.toml:4001): is one target too many; at most 1000 are read"]);
}

proptest::proptest! {
    #[test]
    fn no_value_makes_reading_panic(value in "[-a-z0-9.,'\\[\\]{}=\n]{0,20}", key in proptest::sample::select(KEYS.to_vec())) {
        let _ = read_all(&[&with(&format!("{key} = {value}"))]);
    }
}

#[test]
fn a_filter_has_a_maximum_number_of_labels() {
    let labels = |count: usize| -> Vec<String> { (0..count).map(|index| format!("p{index}")).collect() };
    assert_eq!(one(&with(&format!("programmes = {:?}", labels(1_000)))).filter.programmes.len(), 1_000);
    let faults = faults_of(&[&with(&format!("programmes = {:?}", labels(1_001)))]);
    assert_eq!(faults, ["target.a.programmes (a.toml:2): has 1001 labels; list at most 1000"]);
}
