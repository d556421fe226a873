//! The `type` of an event.

use crate::event::{CallKind, DisbursementKind, MilestoneKind};
use crate::record::Stream;

/// Kind of an event, from its `type` (spec/events.md#event-types).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Disbursement(DisbursementKind),
    Call(CallKind),
    AgentStatus,
    Milestone(MilestoneKind),
}

impl Kind {
    const AGENT_STATUS: &str = "agent_status";

    /// Reads `[reverse-DNS prefix.]<stream>.<event>[.v1]`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".v1").unwrap_or(name);
        let (rest, event) = name.rsplit_once('.')?;
        let stream = match rest.rsplit_once('.') {
            Some((prefix, stream)) if is_reverse_dns(prefix) => stream,
            Some(_) => return None,
            None => rest,
        };
        match Stream::from_name(stream)? {
            Stream::Disbursement => DisbursementKind::from_name(event).map(Kind::Disbursement),
            Stream::Call if event == Self::AGENT_STATUS => Some(Kind::AgentStatus),
            Stream::Call => CallKind::from_name(event).map(Kind::Call),
            Stream::Milestone => MilestoneKind::from_name(event).map(Kind::Milestone),
        }
    }

    pub(super) fn stream(self) -> Stream {
        match self {
            Kind::Disbursement(_) => Stream::Disbursement,
            Kind::Call(_) | Kind::AgentStatus => Stream::Call,
            Kind::Milestone(_) => Stream::Milestone,
        }
    }

    /// Name of the event, unique in its stream.
    pub(super) fn event(self) -> &'static str {
        match self {
            Kind::Disbursement(kind) => kind.name(),
            Kind::Call(kind) => kind.name(),
            Kind::AgentStatus => Self::AGENT_STATUS,
            Kind::Milestone(kind) => kind.name(),
        }
    }
}

/// Types that were read last. There are few spellings, and to compare one takes 290 instructions less than to parse it.
#[derive(Debug)]
pub(super) struct KindMemory([KnownKind; KindMemory::SIZE]);

/// A type as it was spelled.
#[derive(Debug, Clone, Copy)]
struct KnownKind {
    name: [u8; KindMemory::MAX_BYTES],
    length: u8,
    kind: Kind,
}

impl Default for KindMemory {
    fn default() -> Self {
        Self([KnownKind { name: [0; Self::MAX_BYTES], length: 0, kind: Kind::AgentStatus }; Self::SIZE])
    }
}

impl KindMemory {
    const SIZE: usize = 32;
    /// Maximum length of a name that is remembered.
    const MAX_BYTES: usize = 56;

    /// Reads a type as [`Kind::parse`] does.
    #[inline]
    pub(super) fn parse(&mut self, name: &str) -> Option<Kind> {
        // Every type is longer.
        let end = name.as_bytes().last_chunk::<8>()?;
        let hash = (u64::from_le_bytes(*end) ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let known = &mut self.0[(hash >> (u64::BITS - Self::SIZE.ilog2())) as usize];
        if known.name.get(..usize::from(known.length)) == Some(name.as_bytes()) {
            return Some(known.kind);
        }
        let kind = Kind::parse(name)?;
        if let Some(place) = known.name.get_mut(..name.len()) {
            place.copy_from_slice(name.as_bytes());
            (known.length, known.kind) = (name.len() as u8, kind);
        }
        Some(kind)
    }
}

/// Names of letters, digits, hyphens and underscores, joined by dots.
fn is_reverse_dns(prefix: &str) -> bool {
    prefix.split('.').all(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_with_and_without_prefix_and_version() {
        let dispersed = Some(Kind::Disbursement(DisbursementKind::Dispersed));
        for name in [
            "disbursement.dispersed",
            "disbursement.dispersed.v1",
            "mx.example.disbursement.dispersed",
            "mx.example.disbursement.dispersed.v1",
            "x.disbursement.dispersed",
            "mx.bank-2.my_unit.call.disbursement.dispersed.v1",
        ] {
            assert_eq!(Kind::parse(name), dispersed, "{name}");
        }
        assert_eq!(Kind::parse("call.agent_status"), Some(Kind::AgentStatus));
        assert_eq!(Kind::parse("call.completed.v1"), Some(Kind::Call(CallKind::Completed)));
        assert_eq!(Kind::parse("milestone.withdrawn"), Some(Kind::Milestone(MilestoneKind::Withdrawn)));
    }

    #[test]
    fn a_remembered_type_is_read_as_if_new() {
        let mut memory = KindMemory::default();
        let long = format!("{}.call.offered", "x".repeat(42));
        let longer = format!("x{long}");
        assert_eq!(long.len(), KindMemory::MAX_BYTES - 1);
        for _ in 0..3 {
            for name in [
                "call.offered",
                "call.answered.v1",
                "x.call.offered",
                "y.call.offered",
                "xcall.offered",
                "all.offered",
                "offered",
                "milestone.offered",
                "",
                "call.offered.v1",
                "call.offered.v2",
                "disbursement.rejected",
                &long,
                &longer,
                &format!("x{longer}"),
            ] {
                assert_eq!(memory.parse(name), Kind::parse(name), "{name}");
                assert_eq!(memory.parse(&format!("{name}\0")), None, "{name}");
            }
        }
    }

    #[test]
    fn anything_else_is_unknown() {
        for name in [
            "",
            ".",
            "..",
            ".v1",
            "v1",
            "dispersed",
            "disbursement",
            "disbursement.",
            ".dispersed",
            ".disbursement.dispersed",
            "mx..disbursement.dispersed",
            "m x.disbursement.dispersed",
            "mx/disbursement.dispersed",
            "disbursement.dispersed.v2",
            "disbursement.dispersed.V1",
            "disbursement.dispersed.v1.v1",
            "Disbursement.dispersed",
            "disbursement.offered",
            "milestone.agent_status",
            "disbursement.dispersed ",
            "disbursement.dispersed\0",
        ] {
            assert_eq!(Kind::parse(name), None, "{name:?}");
        }
    }
}
