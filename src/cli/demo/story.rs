//! The story of 2020 in the demo: its settings, and its public figures, each compared.

use std::fmt::Write as _;

use clap::ValueEnum;
use indicatif::HumanCount;
use serde_json::Value;

use crate::simulate::story::{
    AGENTS, BUSINESSES, CONTACTS, DOMESTIC_WORKERS, FOLLOWING, MARKET_BUSINESS, PEOPLE_OF_LAST_WEEK, PESOS, SUPPORTS,
    WEEKLY_GOAL,
};

/// Stories that were told in public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoStory {
    /// Supports in Mexico from May to July 2020.
    #[value(name = "2020")]
    Mexico2020,
}

/// Targets of the story.
pub(super) const TARGETS: &str = include_str!("story/targets.toml");
/// Names of its labels, at the end of the settings.
pub(super) const NAMES: &str = include_str!("story/settings.toml");
/// Title of the programme, as a setting.
pub(super) const TITLE: &str = "programme.title = { es = \"Apoyos de 2020\", en = \"Supports of 2020\" }\n";
/// Time of day of its cuts beside midnight.
pub(super) const CUTS_AT: &str = "06:00";
/// Simulated seconds per real second at most: the story takes a minute.
pub(super) const SPEED: f64 = 93.4 * 86_400.0 / 60.0;

/// Answers that show the figures: of the last cut and of now.
pub(super) struct StoryAnswers {
    pub(super) cut: Value,
    pub(super) now: Value,
}

