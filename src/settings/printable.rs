//! Text from outside, made safe to print.
//!
//! Text of a record, a broker, a file or a caller may contain characters that a terminal acts on, that turn the
//! direction of what follows, or that show nothing: a reader would see another text than the one that is there.
//! Everything that the program prints goes through this module, which escapes them.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Characters that fonts leave blank, although Unicode classes them as letters, marks or symbols.
const BLANK: [RangeInclusive<char>; 11] = [
    '\u{34f}'..='\u{34f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{1d159}'..='\u{1d159}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// True for a character that shows as itself. False for controls, for format characters such as U+202E, which turns the
/// direction of text, for separators other than a space, and for what shows nothing.
pub(crate) fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    // Rust escapes all of these but the blank ones. A combining mark it escapes only at the beginning of a text.
    let is_escaped = || ['a', character].iter().collect::<String>().escape_debug().nth(1) == Some('\\');
    !BLANK.iter().any(|blank| blank.contains(&character)) && !is_escaped()
}

/// Returns the text as one line, with what is not printable escaped as in Rust: `\u{202e}`.
pub(crate) fn printable(text: &str) -> String {
    escaped(text, |_| false, push_escape).into_owned()
}

/// Like [`printable`], for a text of several lines: keeps line breaks and tabs.
pub(crate) fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| matches!(character, '\n' | '\t'), push_escape)
}

/// Returns JSON of the same meaning, with what is not printable escaped as in JSON: `\u202e`.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    // Outside of its strings JSON is ASCII, and white space there needs no escape.
    escaped(
        json,
        |character| matches!(character, '\n' | '\r' | '\t'),
        |out, character| {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

/// Returns a string of TOML in quotes, with what is not printable escaped.
pub(super) fn toml_string(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped(
        &text,
        |_| false,
        |out, character| {
            let _ = write!(out, "\\U{:08X}", u32::from(character));
        },
    );
    format!("\"{escaped}\"")
}

fn push_escape(out: &mut String, character: char) {
    if character.is_control() {
        out.extend(character.escape_debug());
    } else {
        out.extend(character.escape_unicode());
    }
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool, escape: impl Fn(&mut String, char)) -> Cow<'_, str> {
    let stays = |character: char| is_kept(character) || is_printable(character);
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if stays(character) {
            out.push(character);
        } else {
            escape(&mut out, character);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Characters of each kind that must not be printed.
    const HIDDEN: &str = "\u{1b}\u{7f}\u{9b}\u{ad}\u{34f}\u{61c}\u{115f}\u{180e}\u{200b}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\
                          \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{206f}\u{3164}\u{fe0f}\
                          \u{feff}\u{fff9}\u{e0041}\u{e01ef}\u{e000}";

    #[test]
    fn what_shows_nothing_or_turns_text_is_not_printable() {
        for character in HIDDEN.chars() {
            assert!(!is_printable(character), "{character:?}");
        }
        // A decomposed accent stays, as do letters of other scripts and a plain emoji.
        for character in "aZ ñÁ\u{301}漢字שלום💸€→█".chars() {
            assert!(is_printable(character), "{character:?}");
        }
    }

    #[test]
    fn escapes_are_readable_and_keep_the_rest() {
        assert_eq!(printable("señal\u{202e}x\n\u{1b}[31m"), "señal\\u{202e}x\\n\\u{1b}[31m");
        assert_eq!(printable_lines("a\n\tb\r\u{2066}"), "a\n\tb\\r\\u{2066}");
        assert!(matches!(printable_lines("nada\nque ver"), Cow::Borrowed(_)));
    }

    proptest::proptest! {
        #[test]
        fn nothing_hidden_is_left_and_json_and_toml_keep_their_meaning(text in ".{0,20}", place in 0..32_usize) {
            let hidden = HIDDEN.chars().nth(place).unwrap_or('\u{202e}');
            let text = format!("{text}{hidden}\n\"\\{text}");
            proptest::prop_assert!(printable(&text).chars().all(is_printable));
            proptest::prop_assert!(printable_lines(&text).chars().all(|one| "\n\t".contains(one) || is_printable(one)));
            let quoted = serde_json::to_string(&text).unwrap();
            let json = printable_json(&quoted);
            proptest::prop_assert!(json.chars().all(is_printable));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.clone());
            let toml = toml_string(&text);
            proptest::prop_assert!(toml.chars().all(is_printable));
            let table: toml::Table = format!("key = {toml}").parse().unwrap();
            proptest::prop_assert_eq!(table["key"].as_str(), Some(text.as_str()));
        }
    }
}
