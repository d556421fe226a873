//! The chain of cuts: a keyed hash over each cut and the hash before it, and the sealed list of all stored cuts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::Cut;
use super::settlement::{CutSettlement, SettlementDecision};
use crate::checkpoint::LastCut;
use crate::clock::Timestamp;

/// Version of the list's format. Version 1 had no acceptances.
const VERSION: u32 = 2;
/// Largest number of acceptances in a list. They are kept as long as the list.
pub(super) const MAX_ACCEPTANCES: usize = 1_000;

/// Secret key of the hashes of cuts. Derived from the pseudonym key with [`CutKey::CONTEXT`].
#[derive(Clone)]
pub struct CutKey([u8; 32]);

impl CutKey {
    /// Context string of the derivation from the pseudonym key.
    pub const CONTEXT: &'static str = "pacemeter v1 cut";

    /// Wraps a derived key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Identifies the key without revealing it: twelve digits and four check digits.
    pub(super) fn id(&self) -> String {
        let id = blake3::derive_key("pacemeter v1 cut key id", &self.0);
        let digits = &blake3::Hash::from_bytes(id).to_hex()[..ID_DIGITS];
        format!("{digits}{}", check_digits(digits))
    }

    /// Keyed hash of a text, in hexadecimal digits. The kind separates cuts from lists.
    fn hash(&self, kind: &str, text: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(kind.as_bytes()).update(b"\n").update(text.as_bytes());
        hasher.finalize().to_hex().as_str().to_owned()
    }
}

const ID_DIGITS: usize = 12;

fn check_digits(digits: &str) -> String {
    blake3::hash(digits.as_bytes()).to_hex()[..4].to_owned()
}

/// False if a key's identifier was damaged.
fn is_key_id(id: &str) -> bool {
    id.split_at_checked(ID_DIGITS).is_some_and(|(digits, check)| check_digits(digits) == check)
}

/// Origin of a cut in the chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SealKind {
    /// Sealed when it was taken.
    #[default]
    Sealed,
    /// Taken again after an earlier one was damaged or removed.
    Retaken,
    /// Stored by a version without keyed hashes, and listed since the update. Changes before that cannot be noticed.
    Unsealed,
}

impl SealKind {
    /// Returns the name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Retaken => "retaken",
            Self::Unsealed => "unsealed",
        }
    }
}

/// Present standing of a stored cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CutStanding {
    /// Origin of the cut in the chain.
    pub(crate) seal: SealKind,
    /// True while a record that comes later may belong to the cut.
    pub(crate) is_provisional: bool,
    /// True once such a record has come.
    pub(crate) is_late: bool,
}

/// Proof of a stored cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutSeal {
    /// Keyed hash over the cut and the hash of the cut stored before it.
    pub hash: String,
    /// Origin of the cut in the chain.
    pub kind: SealKind,
}

/// Second line of a cut's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    /// Hash of the cut stored before; `None` for the first.
    pub(super) previous: Option<String>,
    /// True if an earlier cut of this instant was damaged or removed.
    pub(super) retaken: bool,
}

/// A stored cut as the list has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChainEntry {
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) seal: CutSeal,
    /// True once the cut was found damaged or missing.
    pub(super) lost: bool,
    /// True once an operator has accepted the loss, or a cut without a keyed hash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) accepted: bool,
    #[serde(flatten)]
    pub(super) settlement: CutSettlement,
}

/// Decision of an operator that something of the cuts is lost or unproven. Stays in the list, which the key seals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutAcceptance {
    /// Id of the cut; `chain` for the list, `strangers` for files that were never cuts, `cuts` for too many cuts to
    /// name.
    pub id: String,
    /// Instant of the decision.
    pub at_ms: Timestamp,
    /// Loss that was accepted.
    pub what: String,
    /// Reason that the operator gave.
    pub reason: String,
    /// Quarantined files that the decision covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// All stored cuts, in the order in which they were stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chain {
    pub(super) version: u32,
    /// Identifier of the key of the hashes.
    pub(super) key: String,
    /// Hash of the cut stored last.
    pub(super) head: Option<String>,
    /// Id below which cuts were pruned. Files below it are leftovers of a crash.
    pub(super) oldest: String,
    /// True if the list itself was once damaged or missing: cuts removed before that are not known.
    pub(super) rebuilt: bool,
    pub(super) entries: Vec<ChainEntry>,
    /// Decisions of operators, in their order.
    #[serde(default)]
    pub(super) acceptances: Vec<CutAcceptance>,
}

