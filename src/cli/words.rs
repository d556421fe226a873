//! Amounts in words, for tables.

use indicatif::HumanCount;

use crate::targets::Quantity;

/// Placeholder for an unknown value.
pub(super) const NOTHING: &str = "-";

/// All its digits: `100,000`, `25,000.00`, `81.3 %`.
pub(super) fn exact(quantity: Option<Quantity>) -> String {
    match quantity {
        None => NOTHING.to_owned(),
        Some(Quantity::Count(count)) => format!("{}{}", sign(count), digits(count.unsigned_abs())),
        Some(Quantity::Centavos(centavos)) => {
            let (pesos, part) = (centavos.unsigned_abs() / 100, centavos.unsigned_abs() % 100);
            format!("{}{}.{part:02}", sign(centavos), digits(pesos))
        }
        Some(Quantity::Ratio(ratio)) => percent(ratio),
    }
}

fn sign(number: i128) -> &'static str {
    if number < 0 { "-" } else { "" }
}

fn digits(number: u128) -> String {
    HumanCount(u64::try_from(number).unwrap_or(u64::MAX)).to_string()
}

pub(super) fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

/// Percentage points, the difference of two ratios.
pub(super) fn points(ratio: f64) -> String {
    format!("{:.1} pt", ratio * 100.0)
}

/// At most nine characters: `12,345`, `3.4`, `263.2 M`, `9.2 bn`.
pub(super) fn short(number: Option<f64>) -> String {
    let Some(number) = number.filter(|number| number.is_finite()) else { return NOTHING.to_owned() };
    let size = number.abs();
    match () {
        () if size >= 999_950_000_000.0 => format!("{:.1} tn", number / 1e12),
        () if size >= 999_950_000.0 => format!("{:.1} bn", number / 1e9),
        () if size >= 999_999.5 => format!("{:.1} M", number / 1e6),
        () if number > 0.0 && size < 0.05 => "<0.1".to_owned(),
        () if !(0.05..9.95).contains(&size) => exact(Some(Quantity::Count(number.round() as i128))),
        () => format!("{number:.1}"),
    }
}

/// `31h 20m`; working time is not told in days.
pub(super) fn hours(seconds: f64) -> String {
    let minutes = (seconds / 60.0).max(0.0) as u64;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) if hours < 1_000 => format!("{hours}h {minutes:02}m"),
        (hours, _) => format!("{}h", HumanCount(hours)),
    }
}

/// `2 s`, `40m`, `1h 51m`.
pub(super) fn lapse(seconds: f64) -> String {
    if seconds < 120.0 { format!("{seconds:.0} s") } else { hours(seconds) }
}

/// Probability in percent, never more certain than it is: what rounds to 0 or 100 without being it is shown as "<1" or
/// ">99".
pub(super) fn chance(probability: Option<f64>) -> String {
    match probability {
        None => NOTHING.to_owned(),
        Some(probability) if probability > 0.0 && probability < 0.01 => "<1 %".to_owned(),
        Some(probability) if probability < 1.0 && probability > 0.99 => ">99 %".to_owned(),
        Some(probability) => format!("{:.0} %", probability * 100.0),
    }
}

/// At most so many characters; the last tells whether some are left out.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['~']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_amounts_have_all_their_digits() {
        let told = |quantity| exact(Some(quantity));
        assert_eq!(told(Quantity::Count(-1_234_567)), "-1,234,567");
        assert_eq!(told(Quantity::Centavos(92_320_000_000_005)), "923,200,000,000.05");
        assert_eq!(told(Quantity::Centavos(-5)), "-0.05");
        assert_eq!(told(Quantity::Ratio(0.8125)), "81.2 %");
        assert_eq!(exact(None), "-");
    }

    #[test]
    fn short_numbers_have_at_most_nine_characters() {
        let numbers =
            [0.0, 0.04, 3.42, 9.96, -12_345.4, 999_999.4, 1_000_000.0, -999_949_999.0, 999_950_000.0, 9.2e9, 9.2e12];
        let told = ["0", "<0.1", "3.4", "10", "-12,345", "999,999", "1.0 M", "-999.9 M", "1.0 bn", "9.2 bn", "9.2 tn"];
        for (number, text) in numbers.into_iter().zip(told) {
            assert_eq!(short(Some(number)), text);
            assert!(text.len() <= 9);
        }
        assert_eq!(short(Some(f64::NAN)), "-");
    }

    #[test]
    fn what_is_nearly_certain_is_not_told_as_certain() {
        let told = [0.0, 0.004, 0.12, 0.991, 1.0].map(|probability| chance(Some(probability)));
        assert_eq!(told, ["0 %", "<1 %", "12 %", ">99 %", "100 %"]);
    }

    #[test]
    fn working_time_is_told_in_hours() {
        assert_eq!([59.0, 2_700.0, 112_800.0, 4_000_000.0].map(hours), ["0m", "45m", "31h 20m", "1,111h"]);
    }

    #[test]
    fn what_is_too_long_is_cut_where_it_can_be_seen() {
        assert_eq!(cut("señales", 7), "señales");
        assert_eq!(cut("señales", 5), "seña~");
    }
}
