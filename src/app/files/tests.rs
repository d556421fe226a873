use super::*;
use crate::settings::Layers;

/// The files of these settings, and the faults of the settings.
fn files(overrides: &[&str]) -> (TargetFiles, Vec<String>) {
    let overrides = overrides.iter().map(|&text| text.to_owned()).collect();
    let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
    let allowlists = Arc::new(Allowlists::read(&mut reader));
    let files = TargetFiles::from_settings(&mut reader, &Rules::default(), &allowlists);
    let faults = reader.finish().err();
    (files, faults.iter().flat_map(|faults| faults.iter().map(ToString::to_string)).collect())
}

fn read(overrides: &[&str], texts: &[(&str, &str)]) -> LoadedFiles {
    let (files, faults) = files(overrides);
    assert_eq!(faults, Vec::<String>::new());
    files.read(&texts.iter().map(|(name, text)| FileText::new(name, text)).collect::<Vec<_>>())
}

fn faults_of(loaded: LoadedFiles) -> Vec<String> {
    loaded.result.expect_err("there are faults").iter().map(ToString::to_string).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse::<Timestamp>().unwrap()
}

const TARGET: &str = "[target.week]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 10\ncalendar = 'payments'\n";
const CALENDAR: &str = "[calendar.office.hours]\nmonday = ['09:00-10:00']\n[[calendar.office.list]]\nyear = 2026\ndates = ['2026-04-02']\n";

#[test]
fn without_files_there_are_only_shipped_calendars() {
    let targets = read(&[], &[]).result.unwrap();
    let calendars: Vec<&str> = targets.calendars.iter().map(|calendar| calendar.name()).collect();
    assert_eq!((targets.targets.len(), calendars), (0, vec!["always", "payments", "calls"]));
    assert!(targets.cuts.0.is_empty() && targets.cuts.1.is_none());
}

#[test]
fn a_target_may_use_a_calendar_that_is_shipped_or_elsewhere() {
    let targets = read(&[], &[("a.toml", TARGET)]).result.unwrap();
    assert_eq!(targets.targets[0].calendar.description(), "Mexican bank days");
    let own = "[calendar.payments]\ndescription = 'ours'\n[calendar.payments.hours]\nmonday = ['09:00-10:00']\n";
    let targets = read(&[], &[("a.toml", TARGET), ("b.toml", own)]).result.unwrap();
    assert_eq!(targets.targets[0].calendar.description(), "ours");
}

#[test]
fn faults_of_all_files_and_cuts_are_reported_together() {
    let faulty = "[target.day]\nmeasure = 'people'\nperiod = 'day'\ngoal = 1\n";
    let faults =
        faults_of(read(&["cuts.calendar=ofice"], &[("a.toml", faulty), ("b.toml", "x = = 1"), ("c.toml", CALENDAR)]));
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].starts_with("target.day.measure (a.toml:2): "), "{faults:?}");
    assert!(faults[1].starts_with("b.toml:1: not TOML: "), "{faults:?}");
    assert!(
        faults[2].starts_with("cuts.calendar: \"ofice\" is not a calendar; define [calendar.ofice] in a file"),
        "{faults:?}"
    );
}

#[test]
fn cuts_have_the_times_and_the_calendar_of_the_settings() {
    let targets =
        read(&["cuts.at=['18:00', '12:15']", "cuts.calendar=office"], &[("c.toml", CALENDAR)]).result.unwrap();
    assert_eq!(targets.cuts.0, [jiff::civil::time(12, 15, 0, 0), jiff::civil::time(18, 0, 0, 0)]);
    assert_eq!(targets.cuts.1.unwrap().name(), "office");
    let targets = read(&["cuts.calendar=always"], &[]).result.unwrap();
    assert_eq!(targets.cuts.1.unwrap().name(), "always");
}

