//! One pass over the text of a JSON object: is it correct to the last byte, and where do its members' values lie.
//!
//! A value is a slice of the text that nobody has built anything of; what it must be is asked later, of the few that matter. The whole text
//! is checked against RFC 8259, the values that nobody asks for too, and against what the contract adds: no lone surrogates, no deeper than
//! 128. There is no recursion and no heap, but for a key with escapes; the time is linear.
//!
//! Every function takes the position where something begins and gives the position behind it, or nothing where it is not correct.

/// The deepest that objects and arrays may lie in each other; the outermost object is at depth 1.
const MAX_DEPTH: usize = 128;

/// A member's value. Borrows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A string without escapes, by what stands between its quotes: what it spells.
    Plain(&'a str),
    /// Anything else by its own text; a string with escapes too, quotes and all.
    Raw(&'a str),
}

/// Goes over `text`, which must be one JSON object with nothing but white space around it, and hands each member to `found`: its key, by
/// what it spells, and its value.
///
/// Gives nothing if the text is anything else. The members before the fault were handed out by then.
#[inline]
pub(super) fn object<'a>(text: &'a str, mut found: impl FnMut(&str, Value<'a>)) -> Option<()> {
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

/// What a string with escapes spells.
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

/// Passes an object or an array, a member's value, with all that is in it.
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
        // Here a value or a level's last one is over.
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

/// Passes a value that is no object and no array.
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
    // A zero that digits follow is no number; here it ends one, and nothing correct begins with a digit behind a value.
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

/// Where a string ends (behind its quote), and whether it has escapes.
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

/// The rest of a string from its first backslash on, if that is what stands there.
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
/// Looks at eight bytes at once, each held against a bound by one subtraction that sets its highest bit if it is below. Control characters
/// and the quote have one bound, because turning the second bit makes the quote the very next to them (0x20) and keeps them together; a
/// backslash is turned into 0. A borrow can make a byte look special that is not, but only behind one that is: the first is right.
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

/// Passes an escape; two if they are the halves of one character.
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

/// The UTF-16 code unit of the `\uXXXX` at `at`, if that is what stands there.
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

/// Nothing but white space may stand from `at` on.
fn end(bytes: &[u8], at: usize) -> Option<()> {
    (space(bytes, at) == bytes.len()).then_some(())
}

#[cfg(test)]
mod tests;
