//! Each fault alone, and together with every fault of a later rank.

use super::*;
use crate::clock::Timestamp;

/// Fault of a record: its rank in the order of faults, the change that causes it, and the expected rejection.
struct Fault {
    /// Position in the order of faults. Faults of one rank concern the same thing; their order is undefined.
    rank: usize,
    apply: Box<dyn Fn(Draft) -> Draft>,
    rejection: Rejection,
}

/// A list of faults in order.
#[derive(Default)]
struct Faults {
    list: Vec<Fault>,
    rank: usize,
}

impl Faults {
    fn next(&mut self) -> &mut Self {
        self.rank += 1;
        self
    }

    fn add(&mut self, rejection: Rejection, apply: impl Fn(Draft) -> Draft + 'static) -> &mut Self {
        self.list.push(Fault { rank: self.rank, apply: Box::new(apply), rejection });
        self
    }

    fn of(&mut self, reason: Reason, apply: impl Fn(Draft) -> Draft + 'static) -> &mut Self {
        self.add(Rejection::of(reason), apply)
    }

    fn missing(&mut self, field: &'static str) -> &mut Self {
        let rejection = Rejection::field(Reason::MissingField, field);
        self.add(rejection, move |draft| draft.without(field)).add(rejection, move |draft| draft.with(field, "null"))
    }

    /// Each of these values is wrong, and so is the right one given twice.
    fn invalid(&mut self, field: &'static str, values: &[&'static str]) -> &mut Self {
        let rejection = Rejection::field(Reason::InvalidField, field);
        for &value in values {
            self.add(rejection, move |draft| draft.with(field, value));
        }
        self.add(rejection, move |draft| draft.twice(field))
            .add(rejection, move |draft| draft.twice(field).also(field, "null"))
    }
}