#[test]
fn a_time_of_cuts_is_a_quarter_hour_and_listed_once() {
    let (_, faults) = files(&["cuts.at=['18:00', '18:10', '18:00', '6 pm', '18:15:01']"]);
    let expected = [
        "cuts.at (--set): \"18:10\" is not a whole quarter hour, the resolution of counts",
        "cuts.at (--set): \"18:00\" is listed twice; remove one",
        "cuts.at (--set): \"6 pm\" is not a time of day; write hours and minutes, from \"00:00\" to \"23:59\"",
        "cuts.at (--set): \"18:15:01\" is not a whole quarter hour, the resolution of counts",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn a_missing_file_and_too_many_files_are_faults() {
    let (files, faults) = files(&["targets.files=['/nowhere/targets.toml']"]);
    assert_eq!(faults, Vec::<String>::new());
    let file_faults = faults_of(files.read(&files.texts()));
    assert_eq!(file_faults, ["/nowhere/targets.toml: cannot be read: No such file or directory (os error 2)"]);
    let (_, faults) = self::files(&[&format!("targets.files={:?}", ["a.toml"; 101])]);
    assert_eq!(faults, ["targets.files (--set): has 101 files; merge them into at most 100"]);
}

#[test]
fn hourly_counts_are_too_coarse_for_cuts_within_the_hour() {
    let target = "[target.year]\nmeasure = 'calls_answered'\nperiod = 'campaign'\nfrom = 2026-01-01\nto = 2026-12-31\ngoal = 10\n";
    assert!(read(&["cuts.at=['18:00']"], &[("a.toml", target)]).result.is_ok());
    let faults = faults_of(read(&["cuts.at=['18:15']"], &[("a.toml", target)]));
    let expected = "target.year.period (a.toml:3): is up to 365d long and needs state.fine_history (as days or cuts are not at whole hours of \
                    UTC) of at least 368d, which is 92d; raise it, or choose a shorter period";
    assert_eq!(faults, [expected]);
}

#[test]
fn a_zone_has_whole_hours_if_it_always_has_since_2000() {
    let is_whole = |name: &str| days_begin_at_whole_hours(&TimeZone::get(name).unwrap());
    assert!(is_whole("America/Mexico_City") && is_whole("UTC") && is_whole("Europe/Berlin"));
    assert!(!is_whole("Asia/Kolkata") && !is_whole("Australia/Lord_Howe") && !is_whole("America/Caracas"));
}

#[test]
fn a_calendar_without_the_year_is_reported_with_its_line() {
    let uncovered = |texts: &[(&str, &str)], now| -> Vec<String> {
        let MissingHolidays { this_year, next_year } = read(&[], texts).uncovered(at(now));
        let shown = |year: &str, faults: &SettingsFaults| -> Vec<String> {
            faults.iter().map(|fault| format!("{year} {fault}")).collect()
        };
        [shown("this", &this_year), shown("next", &next_year)].concat()
    };
    assert_eq!(uncovered(&[("c.toml", CALENDAR)], "2026-10-31T12:00:00Z"), Vec::<String>::new());
    for (year, now) in [("next", "2026-11-02T12:00:00Z"), ("this", "2027-01-02T12:00:00Z")] {
        let faults = uncovered(&[("c.toml", CALENDAR)], now);
        let expected = format!("{year} calendar.office (c.toml:1): ");
        assert!(faults.len() == 1 && faults[0].starts_with(&expected) && faults[0].contains("2027"), "{faults:?}");
    }
}

#[test]
fn a_shipped_calendar_is_checked_only_if_it_is_used() {
    let uncovered = |texts: &[(&str, &str)]| read(&[], texts).uncovered(at("2050-01-01T12:00:00Z")).this_year;
    assert!(uncovered(&[]).is_empty());
    let faults = uncovered(&[("a.toml", TARGET)]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults.iter().all(|fault| fault
            .message
            .ends_with("in a copy of config/calendars/payments.toml that targets.files names")),
        "{faults:?}"
    );
}

#[test]
fn a_calendar_without_the_year_is_one_of_several_faults() {
    let reading = read(&[], &[("c.toml", CALENDAR), ("a.toml", "[target.a]\n")]);
    assert_eq!(reading.uncovered(at("2027-01-02T12:00:00Z")).this_year.len(), 1);
    assert_eq!(faults_of(reading).len(), 3);
}

/// A text of 128 KiB: a beginning, then as many items as fit.
fn filled(beginning: &str, item: impl Fn(usize) -> String, end: &str) -> String {
    let mut text = beginning.to_owned();
    for index in 0.. {
        let item = item(index);
        if text.len() + item.len() + end.len() > 1 << 17 {
            return text + end;
        }
        text += &item;
    }
    unreachable!("items are not empty")
}

/// Longest time for one text. A search of the whole text or of all earlier faults for each fault takes minutes.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_file_of_any_shape_is_read_in_seconds() {
    let target = "[target.a]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 1\n";
    let goals = "[target.a]\nmeasure = 'dispersals'\nperiod = 'week'\n";
    let key = |index: usize| format!("k{index} = 1\n");
    let long = "x".repeat(60_000);
    let repeated = |text: &str| filled("", |_| text.to_owned(), "");
    let texts = [
        filled("", key, ""),
        filled(target, key, ""),
        filled("[calendar.a]\n", key, ""),
        filled(&format!("[target.{long}]\n"), key, ""),
        filled("", |index| format!("[target.t{index}]\n"), ""),
        filled("", |index| format!("[calendar.t{index}]\n"), ""),
        filled("", |index| format!("[target.t{index}]\nmeasure = 'x'\nperiod = 'y'\ncalendar = 'z'\n"), ""),
        filled(&format!("{target}states = ["), |index| format!("'MX-{index}',"), "]"),
        filled(&format!("{target}states = [\n"), |index| format!("'MX-{index}',\n"), "]"),
        filled(&format!("{target}programmes = ["), |index| format!("'p{}',", index % 9_000), "]"),
        filled(goals, |index| format!("[[target.a.goal]]\nform = {index}\n"), ""),
        filled(goals, |_| "[[target.a.goal]]\nfrom = 2020-01-01\nvalue = 1\n".to_owned(), ""),
        filled("", |_| "[[calendar.a.exception]]\nday = 1\n".to_owned(), ""),
        filled("[calendar.a.hours]\nmonday = [", |_| "'09:00-10:00',".to_owned(), "]"),
        filled("", |_| "[[calendar.a.holiday]]\nrule='easter'\n".to_owned(), ""),
        filled("[calendar.a]\nlist = [", |_| "{},".to_owned(), "]"),
        filled("a = ", |_| "[".to_owned(), ""),
        filled("a = ", |_| "{a=".to_owned(), ""),
        filled("a", |_| ".a".to_owned(), " = 1"),
        filled("[a", |_| ".a".to_owned(), "]"),
        filled("", |index| format!("[a{}]\n", ".a".repeat(index % 80)), ""),
        filled("", |index| format!("[a.b{index}{}]\n", ".a".repeat(70)), ""),
        repeated("[[a]]\n"),
        repeated("[[a]]\nb = 1\n"),
        repeated("a = 1\n"),
        repeated("\n"),
        repeated("[[calendar.a]]\n[calendar.a.b]\n"),
    ];
    let (files, _) = files(&[]);
    for text in texts {
        let start: String = text.chars().take(80).collect();
        let started = std::time::Instant::now();
        let loaded = files.read(&[FileText::new("a.toml", &text)]);
        let took = started.elapsed();
        let faults = loaded.result.err().unwrap_or_default();
        assert!(faults.iter().count() <= 20 && took < LIMIT, "{took:?}, {} faults: {start:?}", faults.len());
    }
}

#[test]
fn of_many_faults_twenty_are_reported_and_the_rest_counted() {
    let text: String = (0..90_000).map(|index| format!("key_{index} = 1\n")).collect();
    let faults = read(&[], &[("a.toml", &text)]).result.expect_err("no such keys");
    assert_eq!((faults.len(), faults.iter().count()), (90_000, 20));
    assert!(faults.iter().next().is_some_and(|fault| fault.to_string().starts_with("key_0 (a.toml:1): no such key")));
    let shown = faults.to_string();
    assert!(
        shown.starts_with("the settings have 90000 faults\n") && shown.ends_with("\n  and 89980 more; fix these first")
    );
}

#[test]
fn files_that_are_too_large_together_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..10).map(|index| directory.path().join(format!("{index}.toml"))).collect();
    names.iter().for_each(|path| std::fs::write(path, "#".repeat(1 << 20)).unwrap());
    let (files, faults) = files(&[&format!("targets.files={names:?}")]);
    assert_eq!(faults, Vec::<String>::new());
    let faults = faults_of(files.read(&files.texts()));
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("8.toml: is beyond 8388608 bytes of all files together; use fewer"), "{faults:?}");
}

