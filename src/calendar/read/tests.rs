use super::*;
use jiff::civil::date;

use crate::calendar::{Interval, MissingYear, Period};
use crate::clock::{HOUR, Timestamp};

const PAYMENTS: &str = include_str!("../../../config/calendars/payments.toml");
const CALLS: &str = include_str!("../../../config/calendars/calls.toml");

fn zone() -> TimeZone {
    TimeZone::get("America/Mexico_City").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse::<Timestamp>().unwrap()
}

/// Calendars of these texts, and their faults.
fn read_texts(texts: &[&str]) -> (Vec<Arc<WorkingCalendar>>, Vec<String>) {
    let named = ["a.toml", "b.toml"].into_iter().zip(texts);
    let documents: Vec<Document> = named.map(|(name, text)| Document::parse(name, text)).collect();
    let calendars = read(&documents, &zone());
    let texts = |document: &Document| document.faults().iter().map(ToString::to_string).collect::<Vec<_>>();
    let faults = documents.iter().flat_map(texts).collect();
    (calendars, faults)
}

/// Calendar of a text without faults.
fn calendar_of(text: &str) -> Arc<WorkingCalendar> {
    let (calendars, faults) = read_texts(&[text]);
    assert_eq!(faults, Vec::<String>::new());
    calendars[1].clone()
}

#[test]
fn the_number_of_calendars_is_bounded() {
    let many = |count: usize| -> String {
        (0..count).map(|number| format!("[calendar.c{number}.hours]\nmonday = ['09:00-10:00']\n")).collect()
    };
    assert_eq!(read_texts(&[&many(MAX_CALENDARS)]).1, Vec::<String>::new());
    assert_eq!(
        read_texts(&[&many(MAX_CALENDARS + 2)]).1,
        ["calendar.c50 (a.toml:101): is one calendar too many; at most 50 are read"]
    );
}

#[test]
fn the_shipped_calendars_have_no_fault() {
    let (calendars, faults) = read_texts(&[PAYMENTS, CALLS]);
    assert_eq!(faults, Vec::<String>::new());
    let names: Vec<&str> = calendars.iter().map(|calendar| calendar.name()).collect();
    assert_eq!(names, ["always", "payments", "calls"]);
    assert_eq!(calendars[1].description(), "Mexican bank days");
}

#[test]
fn banks_close_on_holidays_of_law_and_regulator() {
    let payments = calendar_of(PAYMENTS);
    let closed = |year: i16| {
        let days = date(year, 1, 1).series(jiff::Span::new().days(1)).take_while(move |day| day.year() == year);
        let weekdays = days.filter(|day| day.weekday().to_monday_zero_offset() < 5);
        weekdays
            .filter(|day| !payments.is_working_day(*day))
            .map(|day| day.strftime("%m-%d").to_string())
            .collect::<Vec<_>>()
    };
    // 12 December 2020 is a Saturday.
    assert_eq!(
        closed(2020),
        ["01-01", "02-03", "03-16", "04-09", "04-10", "05-01", "09-16", "11-02", "11-16", "12-25"]
    );
    assert_eq!(
        closed(2024),
        ["01-01", "02-05", "03-18", "03-28", "03-29", "05-01", "09-16", "10-01", "11-18", "12-12", "12-25"]
    );
    assert_eq!(
        closed(2026),
        ["01-01", "02-02", "03-16", "04-02", "04-03", "05-01", "09-16", "11-02", "11-16", "12-25"]
    );
    assert!(!payments.is_working_day(date(2030, 10, 1)));
    assert!(payments.is_working_day(date(2020, 10, 1)) && payments.is_working_day(date(2020, 12, 1)));
}

#[test]
fn an_ordinary_bank_day_is_open_from_nine_to_six() {
    let payments = calendar_of(PAYMENTS);
    let day = Period::Day.at(at("2020-05-13T18:00:00Z"), payments.zone()).unwrap();
    assert_eq!(payments.open_time(day), 9 * HOUR);
    assert!(!payments.is_open(at("2020-05-13T13:59:59Z")) && payments.is_open(at("2020-05-13T14:00:00Z")));
    assert!(payments.is_open(at("2020-05-13T22:59:59Z")) && !payments.is_open(at("2020-05-13T23:00:00Z")));
}