/// Why a list cannot be used.
pub(super) enum ChainFault {
    /// It was written with another pseudonym key; the identifier of its key.
    OtherKey(String),
    /// It is damaged or edited.
    Damaged(String),
}

/// Start of a list, read before its hash is checked.
#[derive(Deserialize)]
struct ChainHead {
    key: String,
}

impl Chain {
    /// A list without cuts.
    pub(super) fn empty(key: &CutKey) -> Self {
        let (head, oldest, entries, acceptances) = (None, String::new(), Vec::new(), Vec::new());
        Self { version: VERSION, key: key.id(), head, oldest, rebuilt: false, entries, acceptances }
    }

    /// Formats the list with its hash.
    pub(super) fn text(&self, key: &CutKey) -> Result<String, String> {
        let line = serde_json::to_string(self).map_err(|error| error.to_string())?;
        let hash = key.hash("chain", &line);
        Ok(format!("{line}\n{hash}\n"))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// If its hash differs, or it is of another version or key.
    pub(super) fn parse(text: &str, key: &CutKey) -> Result<Self, ChainFault> {
        let damaged = |what: &str| ChainFault::Damaged(what.to_owned());
        let (line, hash) =
            text.trim_end_matches('\n').split_once('\n').ok_or_else(|| damaged("is damaged: it has no hash"))?;
        if let Ok(ChainHead { key: other }) = serde_json::from_str(line)
            && other != key.id()
            && is_key_id(&other)
        {
            return Err(ChainFault::OtherKey(other));
        }
        if key.hash("chain", line) != hash {
            return Err(damaged("is damaged or edited: its hash differs"));
        }
        serde_json::from_str(line)
            .ok()
            .filter(|chain: &Self| (1..=VERSION).contains(&chain.version))
            .map(|chain| Self { version: VERSION, ..chain })
            .ok_or_else(|| damaged("is not a list of this version"))
    }

    /// True if this cut was ever stored.
    pub(super) fn has(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// The entry of a cut whose file is there; at most one is, and `None` if the cut was lost.
    pub(super) fn intact(&self, id: &str) -> Option<&ChainEntry> {
        self.entries.iter().rev().find(|entry| entry.id == id && !entry.lost)
    }

    /// The entries of the cuts that were not lost, in their order.
    pub(super) fn all_intact(&self) -> impl Iterator<Item = &ChainEntry> {
        self.entries.iter().filter(|entry| !entry.lost)
    }

    /// True if a file of this cut would not be one of the list.
    pub(super) fn has_no_file_of(&self, id: &str) -> bool {
        self.intact(id).is_none() && (id >= self.oldest.as_str() || self.has(id))
    }

    /// True if a file of this cut with these last lines may be one that was lost.
    pub(super) fn may_restore(&self, id: &str, end: &FileEnd) -> bool {
        self.entries.iter().any(|entry| {
            entry.id == id
                && match end {
                    FileEnd::Sealed { hash, .. } => entry.seal.hash == *hash,
                    // The hash in the list is one of the whole file.
                    FileEnd::Unsealed => entry.seal.kind == SealKind::Unsealed,
                    FileEnd::Other => false,
                }
        })
    }

    /// True if the list has, or had, the cut that a checkpoint names.
    pub(super) fn knows(&self, cut: &LastCut) -> bool {
        cut.id < self.oldest || self.entries.iter().any(|entry| entry.seal.hash == cut.hash)
    }

    /// Adds a cut that a checkpoint names and the list does not have, as lost; others that were stored before it may be
    /// lost as well. It comes before other files of the same cut: they do not make up for it.
    pub(super) fn miss(&mut self, cut: &LastCut) {
        let seal = CutSeal { hash: cut.hash.clone(), kind: SealKind::Sealed };
        let place = self.entries.iter().position(|entry| entry.id == cut.id).unwrap_or(self.entries.len());
        let settlement = CutSettlement::default();
        self.entries.insert(place, ChainEntry { id: cut.id.clone(), seal, lost: true, accepted: false, settlement });
        self.rebuilt = true;
    }

    /// Appends a cut, in place of any earlier one of its instant.
    pub(super) fn push(&mut self, id: &str, seal: CutSeal, settlement: CutSettlement) {
        self.lose(id);
        self.head = Some(seal.hash.clone());
        self.entries.push(ChainEntry { id: id.to_owned(), seal, lost: false, accepted: false, settlement });
    }

    /// Adds what a version without settlements has not listed of a cut.
    pub(super) fn add_provisional(&mut self, file: &CutFile) {
        let is_of_file = |entry: &&mut ChainEntry| entry.seal.hash == file.seal.hash;
        if let Some(entry) = self.entries.iter_mut().find(is_of_file) {
            entry.settlement.provisional = CutSettlement::of(&file.cut).provisional;
        }
    }

    /// Adds a decision on a provisional cut in a partition. Returns true if that settles the cut; `None` if the list does
    /// not have it.
    pub(super) fn settle(&mut self, decision: &SettlementDecision) -> Option<bool> {
        let entry = self.entries.iter_mut().find(|entry| entry.seal.hash == decision.hash)?;
        entry.settlement.add(decision);
        Some(!entry.settlement.is_provisional() && entry.settlement.late.is_empty())
    }

    /// Marks a cut as lost.
    pub(super) fn lose(&mut self, id: &str) {
        for entry in self.entries.iter_mut().filter(|entry| entry.id == id && !entry.lost) {
            // A decision about an earlier loss does not cover this one.
            (entry.lost, entry.accepted) = (true, false);
        }
    }

    /// Makes the entry of the file that is there the current one of its cut, and the others of this cut lost. Returns
    /// true if that changes the list; `None` if no entry has the hash of the file.
    pub(super) fn adopt(&mut self, id: &str, seal: &CutSeal) -> Option<bool> {
        let is_of_file = |entry: &ChainEntry| entry.id == id && entry.seal.hash == seal.hash;
        let place = self.entries.iter().position(is_of_file)?;
        if !self.entries[place].lost {
            return Some(false);
        }
        self.lose(id);
        let entry = &mut self.entries[place];
        (entry.lost, entry.accepted, entry.seal) = (false, false, seal.clone());
        Some(true)
    }

    /// Losses without a decision of an operator. While an earlier file of the same cut is there, a later one is no loss:
    /// it only stood in for the original.
    pub(super) fn losses(&self) -> impl Iterator<Item = &ChainEntry> {
        let mut intact = BTreeSet::new();
        self.entries.iter().filter(move |entry| {
            if !entry.lost {
                intact.insert(entry.id.as_str());
            }
            entry.lost && !entry.accepted && !intact.contains(entry.id.as_str())
        })
    }

    /// Ids of the cuts with a loss without a decision of an operator.
    pub(super) fn lost_ids(&self) -> BTreeSet<&str> {
        self.losses().map(|entry| entry.id.as_str()).collect()
    }

    /// Marks the losses of a cut as accepted.
    pub(super) fn accept(&mut self, id: &str) {
        self.entries.iter_mut().filter(|entry| entry.id == id && entry.lost).for_each(|entry| entry.accepted = true);
    }

    /// Standing of the cuts that are not simply sealed and final, by id. A cut whose file is there has that of the file.
    pub(super) fn unusual(&self) -> BTreeMap<String, CutStanding> {
        let mut standings = BTreeMap::new();
        for entry in &self.entries {
            let standing = CutStanding {
                seal: entry.seal.kind,
                is_provisional: entry.settlement.is_provisional(),
                is_late: !entry.settlement.late.is_empty(),
            };
            let known = standings.entry(entry.id.clone()).or_insert(standing);
            if !entry.lost {
                *known = standing;
            }
        }
        standings.retain(|_, standing| *standing != CutStanding::default());
        standings
    }

    /// Number of losses without a decision of an operator: cuts, and the list itself.
    pub(super) fn lost(&self) -> usize {
        self.lost_ids().len() + usize::from(self.rebuilt)
    }

    /// Quarantined files that decisions of operators cover.
    pub(super) fn covered(&self) -> BTreeSet<&str> {
        self.acceptances.iter().flat_map(|acceptance| &acceptance.files).map(String::as_str).collect()
    }
}

/// Last lines of a file, which are read before anything else of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileEnd {
    /// A link and a hash, as a cut has them.
    Sealed { link: Link, hash: String },
    /// A hash alone, as versions without keyed hashes stored it.
    Unsealed,
    /// Neither.
    Other,
}

impl FileEnd {
    /// Largest number of bytes that a link, a hash and the ends of their lines have, and some to spare.
    pub(super) const BYTES: u64 = 512;