#[test]
fn a_fault_does_not_repeat_a_text_of_any_length() {
    let text = format!(
        "[target.a]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 1\nprogrammes = ['{}']\n",
        "é".repeat(100_000)
    );
    let faults = faults_of(read(&[], &[("a.toml", &text)]));
    assert!(faults.len() == 1 && faults[0].chars().count() < 1_100 && faults[0].ends_with('…'), "{faults:?}");
}

#[test]
fn a_filter_with_an_unlisted_value_names_the_nearest() {
    let lists =
        ["labels.programmes=['credito-a-la-palabra', 'other']", "labels.queues=[]", "labels.milestones=['other']"];
    let filters = "[target.a]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 1\nprogrammes = ['credito-a-la-palbra', 'credito-a-la-palabra']\n\
                   states = ['MX-JAL', 'unknown']\n[target.b]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 1\nprogrammes = ['other', 'x']\n\
                   [target.c]\nmeasure = 'milestones'\nperiod = 'week'\ngoal = 1\nmilestones = ['y']\n";
    let loaded = read(&lists, &[("a.toml", filters)]);
    let unlisted: Vec<String> = loaded.unlisted().iter().map(ToString::to_string).collect();
    let remedy = "correct the target, or list the value, which figures show as other until then";
    assert_eq!(
        unlisted,
        [
            format!(
                "target.a.programmes (a.toml:5): \"credito-a-la-palbra\" is not in labels.programmes; did you mean \"credito-a-la-palabra\"? {remedy}"
            ),
            format!("target.b.programmes (a.toml:11): \"x\" is not in labels.programmes; {remedy}"),
        ]
    );
    let fewer = read(&["labels.states=['MX-JAL']"], &[("a.toml", &filters.replace("unknown", "MX-COL"))]);
    assert_eq!(fewer.result.as_ref().err().map(ToString::to_string), None);
    assert!(fewer.unlisted().iter().any(|fault| fault.to_string().contains("\"MX-COL\" is not in labels.states")));
}

#[test]
fn many_unlisted_values_are_counted() {
    let values: Vec<String> = (0..50).map(|number| format!("p{number}")).collect();
    let filter = format!("[target.a]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 1\nprogrammes = {values:?}\n");
    let unlisted = read(&["labels.programmes=['q']"], &[("a.toml", &filter)]).unlisted();
    assert_eq!((unlisted.iter().count(), unlisted.unreported()), (20, 30));
}
