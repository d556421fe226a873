//! Exact numbers, read from their source text without floating point (spec/events.md#numbers).
//!
//! Hand-written, since `f64` cannot hold every amount and a decimal library accepts more forms (signs, bare points) than
//! the specification allows. The usual spelling, digits with few decimals, takes the short way ([`plain`]); any other is
//! read by [`exact`], in time linear in its length whatever its exponent.

use crate::event::{Centavos, MAX_AMOUNT};

/// Maximum talk, hold or wrap-up time of one call: a day.
const MAX_SECONDS_MILLIS: u64 = 86_400_000;
const MAX_QUANTITY: u64 = 1_000_000_000;
/// Bound of an exponent: more than the digits of any record, and far from the bounds of its type.
const MAX_EXPONENT: i64 = 1 << 40;

/// Pesos in whole centavos, above 0 and at most 10^10.
pub(super) fn amount(text: &str) -> Option<Centavos> {
    number(text, 2, MAX_AMOUNT).filter(|&centavos| centavos > 0)
}

/// Seconds in whole milliseconds, at most 86,400.
pub(super) fn seconds(text: &str) -> Option<u64> {
    number(text, 3, MAX_SECONDS_MILLIS)
}

/// A whole number from 1 to 10^9.
pub(super) fn quantity(text: &str) -> Option<u64> {
    number(text, 0, MAX_QUANTITY).filter(|&quantity| quantity > 0)
}

/// Reads a number as a whole number of units of the last of `places` decimals, at most `most`; `None` if it is not one.
/// `most` is far below the largest number, so that a step past it overflows nothing.
#[inline]
fn number(text: &str, places: usize, most: u64) -> Option<u64> {
    plain(text, places, most).or_else(|| exact(text, places, most))
}

/// Reads `digits[.digits]` with at most `places` decimals; `None` for any other text, also if [`exact`] reads it.
fn plain(text: &str, places: usize, most: u64) -> Option<u64> {
    let bytes = text.as_bytes();
    let (mut value, mut point) = (0, None);
    for (at, &byte) in bytes.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + u64::from(digit);
            if value > most {
                return None;
            }
        } else if byte == b'.' && at > 0 && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let decimals = match point {
        Some(at) => bytes.len() - at - 1,
        None => 0,
    };
    if bytes.is_empty() || point.is_some() && decimals == 0 || decimals > places {
        return None;
    }
    for _ in decimals..places {
        value *= 10;
    }
    (value <= most).then_some(value)
}

/// Reads `digits[.digits][e[sign]digits]`, with any number of zeros anywhere.
#[cold]
fn exact(text: &str, places: usize, most: u64) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (digits(whole)?, digits(fraction)?),
        None => (digits(mantissa)?, ""),
    };
    let (all, length) = (whole.bytes().chain(fraction.bytes()), whole.len() + fraction.len());
    let leading = all.clone().take_while(|&digit| digit == b'0').count();
    if leading == length {
        return Some(0);
    }
    let trailing = all.clone().rev().take_while(|&digit| digit == b'0').count();
    // The number is its significant digits, the last of which is not 0, followed by this many zeros.
    let zeros = exponent - fraction.len() as i64 + trailing as i64 + places as i64;
    let zeros = usize::try_from(zeros).ok()?;
    let significant = all.skip(leading).take(length - leading - trailing);
    bounded(significant.chain(std::iter::repeat_n(b'0', zeros)), most)
}

