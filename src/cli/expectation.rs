//! Rules and targets of the oracle, from the same settings as those of the pipeline.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::allowlists::Allowlists;
use crate::app::TargetFiles;
use crate::clock::{Millis, SECOND, millis};
use crate::oracle::{Horizons, OracleLabels, OracleRules};
use crate::settings::SettingsReader;
use crate::targets::Targets;

/// No bounds: the stage that owns a setting checks them and reports their faults.
const ANY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(u32::MAX as u64);

/// Returns the targets that pacemeter has with these settings.
pub(super) fn targets(reader: &mut SettingsReader) -> Arc<Targets> {
    let (rules, allowlists) = (crate::aggregate::Rules::read(reader), Arc::new(Allowlists::read(reader)));
    let files = TargetFiles::from_settings(reader, &rules, &allowlists);
    files.read(&files.texts()).targets_or_faults(reader)
}

/// Returns the rules that figures depend on, and the largest size of a record in bytes.
pub(super) fn rules(reader: &mut SettingsReader) -> (OracleRules, usize) {
    let mut duration = |key: &str| millis(reader.duration(key, ANY));
    let horizons = Horizons {
        disbursement: duration("streams.disbursement.horizon"),
        call: duration("streams.call.horizon"),
        milestone: duration("streams.milestone.horizon"),
    };
    let open_horizon = duration("streams.disbursement.open_horizon");
    let (max_wait, agent_timeout) = (duration("calls.max_wait"), duration("calls.agent_timeout"));
    let history = duration("state.coarse_history");
    let rules = OracleRules {
        horizons,
        open_horizon,
        service_level: reader.integer("calls.service_level_seconds", 0..=86_400) as Millis * SECOND,
        short_abandon: reader.integer("calls.short_abandon_seconds", 0..=86_400) as Millis * SECOND,
        max_wait,
        agent_timeout,
        max_label_values: reader.integer("state.max_label_values", 1..=1_000_000) as usize,
        max_milestones: reader.integer("state.max_milestones", 1..=10_000_000) as usize,
        history,
        time_zone: reader.string("programme.time_zone"),
        labels: OracleLabels {
            programmes: reader.strings("labels.programmes"),
            queues: reader.strings("labels.queues"),
            sites: reader.strings("labels.sites"),
            initiatives: reader.strings("labels.initiatives"),
            milestones: reader.strings("labels.milestones"),
            states: reader.strings("labels.states"),
        },
    };
    if jiff::tz::TimeZone::get(&rules.time_zone).is_err() {
        reader.fault("programme.time_zone", "is not an IANA time zone; write one such as America/Mexico_City");
    }
    (rules, reader.integer("records.max_record_bytes", 1..=1 << 30) as usize)
}
