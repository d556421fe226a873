//! Amounts formatted for tables.

use indicatif::HumanCount;

use crate::settings::printable;
use crate::targets::Quantity;

/// Maximum length of a line, in characters.
pub(super) const WIDTH: usize = 100;

/// Placeholder for an unknown amount.
pub(super) const UNKNOWN: &str = "-";

/// Formats with all digits: `100,000`, `25,000.00`, `81.3 %`.
pub(super) fn exact(quantity: Option<Quantity>) -> String {
    quantity.map_or_else(|| UNKNOWN.to_owned(), |quantity| quantity.to_string())
}

/// Formats for programs: `100000`, `25000.00`, `0.813`, empty if unknown.
pub(super) fn plain(quantity: Option<Quantity>) -> String {
    match quantity {
        None => String::new(),
        Some(Quantity::Count(count)) => count.to_string(),
        Some(Quantity::Centavos(centavos)) => {
            let size = centavos.unsigned_abs();
            format!("{}{}.{:02}", sign(centavos), size / 100, size % 100)
        }
        Some(ratio @ (Quantity::Ratio(_) | Quantity::Fraction { .. })) => ratio.value().to_string(),
    }
}

fn sign(number: i128) -> &'static str {
    if number < 0 { "-" } else { "" }
}

pub(super) fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

/// Formats a difference of ratios, in percentage points.
pub(super) fn points(ratio: f64) -> String {
    format!("{:.1} pt", ratio * 100.0)
}

/// Formats with at most nine characters: `12,345`, `3.4`, `263.2 M`, `9.2 bn`.
pub(super) fn short(number: Option<f64>) -> String {
    let Some(number) = number.filter(|number| number.is_finite()) else { return UNKNOWN.to_owned() };
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

/// Formats working time in hours and minutes, never in days: `31h 20m`.
pub(super) fn hours(seconds: f64) -> String {
    let minutes = (seconds / 60.0).max(0.0) as u64;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) if hours < 1_000 => format!("{hours}h {minutes:02}m"),
        (hours, _) => format!("{}h", HumanCount(hours)),
    }
}

/// Formats elapsed time: `2 s`, `40m`, `1h 51m`.
pub(super) fn lapse(seconds: f64) -> String {
    if seconds < 120.0 { format!("{seconds:.0} s") } else { hours(seconds) }
}

/// Formats a probability. `0 %` and `100 %` stand for a certain outcome alone, which has exactly 0 or 1; what is nearly
/// certain becomes `<1 %` or `>99 %`.
pub(super) fn chance(probability: Option<f64>) -> String {
    match probability {
        None => UNKNOWN.to_owned(),
        Some(probability) if probability > 0.0 && probability < 0.01 => "<1 %".to_owned(),
        Some(probability) if probability < 1.0 && probability > 0.99 => ">99 %".to_owned(),
        Some(probability) => format!("{:.0} %", probability * 100.0),
    }
}

/// Escapes what is not printable, and shortens a text to `max` characters; a final `~` marks omitted ones.
pub(super) fn shortened(text: &str, max: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= max {
        return text;
    }
    text.chars().take(max.saturating_sub(1)).chain(['~']).collect()
}

/// Breaks a sentence between words into indented lines of at most [`WIDTH`].
pub(super) fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace().map(|word| shortened(word, WIDTH - 2)) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => *line += &format!(" {word}"),
            _ => lines.push(format!("  {word}")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_amounts_have_all_digits() {
        let formatted = |quantity| exact(Some(quantity));
        assert_eq!(formatted(Quantity::Count(-1_234_567)), "-1,234,567");
        assert_eq!(formatted(Quantity::Centavos(92_320_000_000_005)), "923,200,000,000.05");
        assert_eq!(formatted(Quantity::Centavos(-5)), "-0.05");
        assert_eq!(formatted(Quantity::Ratio(0.8125)), "81.2 %");
        assert_eq!(exact(None), "-");
    }

    #[test]
    fn plain_amounts_have_no_separators() {
        let formatted = |quantity| plain(Some(quantity));
        assert_eq!(formatted(Quantity::Count(-1_234_567)), "-1234567");
        assert_eq!(formatted(Quantity::Centavos(92_320_000_000_005)), "923200000000.05");
        assert_eq!(formatted(Quantity::Centavos(-5)), "-0.05");
        assert_eq!(plain(None), "");
    }

    #[test]
    fn short_numbers_have_at_most_nine_characters() {
        let numbers =
            [0.0, 0.04, 3.42, 9.96, -12_345.4, 999_999.4, 1_000_000.0, -999_949_999.0, 999_950_000.0, 9.2e9, 9.2e12];
        let texts = ["0", "<0.1", "3.4", "10", "-12,345", "999,999", "1.0 M", "-999.9 M", "1.0 bn", "9.2 bn", "9.2 tn"];
        for (number, text) in numbers.into_iter().zip(texts) {
            assert_eq!(short(Some(number)), text);
            assert!(text.len() <= 9);
        }
        assert_eq!(short(Some(f64::NAN)), "-");
    }

    #[test]
    fn a_near_certainty_is_not_formatted_as_certain() {
        let texts = [0.0, 1e-12, 0.01, 0.12, 0.99, 1.0 - 1e-12, 1.0].map(|probability| chance(Some(probability)));
        assert_eq!(texts, ["0 %", "<1 %", "1 %", "12 %", "99 %", ">99 %", "100 %"]);
    }

    #[test]
    fn working_time_is_formatted_in_hours() {
        assert_eq!([59.0, 2_700.0, 112_800.0, 4_000_000.0].map(hours), ["0m", "45m", "31h 20m", "1,111h"]);
    }

    #[test]
    fn a_shortened_text_ends_with_a_mark() {
        assert_eq!(shortened("señales", 7), "señales");
        assert_eq!(shortened("señales", 5), "seña~");
        assert_eq!(shortened("a\u{202e}b\n", 20), "a\\u{202e}b\\n");
    }
}
