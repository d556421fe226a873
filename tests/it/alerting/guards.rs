//! What keeps alerts silent in these tests, taken away by hand: `ALERTING_WITHOUT=floor,open`. Then a test fails; docs/alerts.md lists which.

use std::{env, fs};

use crate::alerts::{alertmanager_file, prometheus, yaml_files};

/// A guard: its name, and the lines of deploy/ or of the test's calendar that are it.
struct Guard {
    name: &'static str,
    lines: &'static str,
}

const GUARDS: [Guard; 7] = [
    Guard {
        name: "floor",
        lines: "          and\n            job_target:pacemeter_target_plan:max >= 0.05 * job_target:pacemeter_target_goal:max\n",
    },
    Guard { name: "keeping", lines: "        keep_firing_for: 15m\n" },
    Guard {
        name: "open",
        lines: "          and on (job, target)\n            (\n                job_target:pacemeter_target_open:bool == 1\n              or\n                \
                ALERTS{alertname=\"PacemeterTargetBehindPlan\",alertstate=\"firing\"}\n            )\n",
    },
    Guard {
        name: "open payments",
        lines: "          and on (job)\n            min_over_time(job_calendar:pacemeter_calendar_open:max{calendar=\"payments\"}[1h]) == 1\n",
    },
    Guard {
        name: "freshness",
        lines: "              *\n                (time() - min by (job, instance) (pacemeter_complete_until_timestamp_seconds{job=\"pacemeter\"}) < bool 300)\n",
    },
    Guard {
        name: "reading",
        lines: "              and on (job, instance)\n                job_instance:pacemeter_data_fresh:bool == 1\n",
    },
    Guard {
        name: "inhibition",
        lines: "      - 'alertname=~\"PacemeterTarget(BehindPlan|AtRisk|RatioLow|Missed)|PacemeterDisbursement.+|PacemeterCall.+|PacemeterReturned.+|PacemeterApproval.+\"'\n",
    },
];

/// The holiday of the test's calendar is a guard, too.
const HOLIDAY: &str = "holiday";

/// Which guards are there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guards {
    without: [bool; GUARDS.len()],
    pub without_holiday: bool,
}

impl Guards {
    /// All but those that the environment names.
    pub fn of_environment() -> Self {
        let named = env::var("ALERTING_WITHOUT").unwrap_or_default();
        named.split(',').filter(|name| !name.is_empty()).fold(Self::default(), |guards, name| guards.but(name))
    }

    fn but(mut self, name: &str) -> Self {
        match GUARDS.iter().position(|guard| guard.name == name) {
            Some(place) => self.without[place] = true,
            None if name == HOLIDAY => self.without_holiday = true,
            None => panic!("{name} is no guard, but these are: {:?}, {HOLIDAY}", GUARDS.map(|guard| guard.name)),
        }
        self
    }

    /// A file of deploy/ without the guards that are to be taken away, where it has them.
    pub fn taken_from(self, text: &str) -> String {
        let away = GUARDS.iter().zip(self.without).filter(|(_, away)| *away);
        away.fold(text.to_owned(), |text, (guard, _)| text.replace(guard.lines, guard.instead()))
    }
}

impl Guard {
    /// What stands in its place: nothing, but an inhibition must be of something.
    fn instead(&self) -> &'static str {
        if self.name == "inhibition" { "      - alertname=\"nothing\"\n" } else { "" }
    }
}

#[test]
fn every_guard_is_in_the_shipped_files() {
    let files = yaml_files(&prometheus().join("rules")).into_iter().chain([alertmanager_file()]);
    let text: String = files.map(|file| fs::read_to_string(file).expect("a file of deploy/")).collect();
    for guard in &GUARDS {
        assert!(text.contains(guard.lines), "{} is not there: {}", guard.name, guard.lines);
    }
}
