//! The fast way over an object: with marks in place of searches, and guesses in place of keys.

use super::{Guesses, Marks, Place, Value, behind, part, space, string, string_rest, unescaped, value};
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
        let mut opens_string = false;
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
            at = space(bytes, behind(bytes, space(bytes, key.end), b':').ok()?);
            let unescaped = if key.escaped { Some(unescaped(text.get(key_at..key.end)?)?) } else { None };
            let name = unescaped.as_deref().map_or(bytes.get(key_at + 1..key.end - 1)?, str::as_bytes);
            let opens_string = bytes.get(at) == Some(&b'"');
            let before = bytes.get(begin..at + usize::from(opens_string))?;
            (field, place) = guesses.remember(place, before, name, opens_string);
        }
        let found_value;
        (found_value, at) = if opens_string {
            let end = string_rest(bytes, specials, at).ok()?;
            let found = if end.escaped {
                Value::Raw(part(text, at - 1, end.end).ok()?)
            } else {
                Value::Plain(part(text, at, end.end - 1).ok()?)
            };
            (found, end.end)
        } else {
            value(text, specials, space(bytes, at)).ok()?
        };
        if let Some(field) = field {
            found(field, found_value);
        }
    }
    (space(bytes, at + 1) == bytes.len()).then_some(())
}