#[test]
fn the_next_years_missing_list_is_reported_from_november() {
    let payments = calendar_of(PAYMENTS);
    assert_eq!(payments.covered_until(), Some(at("2027-01-01T06:00:00Z")));
    assert_eq!(payments.uncovered(at("2026-11-01T05:59:59Z")), None);
    let message = "calendar payments lists holidays from 2020 to 2026, but not for 2027, whose holidays are presumed by rule; add a \
                   [[calendar.payments.list]] for that year";
    let missing = |has_begun| Some(MissingYear { message: message.to_owned(), has_begun });
    assert_eq!(payments.uncovered(at("2026-11-01T06:00:00Z")), missing(false));
    assert_eq!(payments.uncovered(at("2027-01-01T05:59:59Z")), missing(false));
    assert_eq!(payments.uncovered(at("2027-01-01T06:00:00Z")), missing(true));
    assert!(payments.uncovered(at("2019-12-31T06:00:00Z")).unwrap().message.contains("not for 2019"));
    let interval = |start, end| Interval { start: at(start), end: at(end) };
    assert!(payments.covers(interval("2020-01-01T06:00:00Z", "2027-01-01T06:00:00Z")));
    assert!(!payments.covers(interval("2019-12-31T06:00:00Z", "2020-01-02T06:00:00Z")));
    assert!(!payments.covers(interval("2026-12-28T06:00:00Z", "2027-01-04T06:00:00Z")));
    let calls = calendar_of(CALLS);
    assert_eq!((calls.covered_until(), calls.uncovered(at("2035-12-01T00:00:00Z"))), (None, None));
    assert!(calls.covers(interval("2019-12-31T06:00:00Z", "2090-01-02T06:00:00Z")));
}

#[test]
fn holidays_of_banks_are_presumed_beyond_the_lists() {
    let payments = calendar_of(PAYMENTS);
    let closed = ["2027-03-25", "2027-03-26", "2027-11-02", "2028-12-12"];
    let open = ["2027-03-24", "2027-03-29", "2027-11-03", "2028-12-13"];
    for (dates, is_open) in [(closed, false), (open, true)] {
        for date in dates {
            assert_eq!(payments.is_working_day(date.parse().unwrap()), is_open, "{date}");
        }
    }
}

#[test]
fn a_list_takes_the_place_of_presumed_holidays() {
    let text = |presumed: &str| {
        format!(
            "[calendar.x.hours]\nmonday = ['09:00-10:00']\n[[calendar.x.list]]\nyear = 2020\ndates = ['2020-01-06']\n\
             [[calendar.x.list]]\nyear = 2022\ndates = ['2022-01-03']\n{presumed}"
        )
    };
    let calendar = calendar_of(&text("[[calendar.x.presumed]]\nname = 'a'\nrule = 'second monday of january'\n"));
    let is_working = |date: &str| calendar.is_working_day(date.parse().unwrap());
    assert!(is_working("2020-01-13") && is_working("2022-01-10"), "these years have lists");
    assert!(!is_working("2021-01-11") && !is_working("2023-01-09") && !is_working("2022-01-03"));
    let (_, faults) =
        read_texts(&["[calendar.x.hours]\nmonday = ['09:00-10:00']\n[[calendar.x.presumed]]\nrule = '05-01'\n"]);
    assert_eq!(
        faults,
        ["calendar.x.presumed (a.toml:3): stands for lists of later years, and there is none; write it as a holiday"]
    );
}

#[test]
fn coverage_ends_at_the_first_year_without_a_list() {
    let years = [2021, 2020, 2023].map(|year| format!("[[calendar.x.list]]\nyear = {year}\ndates = []\n")).concat();
    let calendar = calendar_of(&format!("[calendar.x.hours]\nmonday = ['09:00-10:00']\n{years}"));
    assert_eq!(calendar.covered_until(), Some(at("2022-01-01T06:00:00Z")));
}

#[test]
fn an_exception_overrides_a_holiday_and_weighs_by_its_hours() {
    let calendar = calendar_of(
        "[calendar.x.hours]\nmonday = ['09:00-13:00', '14:00-18:00']\n[calendar.x.weights]\nmonday = 3\n\
         [[calendar.x.holiday]]\nrule = '05-11'\n\
         [[calendar.x.exception]]\ndate = 2020-05-11\nhours = ['09:00-11:00']\n\
         [[calendar.x.exception]]\ndate = 2020-05-12\nhours = ['09:00-10:00']\nweight = 0.5\n\
         [[calendar.x.exception]]\ndate = 2020-05-18\nhours = []\n",
    );
    let day = |time: &str| Period::Day.at(at(time), calendar.zone()).unwrap();
    let weights = [
        "2020-05-11T18:00:00Z",
        "2020-05-12T18:00:00Z",
        "2020-05-13T18:00:00Z",
        "2020-05-18T18:00:00Z",
        "2020-05-25T18:00:00Z",
    ]
    .map(|time| {
        (calendar.open_time(day(time)) / HOUR, calendar.weight(day(time), None), calendar.regular_weight(day(time)))
    });
    assert_eq!(weights, [(2, 0.75, 3.0), (1, 0.5, 0.0), (0, 0.0, 0.0), (0, 0.0, 3.0), (8, 3.0, 3.0)]);
}

