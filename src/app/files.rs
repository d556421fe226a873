//! Files of targets and calendars that the settings name, and the settings of cuts.
//!
//! Loading has two steps, so that a change is detected without reading a file twice: [`TargetFiles::texts`] reads
//! the disk, and [`TargetFiles::read`] parses the texts. The start, the check and the [`reload`](super::reload) decide
//! when to load.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::aggregate::Rules;
use crate::allowlists::{Allowlist, Allowlists};
use crate::calendar::{self, MissingYear, WorkingCalendar};
use crate::clock::{Millis, Timestamp};
use crate::record::Stream;
use crate::settings::{
    Document, FileText, SettingsFault, SettingsFaults, SettingsReader, nearest, parse_time, redacted_text,
};
use crate::targets::Targets;
use crate::targets::read::{self, PeriodBounds};

/// Largest number of files of targets and calendars.
const MAX_FILES: usize = 100;

/// Largest size of all these files together. A thousand targets take about a megabyte.
const MAX_TOTAL_BYTES: usize = 8 << 20;

/// Name of the calendar that no document defines.
const ALWAYS: &str = "always";

/// Minutes in a quarter hour, the resolution of counts.
const QUARTER_HOUR: i8 = 15;

/// Files of targets and calendars, and the bounds that their targets must keep.
#[derive(Debug)]
pub(crate) struct TargetFiles {
    paths: Vec<PathBuf>,
    /// Interval at which the files are checked for changes.
    pub(super) check_interval: Duration,
    allowlists: Arc<Allowlists>,
    bounds: PeriodBounds,
    cuts_at: Vec<Time>,
    /// Name of the calendar on whose working days cuts are taken at these times; `None` for every day.
    cuts_calendar: Option<String>,
}

/// Targets and calendars from one reading of the files, or the faults.
pub(crate) struct LoadedFiles {
    /// Documents of the files, then the shipped calendars.
    documents: Vec<Document>,
    /// Number of documents that come from files.
    files: usize,
    allowlists: Arc<Allowlists>,
    /// The targets, or all faults.
    pub(super) result: Result<Targets, SettingsFaults>,
}

impl TargetFiles {
    /// Reads the settings `targets.*`, `cuts.at` and `cuts.calendar`.
    pub(crate) fn from_settings(reader: &mut SettingsReader, rules: &Rules, allowlists: &Arc<Allowlists>) -> Self {
        let paths = reader.strings("targets.files");
        if paths.len() > MAX_FILES {
            reader.fault("targets.files", format!("has {} files; merge them into at most {MAX_FILES}", paths.len()));
        }
        let second = Duration::from_secs(1);
        let check_interval = reader.duration("targets.check_interval", second / 10..=second * 86_400);
        let cuts_at = cuts_at(reader);
        let cuts_calendar = reader.string("cuts.calendar");
        let bounds = PeriodBounds {
            disbursement_horizon: rules.horizon(Stream::Disbursement),
            counts: counts_retention(rules, &allowlists.zone, &cuts_at),
        };
        Self {
            paths: paths.into_iter().map(PathBuf::from).collect(),
            check_interval,
            allowlists: Arc::clone(allowlists),
            bounds,
            cuts_at,
            cuts_calendar: (!cuts_calendar.is_empty()).then_some(cuts_calendar),
        }
    }

    /// Reads the current content of the files. Waits for the disk, but for no longer than [`crate::file::TIME_LIMIT`].
    pub(crate) fn texts(&self) -> Vec<FileText> {
        let mut texts = FileText::read_all(&self.paths[..self.paths.len().min(MAX_FILES)]);
        let mut bytes = 0;
        for text in &mut texts {
            bytes += text.len();
            if bytes > MAX_TOTAL_BYTES {
                text.refuse(format!(
                    "is beyond {MAX_TOTAL_BYTES} bytes of all files together; use fewer or smaller ones"
                ));
            }
        }
        texts
    }

