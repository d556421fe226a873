//! Documents with figures that a test chooses.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fallback::Figures;
use super::language::Language;
use super::markup::Markup;
use super::{Page, assets, words};
use crate::api::targets::TargetEntry;
use crate::settings::BilingualText;
use crate::targets::status::PaceStatus;
use crate::telemetry::events::STATUSES;

fn target(name: &str, say: &str, id: &str) -> TargetEntry {
    let period = json!({ "period": "week", "id": id, "start_ms": 0, "start": "", "end_ms": 1, "end": "" });
    let current: Value = json!({
        "status": "at_risk", "say": { "es": say, "en": say }, "period": period, "goal": 100_000, "actual": 55_032,
        "plan": 63_061.0, "plan_share": 0.63, "remaining_open_seconds": 1.0, "dispersion": 4.0,
    });
    let filter = json!({ "programmes": [], "states": [], "queues": [], "initiatives": [], "milestones": [] });
    let entry = json!({
        "name": name, "description": "", "measure": "beneficiaries", "unit": "people", "filter": filter,
        "title": { "es": name, "en": name },
        "group": null, "calendar": { "name": "payments", "open": true, "changes_ms": null }, "complete_until_ms": 1, "current": current, "previous": null,
    });
    serde_json::from_value(entry).unwrap()
}

fn both(text: &str) -> BilingualText {
    BilingualText { es: text.to_owned(), en: text.to_owned() }
}

fn figures(text: &str) -> Figures {
    Figures {
        programme: both(text),
        complete_until: Some(text.to_owned()),
        reasons: vec![both(text); 2],
        targets: vec![target(text, text, text), target(text, text, text)],
    }
}

fn document(figures: &Figures, language: Language) -> String {
    Page::new().rendered(figures, language)
}

/// Everything between `<` and `>`, without the values of attributes.
fn tags(html: &str) -> Vec<String> {
    let tag = |rest: &str| {
        let tag = rest.split('>').next().unwrap_or_default();
        tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
    };
    html.split('<').skip(1).map(tag).collect()
}

#[test]
fn the_document_says_the_figures_in_both_languages() {
    let figures = Figures {
        programme: both("Programme"),
        complete_until: Some("2020-05-15 12:59:58".to_owned()),
        reasons: Vec::new(),
        targets: vec![target("weekly", "No se alcanzará la meta.", "2020-W20")],
    };
    let spanish = document(&figures, Language::Spanish);
    for text in
        ["lang=\"es\"", "2020-05-15 12:59:58", "<bdi>weekly</bdi>", "55,032", "100,000", "2020-W20", "En riesgo"]
    {
        assert!(spanish.contains(text), "{text}: {spanish}");
    }
    assert!(spanish.contains("No se alcanzará la meta."), "the sentence of the API");
    let english = document(&figures, Language::English);
    assert!(english.contains("lang=\"en\"") && english.contains("At risk"), "{english}");
    assert_eq!(tags(&spanish), tags(&english));
}

#[test]
fn without_figures_the_document_says_why() {
    let reasons = vec![both("replaying the log: 1 of 2 records read")];
    let programme = both("Programme");
    let html = document(&Figures { programme, complete_until: None, reasons, targets: Vec::new() }, Language::Spanish);
    assert!(html.contains("replaying the log: 1 of 2 records read") && !html.contains("<table"), "{html}");
}

#[test]
fn the_document_loads_assets_that_exist() {
    let page = Page::new();
    let html = document(&figures("x"), Language::Spanish);
    let loaded: Vec<_> = html.split("\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(loaded.len() >= 2, "{html}");
    for address in loaded {
        let (hash, name) = address.split_once('/').unwrap();
        assert!(page.asset(hash, name).is_some(), "{address}");
    }
    assert!(!html.contains("{{") && !html.contains("<style") && !html.contains(" style="), "the policy refuses them");
}

#[test]
fn status_words_are_the_labels_of_the_modules() {
    for language in Language::ALL {
        let labels: Value = serde_json::from_str(assets::text(&format!("{}.json", language.tag()))).unwrap();
        for (status, name) in PaceStatus::ALL {
            let label = &labels[format!("status-{name}")];
            let word = words::status(status).text(language);
            assert_eq!(label, word, "{language:?} {name}");
            let of_events = STATUSES.iter().find(|words| words[0] == name).expect("a status of events");
            let place = if language == Language::Spanish { 1 } else { 2 };
            assert_eq!(of_events[place], word.to_lowercase(), "{language:?} {name}");
        }
    }
}

#[test]
fn the_document_links_to_every_path() {
    let html = document(&figures("x"), Language::Spanish);
    for (address, _) in words::LINKS {
        assert!(html.contains(&format!("<a href=\"{address}\">{address}</a>")), "{address}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</title><img src=x onerror=alert(1)>\"' &lt; \u{0} \u{202e}__proto__{{assets}}%00";
    let html = document(&figures(hostile), Language::Spanish);
    assert_eq!(tags(&html), tags(&document(&figures("x"), Language::Spanish)));
    assert!(!html.contains("<img") && !html.contains('\u{0}') && !html.contains("onerror=alert(1)>"), "{html}");
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39; &amp;lt;"), "{html}");
}

proptest! {
    #[test]
    fn no_input_leaves_the_text(input in ".{0,40}|[<>&\"'/=a-z !-]{0,40}") {
        let mut out = Markup::default();
        out.text(&input);
        let escaped = out.into_string();
        prop_assert!(!escaped.contains(['<', '>', '"', '\'']), "{}", escaped);
        let entities = ["&lt;", "&gt;", "&quot;", "&#39;", "&amp;"];
        for (at, _) in escaped.match_indices('&') {
            prop_assert!(entities.iter().any(|entity| escaped[at..].starts_with(entity)), "{}", escaped);
        }
        let read = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
        let shown: String = input.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect();
        prop_assert_eq!(read.replace("&amp;", "&"), shown);
    }

    #[test]
    fn no_input_changes_the_documents_markup(input in ".{0,40}|[<>&\"'/=a-z !-]{0,40}") {
        let html = document(&figures(&input), Language::English);
        prop_assert_eq!(tags(&html), tags(&document(&figures("x"), Language::English)));
    }
}
