//! One pass over the text of a JSON object: is it correct to the last byte, and where do its members' values lie.
//!
//! A value is a slice of the text; only the few values that are needed are parsed, later. The whole text is checked
//! against RFC 8259, ignored values too, and against spec/events.md#json: no lone surrogates, no deeper than 128. There
//! is no recursion and no heap, but for a key with escapes; the time is linear.
//!
//! # Why not serde_json alone
//!
//! serde_json's raw values leave lone surrogates and depth unchecked, so it needs a second pass over them. With it in
//! this module's place the whole decode took 1.25 to 1.78 times as long (median of 41 alternating rounds, 2026-11-26,
//! flat dispersal 1.45; 1.16 to 2.38 in a run beside other builds). `cargo bench --bench decode` prints the table;
//! serde_json stays the witness in the tests and unescapes strings.
//!
//! # The fast way and the plain one
//!
//! With a memory of earlier records, [`guided`] goes over a text of ordinary size with the help of [`Marks`] and
//! [`Guesses`]. It knows what is correct, but not where a fault is: such a text goes to [`Scanner`], which uses neither.
//! The scanner also takes what has no marks, and so is the witness of the fast way as serde_json is of both.
//!
//! Every function below takes the position where something begins and returns the position behind it, or the [`Fault`]
//! where it is not correct.

mod fault;
mod guesses;
mod guided;
mod marks;
mod reference;

pub(super) use fault::Fault;
pub(super) use guesses::{Guesses, Place};
pub(super) use guided::guided;
pub(super) use marks::Marks;
pub(super) use reference::SerdeJson;

/// Maximum depth of nested objects and arrays; the outermost object is at depth 1.
const MAX_DEPTH: usize = 128;

