//! Reasons why figures must not be relied on, or stand still, in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::context::RequestContext;
use crate::clock::{Millis, Timestamp};
use crate::record::Stream;
use crate::settings::BilingualText;
use crate::view::snapshot::{NotReady, NotReadyKind, Phase, Snapshot};

/// Number of lines of one kind that a reason repeats.
const MAX_LINES: usize = 5;

/// Readiness of the figures, and reasons against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TrustNow {
    /// True if the figures can be relied on, as `/readyz` says.
    pub(crate) ready: bool,
    /// Instant up to which all figures are complete, in milliseconds since the epoch; null until known.
    pub(crate) complete_until_ms: Option<Timestamp>,
    /// Time since that instant, in milliseconds.
    pub(crate) age_ms: Option<Millis>,
    /// Age beyond which the figures do not say how things are now, in milliseconds; null if the clock says nothing of ages.
    pub(crate) max_age_ms: Option<Millis>,
    /// Instant up to which each stream is complete.
    pub(crate) streams: Vec<StreamTrust>,
    /// Reasons why the figures are not ready, or stand still. Some leave them ready, such as an outage of the brokers.
    pub(crate) reasons: Vec<TrustReason>,
}

/// Completeness of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct StreamTrust {
    /// Name of the stream.
    pub(crate) stream: String,
    /// Instant up to which its figures are complete, in milliseconds since the epoch; null until known.
    pub(crate) complete_until_ms: Option<Timestamp>,
}

/// Reason of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TrustReason {
    /// `starting`, `replaying`, `rebuilding`, `stalled`, `outage`, `stale` or `other`.
    pub(crate) kind: String,
    /// Beginning, in milliseconds since the epoch; null if unknown.
    pub(crate) since_ms: Option<Timestamp>,
    /// Reason in a sentence for everybody.
    pub(crate) say: BilingualText,
    /// Reason in the words of `/readyz`.
    pub(crate) text: String,
    /// Page of the documentation that says what to do.
    pub(crate) runbook: Option<String>,
}

pub(super) fn describe(context: &RequestContext<'_>) -> TrustNow {
    let (snapshot, time) = (&context.snapshot, context.time());
    let complete_until = snapshot.complete_until.iter().map(|(_, until)| *until).min().flatten();
    let stream = |stream: Stream| StreamTrust {
        stream: stream.name().to_owned(),
        complete_until_ms: snapshot.complete_until[stream],
    };
    TrustNow {
        ready: time.is_ready,
        complete_until_ms: complete_until,
        age_ms: complete_until.map(|until| (context.now - until).max(0)),
        max_age_ms: time.max_age,
        streams: Stream::ALL.map(stream).into(),
        reasons: reasons(context, complete_until),
    }
}

fn reasons(context: &RequestContext<'_>, complete_until: Option<Timestamp>) -> Vec<TrustReason> {
    let snapshot = &context.snapshot;
    let not_ready = snapshot.reasons(context.instant);
    let mut reasons: Vec<TrustReason> =
        NotReadyKind::ALL.into_iter().filter_map(|kind| of_kind(snapshot, kind, &not_ready)).collect();
    reasons.extend(snapshot.outage.as_ref().map(|outage| {
        let say = BilingualText::new(
            "Kafka no responde; las cifras son exactas hasta su último instante completo.",
            "Kafka does not answer; the figures are exact up to their last complete instant.",
        );
        reason("outage", Some(outage.since), say, outage.to_string(), "when-something-fails")
    }));
    let is_stale = complete_until.is_some() && !context.time().is_recent(complete_until);
    if snapshot.has_figures() && is_stale {
        let say = BilingualText::new("Las cifras tienen más de un minuto.", "The figures are more than a minute old.");
        let text = "figures are complete until more than a minute ago".to_owned();
        reasons.push(reason("stale", complete_until, say, text, "readiness-and-freshness"));
    }
    reasons
}

/// Joins the reasons of one kind: partitions that stall together are one reason.
fn of_kind(snapshot: &Snapshot, kind: NotReadyKind, all: &[NotReady]) -> Option<TrustReason> {
    let texts: Vec<&str> = all.iter().filter(|reason| reason.kind == kind).map(|reason| reason.text.as_str()).collect();
    if texts.is_empty() {
        return None;
    }
    let mut text = texts[..texts.len().min(MAX_LINES)].join("; ");
    if texts.len() > MAX_LINES {
        text += &format!("; and {} more", texts.len() - MAX_LINES);
    }
    let publication = &snapshot.publication;
    let phase_since = Some(publication.phase_since);
    let (name, since, say, section) = match kind {
        NotReadyKind::Starting => (
            "starting",
            phase_since,
            BilingualText::new("Pacemeter está arrancando.", "Pacemeter is starting."),
            "start",
        ),
        NotReadyKind::Replaying if snapshot.built >= publication.process_started => {
            ("rebuilding", phase_since, read_again("desde el principio", "from the beginning", snapshot), "rebuild")
        }
        NotReadyKind::Replaying => {
            ("replaying", phase_since, read_again("desde el último guardado", "since the last save", snapshot), "start")
        }
        NotReadyKind::Stalled => {
            let say = BilingualText::new(
                "Una parte de los registros no avanza; las cifras pueden estar incompletas.",
                "Some records do not arrive; the figures may be incomplete.",
            );
            ("stalled", publication.stalled_since, say, "readiness-and-freshness")
        }
        NotReadyKind::Overdue => {
            let say = BilingualText::new("Las cifras no se renuevan.", "The figures are not renewed.");
            ("stale", Some(publication.at), say, "readiness-and-freshness")
        }
        NotReadyKind::Unread => {
            let say = BilingualText::new(
                "Un tema de Kafka tiene particiones que no se leen.",
                "A Kafka topic has partitions that are not read.",
            );
            ("other", None, say, "add-partitions")
        }
    };
    Some(reason(name, since, say, text, section))
}

/// Says how much of the log is read.
fn read_again(from_es: &str, from_en: &str, snapshot: &Snapshot) -> BilingualText {
    let (es, en) = (format!("Se leen los registros {from_es}"), format!("Records are read {from_en}"));
    match snapshot.phase {
        Phase::Replaying { read, total } if read < total => {
            let percent = u128::from(read) * 100 / u128::from(total);
            BilingualText::new(format!("{es}: {percent} %."), format!("{en}: {percent} %."))
        }
        _ => BilingualText::new(format!("{es}."), format!("{en}.")),
    }
}

fn reason(kind: &str, since_ms: Option<Timestamp>, say: BilingualText, text: String, section: &str) -> TrustReason {
    let runbook = Some(format!("docs/operations.md#{section}"));
    TrustReason { kind: kind.to_owned(), since_ms, say, text, runbook }
}
