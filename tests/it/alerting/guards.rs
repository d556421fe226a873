//! Guards that prevent false alerts. `ALERTING_WITHOUT=floor,open` removes some by hand; then the tests listed in
//! docs/alerts.md fail.

use std::{env, fs};

use crate::alerts::{alertmanager_file, prometheus, yaml_files};

/// A guard: its name, and its lines in a file of deploy/.
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
        lines: "      - 'alertname=~\"PacemeterTarget(BehindPlan|AtRisk|RatioLow|Missed)|PacemeterDisbursement.+|PacemeterCall.+|PacemeterReturned.+|PacemeterApproval.+|PacemeterInputSilent|PacemeterMilestonesSilent|PacemeterStateUnpaid|PacemeterCutOverdue\"'\n",
    },
];

/// Name of the guard that is the holiday in the test's calendar.
const HOLIDAY: &str = "holiday";

/// Guards that are removed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guards {
    without: [bool; GUARDS.len()],
    pub without_holiday: bool,
}

impl Guards {
    /// Removes the guards named in the environment variable.
    pub fn of_environment() -> Self {
        let named = env::var("ALERTING_WITHOUT").unwrap_or_default();
        named.split(',').filter(|name| !name.is_empty()).fold(Self::default(), |guards, name| guards.remove(name))
    }

    fn remove(mut self, name: &str) -> Self {
        match GUARDS.iter().position(|guard| guard.name == name) {
            Some(index) => self.without[index] = true,
            None if name == HOLIDAY => self.without_holiday = true,
            None => panic!("{name} is no guard, but these are: {:?}, {HOLIDAY}", GUARDS.map(|guard| guard.name)),
        }
        self
    }

    /// Removes the guards from the text of a file of deploy/, where it has them.
    pub fn remove_from(self, text: &str) -> String {
        let removed = GUARDS.iter().zip(self.without).filter(|(_, removed)| *removed);
        removed.fold(text.to_owned(), |text, (guard, _)| text.replace(guard.lines, guard.replacement()))
    }
}

impl Guard {
    /// Replacement of the lines: nothing, but an inhibition needs a target.
    fn replacement(&self) -> &'static str {
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