    /// Reads targets and calendars from the texts.
    pub(crate) fn read(&self, texts: &[FileText]) -> LoadedFiles {
        let mut documents: Vec<Document> = texts.iter().map(Document::of).collect();
        documents.extend(calendar::shipped(&documents));
        let result = read::read(&documents, &self.allowlists.zone, &self.bounds);
        let mut faults = result.as_ref().err().cloned().unwrap_or_default();
        self.unknown_calendar(&documents).into_iter().for_each(|fault| faults.add(fault));
        let result = faults.err_if_any().and(result).map(|targets| self.with_cuts(targets));
        LoadedFiles { documents, files: texts.len(), allowlists: Arc::clone(&self.allowlists), result }
    }

    fn with_cuts(&self, targets: Targets) -> Targets {
        let named = |calendar: &&Arc<WorkingCalendar>| Some(calendar.name()) == self.cuts_calendar.as_deref();
        let calendar = targets.calendars.iter().find(named).cloned();
        Targets { cuts: (self.cuts_at.clone(), calendar), ..targets }
    }

    fn unknown_calendar(&self, documents: &[Document]) -> Option<SettingsFault> {
        let name = self.cuts_calendar.as_deref().filter(|name| *name != ALWAYS)?;
        let shown = redacted_text(name);
        let is_defined = documents.iter().any(|document| document.origin_of("calendar", name).is_some());
        let message = format!(
            "{shown:?} is not a calendar; define [calendar.{shown}] in a file of targets.files, or leave the setting empty for every day"
        );
        (!is_defined).then(|| SettingsFault { key: "cuts.calendar".to_owned(), origin: None, message })
    }
}

/// Calendars whose lists of holidays are incomplete.
#[derive(Debug, Default)]
pub(super) struct MissingHolidays {
    /// The list of this year is missing: plans are wrong on its days.
    pub(super) this_year: SettingsFaults,
    /// The list of the next year is missing.
    pub(super) next_year: SettingsFaults,
}

impl LoadedFiles {
    /// Returns the targets. If there are faults, passes them to the reader and returns no targets.
    pub(crate) fn targets_or_faults(self, reader: &mut SettingsReader) -> Arc<Targets> {
        Arc::new(self.result.unwrap_or_else(|faults| {
            reader.add_faults(faults);
            Targets::default()
        }))
    }

    /// Finds the calendars that lack the holidays of this year or, from November on, of the next. Shipped calendars are
    /// checked only if a target or the cuts use them.
    pub(super) fn uncovered(&self, now: Timestamp) -> MissingHolidays {
        let read_calendars = || calendar::read(&self.documents, &self.allowlists.zone);
        let calendars = self.result.as_ref().map_or_else(|_| read_calendars(), |targets| targets.calendars.clone());
        let mut missing = MissingHolidays::default();
        for calendar in &calendars {
            let Some(MissingYear { message, has_begun }) = calendar.uncovered(now) else { continue };
            let faults = if has_begun { &mut missing.this_year } else { &mut missing.next_year };
            self.missing_list(calendar, message).into_iter().for_each(|fault| faults.add(fault));
        }
        missing
    }

    /// Finds the values in filters of targets that are in no allowlist: a misspelled one selects nothing. Targets may
    /// count values that no figure shows by name, so this is no fault.
    pub(super) fn unlisted(&self) -> SettingsFaults {
        let mut unlisted = SettingsFaults::default();
        let lists = &*self.allowlists;
        for target in self.result.iter().flat_map(|targets| &targets.targets) {
            let filter = &target.filter;
            for (key, values, list) in [
                ("programmes", &filter.programmes, &lists.programmes),
                ("states", &filter.states, &lists.states),
                ("queues", &filter.queues, &lists.queues),
                ("initiatives", &filter.initiatives, &lists.initiatives),
                ("milestones", &filter.milestones, &lists.milestones),
            ] {
                for value in values.iter().filter(|value| !list.admits(value)) {
                    if unlisted.is_full() {
                        unlisted.add_unreported(1);
                        continue;
                    }
                    let origins = self.documents.iter();
                    unlisted.add(SettingsFault {
                        key: format!("target.{}.{key}", target.name),
                        origin: origins.filter_map(|file| file.origin_of_key("target", &target.name, key)).next(),
                        message: unlisted_value(value, key, list),
                    });
                }
            }
        }
        unlisted
    }

