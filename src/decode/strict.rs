//! What the contract demands of JSON and serde_json does not check in values that it skips: no lone surrogates, no deeper than 128.

/// The deepest that objects and arrays may lie in each other; the outermost object is at depth 1.
const MAX_DEPTH: usize = 128;

/// What a first look at a text's bytes tells.
pub(super) struct Census {
    pub(super) escapes: bool,
    many_brackets: bool,
}

impl Census {
    /// Whether a text could break a rule that is checked here. Without a backslash there is no escaped surrogate (and UTF-8 holds none),
    /// and it is no deeper than it has opening brackets.
    pub(super) fn needs_scan(&self) -> bool {
        self.escapes || self.many_brackets
    }
}

/// Looks for escapes and counts opening brackets, wherever they stand. Written so that it compiles to a few vector instructions.
pub(super) fn census(text: &[u8]) -> Census {
    let (mut backslashes, mut brackets) = (0, 0);
    for chunk in text.chunks(255) {
        let (mut escapes, mut opening) = (0u8, 0u8);
        for &byte in chunk {
            escapes = escapes.wrapping_add(u8::from(byte == b'\\'));
            // `[` and `{` differ in this bit alone, and nothing else becomes `{` by it.
            opening = opening.wrapping_add(u8::from(byte | 0x20 == b'{'));
        }
        backslashes += usize::from(escapes);
        brackets += usize::from(opening);
    }
    Census { escapes: backslashes > 0, many_brackets: brackets > MAX_DEPTH }
}

/// Whether `text`, which is correct JSON otherwise, has neither a lone surrogate nor more than [`MAX_DEPTH`] levels. Linear, no recursion.
pub(super) fn is_strict(text: &[u8]) -> bool {
    let (mut at, mut depth) = (0, 0);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => match after_string(text, at) {
                Some(after) => at = after,
                None => return false,
            },
            b'[' | b'{' if depth == MAX_DEPTH => return false,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// Where the string that begins at `at` (after its quote) is over, or nothing if it holds a lone surrogate or does not end.
fn after_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match code_unit(text, at) {
                None => at += 2,
                Some(0xD800..=0xDBFF) => match code_unit(text, at + 6)? {
                    0xDC00..=0xDFFF => at += 12,
                    _ => return None,
                },
                Some(0xDC00..=0xDFFF) => return None,
                Some(_) => at += 6,
            },
            _ => at += 1,
        }
    }
}

/// The UTF-16 code unit of the `\uXXXX` at `at`, if that is what stands there.
fn code_unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lone(text: &str) -> bool {
        !is_strict(text.as_bytes())
    }

    #[test]
    fn lone_surrogates_are_found_in_keys_and_values() {
        for text in
            [r#"{"a":"\ud800"}"#, r#"{"a":"\udc00"}"#, r#"{"\uD83d":1}"#, r#"["\ud83d\ud83d\ude00"]"#, r#"["\ud83dx"]"#, r#"["\ud83d\n"]"#]
        {
            assert!(lone(text), "{text}");
        }
        for text in [r#"{"a":"\ud83d\ude00"}"#, r#"{"\uD83D\uDE00":"\u00e9\\ud800"}"#, r#"["\\\ud83d\ude00\"","\\"]"#, r#"["\u005cud800"]"#]
        {
            assert!(!lone(text), "{text}");
        }
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(!lone(&nested(128)));
        assert!(lone(&nested(129)));
        assert!(!lone(&format!("[{0},\"{1}\",{0}]", nested(127), "[".repeat(500))));
        assert!(lone(&format!("[{0},{{\"a\":{0}}}]", nested(127))));
    }

    #[test]
    fn the_census_sees_what_needs_a_scan() {
        assert!(!census(b"{\"a\":[1,2]}").needs_scan());
        assert!(census(b"{\"a\":\"\\n\"}").escapes);
        for pad in [0, 1, 100, 253, 254, 255, 256, 600] {
            let text = " ".repeat(pad) + &"[{".repeat(64);
            assert!(!census(text.as_bytes()).needs_scan());
            assert!(census((text + "[").as_bytes()).needs_scan());
            assert!(census((" ".repeat(pad) + "\\").as_bytes()).needs_scan());
        }
    }
}
