//! Words: names of label values are complete, and those of the page for people.

use std::collections::BTreeMap;

use super::annotations::RUNBOOKS;
use super::queries::values_of;
use super::*;

/// Returns the values that have a name.
fn named(label: &str) -> Vec<String> {
    names::of(label).into_iter().map(|(value, _)| value).collect()
}

#[test]
fn every_value_that_the_program_knows_has_a_name() {
    for label in ["outcome", "reason", "stream", "status", "measure", "period", "level", "result", "kind", "aggregate"]
    {
        assert_eq!(named(label), values_of("", label), "{label}");
    }
    assert_eq!(named("disbursement_event"), values_of("pacemeter_disbursement_events_total", "event"));
    assert_eq!(named(names::TARGET_STATUS), values_of("pacemeter_target_status", "status"));
    assert_eq!(named("call_event"), values_of("pacemeter_call_events_total", "event"));
    assert_eq!(named("state").len(), 34);
}

/// Reads the labels of the page, those of its first view and the others.
fn page_labels(language: &str) -> BTreeMap<String, String> {
    let read = |name: String| {
        let path = format!("{}/src/page/assets/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str::<BTreeMap<String, String>>(&fs::read_to_string(path).unwrap()).unwrap()
    };
    let mut labels = read(language.to_owned());
    labels.extend(read(format!("{language}-more")));
    labels
}

#[test]
fn names_are_those_of_the_page() {
    for language in DashboardLanguage::ALL {
        let page = page_labels(language.tag());
        for (label, prefix) in [("status", "agent-"), ("stream", "stream-")] {
            for (value, name) in names::of(label) {
                assert_eq!(
                    page.get(&format!("{prefix}{value}")).map(String::as_str),
                    Some(language.of(&name)),
                    "{value}"
                );
            }
        }
    }
}

#[test]
fn both_languages_have_words_of_their_own() {
    for table in tables() {
        for panel in table.sections.iter().flat_map(|section| &section.panels) {
            for both in [&panel.title, &panel.description, &panel.no_value] {
                let same = ["CPU", "Plan"].contains(&both.es.as_str());
                assert!(same || both.es != both.en, "{}: one text for both languages", both.es);
            }
        }
    }
}

#[test]
fn runbooks_are_where_the_rules_say() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/rules");
    let mut found = 0;
    for entry in fs::read_dir(rules).unwrap() {
        for line in fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            if let Some(address) = line.trim().strip_prefix("runbook_url: ") {
                assert!(address.starts_with(&format!("{RUNBOOKS}/Pacemeter")), "{address}");
                found += 1;
            }
        }
    }
    assert!(found > 30, "the rules have {found} runbooks");
}