/// Place of a public figure in the answers.
#[derive(Clone, Copy)]
enum Place {
    /// Result of a target.
    Actual(&'static str),
    Goal(&'static str),
    Agents,
    /// Milestone by its initiative and its name.
    Milestone(&'static str, &'static str),
}

/// A figure as it was told.
struct PublicFigure {
    name: &'static str,
    told: u64,
    place: Place,
}

/// Figures in the order in which they are printed.
fn public_figures() -> Vec<PublicFigure> {
    let figure = |name, told, place| PublicFigure { name, told, place };
    let [hours, participants, agreements, oaxaca, tabasco, veracruz] = FOLLOWING;
    let following = |name, (initiative, milestone, quantity): (&'static str, &'static str, u64)| {
        figure(name, quantity, Place::Milestone(initiative, milestone))
    };
    vec![
        figure("pesos paid", PESOS, Place::Actual("pesos")),
        figure("supports of 25,000 pesos", SUPPORTS, Place::Actual("supports")),
        figure("credits to domestic workers", DOMESTIC_WORKERS, Place::Actual("domestic_workers")),
        figure("contacts handled", CONTACTS, Place::Actual("contacts")),
        figure("agents at home", AGENTS, Place::Agents),
        figure("businesses in the online market", BUSINESSES, Place::Actual("businesses")),
        figure("the same, as milestones", BUSINESSES, Place::Milestone(MARKET_BUSINESS.0, MARKET_BUSINESS.1)),
        figure("goal of the week, in people", WEEKLY_GOAL, Place::Goal("weekly_beneficiaries")),
        figure("people of the week so far", PEOPLE_OF_LAST_WEEK, Place::Actual("weekly_beneficiaries")),
        following("hours of the regional meeting", hours),
        following("remote participants in it", participants),
        following("agreements of it", agreements),
        following("hospitals handed over by Oaxaca", oaxaca),
        following("hospitals handed over by Tabasco", tabasco),
        following("hospitals handed over by Veracruz", veracruz),
    ]
}

impl StoryAnswers {
    /// Formats the public figures beside those of the answers; the number of figures that differ comes with it.
    pub(super) fn table(&self) -> (String, usize) {
        let mut text = format!("\n{:35} {:>13} {:>13} {:>13}\n", "public figure", "told", "last cut", "now");
        let mut differing = 0;
        for PublicFigure { name, told, place } in public_figures() {
            let (cut, now) = (self.of_cut(place), self.of_now(place));
            let is_in_cut = matches!(place, Place::Actual(_) | Place::Goal(_));
            let is_right = now == Some(told) && (!is_in_cut || cut == Some(told));
            differing += usize::from(!is_right);
            let shown = |value: Option<u64>| value.map_or("absent".to_owned(), |value| HumanCount(value).to_string());
            let cut = if is_in_cut { shown(cut) } else { "-".to_owned() };
            let verdict = if is_right { "equal" } else { "DIFFERS" };
            let _ = writeln!(
                text,
                "{name:35} {:>13} {cut:>13} {:>13}  {verdict}",
                HumanCount(told).to_string(),
                shown(now)
            );
        }
        (text, differing)
    }

    fn of_cut(&self, place: Place) -> Option<u64> {
        let target = |name| entry(&self.cut["targets"], |target| target["target"] == name);
        match place {
            Place::Actual(name) => whole(&target(name)?["actual"]),
            Place::Goal(name) => whole(&target(name)?["goal"]),
            Place::Agents | Place::Milestone(..) => None,
        }
    }

    fn of_now(&self, place: Place) -> Option<u64> {
        let current =
            |name| entry(&self.now["targets"], |target| target["name"] == name).map(|target| &target["current"]);
        match place {
            Place::Actual(name) => whole(&current(name)?["actual"]),
            Place::Goal(name) => whole(&current(name)?["goal"]),
            Place::Agents => {
                let agents = self.now["calls"]["agents"].as_array()?;
                agents.iter().map(|agents| agents["count"].as_u64()).sum()
            }
            Place::Milestone(initiative, milestone) => {
                let is_it = |found: &Value| found["initiative"] == initiative && found["milestone"] == milestone;
                whole(&entry(&self.now["milestones"], is_it)?["total"])
            }
        }
    }
}

fn entry(list: &Value, is_it: impl Fn(&Value) -> bool) -> Option<&Value> {
    list.as_array()?.iter().find(|entry| is_it(entry))
}

/// Whole number of a JSON number, or of a text with decimals that are 0.
fn whole(value: &Value) -> Option<u64> {
    let Some(text) = value.as_str() else { return value.as_u64() };
    let (number, decimals) = text.split_once('.').unwrap_or((text, ""));
    decimals.bytes().all(|digit| digit == b'0').then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answers() -> StoryAnswers {
        let mut cut = Vec::new();
        let mut now: Vec<Value> = Vec::new();
        let mut milestones = Vec::new();
        for PublicFigure { told, place, .. } in public_figures() {
            match place {
                Place::Actual("pesos") => {
                    let pesos = json!(format!("{told}.00"));
                    cut.push(json!({"target": "pesos", "actual": pesos}));
                    now.push(json!({"name": "pesos", "current": {"actual": pesos}}));
                }
                Place::Actual(name) => {
                    cut.push(json!({"target": name, "actual": told, "goal": WEEKLY_GOAL}));
                    now.push(json!({"name": name, "current": {"actual": told, "goal": WEEKLY_GOAL}}));
                }
                Place::Milestone(initiative, milestone) => {
                    milestones.push(json!({"initiative": initiative, "milestone": milestone, "total": told}));
                }
                Place::Goal(_) | Place::Agents => {}
            }
        }
        let calls = json!({"agents": [{"count": AGENTS - 5}, {"count": 5}]});
        let now = json!({"targets": now, "milestones": milestones, "calls": calls});
        StoryAnswers { cut: json!({"targets": cut}), now }
    }

    #[test]
    fn the_public_figures_are_compared_with_cut_and_now() {
        let (text, differing) = answers().table();
        assert_eq!(differing, 0, "{text}");
        assert!(text.contains("9,232,000,000 9,232,000,000 9,232,000,000  equal\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 90), "{text}");
    }

    #[test]
    fn one_figure_that_is_not_as_told_differs() {
        for (path, wrong) in [
            ("/now/targets/0/current/actual", json!("9232000000.01")),
            ("/now/targets/1/current/actual", json!(SUPPORTS - 1)),
            ("/cut/targets/1/actual", json!(SUPPORTS + 1)),
            ("/now/calls/agents/0/count", json!(AGENTS)),
            ("/now/milestones/0", json!({})),
            ("/cut/targets", json!(null)),
        ] {
            let answers = answers();
            let mut both = json!({"now": answers.now, "cut": answers.cut});
            *both.pointer_mut(path).expect("a place") = wrong;
            let answers = StoryAnswers { cut: both["cut"].take(), now: both["now"].take() };
            let (text, differing) = answers.table();
            assert!(differing > 0 && text.contains("DIFFERS"), "{path}: {text}");
        }
    }
}
