//! The place of a fault in a value that is no JSON object, and its class.

use super::*;
use crate::clock::Timestamp;
use crate::record::{Finding, JsonFault};

fn fault(value: &[u8]) -> Option<JsonFault> {
    let settings = Settings { max_record_bytes: draft::MAX_RECORD_BYTES, max_future_skew: draft::MAX_FUTURE_SKEW };
    let decoder = Decoder::new(settings, PseudonymKey::from_hex(&"5a".repeat(32)).unwrap());
    let record = RawRecord { value: Some(value), timestamp: Some(Timestamp::EPOCH), ..RawRecord::default() };
    let rejection = decoder.decode(Stream::Call, &record, &mut LabelArena::default()).unwrap_err();
    assert_eq!(rejection.detail.is_some(), rejection.reason == Reason::NotJson);
    rejection.detail
}

fn detail(value: impl AsRef<[u8]>) -> String {
    fault(value.as_ref()).expect("no JSON").to_string()
}

#[test]
fn a_fault_has_its_position_and_class() {
    for (value, expected) in [
        ("hello", "byte 0: letter"),
        ("5", "byte 0: digit"),
        ("[{}]", "byte 0: bracket"),
        ("'x'", "byte 0: punctuation"),
        ("\"{}\"", "byte 0: quote"),
        (" \n", "byte 2: end of input"),
        ("{\"a\":\"b", "byte 7: end of input"),
        ("{\"a\":tru", "byte 8: end of input"),
        ("{\"a\":trie}", "byte 7: letter"),
        ("{\"a\":NaN}", "byte 5: letter"),
        ("{\"a\":01}", "byte 6: digit"),
        ("{\"a\":- 1}", "byte 6: space"),
        ("{\"a\":1.}", "byte 7: bracket"),
        ("{\"a\":1,}", "byte 7: bracket"),
        ("{\"a\" 1}", "byte 5: digit"),
        ("{\"a\":\"é\t\"}", "byte 8: control character"),
        ("{\"a\":\0}", "byte 5: control character"),
        ("{\"a\":\"\\x\"}", "byte 7: letter"),
        ("{\\\"a\\\":1}", "byte 1: backslash"),
        ("{\"a\":“b”}", "byte 5: character beyond ASCII"),
        ("{\"a\":\"\\ud800\"}", "byte 6: lone surrogate"),
        ("{\"a\":\"\\ud83d\\u", "byte 14: end of input"),
        ("{}}", "byte 2: bracket"),
        ("{} x", "byte 3: letter"),
        ("\u{feff}\u{feff}{}", "byte 3: character beyond ASCII"),
    ] {
        assert_eq!(detail(value), expected, "{value}");
    }
    let deep = format!("{{\"a\":{}", "[".repeat(200));
    assert_eq!(detail(&deep), "byte 132: nested too deep");
}

#[test]
fn positions_count_the_frame_and_the_mark() {
    let json = b"{\"a\":x}";
    assert_eq!(detail(json), "byte 5: letter");
    assert_eq!(detail([&b"\0\0\0\0\x07"[..], json].concat()), "byte 10: letter");
    assert_eq!(detail([&b"\xef\xbb\xbf"[..], json].concat()), "byte 8: letter");
    assert_eq!(detail([&b"\0\0\0\0\x07\xef\xbb\xbf"[..], json].concat()), "byte 13: letter");
}

#[test]
fn a_fault_counts_before_later_bytes_that_are_no_utf8() {
    assert_eq!(detail(b"{\"a\":\"\xff\"}"), "byte 6: invalid UTF-8");
    assert_eq!(detail(b"{}\xff"), "byte 2: invalid UTF-8");
    assert_eq!(detail(b"{\"a\":x,\"\xff\"}"), "byte 5: letter");
    assert_eq!(detail(b"{\"a\":\"\xf0\x9f\x99"), "byte 9: end of input");
    assert_eq!(detail(b"{\"a\":\"\xf0\x9f\x99\"}"), "byte 6: invalid UTF-8");
}

#[test]
fn frames_of_other_registries_are_named() {
    let long = [&b"\0\0\0\0\0\0\0\x01\x2c"[..], b"{\"id\":\"e\"}"].concat();
    assert_eq!(detail(&long), "byte 0: frame with a schema id of 8 bytes");
    let invalid_utf8 = [&b"\0\0\0\0\0\0\0\x01\xff"[..], b"\xef\xbb\xbf {}"].concat();
    assert_eq!(detail(invalid_utf8), "byte 0: frame with a schema id of 8 bytes");
    let late = [&b"\0\0\0\0\0"[..], b"{\"a\": x {}"].concat();
    assert_eq!(detail(late), "byte 11: letter", "a fault behind any frame");
    for compression in [0, 5] {
        let glue = [&[3, compression][..], &[0xab; 16], b"{}"].concat();
        assert_eq!(detail(glue), "byte 0: frame of AWS Glue");
    }
    assert_eq!(detail(b"\x03\0{}"), "byte 0: control character");
    assert_eq!(detail(b"\0\0{}"), "byte 0: control character");
}

#[test]
fn a_detail_has_nothing_of_the_content() {
    let canary = "CANARY850314HJCRRL09";
    for value in [canary.to_owned(), format!("{{\"beneficiary\":{canary}}}"), format!("{{}}{canary}")] {
        let rejection = Rejection::not_json(fault(value.as_bytes()).unwrap());
        assert_eq!(rejection.detail.unwrap().finding, Finding::Letter);
        assert!(!format!("{rejection} {rejection:?}").contains("CANARY"));
    }
}
