//! The fast way over an object: with marks in place of searches, and guesses in place of keys.

use super::{Guesses, Marks, Place, Value, behind, space, string, string_rest, unescaped, value_between, value_end};
use crate::decode::field::Field;

/// Goes over a text as [`Scan::object`](super::Scan::object) does, and hands the values of known fields to `found`.
/// `marks` are those of the text, and `start` says which object it is.
///
/// `None` if the text has a fault, of which the scanner then says where it is.
#[inline]
pub(in crate::decode) fn guided<'a>(
    text: &'a str,
    marks: &Marks,
    guesses: &mut Guesses,
    start: Place,
    mut found: impl FnMut(Field, Value<'a>),
) -> Option<()> {
    let bytes = text.as_bytes();
    let specials = |at| marks.next(at);
    let (mut at, mut place) = (0, start);
    loop {
        let field;
        let opens_string;
        if let Some(member) = guesses.next(bytes, at, place) {
            at += member.length;
            (field, place, opens_string) = (member.field, member.place, member.opens_string);
        } else {
            let begin = at;
            at = space(bytes, at);
            match bytes.get(at)? {
                b'{' if place == start => {
                    at = space(bytes, at + 1);
                    if bytes.get(at) == Some(&b'}') {
                        break;
                    }
                }
                b',' if place != start => at = space(bytes, at + 1),
                b'}' if place != start => break,
                _ => return None,
            }
            let key_at = at;
            let key = string(bytes, specials, key_at).ok()?;
            at = space(bytes, behind(bytes, space(bytes, key.at), b':').ok()?);
            opens_string = bytes.get(at) == Some(&b'"');
            at += usize::from(opens_string);
            let before = bytes.get(begin..at)?;
            (field, place) = match value_between(text, key_at, key).ok()? {
                Value::Plain(key) => guesses.remember(place, before, key, opens_string),
                Value::Raw(raw) => guesses.remember(place, before, &unescaped(raw)?, opens_string),
            };
        }
        let value_at = if opens_string { at - 1 } else { space(bytes, at) };
        let end = if opens_string { string_rest(bytes, specials, at) } else { value_end(bytes, specials, value_at) };
        let end = end.ok()?;
        at = end.at;
        if let Some(field) = field {
            found(field, value_between(text, value_at, end).ok()?);
        }
    }
    (space(bytes, at + 1) == bytes.len()).then_some(())
}