/// Reads `[sign]digits`, with an exponent beyond [`MAX_EXPONENT`] as that.
fn exponent_of(text: &str) -> Option<i64> {
    let magnitude = digits(text.strip_prefix(['+', '-']).unwrap_or(text))?;
    let magnitude = magnitude.bytes().fold(0, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(MAX_EXPONENT));
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// One digit or more, and nothing else.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// Number that digits spell, at most `most`. Ends at the first digit past it.
fn bounded(digits: impl Iterator<Item = u8>, most: u64) -> Option<u64> {
    let mut value = 0;
    for digit in digits {
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
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_exact_centavos() {
        for (text, centavos) in [
            ("25000", 2_500_000),
            ("25000.5", 2_500_050),
            ("25000.50", 2_500_050),
            ("25000.0000", 2_500_000),
            ("2.5E+4", 2_500_000),
            ("2.5e4", 2_500_000),
            ("250000.0e-1", 2_500_000),
            ("0.01", 1),
            ("1e-2", 1),
            ("100E-4", 1),
            ("0.1", 10),
            ("1.000", 100),
            ("0000000000000000000000000007", 700),
            ("007.00000e+0000", 700),
            ("0e5", 0),
            ("10000000000", MAX_AMOUNT),
            ("10000000000.00", MAX_AMOUNT),
            ("1E+10", MAX_AMOUNT),
            ("9999999999.99", MAX_AMOUNT - 1),
            ("999999999999e-2", MAX_AMOUNT - 1),
            ("0.29", 29),
        ] {
            assert_eq!(amount(text), Some(centavos).filter(|&centavos| centavos > 0), "{text}");
        }
    }

    #[test]
    fn amounts_out_of_form_or_bounds_are_refused() {
        let huge = "9".repeat(60_000);
        for text in [
            "",
            "0",
            "0.00",
            "0e9",
            "-1",
            "-0",
            "+1",
            "1.",
            "1.e3",
            ".5",
            ".5e1",
            "1e",
            "1e+",
            "1e++1",
            "1e1.0",
            "1e 1",
            "1ee1",
            "e3",
            "1.005",
            "1e-3",
            "1.2345e1",
            "0.001e1e1",
            "1,5",
            " 1",
            "1 ",
            "0x10",
            "٣",
            "1e٣",
            "1.5.0",
            "NaN",
            "10000000000.01",
            "10000000000.001",
            "10000000001",
            "1.1E+10",
            "1e11",
            "18446744073709551617",
            "1e18446744073709551617",
            "1e-18446744073709551617",
            "1_000",
            &huge,
        ] {
            assert_eq!(amount(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_are_exact_milliseconds_of_at_most_a_day() {
        for (text, millis) in [
            ("0", 0),
            ("0.0000", 0),
            ("0e999999999999999999999", 0),
            ("0.001", 1),
            ("1e-3", 1),
            ("12", 12_000),
            ("12.5", 12_500),
            ("12.3450", 12_345),
            ("1.2345E1", 12_345),
            ("86400", 86_400_000),
            ("86400.000", 86_400_000),
            ("8.64e4", 86_400_000),
        ] {
            assert_eq!(seconds(text), Some(millis), "{text}");
        }
        for text in ["86400.001", "86401", "8.6401e4", "12.3456", "1e-4", "-0", "-0.0", "-1", "1."] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn quantities_are_whole() {
        for (text, number) in [("1", 1), ("3.0", 3), ("1e3", 1_000), ("1.5e1", 15), ("1000000000", 1_000_000_000)] {
            assert_eq!(quantity(text), Some(number), "{text}");
        }
        for text in ["0", "0.0", "1000000001", "1e10", "1.5", "1e-1", "-1", "1.", "99999999999999999999999"] {
            assert_eq!(quantity(text), None, "{text}");
        }
    }

    #[test]
    fn work_is_bounded_whatever_the_exponent() {
        const ZEROS: usize = 4 * 1_024 * 1_024;
        let zeros = "0".repeat(ZEROS);
        let began = Instant::now();
        for (text, number) in [
            (format!("1e{zeros}2"), Some(100)),
            (format!("1{zeros}e-{ZEROS}"), Some(1)),
            (format!("0.{zeros}1e{}", ZEROS + 1), Some(1)),
            (format!("{zeros}1"), Some(1)),
            (format!("1.{zeros}"), Some(1)),
            (format!("1{zeros}e-{}", ZEROS + 1), None),
            (format!("1e{zeros}11"), None),
            ("1e999999999".to_owned(), None),
            ("1e-999999999".to_owned(), None),
            (format!("1e9{zeros}"), None),
            (format!("1e-9{zeros}"), None),
        ] {
            assert_eq!(quantity(&text), number, "{}...", &text[..9]);
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }

    proptest! {
        /// The number is spelled with the decimal point moved anywhere, and zeros around it.
        #[test]
        fn every_spelling_of_a_number_is_that_number(
            units in 1..=MAX_AMOUNT,
            exponent in -40..40i64,
            (front, back) in (0..5usize, 0..5usize),
            mark in "e|E|e\\+|E\\+|e0|E\\+00",
        ) {
            // The units, as hundredths, times ten to the power of minus `exponent`.
            let power = -2 - exponent;
            let digits = units.to_string();
            let mantissa = if power >= 0 {
                format!("{digits}{}", "0".repeat(power as usize))
            } else {
                let places = power.unsigned_abs() as usize;
                let padded = format!("{digits:0>width$}", width = places + 1);
                format!("{}.{}", &padded[..padded.len() - places], &padded[padded.len() - places..])
            };
            let (front, back) = ("0".repeat(front), if power < 0 { "0".repeat(back) } else { String::new() });
            let mark = if exponent < 0 { mark.replace(['+', '0'], "") + "-" } else { mark };
            let text = format!("{front}{mantissa}{back}{mark}{}", exponent.unsigned_abs());
            prop_assert_eq!(amount(&text), Some(units), "{}", text);
            let plain = format!("{}.{:02}", units / 100, units % 100);
            prop_assert_eq!((amount(&plain), exact(&plain, 2, MAX_AMOUNT)), (Some(units), Some(units)));
        }

        #[test]
        fn the_short_way_reads_what_the_long_way_reads(
            text in "[0-9]{0,14}(\\.[0-9]{0,4})?([eE][+-]?[0-9]{0,2})?|[-+ 0-9.eE]{0,8}",
            places in 0..4usize,
        ) {
            let long = exact(&text, places, MAX_AMOUNT);
            let (whole, decimals) = text.split_once('.').unwrap_or((&text, "0"));
            let is_plain = digits(whole).is_some() && digits(decimals).is_some() && decimals.len() <= places;
            let is_plain = is_plain || digits(&text).is_some();
            prop_assert_eq!(plain(&text, places, MAX_AMOUNT), if is_plain { long } else { None });
            if long.is_some() {
                // JSON's grammar, but that its numbers have no leading zeros and may have a sign.
                prop_assert!(text.starts_with(|first: char| first.is_ascii_digit()), "{}", text);
                prop_assert!(serde_json::from_str::<serde_json::Number>(&format!("1{text}")).is_ok(), "{}", text);
            }
        }
    }
}
