//! Exact numbers, read from their source text without floating point.
//!
//! Hand-written, since `f64` cannot hold every amount and a decimal library accepts more forms (signs, exponents) than
//! spec/events.md#amount and
//! #durations allow.

use crate::clock::Millis;
use crate::event::{Centavos, MAX_AMOUNT};

/// Maximum talk, hold or wrap-up time of one call: a day.
const MAX_SECONDS_MILLIS: u64 = 86_400_000;
const MAX_QUANTITY: u64 = 1_000_000_000;

/// Pesos with at most two decimals, above 0 and at most 10^10, in centavos.
pub(super) fn amount(text: &str) -> Option<Centavos> {
    decimal(text, 2, MAX_AMOUNT).filter(|&centavos| centavos > 0)
}

/// Seconds with at most three decimals, at most 86,400, in milliseconds.
pub(super) fn seconds(text: &str) -> Option<Millis> {
    decimal(text, 3, MAX_SECONDS_MILLIS).map(|millis| millis as Millis)
}

/// A whole number from 1 to 10^9.
pub(super) fn quantity(text: &str) -> Option<u32> {
    decimal(text, 0, MAX_QUANTITY).filter(|&quantity| quantity > 0).map(|quantity| quantity as u32)
}

/// Reads `digits[.digits]` with at most `places` decimals as a whole number of units of the last place, at most `most`.
/// No sign, no exponent, no bare point. `most` is far below the largest number, so that a step past it overflows
/// nothing.
fn decimal(text: &str, places: usize, most: u64) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    if whole.is_empty() || fraction.len() > places {
        return None;
    }
    let padding = std::iter::repeat_n(b'0', places - fraction.len());
    let mut value = 0;
    for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u64::from(digit - b'0');
        if value > most {
            return None;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_centavos() {
        for (text, centavos) in [
            ("25000", 2_500_000),
            ("25000.5", 2_500_050),
            ("25000.50", 2_500_050),
            ("0.01", 1),
            ("0.1", 10),
            ("0000000000000000000000000007", 700),
            ("10000000000", MAX_AMOUNT),
            ("10000000000.00", MAX_AMOUNT),
            ("9999999999.99", MAX_AMOUNT - 1),
            ("0.29", 29),
        ] {
            assert_eq!(amount(text), Some(centavos), "{text}");
        }
    }

    #[test]
    fn amounts_out_of_form_or_bounds_are_refused() {
        let huge = "9".repeat(60_000);
        for text in [
            "",
            "0",
            "0.00",
            "-1",
            "+1",
            "1e3",
            "1E3",
            "1.",
            ".5",
            "1.005",
            "1.000",
            "1,5",
            " 1",
            "1 ",
            "0x10",
            "٣",
            "1.5.0",
            "NaN",
            "10000000000.01",
            "10000000001",
            "18446744073709551617",
            "1_000",
            &huge,
        ] {
            assert_eq!(amount(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_are_exact_milliseconds_of_at_most_a_day() {
        for (text, millis) in
            [("0", 0), ("0.001", 1), ("12", 12_000), ("12.5", 12_500), ("86400", 86_400_000), ("86400.000", 86_400_000)]
        {
            assert_eq!(seconds(text), Some(millis), "{text}");
        }
        for text in ["86400.001", "86401", "1.0000", "1e1", "-0", "-1", "1."] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn quantities_are_whole() {
        assert_eq!(quantity("1"), Some(1));
        assert_eq!(quantity("1000000000"), Some(1_000_000_000));
        for text in ["0", "1000000001", "1.0", "1e3", "-1", "1.", "99999999999999999999999"] {
            assert_eq!(quantity(text), None, "{text}");
        }
    }
}
