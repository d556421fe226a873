//! Numbers, names and times as bytes, without `format!`: the load generator writes a million records a second.

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::event::Centavos;

use super::occurrence::mix;

/// What every personal identifier begins with, so that a test can look for leaks.
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

/// Appends centavos as pesos: `25000.00`, or `25000` when `short` is asked for and there are no centavos.
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

/// The made-up CURP of a person: the canary and twelve letters and digits, one to one with the number.
pub(super) fn person(out: &mut Vec<u8>, person: u64) {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVWX";
    out.extend_from_slice(CANARY.as_bytes());
    // An odd factor is one to one on the 60 bits that are shown.
    let mut left = person.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for _ in 0..12 {
        out.push(ALPHABET[(left % 32) as usize]);
        left /= 32;
    }
}

/// The identifier of a thing of one run: the canary, what it is, the run and its number.
pub(super) fn thing(out: &mut Vec<u8>, kind: &str, run: &str, number: u64) {
    out.extend_from_slice(CANARY.as_bytes());
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(run.as_bytes());
    decimal(out, number);
}

/// Eight hexadecimal digits that stand for a seed in every identifier of its run, so that runs of different seeds do not collide.
pub(super) fn run(seed: u64) -> String {
    format!("{:08x}-", mix(seed) >> 32)
}

/// Writes instants as RFC 3339; remembers the last day, as events come nearly in order.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    day: i64,
    date: Vec<u8>,
}

impl Stamps {
    /// Appends the instant as seen at `offset` (whole minutes), with `finer`, a fraction below the millisecond, behind it.
    pub fn write(&mut self, out: &mut Vec<u8>, time: Millis, offset: Offset, finer: &str) {
        let local = time + offset.millis;
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

/// An offset from UTC and how it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offset {
    millis: Millis,
    text: &'static str,
}

impl Offset {
    pub const UTC: Offset = Offset { millis: 0, text: "Z" };
    /// Those that producers use besides; the last two are as far as an offset may go.
    pub const OTHERS: [Offset; 5] = [
        Offset { millis: -6 * HOUR, text: "-06:00" },
        Offset { millis: -5 * HOUR, text: "-05:00" },
        Offset { millis: 0, text: "+00:00" },
        Offset { millis: 23 * HOUR + 59 * MINUTE, text: "+23:59" },
        Offset { millis: -23 * HOUR - 59 * MINUTE, text: "-23:59" },
    ];
}