    /// Reads the last bytes of a file. Proves nothing: anybody can write such lines.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut lines = bytes.trim_ascii_end().rsplitn(3, |&byte| byte == b'\n');
        let hash = lines.next().filter(|hash| hash.len() == 64 && hash.iter().all(u8::is_ascii_hexdigit));
        let (Some(hash), Some(line)) = (hash, lines.next()) else { return Self::Other };
        match serde_json::from_slice(line) {
            Ok(link) if lines.next().is_some() => {
                Self::Sealed { link, hash: String::from_utf8_lossy(hash).into_owned() }
            }
            _ => Self::Unsealed,
        }
    }
}

/// The content of a cut's file.
pub(super) struct CutFile {
    pub(super) cut: Cut,
    /// `None` for a file of a version without keyed hashes.
    pub(super) link: Option<Link>,
    pub(super) seal: CutSeal,
}

impl CutFile {
    /// Formats a cut with its link and its hash.
    pub(super) fn text(cut: &Cut, link: &Link, key: &CutKey) -> Result<(String, CutSeal), serde_json::Error> {
        let text = format!("{}\n{}", serde_json::to_string(cut)?, serde_json::to_string(link)?);
        let hash = key.hash("cut", &text);
        let kind = if link.retaken { SealKind::Retaken } else { SealKind::Sealed };
        Ok((format!("{text}\n{hash}\n"), CutSeal { hash, kind }))
    }

