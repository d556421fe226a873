//! Keys of `--set`, which are TOML keys: `kafka.group_id`, `kafka.properties."group.id"`.
//!
//! Names are joined with dots, as in files. So the dotted names of properties need no quotes:
//! `kafka.properties.linger.ms` and `kafka.properties."linger.ms"` are one setting.

use super::tree::{self, Entry, NodeKind};
use config::ValueKind;

/// Splits at the first `=` that is not in quotes; `None` without one.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None, '=') => return Some((text[..at].trim(), text[at + 1..].trim())),
            (None, '"' | '\'') => quote = Some(character),
            // The next character is escaped.
            (Some('"'), '\\') => drop(characters.next()),
            (Some(open), character) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

/// Reads a TOML key and joins its names with dots; `None` if it is not one.
pub(super) fn parse(key: &str) -> Option<String> {
    // With line breaks it could be more than a key.
    let document = (!key.contains(['\n', '\r'])).then(|| format!("{key} = 0"))?;
    let mut entries = tree::parse(&document).ok()?;
    let mut names = Vec::new();
    loop {
        let [Entry { name, node }] = <[Entry; 1]>::try_from(entries).ok()?;
        names.push(name);
        match node.kind {
            NodeKind::Table(inner) => entries = inner,
            NodeKind::Plain(ValueKind::I64(0)) => return Some(names.join(".")),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, split};

    #[test]
    fn a_key_ends_at_the_first_equals_sign_outside_quotes() {
        assert_eq!(split("a.b=c=d"), Some(("a.b", "c=d")));
        assert_eq!(split(" a . 'b=c' = d "), Some(("a . 'b=c'", "d")));
        assert_eq!(split("\"a\\\"=b\"=c"), Some(("\"a\\\"=b\"", "c")));
        assert_eq!(split("=x"), Some(("", "x")));
        for without in ["", "a", "\"a=b", "'a=b\\'c"] {
            assert_eq!(split(without), None, "{without}");
        }
    }

    #[test]
    fn keys_are_those_of_toml_joined_with_dots() {
        for key in ["a.b.c", "a.\"b.c\"", "'a.b'.c", " a . b . \"c\" ", "\"\\u0061\".b.c"] {
            assert_eq!(parse(key).as_deref(), Some("a.b.c"), "{key}");
        }
        assert_eq!(parse("a.\"\"").as_deref(), Some("a."));
        for wrong in
            ["", ".", "a.", "a b", "ñ", "a:b", "[a]\nb", "a = 1\nb", "a #", "\"a", "a\r\n", "[a", "\"\"\"a\"\"\""]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
