//! Holidays as rules: a date of every year, a weekday of a month, or days from Easter; optionally for some years only.

use jiff::civil::{Date, Weekday, date};

use crate::settings::redacted_text;

/// Weekdays from Monday, with their names in files.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Ordinals of a weekday in its month; the last may be the fourth or the fifth.
const ORDINALS: [(&str, i8); 5] = [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)];

/// Maximum distance from Easter in days: all of these dates are in Easter's year.
const MAX_FROM_EASTER: i16 = 80;

const EXPECTED: &str = "write \"05-01\" (month and day), \"first monday of february\" (or second, third, fourth, last) or \"easter-2\" (days from Easter)";

/// Rule for the date of a holiday in a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Same date every year.
    Yearly { month: i8, day: i8 },
    /// The first (1) to fourth, or last (-1), such weekday of a month.
    Weekday { which: i8, weekday: Weekday, month: i8 },
    /// Days after Easter Sunday; negative before it.
    Easter { days: i16 },
}

/// Rule and the years in which it applies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holiday {
    pub rule: Rule,
    /// First year.
    pub from: i16,
    /// Last year.
    pub until: i16,
    /// Interval between two occurrences in years, counted from `from`.
    pub every: i16,
}

impl Rule {
    /// Parses a rule as files write it; the error says what to write.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let unknown = || format!("{:?} is no holiday rule; {EXPECTED}", redacted_text(text));
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            [which, weekday, "of", month] => {
                let which = named(&ORDINALS, which).ok_or_else(unknown)?;
                let weekday = named(&WEEKDAYS, weekday).ok_or_else(unknown)?;
                let month = (1..).zip(MONTHS).find(|(_, name)| *name == month).ok_or_else(unknown)?.0;
                Ok(Self::Weekday { which, weekday, month })
            }
            [word] => match word.strip_prefix("easter") {
                Some("") => Ok(Self::Easter { days: 0 }),
                Some(days) if days.starts_with(['+', '-']) => {
                    let days = days.parse().ok().filter(|days| (-MAX_FROM_EASTER..=MAX_FROM_EASTER).contains(days));
                    days.map(|days| Self::Easter { days }).ok_or_else(unknown)
                }
                Some(_) => Err(unknown()),
                None => yearly(word).ok_or_else(unknown)?,
            },
            _ => Err(unknown()),
        }
    }

    /// Date of the rule in a year; `None` if the year has no such date.
    pub(super) fn date(self, year: i16) -> Option<Date> {
        match self {
            Self::Yearly { month, day } => Date::new(year, month, day).ok(),
            Self::Weekday { which, weekday, month } => {
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(which, weekday).ok()
            }
            Self::Easter { days } => easter(year).checked_add(jiff::Span::new().days(days)).ok(),
        }
    }
}

impl Holiday {
    /// Date of the holiday in a year; `None` if the rule does not apply to it.
    pub(super) fn date(&self, year: i16) -> Option<Date> {
        let applies = (self.from..=self.until).contains(&year) && (year - self.from) % self.every == 0;
        if applies { self.rule.date(year) } else { None }
    }
}

fn named<T: Copy>(names: &[(&str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, meaning)| *meaning)
}

/// Parses a month and a day, such as `05-01`. `None` for any other form.
fn yearly(text: &str) -> Option<Result<Rule, String>> {
    let (month, day) = text.split_once('-').filter(|(month, day)| month.len() == 2 && day.len() == 2)?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    if (month, day) == (2, 29) {
        return Some(Err("29 February is not in every year; list its dates by year instead".into()));
    }
    // Any year that is no leap year.
    Date::new(2001, month, day).ok().map(|_| Ok(Rule::Yearly { month, day }))
}

/// Easter Sunday of the Gregorian calendar: the anonymous algorithm (Nature 13, 1876; Meeus, Astronomical Algorithms,
/// chapter 8).
fn easter(year: i16) -> Date {
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let moon = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - moon + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    let month = i8::try_from(days / 31).expect("march or april");
    date(year, month, i8::try_from(days % 31 + 1).expect("a day of a month"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_year(rule: &str) -> Holiday {
        Holiday { rule: Rule::parse(rule).unwrap(), from: 2000, until: 2100, every: 1 }
    }

    #[test]
    fn easter_is_on_the_published_dates() {
        let dates = [
            (2000, 4, 23),
            (2008, 3, 23),
            (2011, 4, 24),
            (2020, 4, 12),
            (2024, 3, 31),
            (2026, 4, 5),
            (2038, 4, 25),
            (2049, 4, 18),
        ];
        for (year, month, day) in dates {
            assert_eq!(easter(year), date(year, month, day));
        }
        assert!((2000..=2100).all(|year| easter(year).weekday() == Weekday::Sunday));
    }

    #[test]
    fn rules_fall_on_their_dates() {
        assert_eq!(every_year("05-01").date(2020), Some(date(2020, 5, 1)));
        assert_eq!(every_year("first monday of february").date(2020), Some(date(2020, 2, 3)));
        assert_eq!(every_year("third monday of march").date(2026), Some(date(2026, 3, 16)));
        assert_eq!(every_year("last friday of may").date(2026), Some(date(2026, 5, 29)));
        assert_eq!(every_year("easter-3").date(2020), Some(date(2020, 4, 9)));
        assert_eq!(every_year("easter").date(2026), Some(date(2026, 4, 5)));
        assert_eq!(every_year("easter+60").date(2020), Some(date(2020, 6, 11)));
    }

    #[test]
    fn a_rule_applies_only_in_its_years() {
        let handover = Holiday { from: 2024, until: 2036, every: 6, ..every_year("10-01") };
        let years: Vec<i16> = (2000..=2100).filter(|year| handover.date(*year).is_some()).collect();
        assert_eq!(years, [2024, 2030, 2036]);
    }

    #[test]
    fn an_unknown_rule_is_refused_with_a_remedy() {
        let texts = [
            "",
            "5-1",
            "13-01",
            "02-30",
            "fifth monday of may",
            "first moonday of may",
            "first monday of mai",
            "easter3",
            "easter+81",
        ];
        for text in texts {
            assert!(Rule::parse(text).unwrap_err().contains("is no holiday rule; write"), "{text}");
        }
        assert!(Rule::parse("02-29").unwrap_err().contains("not in every year"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in "((first|last|easter|[0-9]{2})[ +-]?)?\\PC{0,12}") {
            let _ = Rule::parse(&text);
        }
    }
}