const NO_LABEL: &[&str] = &[r#""""#, r#""12345678901234567890123456789012345678901234567890123456789012345""#];
const NO_STRING: &[&str] = &["1", "true", "[]", "{}", "[\"x\"]"];

fn faults_of_records(envelope: Envelope) -> Faults {
    let mut faults = Faults::default();
    faults.next().of(Reason::Empty, Draft::emptied).of(Reason::Empty, |draft| draft.emptied().framed());
    faults.of(Reason::Empty, |draft| draft.emptied().marked());
    faults.next().of(Reason::TooLarge, |draft| draft.padded(draft::MAX_RECORD_BYTES));
    faults.next();
    for content_type in
        ["avro/binary", "application/cloudevents-batch+json", "text/plain", "json", "application/cloudevents+xml"]
    {
        let header = Some(content_type.as_bytes());
        if envelope != Envelope::StructuredByType {
            faults.of(Reason::UnsupportedFormat, move |draft| draft.header("content-type", header));
        }
    }
    faults.of(Reason::UnsupportedFormat, |draft| {
        draft.header("content-type", Some(b"application/json")).header("CONTENT-TYPE", Some(b"text/json"))
    });
    faults.of(Reason::UnsupportedFormat, |draft| {
        draft.header("content-type", Some(b"application/cloudevents")).header("content-type", None)
    });
    faults.of(Reason::UnsupportedFormat, |draft| draft.header("content-type", Some(b"application/json\xff")));
    faults.next();
    for rest in ["x", ",", "}", "{}", "\0", "\u{a0}"] {
        faults.of(Reason::NotJson, |draft| draft.followed_by(rest.as_bytes()));
    }
    faults.of(Reason::NotJson, |draft| draft.followed_by(b"\xff"));
    for value in [
        "NaN",
        "-Infinity",
        "01",
        "+1",
        "1.",
        "'x'",
        "tru",
        "\"\\x\"",
        "\"\t\"",
        "\"\\ud800\"",
        "[\"\\udc00\"]",
        "",
        "[1,]",
        "{\"a\"}",
    ] {
        faults.of(Reason::NotJson, |draft| draft.with("colour", value).outside("colour", value));
    }
    faults.of(Reason::NotJson, |draft| draft.with("colour\\ud800", "1").outside("colour\\ud800", "1"));
    faults
}

fn faults_of_envelopes(faults: &mut Faults, envelope: Envelope) {
    if !matches!(envelope, Envelope::Structured | Envelope::StructuredByType) {
        return;
    }
    // A text that is no JSON holds no `data_base64`; so this comes behind `not_json`, although its reason is named
    // before it.
    let unsupported = Rejection::field(Reason::UnsupportedFormat, "data_base64");
    for value in ["\"e30=\"", "5", "{}"] {
        faults.next().add(unsupported, |draft| draft.outside("data_base64", value));
    }
    let invalid = |field| Rejection::field(Reason::InvalidField, field);
    faults.next().add(invalid("specversion"), |draft| {
        let draft = draft.outside("specversion", "\"1.0\"");
        if draft.envelope() == Envelope::Structured { draft } else { draft.outside("specversion", "null") }
    });
    faults.next();
    for data in [&[][..], &["null"]] {
        faults.add(Rejection::field(Reason::MissingField, "data"), |draft| draft.data(data));
    }
    for data in [&["[]"][..], &["\"{}\""], &["5"], &["{}", "{}"], &["{}", "null"], &["null", "null"]] {
        faults.add(invalid("data"), |draft| draft.data(data));
    }
}

fn faults_of_attributes(faults: &mut Faults, envelope: Envelope) {
    let long: &'static str = Box::leak(format!("\"{}\"", "i".repeat(1_025)).into_boxed_str());
    let no_string = if envelope == Envelope::Binary { &[] } else { NO_STRING };
    faults.next().missing("id").invalid("id", no_string).invalid("id", &["\"\"", long]);
    faults.next().invalid("source", no_string).invalid("source", &["\"\"", long]);
    faults.next().missing("type").invalid("type", no_string);
    for (kind, reason) in [
        ("\"\"", Reason::UnknownType),
        ("\"disbursement.sent\"", Reason::UnknownType),
        ("\"disbursement.dispersed.v2\"", Reason::UnknownType),
        ("\"call.sent\"", Reason::UnknownType),
    ] {
        faults.add(Rejection::field(reason, "type"), |draft| draft.with("type", kind));
    }
    faults.add(Rejection::field(Reason::WrongStream, "type"), Draft::astray);
    faults.next().missing("time").invalid("time", no_string);
    faults.invalid(
        "time",
        &["\"\"", "\"2020-05-04\"", "\"2020-05-04T09:30:00\"", "\"1999-05-04T09:30:00Z\"", "\"2020-05-04T09:30:60Z\""],
    );
    faults.next();
    faults.add(Rejection::field(Reason::InvalidField, "timestamp"), |draft| draft.stamped(None));
    faults.add(Rejection::field(Reason::Future, "time"), |draft| {
        draft.stamped(Some(Timestamp::from_millis(1_588_000_000_000)))
    });
}

fn label(faults: &mut Faults, field: &'static str) {
    faults.next().missing(field).invalid(field, NO_LABEL).invalid(field, NO_STRING);
}

fn identifier(faults: &mut Faults, field: &'static str) {
    let long: &'static str = Box::leak(format!("\"{}\"", "i".repeat(129)).into_boxed_str());
    faults.next().missing(field).invalid(field, &["\"\"", long]).invalid(field, NO_STRING);
}

fn faults_of_data(faults: &mut Faults, draft: &Draft) {
    if draft.has("programme") {
        label(faults, "programme");
        faults.next().invalid("state", &[]);
        identifier(faults, "beneficiary");
        identifier(faults, "credit");
        faults.next().missing("amount");
        faults.invalid(
            "amount",
            &["0", "\"0.00\"", "-1", "1e-3", "1.005", "\"\"", "\" 1\"", "\"1e\"", "1e11", "true", "[1]", "{}", "1E400"],
        );
        faults.next().invalid("currency", &["\"USD\"", "\"mxn\"", "\"\"", "5", "[\"MXN\"]"]);
    } else if draft.has("call") {
        identifier(faults, "call");
        label(faults, "queue");
        for field in ["talk_seconds", "hold_seconds", "wrap_up_seconds"] {
            faults.next().invalid(field, &["\"5s\"", "-1", "-0", "1e5", "0.0001", "86400.001", "true", "[]", "{}"]);
        }
    } else if draft.has("agent") {
        identifier(faults, "agent");
        faults.next().invalid("site", NO_LABEL).invalid("site", NO_STRING);
        faults.next().missing("status").invalid("status", &["\"\"", "\"busy\"", "\"Paused\"", "1", "[\"paused\"]"]);
    } else {
        label(faults, "initiative");
        label(faults, "milestone");
        faults.next().invalid("quantity", &["0", "-1", "1.5", "1e-1", "1000000001", "\"\"", "true", "[]"]);
    }
}

fn faults_of(draft: &Draft) -> Vec<Fault> {
    let mut faults = faults_of_records(draft.envelope());
    faults_of_envelopes(&mut faults, draft.envelope());
    faults_of_attributes(&mut faults, draft.envelope());
    faults_of_data(&mut faults, draft);
    faults.list
}

#[test]
fn of_several_faults_the_first_in_order_counts() {
    let mut reasons = std::collections::HashSet::new();
    for draft in [Draft::dispersed(), Draft::completed(), Draft::agent(), Draft::milestone()] {
        for envelope in Envelope::ALL {
            let draft = draft.clone().within(envelope);
            assert!(draft.decode().is_ok(), "{draft:?}");
            let faults = faults_of(&draft);
            for (index, first) in faults.iter().enumerate() {
                reasons.insert(first.rejection.reason);
                let faulty = (first.apply)(draft.clone());
                assert_eq!(faulty.decode().err(), Some(first.rejection), "{faulty:?}");
                for later in faults[index..].iter().filter(|later| later.rank > first.rank) {
                    let faulty = (first.apply)((later.apply)(draft.clone()));
                    assert_eq!(faulty.decode().err(), Some(first.rejection), "with {}: {faulty:?}", later.rejection);
                }
            }
        }
    }
    // `excluded` is decided by offset, before anything is decoded.
    assert_eq!(reasons.len(), Reason::ALL.len() - 1, "every reason has its faults");
}

#[test]
fn values_that_are_no_object_are_not_json() {
    for value in [
        "[]",
        "5",
        "null",
        "\"{}\"",
        " ",
        "nope",
        "{",
        "}",
        "{}{}",
        "{}\u{feff}",
        "\u{feff}\u{feff}{}",
        "[{\"id\":\"x\"}]",
    ] {
        let record =
            RawRecord { value: Some(value.as_bytes()), timestamp: Some(Timestamp::EPOCH), ..RawRecord::default() };
        assert_eq!(draft::decode(Stream::Call, &record).err(), Some(Rejection::of(Reason::NotJson)), "{value}");
    }
    for value in [None, Some(&b""[..]), Some(b"\xef\xbb\xbf"), Some(b"\0\0\0\0\0\xef\xbb\xbf")] {
        let record = RawRecord { value, timestamp: Some(Timestamp::EPOCH), ..RawRecord::default() };
        assert_eq!(draft::decode(Stream::Call, &record).err(), Some(Rejection::of(Reason::Empty)));
    }
}
