//! The files of targets and calendars that the settings name, and what the settings themselves say of cuts.
//!
//! A reading is in two steps, so that a change is found without reading anything twice: [`Files::texts`], which waits for a disk, and what is
//! made of them ([`Files::read`]). Absent here: when that is done, which is a start's, a check's or a [`reload`](super::reload)'s.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::aggregate::Rules;
use crate::calendar::{self, WorkingCalendar};
use crate::clock::Millis;
use crate::record::Stream;
use crate::settings::{Document, FileText, SettingsFault, SettingsReader, parse_time};
use crate::targets::Targets;
use crate::targets::read::{self, PeriodBounds};

/// The most files of targets and calendars.
const MAX_FILES: usize = 100;

/// The calendar that no document defines.
const ALWAYS: &str = "always";

/// In minutes.
const QUARTER_HOUR: i8 = 15;

/// Which files there are, and what their targets must fit to.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    /// How often the files are looked at for a change.
    pub check_interval: Duration,
    zone: TimeZone,
    bounds: PeriodBounds,
    cuts_at: Vec<Time>,
    /// The name of the calendar on whose working days there are cuts at these times.
    cuts_calendar: Option<String>,
}

/// What is made of texts.
pub struct LoadedFiles {
    /// Those of the files, then the shipped ones.
    documents: Vec<Document>,
    files: usize,
    zone: TimeZone,
    /// The targets, or all that is wrong.
    pub result: Result<Targets, Vec<SettingsFault>>,
}

impl Files {
    /// `targets.*`, and of `cuts.*` what the targets need.
    pub fn settings(reader: &mut SettingsReader, rules: &Rules, zone: &TimeZone) -> Self {
        let paths = reader.strings("targets.files");
        if paths.len() > MAX_FILES {
            reader.fault("targets.files", format!("has {} files, join them to at most {MAX_FILES}", paths.len()));
        }
        let second = Duration::from_secs(1);
        let check_interval = reader.duration("targets.check_interval", second / 10..=second * 86_400);
        let cuts_at = cuts_at(reader);
        let cuts_calendar = reader.string("cuts.calendar");
        let bounds = PeriodBounds {
            disbursement_horizon: rules.horizon(Stream::Disbursement),
            counts: counts_kept(rules, zone, &cuts_at),
        };
        Self {
            paths: paths.into_iter().map(PathBuf::from).collect(),
            check_interval,
            zone: zone.clone(),
            bounds,
            cuts_at,
            cuts_calendar: (!cuts_calendar.is_empty()).then_some(cuts_calendar),
        }
    }

    /// What stands in the files now. Waits for the disk.
    pub fn texts(&self) -> Vec<FileText> {
        self.paths.iter().take(MAX_FILES).map(|path| FileText::read_kept(path)).collect()
    }

    /// What these texts mean.
    pub fn read(&self, texts: &[FileText]) -> LoadedFiles {
        let mut documents: Vec<Document> = texts.iter().map(Document::of).collect();
        documents.extend(calendar::shipped(&documents));
        let result = read::read(&documents, &self.zone, &self.bounds);
        let result = match (result, self.no_such_calendar(&documents)) {
            (Ok(targets), None) => Ok(self.with_cuts(targets)),
            (Ok(_), Some(fault)) => Err(vec![fault]),
            (Err(faults), fault) => Err(faults.into_iter().chain(fault).collect()),
        };
        LoadedFiles { documents, files: texts.len(), zone: self.zone.clone(), result }
    }

    fn with_cuts(&self, targets: Targets) -> Targets {
        let named = |calendar: &&Arc<WorkingCalendar>| Some(calendar.name()) == self.cuts_calendar.as_deref();
        let calendar = targets.calendars.iter().find(named).cloned();
        Targets { cuts: (self.cuts_at.clone(), calendar), ..targets }
    }

