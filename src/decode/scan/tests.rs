//! serde_json is the witness: what it accepts is correct, and its raw values are the values.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::Index;
use serde::de::IgnoredAny;

use super::marks::Charset;
use super::*;
use crate::decode::field::Field;
use crate::record::Finding;

/// Members that a scanner finds, by key and raw value; `None` if the text is not correct.
fn members<S: Scan>(text: &[u8]) -> Option<Vec<(String, String)>> {
    let mut members = Vec::new();
    S::object(std::str::from_utf8(text).ok()?, |key, value| {
        let raw = match value {
            Value::Plain(text) => format!("\"{text}\""),
            Value::Raw(raw) => raw.to_owned(),
        };
        assert_eq!(matches!(value, Value::Plain(_)), raw.starts_with('"') && !raw.contains('\\'));
        members.push((key.to_owned(), raw));
    })
    .ok()?;
    Some(members)
}

fn witnessed(text: &[u8]) -> Option<Vec<(String, String)>> {
    members::<SerdeJson>(text)
}

fn scanned(text: &[u8]) -> Option<Vec<(String, String)>> {
    members::<Scanner>(text)
}

/// JSON that is correct or nearly so: of tokens that often fit each other.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        8 => "[\\[\\]{}:,]",
        3 => Just(r#""a":"#.to_owned()),
        3 => nearly_string(),
        3 => "-?(0|[1-9][0-9]{0,3}|00)?(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
        2 => "null|true|false|nul|True|NaN",
        2 => "[ \t\r\n\u{b}\u{feff}]",
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

/// Strings of valid and some invalid parts.
fn nearly_string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => "[a-zé🙂/\u{7f}]{1,12}",
        3 => r#"\\["\\/bfnrt]"#,
        3 => r"\\u[0-9a-cA-C][0-9a-fA-F]{3}|\\u[eEfF]00f",
        2 => r"\\u[dD][89aAbB][0-9a-f]{2}\\u[dD][c-fC-F][0-9a-f]{2}",
        1 => r"\\u[dD][0-9a-fA-F]{3}|\\u\+[0-9]{3}|\\u[0-9g]{0,4}|\\[xU0 ]|[\x00-\x1f]",
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

/// A correct value, but for its strings perhaps.
fn any_value() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof!["null|true|false", number, nearly_string()];
    leaf.prop_recursive(5, 24, 4, |inner| {
        let space = "[ \t\r\n]{0,2}";
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..4), space)
                .prop_map(|(items, s)| format!("[{s}{}{s}]", items.join(&format!("{s},{s}")))),
            (prop::collection::vec((nearly_string(), inner), 0..4), space).prop_map(|(members, s)| {
                let members: Vec<_> = members.into_iter().map(|(key, value)| format!("{key}{s}:{s}{value}")).collect();
                format!("{{{s}{}{s}}}", members.join(&format!("{s},{s}")))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn arbitrary_bytes_are_correct_if_serde_json_says_so(inner in prop::collection::vec(any::<u8>(), 0..60)) {
        prop_assert_eq!(scanned(&inner), witnessed(&inner));
        let value = [b"{\"a\":\"", inner.as_slice(), b"\"}"].concat();
        prop_assert_eq!(scanned(&value), witnessed(&value));
    }

    #[test]
    fn tokens_are_correct_together_if_serde_json_says_so(inner in nearly_json()) {
        for text in [inner.clone(), format!("{{{inner}}}"), format!("{{\"a\":{inner}}}"), format!("{{\"a\":[{inner}]}}")] {
            prop_assert_eq!(scanned(text.as_bytes()), witnessed(text.as_bytes()), "{}", text);
        }
    }

    #[test]
    fn members_are_those_that_serde_json_finds_however_damaged(
        members in prop::collection::vec((nearly_string(), any_value()), 0..5),
        space in "[ \t\r\n]{0,10}",
        damage in prop::collection::vec((any::<Index>(), prop_oneof![any::<u8>(), prop::sample::select(b"{}[],:\"\\u0-e. ".to_vec())], 0..4u8), 0..3),
    ) {
        let members: Vec<_> = members.into_iter().map(|(key, value)| format!("{key}{space}:{value}{space}")).collect();
        let mut text = format!("{space}{{{}}}{space}", members.join(",")).into_bytes();
        prop_assert_eq!(scanned(&text), witnessed(&text), "{}", String::from_utf8_lossy(&text));
        for (index, byte, how) in damage {
            let at = index.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                2 => drop(text.remove(at)),
                _ => text.truncate(at + 1),
            }
            prop_assert_eq!(scanned(&text), witnessed(&text), "{}", String::from_utf8_lossy(&text));
            if text.is_empty() {
                break;
            }
        }
    }

    #[test]
    fn a_fault_is_at_the_first_byte_that_fits_no_object(
        members in prop::collection::vec((nearly_string(), any_value()), 0..4),
        damage in prop::collection::vec((any::<Index>(), "[a-z0-9\\[\\]{}:,\"\\\\ é\t.-]|true|\\\\ud800|"), 1..3),
    ) {
        let members: Vec<_> = members.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
        let mut text = format!("{{{}}}", members.join(","));
        for (index, patch) in damage {
            let at = text.floor_char_boundary(index.index(text.len() + 1));
            if patch.is_empty() { text.truncate(at) } else { text.insert_str(at, &patch) }
        }
        assert_fault_is_first(&text)?;
    }

    #[test]
    fn depth_is_bounded_as_the_witness_bounds_it(arrays in prop::collection::vec(any::<bool>(), 124..132), leaf in "|1|\\[\\]|\\{\\}") {
        let mut text = leaf;
        for &array in &arrays {
            let inner = if text.is_empty() { "null" } else { &text };
            text = if array { format!("[{inner},{{}},0]") } else { format!("{{\"b\":[],\"a\":{inner}}}") };
        }
        text = format!("{{\"a\":{text}}}");
        prop_assert_eq!(scanned(text.as_bytes()), witnessed(text.as_bytes()));
    }
}

/// Asserts that what stands before the fault of a text may be continued, and what ends with it may not.
fn assert_fault_is_first(text: &str) -> Result<(), TestCaseError> {
    let is_truncated =
        |text: &str| serde_json::from_str::<HashMap<String, IgnoredAny>>(text).is_err_and(|e| e.is_eof());
    let Err(fault) = Scanner::object(text, |_, _| {}) else { return Ok(()) };
    let (at, finding) = (fault.position(), fault.finding(text));
    let before = text.get(..at).expect("a fault is between characters");
    let is_object = Scanner::object(before, |_, _| {}).is_ok();
    // serde_json calls a number without its last digit wrong, not truncated.
    let may_continue = is_object || is_truncated(before) || is_truncated(&format!("{before}0"));
    prop_assert!(may_continue, "{} of {}: {:?}", at, text, finding);
    prop_assert_eq!(finding == Finding::EndOfInput, at == text.len());
    if finding == Finding::LoneSurrogate {
        prop_assert!(text[at..].starts_with("\\u"), "{} of {}", at, text);
    } else if let Some(unfit) = text[at..].chars().next() {
        // serde_json looks at the digits of an escape only once there are four.
        let is_in_escape = before.rfind("\\u").is_some_and(|escape| at < escape + 6);
        let with = text[..at + unfit.len_utf8()].to_owned() + if is_in_escape { "0000" } else { "" };
        // It also goes on with a literal in place of the object.
        let is_unfit = if before.trim_ascii().is_empty() { unfit != '{' } else { !is_truncated(&with) };
        prop_assert!(is_unfit && Scanner::object(&with, |_, _| {}).is_err(), "{} of {}", at, text);
        prop_assert_eq!(finding, Finding::of(text.as_bytes()[at]));
    }
    Ok(())
}

fn is_correct(text: &str) -> bool {
    scanned(text.as_bytes()).is_some()
}

#[test]
fn lone_surrogates_are_found_in_keys_and_values() {
    for text in [
        r#"\ud800"#,
        r#"\udc00"#,
        r#"\uD83d"#,
        r#"\ud83d\ud83d\ude00"#,
        r#"\ud83dx"#,
        r#"\ud83d\n"#,
        r#"\ud83d\u0041"#,
        r#"\ud83d\u"#,
    ] {
        for text in [
            format!(r#"{{"{text}":1}}"#),
            format!(r#"{{"a":"{text}"}}"#),
            format!(r#"{{"a":[{{"{text}":["{text}"]}}]}}"#),
        ] {
            assert!(!is_correct(&text), "{text}");
        }
    }
    for text in [r#"\ud83d\ude00"#, r#"\uD83D\uDE00\u00e9\\ud800"#, r#"\\\ud83d\ude00\""#, r#"\\"#, r#"\u005cud800"#] {
        assert!(is_correct(&format!(r#"{{"{text}":["{text}"],"a":"{text}"}}"#)), "{text}");
    }
}

#[test]
fn depth_counts_brackets_outside_strings() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(is_correct(&format!("{{\"a\":{}}}", nested(127))));
    assert!(!is_correct(&format!("{{\"a\":{}}}", nested(128))));
    assert!(is_correct(&format!("{{\"a\":[{0},\"{1}\",{0}],\"b\":{0}}}", nested(126), "[".repeat(500))));
    assert!(!is_correct(&format!("{{\"a\":[{0},{{\"a\":{0}}}]}}", nested(126))));
}

#[test]
fn specials_are_found_wherever_they_stand() {
    for len in 0..40 {
        for at in 0..len {
            for special_byte in [b'"', b'\\', 0, 0x1f] {
                for other in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                    let mut bytes = vec![other; len];
                    assert_eq!(special(&bytes, at), None);
                    bytes[at] = special_byte;
                    assert_eq!(special(&bytes, 0), Some(at), "{special_byte} in {len} of {other}");
                    assert_eq!(special(&bytes, at + 1), None);
                }
            }
        }
    }
}

#[test]
fn marks_are_those_that_a_search_finds() {
    let mut marks = Marks::default();
    for len in (64..200).chain([4_032, 4_095]) {
        for special_byte in [b'"', b'\\', 0, 0x1f] {
            for other in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                let mut bytes = vec![other; len];
                let at = (len * usize::from(other) + usize::from(special_byte)) % len;
                bytes[at] = special_byte;
                bytes[len - 1] = if at % 2 == 0 { special_byte } else { other };
                // Without AVX2 there are no marks.
                let Some(charset) = marks.mark(&bytes) else { return };
                assert_eq!(charset == Charset::Ascii, bytes.is_ascii());
                for from in 0..=len {
                    assert_eq!(marks.next(from), Some(special(&bytes, from).unwrap_or(len)), "{from} of {len}");
                }
            }
        }
    }
    assert_eq!(marks.mark(&[b' '; 63]), None);
    assert_eq!(marks.mark(&[b' '; 4_096]), None);
}

/// Objects of the same members, spelled alike in part; some have a fault.
const ALIKE: [&str; 20] = [
    r#"{"id":"1","amount":"2","state":null,"x":{"id":3},"y":"4"}"#,
    r#"{"id":"1","amount":2,"state":"","x":[],"y":4}"#,
    r#"{"id":"1","state":"","amount":"2","y":4,"x":"a"}"#,
    r#"{ "id": "1", "amount": "2", "state": null, "x": { "id": 3 }, "y": "4" }"#,
    r#"{ "id" : "1" , "amount" : 2 , "state" : null , "x" : "" }"#,
    "{\"id\":\t\"1\",\"amount\":\n\"2\",\"state\":\r\n\"\"}",
    r#"{"id":"1","amount":      2,"state":                                  "3"}"#,
    r#"{"i\u0064":"1","amoun\u0074":"2","\u0078":"3"}"#,
    r#"{"id":"\"","amount":"\\","state":"\u00e9","x":"\n"}"#,
    r#"{"id":"1","id":"1","amount":"2","amount":2}"#,
    r#"{"id":"1","Amount":"2","amount ":"3","amountx":"4"}"#,
    r#"{"id":"é","amount":"🙂","état":"2","x":"é"}"#,
    r#"{"a key of more than thirty-two bytes, which no guess has":1,"id":"1"}"#,
    "{}",
    r#"{"id":"1","amount":"2""state":null}"#,
    r#"{"id":"1","amount"::"2"}"#,
    r#"{"id":"1","amount":"2",}"#,
    r#"{"id":"1","amount":"2\x","state":1}"#,
    r#"{"id":"1,"amount":"2"}"#,
    r#"{"id":"1","amount":01}"#,
];

#[test]
fn guesses_change_nothing_whatever_came_before() {
    // A last member makes each text long enough for marks.
    let texts = ALIKE.map(|text| {
        let (rest, _) = text.rsplit_once('}').expect("an object");
        format!("{rest}{}\"type\":\"{}\"}}", if rest == "{" { "" } else { "," }, "-".repeat(64))
    });
    let mut marks = Marks::default();
    for (first, second) in texts.iter().flat_map(|first| texts.iter().map(move |second| (first, second))) {
        for third in &texts {
            let mut guesses = Guesses::default();
            for text in [first, second, third] {
                if marks.mark(text.as_bytes()).is_none() {
                    return;
                }
                let (mut guessed, mut scanned) = (Vec::new(), Vec::new());
                let found = |field, value| guessed.push((field, value));
                let guided = guided(text, &marks, &mut guesses, Place::RECORD, found);
                let result = Scanner::object(text, |key, value| {
                    scanned.extend(Field::from_name(key.as_bytes()).map(|field| (field, value)));
                });
                assert_eq!(guided.is_some(), result.is_ok(), "{text} behind {first} and {second}");
                assert!(result.is_err() || guessed == scanned, "{text} behind {first} and {second}: {guessed:?}");
            }
        }
    }
}
