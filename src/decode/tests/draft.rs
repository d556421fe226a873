//! A record that is still being written: fields by name, an envelope to put them in, and what may be done to the
//! result.

use super::*;
use crate::clock::Timestamp;

pub const MAX_RECORD_BYTES: usize = 65_536;
pub const MAX_FUTURE_SKEW: Millis = 600_000;
const ATTRIBUTES: [&str; 4] = ["id", "source", "type", "time"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    Flat,
    /// Known by its `specversion`.
    Structured,
    /// Known by its content type.
    StructuredByType,
    Binary,
}

impl Envelope {
    pub const ALL: [Envelope; 4] = [Envelope::Flat, Envelope::Structured, Envelope::StructuredByType, Envelope::Binary];
}

/// Names with the JSON text of their values, in order.
type Members = Vec<(String, String)>;

#[derive(Debug, Clone)]
pub struct Draft {
    stream: Stream,
    envelope: Envelope,
    /// Attributes and data together.
    members: Members,
    /// Stands beside the attributes of a structured envelope, and nowhere else.
    outside: Members,
    /// Value of `data` in a structured envelope, in place of the event's data.
    data: Option<Members>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    timestamp: Option<Timestamp>,
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    empty: bool,
}

impl Draft {
    fn new(stream: Stream, members: &[(&str, &str)]) -> Self {
        Self {
            stream,
            envelope: Envelope::Flat,
            members: members.iter().map(|&(name, raw)| (name.to_owned(), raw.to_owned())).collect(),
            outside: Members::new(),
            data: None,
            headers: Vec::new(),
            timestamp: Some(Timestamp::from_millis(1_588_584_601_000)),
            prefix: Vec::new(),
            suffix: Vec::new(),
            empty: false,
        }
    }

