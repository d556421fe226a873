//! Numbers, identifiers and times as bytes. Written without `format!`, as the load generator writes a million records a
//! second.

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND, Timestamp};
use crate::event::Centavos;

use super::occurrence::mix;

/// Prefix of every personal identifier, by which tests find leaks.
pub const CANARY: &str = "CANARY";

/// Appends `number` in decimal.
pub(super) fn decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends the last `width` digits of `number` in decimal, with leading zeros.
fn padded<const WIDTH: usize>(out: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; WIDTH];
    let mut left = number;
    for digit in digits.iter_mut().rev() {
        *digit += (left % 10) as u8;
        left /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Appends an amount in pesos: `25000.00`, or `25000` if `short` and it is of whole pesos.
pub(super) fn pesos(out: &mut Vec<u8>, amount: Centavos, short: bool) {
    decimal(out, amount / 100);
    if !(short && amount.is_multiple_of(100)) {
        out.push(b'.');
        padded::<2>(out, amount % 100);
    }
}

/// Appends milliseconds as seconds with as many decimals as needed.
pub(super) fn seconds(out: &mut Vec<u8>, millis: u64) {
    decimal(out, millis / 1_000);
    if !millis.is_multiple_of(1_000) {
        out.push(b'.');
        padded::<3>(out, millis % 1_000);
    }
}

/// Appends the identifier of a person, made up like a CURP: the canary and twelve letters and digits, unique by number.
pub(super) fn person(out: &mut Vec<u8>, person: u64) {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVWX";
    out.extend_from_slice(CANARY.as_bytes());
    // Multiplication by an odd number is one to one on the 60 bits that are written.
    let mut left = person.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for _ in 0..12 {
        out.push(ALPHABET[(left % 32) as usize]);
        left /= 32;
    }
}

/// Appends the identifier of a support, a call or an agent: the canary, its kind, the run and its number.
pub(super) fn thing(out: &mut Vec<u8>, kind: &str, run: &str, number: u64) {
    out.extend_from_slice(CANARY.as_bytes());
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(run.as_bytes());
    decimal(out, number);
}

/// Eight hexadecimal digits that stand for a seed in every identifier, so that runs of different seeds do not collide.
pub(super) fn run(seed: u64) -> String {
    format!("{:08x}-", mix(seed) >> 32)
}

/// Writes instants as RFC 3339. The text of the last day is cached, as events come nearly in order.
#[derive(Debug, Default)]
pub(super) struct TimeWriter {
    day: i64,
    date: Vec<u8>,
}

impl TimeWriter {
    /// Appends the instant at `offset` (whole minutes), with the digits of `finer` after the milliseconds.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, time: Timestamp, offset: Offset, finer: &str) {
        let local = time.as_millis() + offset.millis;
        let day = local.div_euclid(DAY);
        if self.date.is_empty() || self.day != day {
            let date = jiff::civil::Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(day));
            self.date = date.to_string().into_bytes();
            self.day = day;
        }
        let of_day = local.rem_euclid(DAY) as u64;
        out.extend_from_slice(&self.date);
        out.push(b'T');
        padded::<2>(out, of_day / HOUR as u64);
        out.push(b':');
        padded::<2>(out, of_day / MINUTE as u64 % 60);
        out.push(b':');
        padded::<2>(out, of_day / SECOND as u64 % 60);
        out.push(b'.');
        padded::<3>(out, of_day % SECOND as u64);
        out.extend_from_slice(finer.as_bytes());
        out.extend_from_slice(offset.text.as_bytes());
    }
}

/// An offset from UTC and its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offset {
    millis: Millis,
    text: &'static str,
}

impl Offset {
    pub(super) const UTC: Offset = Offset { millis: 0, text: "Z" };
    /// Other offsets that producers use; the last two are the greatest that are allowed.
    pub(super) const OTHERS: [Offset; 5] = [
        Offset { millis: -6 * HOUR, text: "-06:00" },
        Offset { millis: -5 * HOUR, text: "-05:00" },
        Offset { millis: 0, text: "+00:00" },
        Offset { millis: 23 * HOUR + 59 * MINUTE, text: "+23:59" },
        Offset { millis: -23 * HOUR - 59 * MINUTE, text: "-23:59" },
    ];
}
