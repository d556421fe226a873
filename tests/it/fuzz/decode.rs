//! Fuzzing of records. A file of the corpus has the form of an HTTP message: headers, an empty line, the value.

use pacemeter::clock::Timestamp;
use pacemeter::decode::{Decoder, PseudonymKey, Settings};
use pacemeter::event::LabelArena;
use pacemeter::record::{RawRecord, Reason, Stream};
use proptest::{prop_assert, prop_assert_eq};

use super::fuzz;

const WORDS: &[&str] = &[
    "\n",
    "\n\n",
    "content-type: application/cloudevents+json\n",
    "ce_id: x\n",
    "\\u0000",
    "\\ud83d\\ude00",
    "\\ud800",
    "null",
    "-0",
    "1e999",
    "0.005",
    "2.5E+4",
    "0e-0000000000000000000000000000000000000001",
    "{\"a\":",
    "[[[[[[[[",
    "]",
    "\"",
    "\"id\":\"x\",",
    "99999999999999999999999999",
    "2020-02-30T24:00:60+99:99",
    "\u{feff}",
    "\0\0\0\0\x01",
    "\0\0\0\0\0\0\0\x01\x02",
    "content-type: \nCONTENT-TYPE: \n",
];

#[test]
fn decoding_is_repeatable_and_rejection_leaves_no_trace() {
    let key = PseudonymKey::from_hex(&"5a".repeat(32)).expect("a key");
    let decoder = Decoder::new(Settings { max_record_bytes: 4_096, max_future_skew: 600_000 }, key);
    fuzz("decode", 20_000, WORDS, |bytes| {
        let (head, value) = bytes
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .map_or((&b""[..], bytes), |at| (&bytes[..at], &bytes[at + 2..]));
        let head = String::from_utf8_lossy(head);
        let headers: Vec<_> = head.lines().map(|line| line.split_once(": ").unwrap_or((line, ""))).collect();
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (*name, (!value.is_empty()).then_some(value.as_bytes()))).collect();
        for stream in Stream::ALL {
            let record = RawRecord {
                value: Some(value),
                timestamp: Some(Timestamp::from_millis(1_588_584_601_000)),
                headers: &headers,
                ..RawRecord::default()
            };
            let (mut arena, mut again) = (LabelArena::default(), LabelArena::default());
            let result = decoder.decode(stream, &record, &mut arena);
            prop_assert_eq!(&result, &decoder.decode(stream, &record, &mut again));
            prop_assert_eq!(format!("{arena:?}"), format!("{again:?}"));
            match result {
                Ok(event) => {
                    prop_assert!(event.time <= Timestamp::from_millis(1_588_584_601_000 + 600_000), "{event:?}")
                }
                Err(rejection) => {
                    prop_assert_eq!(format!("{arena:?}"), format!("{:?}", LabelArena::default()), "{}", rejection);
                    prop_assert!(rejection.to_string().len() < 200);
                    prop_assert_eq!(rejection.detail.is_some(), rejection.reason == Reason::NotJson, "{}", rejection);
                    prop_assert!(rejection.detail.is_none_or(|fault| fault.position as usize <= value.len()));
                }
            }
        }
        Ok(())
    });
}
