//! Cuts ("cortes"): the figures of an instant, stored once and never changed.
//!
//! A cut at T has the figures of the log before the first record of each partition whose Kafka timestamp is later than
//! T (`spec/figures.md#cuts`).
//!
//! # How a cut is taken
//!
//! 1. A partition *passes* T with its first later record, before that record is applied, or once it is complete until
//!    `cuts.grace` after T. Its share of the cut ([`PartitionCut`](crate::view::cut::PartitionCut)) is computed at that
//!    moment: figures by programme and state for the day, week and month, and for each target the current and past
//!    periods.
//! 2. Shares of cuts that are not stored yet are in the head of the partition's checkpoint
//!    ([`Head::pending_cuts`](crate::checkpoint::Head)): share and state are one durable value. A share that exists is
//!    never computed again, nor is a cut that is stored. One share stands for all cuts between which nothing changes, so
//!    that their number, which is up to the timestamps in the log, costs no memory.
//! 3. Once every partition has passed T, the shares are added up ([`Cut::of`]). A thread of its own stores the cut with
//!    the atomic write of [`crate::disk`].
//! 4. Then the cut is logged: `pacemeter.cut.taken`, `pacemeter.period.closed` for each target whose period ends at T,
//!    `pacemeter.period.corrected` where a closed period has changed since the cut before. If the process dies between
//!    storing and logging, the cut exists and the log lines do not.
//!
//! The pipeline takes these steps; this module defines what a cut contains ([`Cut`]), where it is stored
//! ([`CutStore`]), and what all cuts together say of closed periods
//! ([`ClosedPeriods`](crate::view::closed_periods::ClosedPeriods)), which are read from the cuts at every start.
//!
//! A cut depends on the log alone, except for `taken_ms`: batching, crashes and delays make no difference. A cut that
//! is removed or damaged is not taken again until the log is replayed past T, and is then marked as retaken.
//!
//! # Format
//!
//! `cuts/<id>.json` has three lines: the cut as JSON, its link (the hash of the cut stored before, and whether the cut is
//! retaken) as JSON, and the keyed BLAKE3 hash of both lines in hexadecimal digits. The key is derived from the
//! pseudonym key. A ratio has its counts, so that a cut read back is the one that was stored. Older versions stored the
//! value of a ratio, no settings and no first offsets; the oldest had no link, and a hash without a key. A file of the
//! oldest counts only once an operator adopts it, and never in place of a sealed cut, since anybody can make one.
//!
//! `cuts/chain` has two lines: the ids and hashes of all stored cuts, decisions on provisional ones (`settlement`) and
//! the decisions of operators as JSON, and the keyed hash of that line. A cut that is edited, swapped or removed no longer
//! matches the list. The loss is a fault until an operator accepts it ([`CutAcceptance`]) or the original file is restored,
//! also over a cut that was taken again: a file is genuine if its hash is that of any entry of its id, and the file that
//! is there decides which entry is current.
//! While an earlier entry is current, later ones of its id are superseded and no loss.
//!
//! Each checkpoint names the cut that was stored last ([`LastCut`](crate::checkpoint::LastCut)). After a start the cut
//! thread compares the list with these; one that is missing is added as lost. `checkpoints/cuts-begun` remembers that
//! there is a list while no checkpoint names a cut.
//!
//! A file that is not in the list counts for nothing and stays where it is, unless its link continues the list or its
//! hash is that of a lost cut. Its last lines show whether that may be; only then is all of it read, within a limit.
//!
//! # Crashes
//!
//! The list is there before the first cut, and before the mark that it began. Each cut is written first, then the list,
//! then checkpoints that name the cut. A crash between the first two leaves a cut that the list does not have, but whose
//! link continues it: it is added at the next start. Nobody without the key can make such a file. Pruning writes the list
//! first; files below its oldest id are leftovers.
//!
//! A complete older copy of the state directory is consistent in itself. Only a hash kept outside, from the log or an
//! answer of the API, shows that it is old.
//!
//! # Recomputation
//!
//! A hash proves who stored a cut, not that its figures are right. The pipeline recomputes a cut from the log
//! ([`Recomputation`](crate::pipeline::Recomputation)), and [`Cut::compare`] tells figures that differ from settings that
//! have changed.

mod assembly;
mod chain;
mod comparison;
mod huella;
mod record;
mod settlement;
mod store;

pub use assembly::CutContext;
pub(crate) use chain::CutStanding;
pub use chain::{CutAcceptance, CutKey, CutSeal, SealKind};
pub use comparison::{CutComparison, FigureDifference};
pub(crate) use record::instant_of;
pub use record::{Correction, Cut, CutCell, CutOffset, CutPeriod, CutTarget, cut_id};
pub use settlement::{SettlementDecision, UnsettledCut};
pub use store::{AcceptanceReport, CutStore, CutVerdict};
pub(crate) use store::{DIRECTORY, log_faults};