    fn no_such_calendar(&self, documents: &[Document]) -> Option<SettingsFault> {
        let name = self.cuts_calendar.as_deref().filter(|name| *name != ALWAYS)?;
        let is_there = documents.iter().any(|document| document.origin_of("calendar", name).is_some());
        let message = format!(
            "{name:?} is no calendar, define [calendar.{name}] in a file of targets.files or leave it empty for every day"
        );
        (!is_there).then(|| SettingsFault { key: "cuts.calendar".to_owned(), origin: None, message })
    }
}

impl LoadedFiles {
    /// The targets; or none, and the reader has the faults.
    pub fn targets_or_faults(self, reader: &mut SettingsReader) -> Arc<Targets> {
        Arc::new(self.result.unwrap_or_else(|faults| {
            reader.add(faults);
            Targets::default()
        }))
    }

    /// What calendars lack of the holidays of this year, and from November on of the next: a fault for each, where it stands. Of the shipped
    /// calendars only those that something goes by: nobody else misses their holidays.
    pub fn uncovered(&self, now: Millis) -> Vec<SettingsFault> {
        let read_again = || calendar::read(&self.documents, &self.zone);
        let calendars = self.result.as_ref().map_or_else(|_| read_again(), |targets| targets.calendars.clone());
        calendars.iter().filter_map(|calendar| self.lack(calendar, now)).collect()
    }

    fn lack(&self, calendar: &Arc<WorkingCalendar>, now: Millis) -> Option<SettingsFault> {
        let message = calendar.uncovered(now)?;
        let name = calendar.name();
        let place = self.documents.iter().position(|document| document.origin_of("calendar", name).is_some())?;
        let (origin, key) = (self.documents[place].origin_of("calendar", name), format!("calendar.{name}"));
        if place < self.files {
            return Some(SettingsFault { key, origin, message });
        }
        let message = format!("{message}, in a copy of config/calendars/{name}.toml that targets.files names");
        self.goes_by(name).then_some(SettingsFault { key, origin, message })
    }

    /// Whether a target or the cuts go by this calendar.
    fn goes_by(&self, calendar: &str) -> bool {
        let Ok(targets) = &self.result else { return false };
        let of_cuts = targets.cuts.1.iter();
        targets.targets.iter().map(|target| &target.calendar).chain(of_cuts).any(|used| used.name() == calendar)
    }
}

/// The times of `cuts.at`, in their order.
fn cuts_at(reader: &mut SettingsReader) -> Vec<Time> {
    let mut times = Vec::new();
    for text in reader.strings("cuts.at") {
        match parse_time(&text) {
            Err(message) => reader.fault("cuts.at", message),
            Ok(time) if time.minute() % QUARTER_HOUR != 0 || time.second() != 0 || time.subsec_nanosecond() != 0 => {
                reader.fault("cuts.at", format!("{text:?} is not a whole quarter hour, by which counts are kept"));
            }
            Ok(time) if times.contains(&time) => reader.fault("cuts.at", format!("{text:?} is there twice")),
            Ok(time) => times.push(time),
        }
    }
    times.sort_unstable();
    times
}

/// How long counts are kept finely enough, and by which setting: after `state.fine_history` only whole hours are told apart.
fn counts_kept(rules: &Rules, zone: &TimeZone, cuts_at: &[Time]) -> (Millis, &'static str) {
    if cuts_at.iter().all(|time| time.minute() == 0) && days_begin_at_whole_hours(zone) {
        (rules.coarse_history, "state.coarse_history")
    } else {
        (rules.fine_history, "state.fine_history (as days or cuts are not at whole hours of UTC)")
    }
}

/// Whether all offsets from UTC that a zone had and will have since 2000 are whole hours.
fn days_begin_at_whole_hours(zone: &TimeZone) -> bool {
    /// A century of two changes a year.
    const MAX_CHANGES: usize = 200;
    let start = Timestamp::constant(946_684_800, 0);
    let later = zone.following(start).take(MAX_CHANGES).map(|change| change.offset());
    std::iter::once(zone.to_offset(start)).chain(later).all(|offset| offset.seconds() % 3_600 == 0)
}

#[cfg(test)]
mod tests;
