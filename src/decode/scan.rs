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
//! Every function below takes the position where something begins and returns the position behind it, or `None` where
//! it is not correct.

mod reference;

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
    /// Returns `None` for any other text; members before the fault have been handed out by then.
    fn object<'a>(text: &'a str, found: impl FnMut(&str, Value<'a>)) -> Option<()>;
}

/// The program's way: the functions of this module.
pub(super) struct Scanner;

impl Scan for Scanner {
    #[inline]
    fn object<'a>(text: &'a str, found: impl FnMut(&str, Value<'a>)) -> Option<()> {
        object(text, found)
    }
}

#[inline]
fn object<'a>(text: &'a str, mut found: impl FnMut(&str, Value<'a>)) -> Option<()> {
    let bytes = text.as_bytes();
    let mut at = behind(bytes, space(bytes, 0), b'{')?;
    at = space(bytes, at);
    if bytes.get(at) == Some(&b'}') {
        return end(bytes, at + 1);
    }
    loop {
        let key_at = at;
        let key = string(bytes, key_at)?;
        at = space(bytes, behind(bytes, space(bytes, key.end), b':')?);
        let (value, value_end) = value(text, at)?;
        if key.escaped {
            found(&unescaped(text.get(key_at..key.end)?)?, value);
        } else {
            found(text.get(key_at + 1..key.end - 1)?, value);
        }
        at = space(bytes, value_end);
        match bytes.get(at)? {
            b',' => at = space(bytes, at + 1),
            b'}' => return end(bytes, at + 1),
            _ => return None,
        }
    }
}

/// Unescapes a string.
#[cold]
fn unescaped(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// A member's value and the position behind it.
#[inline]
fn value(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let bytes = text.as_bytes();
    match bytes.get(at)? {
        b'"' => {
            let StringEnd { end, escaped } = string(bytes, at)?;
            let value = if escaped { Value::Raw(text.get(at..end)?) } else { Value::Plain(text.get(at + 1..end - 1)?) };
            Some((value, end))
        }
        byte => {
            let end = if matches!(byte, b'{' | b'[') { nested(bytes, at)? } else { scalar(bytes, at)? };
            Some((Value::Raw(text.get(at..end)?), end))
        }
    }
}

/// Passes an object or an array, which is a member's value.
fn nested(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 1;
    // What the levels below the outermost object are, the innermost in the lowest bit: an object (1) or an array (0).
    let mut objects = 0u128;
    loop {
        // Here a value begins.
        match *bytes.get(at)? {
            open @ (b'{' | b'[') => {
                if depth == MAX_DEPTH {
                    return None;
                }
                depth += 1;
                objects = objects << 1 | u128::from(open == b'{');
                at = space(bytes, at + 1);
                // `]` and `}` come two behind `[` and `{`.
                if *bytes.get(at)? != open + 2 {
                    if open == b'{' {
                        at = key(bytes, at)?;
                    }
                    continue;
                }
            }
            _ => at = scalar(bytes, at)?,
        }
        // A value has ended; close the levels that end with it.
        loop {
            at = space(bytes, at);
            let in_object = objects & 1 == 1;
            match bytes.get(at)? {
                b',' => {
                    at = space(bytes, at + 1);
                    if in_object {
                        at = key(bytes, at)?;
                    }
                    break;
                }
                b'}' if in_object => {}
                b']' if !in_object => {}
                _ => return None,
            }
            at += 1;
            depth -= 1;
            objects >>= 1;
            if depth == 1 {
                return Some(at);
            }
        }
    }
}

/// Passes a key, its colon and the white space around it.
fn key(bytes: &[u8], at: usize) -> Option<usize> {
    let key = string(bytes, at)?;
    let at = behind(bytes, space(bytes, key.end), b':')?;
    Some(space(bytes, at))
}

/// Passes a string, number or literal.
fn scalar(bytes: &[u8], at: usize) -> Option<usize> {
    let literal = |name: &[u8]| bytes.get(at..)?.starts_with(name).then_some(at + name.len());
    match bytes.get(at)? {
        b'"' => string(bytes, at).map(|text| text.end),
        b'-' | b'0'..=b'9' => number(bytes, at),
        b'n' => literal(b"null"),
        b't' => literal(b"true"),
        b'f' => literal(b"false"),
        _ => None,
    }
}

fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
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
    Some(at)
}

/// Passes one digit or more.
fn digits(bytes: &[u8], first: usize) -> Option<usize> {
    let mut at = first;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    (at > first).then_some(at)
}

/// End of a string (behind its quote), and if it has escapes.
struct StringEnd {
    end: usize,
    escaped: bool,
}

#[inline(always)]
fn string(bytes: &[u8], at: usize) -> Option<StringEnd> {
    let at = special(bytes, behind(bytes, at, b'"')?)?;
    if bytes.get(at) == Some(&b'"') {
        Some(StringEnd { end: at + 1, escaped: false })
    } else {
        escaped_string(bytes, at)
    }
}

/// Passes the rest of a string from its first backslash on; `None` for a control character.
#[cold]
fn escaped_string(bytes: &[u8], mut at: usize) -> Option<StringEnd> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(StringEnd { end: at + 1, escaped: true }),
            b'\\' => at = special(bytes, escape(bytes, at)?)?,
            _ => return None,
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
fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => match code_unit(bytes, at)? {
            0xd800..=0xdbff => matches!(code_unit(bytes, at + 6)?, 0xdc00..=0xdfff).then_some(at + 12),
            0xdc00..=0xdfff => None,
            _ => Some(at + 6),
        },
        _ => None,
    }
}

/// UTF-16 code unit of the `\uXXXX` at `at`.
fn code_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
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
fn behind(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (bytes.get(at) == Some(&byte)).then_some(at + 1)
}

/// Returns something if only white space follows from `at` on.
fn end(bytes: &[u8], at: usize) -> Option<()> {
    (space(bytes, at) == bytes.len()).then_some(())
}

#[cfg(test)]
mod tests;