    fn missing_list(&self, calendar: &WorkingCalendar, message: String) -> Option<SettingsFault> {
        let name = calendar.name();
        let index = self.documents.iter().position(|document| document.origin_of("calendar", name).is_some())?;
        let (origin, key) = (self.documents[index].origin_of("calendar", name), format!("calendar.{name}"));
        if index < self.files {
            return Some(SettingsFault { key, origin, message });
        }
        let message = format!("{message}, in a copy of config/calendars/{name}.toml that targets.files names");
        self.uses(name).then_some(SettingsFault { key, origin, message })
    }

    /// True if a target or the cuts use this calendar.
    fn uses(&self, calendar: &str) -> bool {
        let Ok(targets) = &self.result else { return false };
        let calendar_of_cuts = targets.cuts.1.iter();
        targets
            .targets
            .iter()
            .map(|target| &target.calendar)
            .chain(calendar_of_cuts)
            .any(|used| used.name() == calendar)
    }
}

fn unlisted_value(value: &str, key: &str, list: &Allowlist) -> String {
    let names = list.names().iter().map(String::as_str).filter(|name| *name != "other");
    let meant = nearest(value, names).map_or(String::new(), |nearest| format!(" did you mean {nearest:?}?"));
    let value = redacted_text(value);
    format!(
        "{value:?} is not in labels.{key};{meant} correct the target, or list the value, which figures show as other until then"
    )
}

/// Returns the times of `cuts.at`, in ascending order.
fn cuts_at(reader: &mut SettingsReader) -> Vec<Time> {
    let mut times = Vec::new();
    for text in reader.strings("cuts.at") {
        match parse_time(&text) {
            Err(message) => reader.fault("cuts.at", message),
            Ok(time) if time.minute() % QUARTER_HOUR != 0 || time.second() != 0 || time.subsec_nanosecond() != 0 => {
                let text = redacted_text(&text);
                reader.fault("cuts.at", format!("{text:?} is not a whole quarter hour, the resolution of counts"));
            }
            Ok(time) if times.contains(&time) => {
                reader.fault("cuts.at", format!("{text:?} is listed twice; remove one"))
            }
            Ok(time) => times.push(time),
        }
    }
    times.sort_unstable();
    times
}

/// Returns how long counts are fine enough for the targets, and the setting that decides it. Counts older than
/// `state.fine_history` have a resolution of one hour.
fn counts_retention(rules: &Rules, zone: &TimeZone, cuts_at: &[Time]) -> (Millis, &'static str) {
    if cuts_at.iter().all(|time| time.minute() == 0) && days_begin_at_whole_hours(zone) {
        (rules.coarse_history, "state.coarse_history")
    } else {
        (rules.fine_history, "state.fine_history (as days or cuts are not at whole hours of UTC)")
    }
}

/// True if every offset from UTC of this zone since 2000, known future ones included, is a whole number of hours.
fn days_begin_at_whole_hours(zone: &TimeZone) -> bool {
    /// Two changes a year for a century.
    const MAX_CHANGES: usize = 200;
    let start = jiff::Timestamp::constant(946_684_800, 0);
    let later = zone.following(start).take(MAX_CHANGES).map(|change| change.offset());
    std::iter::once(zone.to_offset(start)).chain(later).all(|offset| offset.seconds() % 3_600 == 0)
}

#[cfg(test)]
mod tests;