    /// Reads the file of the cut `id`.
    ///
    /// # Errors
    /// If its hash differs, or it is not this cut.
    pub(super) fn parse(text: &str, id: &str, key: &CutKey) -> Result<Self, String> {
        let differs = || "is damaged or edited, or the pseudonym key is another: its hash differs".to_owned();
        let (content, hash) = text.trim_end_matches('\n').rsplit_once('\n').ok_or("has no hash")?;
        let (line, link, seal) = if let Some((line, link)) = content.split_once('\n') {
            if key.hash("cut", content) != hash {
                return Err(differs());
            }
            let link: Link = serde_json::from_str(link).map_err(|error| format!("has no link: {error}"))?;
            let kind = if link.retaken { SealKind::Retaken } else { SealKind::Sealed };
            (line, Some(link), CutSeal { hash: hash.to_owned(), kind })
        } else {
            if blake3::hash(content.as_bytes()).to_hex().as_str() != hash {
                return Err(differs());
            }
            (content, None, CutSeal { hash: key.hash("unsealed cut", content), kind: SealKind::Unsealed })
        };
        let cut: Cut = serde_json::from_str(line).map_err(|error| format!("is not a cut of this version: {error}"))?;
        if cut.id == id { Ok(Self { cut, link, seal }) } else { Err("has another cut".to_owned()) }
    }
}