    pub fn dispersed() -> Self {
        let members = [
            ("id", r#""e-1""#),
            ("source", r#""urn:banco""#),
            ("type", r#""mx.example.disbursement.dispersed.v1""#),
            ("time", r#""2020-05-04T04:30:00.123-05:00""#),
            ("programme", r#""credito""#),
            ("state", r#""MX-JAL""#),
            ("beneficiary", r#""GOMC850314HJCRRL09""#),
            ("credit", r#""CR-1""#),
            ("amount", r#""25000.50""#),
            ("currency", r#""MXN""#),
        ];
        Self::new(Stream::Disbursement, &members)
    }

    pub fn completed() -> Self {
        let members = [
            ("id", r#""e-2""#),
            ("type", r#""call.completed""#),
            ("time", r#""2020-05-04T09:30:00Z""#),
            ("call", r#""c-1""#),
            ("queue", r#""orientacion""#),
            ("talk_seconds", "312.4"),
            ("hold_seconds", "15"),
            ("wrap_up_seconds", "0.25"),
        ];
        Self::new(Stream::Call, &members)
    }

    pub fn agent() -> Self {
        let members = [
            ("id", r#""e-3""#),
            ("type", r#""call.agent_status""#),
            ("time", r#""2020-05-04T09:30:00Z""#),
            ("agent", r#""a-1""#),
            ("site", r#""casa""#),
            ("status", r#""wrap_up""#),
        ];
        Self::new(Stream::Call, &members)
    }

    pub fn milestone() -> Self {
        let members = [
            ("id", r#""e-4""#),
            ("type", r#""milestone.reached""#),
            ("time", r#""2020-05-04T09:30:00Z""#),
            ("initiative", r#""mercado""#),
            ("milestone", r#""inscrita""#),
            ("quantity", "12"),
        ];
        Self::new(Stream::Milestone, &members)
    }

    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member == name)
    }

    pub fn envelope(&self) -> Envelope {
        self.envelope
    }

    pub fn with(self, name: &str, raw: &str) -> Self {
        self.without(name).also(name, raw)
    }

    /// One more field of that name.
    pub fn also(mut self, name: &str, raw: &str) -> Self {
        self.members.push((name.to_owned(), raw.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.members.retain(|(member, _)| member != name);
        self
    }

    /// Repeats a field: with an equal value in an object, with another one among headers, where equal ones are allowed.
    pub fn twice(self, name: &str) -> Self {
        if self.envelope == Envelope::Binary && ATTRIBUTES.contains(&name) {
            return self.also(name, "\"another\"").also(name, "\"one\"");
        }
        let raw =
            self.members.iter().find(|(member, _)| member == name).map_or("\"1\"".to_owned(), |(_, raw)| raw.clone());
        self.with(name, &raw).also(name, &raw)
    }

    pub fn outside(mut self, name: &str, raw: &str) -> Self {
        self.outside.push((name.to_owned(), raw.to_owned()));
        self
    }

    /// Puts these under `data`, or nothing at all.
    pub fn data(mut self, raw: &[&str]) -> Self {
        self.data = Some(raw.iter().map(|raw| ("data".to_owned(), (*raw).to_owned())).collect());
        self
    }

    pub fn within(mut self, envelope: Envelope) -> Self {
        self.envelope = envelope;
        self
    }

    pub fn header(mut self, name: &str, value: Option<&[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.map(<[u8]>::to_vec)));
        self
    }

    pub fn stamped(mut self, timestamp: Option<Timestamp>) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// On another stream's topic.
    pub fn astray(mut self) -> Self {
        self.stream = if self.stream == Stream::Call { Stream::Milestone } else { Stream::Call };
        self
    }

    pub fn padded(mut self, spaces: usize) -> Self {
        self.suffix.extend(vec![b' '; spaces]);
        self
    }

    pub fn framed(mut self) -> Self {
        self.prefix.splice(..0, [0, 0, 0, 1, 7]);
        self
    }

    /// Behind a byte order mark.
    pub fn marked(mut self) -> Self {
        self.prefix.extend(b"\xef\xbb\xbf");
        self
    }

    pub fn followed_by(mut self, bytes: &[u8]) -> Self {
        self.suffix.extend(bytes);
        self
    }

    pub fn emptied(mut self) -> Self {
        self.empty = true;
        self
    }

    /// The record's value.
    pub fn value(&self) -> Vec<u8> {
        if self.empty {
            return self.prefix.clone();
        }
        let (attributes, data): (Members, Members) =
            self.members.iter().cloned().partition(|(name, _)| ATTRIBUTES.contains(&name.as_str()));
        let object = match self.envelope {
            Envelope::Flat => object(&self.members),
            Envelope::Binary => object(&data),
            Envelope::Structured | Envelope::StructuredByType => {
                let mut outer = attributes;
                if self.envelope == Envelope::Structured {
                    outer.push(("specversion".to_owned(), r#""1.0""#.to_owned()));
                }
                outer.extend(self.outside.clone());
                outer.extend(self.data.clone().unwrap_or_else(|| vec![("data".to_owned(), object(&data))]));
                object(&outer)
            }
        };
        [&self.prefix, object.as_bytes(), &self.suffix].concat()
    }

    /// The record's headers. An attribute that is no string becomes its text, `null` a null.
    fn all_headers(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let mut headers = self.headers.clone();
        match self.envelope {
            Envelope::StructuredByType => {
                headers.push(("Content-Type".to_owned(), Some(b"application/cloudevents+json".to_vec())))
            }
            Envelope::Binary => {
                for (name, raw) in self.members.iter().filter(|(name, _)| ATTRIBUTES.contains(&name.as_str())) {
                    let text = serde_json::from_str(raw).unwrap_or_else(|_| (raw != "null").then(|| raw.clone()));
                    headers.push((format!("ce_{name}"), text.map(String::into_bytes)));
                }
            }
            Envelope::Flat | Envelope::Structured => {}
        }
        headers
    }

    /// The event and its labels, or why there is none.
    pub fn decode(&self) -> Result<(Event, Vec<String>), Rejection> {
        let headers = self.all_headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let value = self.value();
        decode(
            self.stream,
            &RawRecord { value: Some(&value), timestamp: self.timestamp, headers: &headers, ..RawRecord::default() },
        )
    }
}

fn object(members: &Members) -> String {
    let members: Vec<_> = members.iter().map(|(name, raw)| format!("\"{name}\" :\t{raw}")).collect();
    format!("{{{}}}", members.join(" ,\n"))
}

/// A decoder with the bounds above.
pub fn decoder() -> Decoder {
    let settings = Settings { max_record_bytes: MAX_RECORD_BYTES, max_future_skew: MAX_FUTURE_SKEW };
    Decoder::new(settings, PseudonymKey::from_hex(&"5a".repeat(32)).unwrap())
}

/// The event and its labels, or why there is none, without the place of the fault.
pub fn decode(stream: Stream, record: &RawRecord<'_>) -> Result<(Event, Vec<String>), Rejection> {
    let decoder = decoder();
    let (mut arena, mut witnessed) = (LabelArena::default(), LabelArena::default());
    let result = decoder.decode(stream, record, &mut arena);
    assert_eq!(result, decoder.decode_with_serde_json(stream, record, &mut witnessed), "serde_json is the witness");
    assert_eq!(format!("{arena:?}"), format!("{witnessed:?}"));
    let result = result.map_err(|rejection| {
        assert_eq!(rejection.detail.is_some(), rejection.reason == Reason::NotJson, "{rejection}");
        let length = record.value.map_or(0, <[u8]>::len);
        assert!(rejection.detail.is_none_or(|fault| fault.position as usize <= length), "{rejection}");
        Rejection { detail: None, ..rejection }
    });
    match result {
        Ok(event) => {
            let labels = match event.body {
                Body::Disbursement(body) => vec![body.programme],
                Body::Call(body) => vec![body.queue],
                Body::Agent(body) => vec![body.site],
                Body::Milestone(body) => vec![body.initiative, body.milestone],
            };
            let labels = labels.into_iter().map(|label| arena.get(label).to_owned()).collect();
            Ok((event, labels))
        }
        Err(rejection) => {
            assert_eq!(
                format!("{arena:?}"),
                format!("{:?}", LabelArena::default()),
                "a rejected record leaves no labels"
            );
            Err(rejection)
        }
    }
}