/// A member's value. Borrows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A string without escapes, without its quotes.
    Plain(&'a str),
    /// Source text of any other value; also of a string with escapes, quotes included.
    Raw(&'a str),
}

/// A way to find the members of an object.
pub(super) trait Scan {
    /// Goes over `text`, which must be one JSON object with nothing but white space around it, and hands each member to
    /// `found`: its unescaped key and its value.
    ///
    /// Members before a fault have been handed out by then.
    ///
    /// # Errors
    ///
    /// Returns the first fault of any other text.
    fn object<'a>(text: &'a str, found: impl FnMut(&str, Value<'a>)) -> Result<(), Fault>;
}

/// Finds the next byte from a position on that cannot stand for itself in a string: a quote, a backslash or a control
/// character. By search, or among marks.
trait Specials: Fn(usize) -> Option<usize> + Copy {}

impl<F: Fn(usize) -> Option<usize> + Copy> Specials for F {}

/// The way without a memory: the functions of this module.
pub(super) struct Scanner;

impl Scan for Scanner {
    #[inline]
    fn object<'a>(text: &'a str, found: impl FnMut(&str, Value<'a>)) -> Result<(), Fault> {
        object(text, found)
    }
}

#[inline]
fn object<'a>(text: &'a str, mut found: impl FnMut(&str, Value<'a>)) -> Result<(), Fault> {
    let bytes = text.as_bytes();
    let search = |at| special(bytes, at);
    let mut at = behind(bytes, space(bytes, 0), b'{')?;
    at = space(bytes, at);
    if bytes.get(at) == Some(&b'}') {
        return text_end(bytes, at + 1);
    }
    loop {
        let key_at = at;
        let key = string(bytes, search, key_at)?;
        at = space(bytes, behind(bytes, space(bytes, key.at), b':')?);
        let end = value_end(bytes, search, at)?;
        let value = value_between(text, at, end)?;
        match value_between(text, key_at, key)? {
            Value::Plain(key) => found(key, value),
            Value::Raw(raw) => found(&unescaped(raw).ok_or(Fault::unexpected(key_at))?, value),
        }
        at = space(bytes, end.at);
        match byte(bytes, at)? {
            b',' => at = space(bytes, at + 1),
            b'}' => return text_end(bytes, at + 1),
            _ => return Err(Fault::unexpected(at)),
        }
    }
}

/// Unescapes a string.
#[cold]
fn unescaped(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// End of a value.
#[derive(Clone, Copy)]
struct ValueEnd {
    at: usize,
    /// True if the value is a string without escapes.
    is_plain: bool,
}

/// Passes a member's value.
#[inline]
fn value_end(bytes: &[u8], specials: impl Specials, at: usize) -> Result<ValueEnd, Fault> {
    match byte(bytes, at)? {
        b'"' => string(bytes, specials, at),
        b'{' | b'[' => nested(bytes, specials, at).map(|at| ValueEnd { at, is_plain: false }),
        _ => scalar(bytes, specials, at).map(|at| ValueEnd { at, is_plain: false }),
    }
}

#[inline]
fn value_between(text: &str, start: usize, end: ValueEnd) -> Result<Value<'_>, Fault> {
    if end.is_plain {
        part(text, start + 1, end.at - 1).map(Value::Plain)
    } else {
        part(text, start, end.at).map(Value::Raw)
    }
}

/// Part of the text from `at` to `end`, which are between characters.
#[inline]
fn part(text: &str, at: usize, end: usize) -> Result<&str, Fault> {
    text.get(at..end).ok_or(Fault::unexpected(at))
}

/// Passes an object or an array, which is a member's value.
fn nested(bytes: &[u8], specials: impl Specials, mut at: usize) -> Result<usize, Fault> {
    let mut depth = 1;
    // What the levels below the outermost object are, the innermost in the lowest bit: an object (1) or an array (0).
    let mut objects = 0u128;
    loop {
        // Here a value begins.
        match byte(bytes, at)? {
            open @ (b'{' | b'[') => {
                if depth == MAX_DEPTH {
                    return Err(Fault::too_deep(at));
                }
                depth += 1;
                objects = objects << 1 | u128::from(open == b'{');
                at = space(bytes, at + 1);
                // `]` and `}` come two behind `[` and `{`.
                if byte(bytes, at)? != open + 2 {
                    if open == b'{' {
                        at = key(bytes, specials, at)?;
                    }
                    continue;
                }
            }
            _ => at = scalar(bytes, specials, at)?,
        }
        // A value has ended; close the levels that end with it.
        loop {
            at = space(bytes, at);
            let in_object = objects & 1 == 1;
            match byte(bytes, at)? {
                b',' => {
                    at = space(bytes, at + 1);
                    if in_object {
                        at = key(bytes, specials, at)?;
                    }
                    break;
                }
                b'}' if in_object => {}
                b']' if !in_object => {}
                _ => return Err(Fault::unexpected(at)),
            }
            at += 1;
            depth -= 1;
            objects >>= 1;
            if depth == 1 {
                return Ok(at);
            }
        }
    }
}

/// Passes a key, its colon and the white space around it.
#[inline]
fn key(bytes: &[u8], specials: impl Specials, at: usize) -> Result<usize, Fault> {
    let key = string(bytes, specials, at)?;
    let at = behind(bytes, space(bytes, key.at), b':')?;
    Ok(space(bytes, at))
}

/// Passes a string, number or literal.
#[inline]
fn scalar(bytes: &[u8], specials: impl Specials, at: usize) -> Result<usize, Fault> {
    match byte(bytes, at)? {
        b'"' => string(bytes, specials, at).map(|end| end.at),
        b'-' | b'0'..=b'9' => number(bytes, at),
        b'n' => literal(bytes, at, b"null"),
        b't' => literal(bytes, at, b"true"),
        b'f' => literal(bytes, at, b"false"),
        _ => Err(Fault::unexpected(at)),
    }
}

fn literal(bytes: &[u8], at: usize, name: &[u8]) -> Result<usize, Fault> {
    let alike = name.iter().zip(bytes.iter().skip(at)).take_while(|(expected, given)| expected == given).count();
    if alike == name.len() { Ok(at + alike) } else { Err(Fault::unexpected(at + alike)) }
}

#[inline]
fn number(bytes: &[u8], mut at: usize) -> Result<usize, Fault> {
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    // A zero before digits ends the number here; the digits then make the text incorrect, as nothing correct follows a
    // value with a digit.
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { digits(bytes, at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at = digits(bytes, at + 1 + usize::from(sign))?;
    }
    Ok(at)
}

/// Passes one digit or more.
fn digits(bytes: &[u8], first: usize) -> Result<usize, Fault> {
    let mut at = first;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at > first { Ok(at) } else { Err(Fault::unexpected(at)) }
}

#[inline(always)]
fn string(bytes: &[u8], specials: impl Specials, at: usize) -> Result<ValueEnd, Fault> {
    string_rest(bytes, specials, behind(bytes, at, b'"')?)
}

/// Passes the rest of a string from behind its opening quote on.
#[inline(always)]
fn string_rest(bytes: &[u8], specials: impl Specials, at: usize) -> Result<ValueEnd, Fault> {
    let at = specials(at).ok_or(Fault::end(bytes))?;
    if bytes.get(at) == Some(&b'"') {
        Ok(ValueEnd { at: at + 1, is_plain: true })
    } else {
        escaped_string(bytes, specials, at)
    }
}

/// Passes the rest of a string from its first backslash on; fails at a control character.
#[cold]
fn escaped_string(bytes: &[u8], specials: impl Specials, mut at: usize) -> Result<ValueEnd, Fault> {
    loop {
        match byte(bytes, at)? {
            b'"' => return Ok(ValueEnd { at: at + 1, is_plain: false }),
            b'\\' => at = specials(escape(bytes, at)?).ok_or(Fault::end(bytes))?,
            _ => return Err(Fault::unexpected(at)),
        }
    }
}

/// The next byte from `at` on that cannot stand for itself in a string: a quote, a backslash or a control character.
///
/// Looks at eight bytes at once; one subtraction compares each with a bound and sets its highest bit if it is below.
/// Control characters and the quote have one bound, because turning the second bit makes the quote the very next to
/// them (0x20) and keeps them together; a backslash is turned into 0. A borrow can make a byte look special that is
/// not, but only behind one that is: the first is right.
#[inline(always)]
fn special(bytes: &[u8], mut at: usize) -> Option<usize> {
    const EACH: u64 = u64::MAX / 0xff;
    while let Some(word) = bytes.get(at..)?.first_chunk() {
        let word = u64::from_le_bytes(*word);
        let quote_or_control = (word ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21);
        let backslash = (word ^ (EACH * u64::from(b'\\'))).wrapping_sub(EACH);
        let specials = (quote_or_control | backslash) & !word & (EACH * 0x80);
        if specials != 0 {
            return Some(at + specials.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    Some(at + rest)
}

/// Passes an escape, or both if two are the surrogates of one character.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    match byte(bytes, at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
        b'u' => match code_unit(bytes, at)? {
            0xd800..=0xdbff => match code_unit(bytes, at + 6) {
                Ok(0xdc00..=0xdfff) => Ok(at + 12),
                Err(fault) if fault == Fault::end(bytes) => Err(fault),
                _ => Err(Fault::lone_surrogate(at)),
            },
            0xdc00..=0xdfff => Err(Fault::lone_surrogate(at)),
            _ => Ok(at + 6),
        },
        _ => Err(Fault::unexpected(at + 1)),
    }
}

/// UTF-16 code unit of the `\uXXXX` at `at`.
fn code_unit(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let first = behind(bytes, behind(bytes, at, b'\\')?, b'u')?;
    (first..first + 4).try_fold(0, |unit, at| {
        let digit = char::from(byte(bytes, at)?).to_digit(16).ok_or(Fault::unexpected(at))?;
        Ok(unit << 4 | digit)
    })
}

/// Byte that must stand at `at`.
#[inline]
fn byte(bytes: &[u8], at: usize) -> Result<u8, Fault> {
    bytes.get(at).copied().ok_or(Fault::unexpected(at))
}

#[inline]
fn space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// Passes the one byte that must stand at `at`.
#[inline]
fn behind(bytes: &[u8], at: usize, byte: u8) -> Result<usize, Fault> {
    if bytes.get(at) == Some(&byte) { Ok(at + 1) } else { Err(Fault::unexpected(at)) }
}

/// Checks that only white space follows from `at` on.
fn text_end(bytes: &[u8], at: usize) -> Result<(), Fault> {
    let at = space(bytes, at);
    if at == bytes.len() { Ok(()) } else { Err(Fault::unexpected(at)) }
}

#[cfg(test)]
mod tests;