#[test]
fn every_fault_is_reported() {
    let first = "[calendar.x]\ntime_zone = 'America/Mexico'\ndescripton = ''\n[calendar.x.hours]\nmoonday = []\nmonday = ['09:00-12:00', '11:00-13:00']\n\
                 tuesday = ['9-10']\n[calendar.x.weights]\nsunday = 1\nmonday = -1\n[calendar.always]\n[calendar.Big]\nhours.monday = ['09:00-10:00']\n";
    let second = "[calendar.x]\n[calendar.y]\nhours.monday = ['09:00-10:00']\n\
                  [[calendar.y.holiday]]\nrule = '02-29'\n[[calendar.y.holiday]]\nrule = '05-01'\nevery = 6\n\
                  [[calendar.y.holiday]]\nfrom = 2024\nuntil = 2023\n\
                  [[calendar.y.list]]\nyear = 2020\ndates = ['2020-01-02', '2021-01-02', '2020-01-02']\n[[calendar.y.list]]\nyear = 2020\ndates = []\n\
                  [[calendar.y.exception]]\ndate = 2020-05-11\nhours = []\n[[calendar.y.exception]]\ndate = 2020-05-11\nhours = []\n\
                  [[calendar.y.exception]]\ndate = 2020-05-12\nhours = ['09:00-10:00']\n[[calendar.y.exception]]\ndate = 1999-05-12\nhours = []\n[calendar.z]\n";
    let (_, faults) = read_texts(&[first, second]);
    let expected = [
        "calendar.x.time_zone (a.toml:2): \"America/Mexico\" is no IANA time zone; write one such as \"America/Mexico_City\"",
        "calendar.x.descripton (a.toml:3): no such key; did you mean description?",
        "calendar.x.hours.moonday (a.toml:5): no such key; did you mean monday?",
        "calendar.x.hours.monday (a.toml:6): 09:00-12:00 and 11:00-13:00 overlap; join them",
        "calendar.x.hours.tuesday (a.toml:7): \"9-10\" is no span of hours; write it as \"09:00-18:00\", the end of the day as 24:00",
        "calendar.x.weights.sunday (a.toml:9): sunday has a weight and no hours; give it hours, or leave it out here",
        "calendar.x.weights.monday (a.toml:10): -1 is outside 0 to 1000",
        "calendar.always (a.toml:11): is a calendar already (built in); choose another name",
        "calendar.Big (a.toml:12): is no name for a calendar; use at most 64 lower-case letters, digits, _ and -",
        "calendar.x (b.toml:1): is a calendar already (a.toml:1); choose another name",
        "calendar.y.holiday.rule (b.toml:5): 29 February is not in every year; list its dates by year instead",
        "calendar.y.holiday.every (b.toml:8): counts from a year; add from = that year",
        "calendar.y.holiday.rule (b.toml:9): is missing and has no default",
        "calendar.y.holiday.until (b.toml:11): 2023 is before from = 2024",
        "calendar.y.list.dates (b.toml:14): 2021-01-02 is not in 2020; move it to the list of its year",
        "calendar.y.list.dates (b.toml:14): 2020-01-02 is listed twice",
        "calendar.y.list.year (b.toml:16): 2020 has a list already; join the two",
        "calendar.y.exception.date (b.toml:22): 2020-05-11 is an exception already; join the two",
        "calendar.y.exception (b.toml:24): is on a weekday without hours; give it a weight, 1 for an ordinary day",
        "calendar.y.exception.date (b.toml:28): 1999-05-12 is outside the years 2000 to 2100 that calendars cover",
        "calendar.z (b.toml:30): is never open; give it [calendar.z.hours]",
    ];
    assert_eq!(faults, expected);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(16))]

    #[test]
    fn no_text_makes_reading_panic(key in "hours|weights|holiday|presumed|list|exception", text in "[\\[\\]a-y.=,\"'{}0-9: \\-\n]{0,60}") {
        read_texts(&[&format!("[calendar.x.{key}]\n{text}"), &format!("[[calendar.x.{key}]]\n{text}")]);
    }
}
