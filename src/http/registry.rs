//! Open connections, and which of them make room when there are too many.
//!
//! A connection is idle while it waits for a request, from its accept on, and else it is in an answer. Where a bound is
//! reached, the connection that is idle longest is closed, of the peer that has the most. If none can be, the new
//! connection enters the reserve, which answers one probe or scrape and nothing else. So neither silent sockets nor
//! clients that keep their connections nor slow readers shut out a probe.
//!
//! Two rules keep a probe whose request is still on its way. A connection keeps its place for [`MIN_IDLE_TIME`], unless
//! its peer has several and the newcomer's has none. And in the reserve, a peer makes no room by closing connections of
//! a peer that has fewer. A peer that connects faster than `RESERVE / MIN_IDLE_TIME` refuses some of its own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Number of connections above `http.max_connections`, for probes and scrapes. Most of them wait for a request.
pub(super) const RESERVE: usize = 64;
/// Time for which an idle connection keeps its place, so that a request that follows its connection arrives.
pub(super) const MIN_IDLE_TIME: Duration = Duration::from_millis(50);
/// Number of scrapes in the reserve at once; the rest is left to probes, whose answers are short.
pub(super) const RESERVED_SCRAPES: usize = 4;
/// Time without progress after which a scrape in the reserve makes room for another.
pub(super) const MAX_STALL: Duration = Duration::from_millis(250);

/// Maximum numbers of connections outside the reserve.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionBounds {
    pub(super) total: usize,
    pub(super) per_peer: usize,
}

/// Purpose of a request, as far as the reserve is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `/livez` or `/readyz`.
    Probe,
    /// `/metrics`.
    Scrape,
    /// Any other path.
    Other,
}

impl Purpose {
    pub(super) fn of_path(path: &str) -> Self {
        match path {
            "/livez" | "/readyz" => Self::Probe,
            "/metrics" => Self::Scrape,
            _ => Self::Other,
        }
    }
}

/// Client as far as fairness is concerned: an IPv4 address, or an IPv6 network of 64 bits, because one machine can use
/// every address of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address => address,
        })
    }
}

/// Result of [`ConnectionRegistry::admit`].
pub(super) struct Admission {
    /// The connection, or `None` if it is refused.
    pub(super) connection: Option<OpenConnection>,
    /// Setting whose bound was reached.
    pub(super) reached: Option<&'static str>,
}

/// Shared registry of the connections of a server.
#[derive(Clone)]
pub(super) struct ConnectionRegistry {
    connections: Arc<Mutex<Connections>>,
    evicted: IntCounter,
}

struct Connections {
    bounds: ConnectionBounds,
    next_id: u64,
    entries: HashMap<u64, Entry>,
    /// Numbers of connections outside the reserve.
    regular: PeerCounts,
    /// Numbers of connections in the reserve.
    reserved: PeerCounts,
}

/// Numbers of connections, in all and of each peer.
#[derive(Default)]
struct PeerCounts {
    total: usize,
    by_peer: HashMap<Peer, usize>,
}

impl PeerCounts {
    fn of(&self, peer: Peer) -> usize {
        self.by_peer.get(&peer).copied().unwrap_or_default()
    }

    fn add(&mut self, peer: Peer) {
        self.total += 1;
        *self.by_peer.entry(peer).or_default() += 1;
    }

    fn remove(&mut self, peer: Peer) {
        if let Some(count) = self.by_peer.get_mut(&peer) {
            self.total -= 1;
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&peer);
            }
        }
    }
}

struct Entry {
    peer: Peer,
    is_reserved: bool,
    phase: Phase,
    /// Task of the connection, once it is spawned.
    task: Option<AbortHandle>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Idle {
        since: Instant,
    },
    Answering {
        purpose: Purpose,
        /// Time since which the client takes nothing of the answer, or `None` while it does.
        stalled_since: Option<Instant>,
    },
}

impl ConnectionRegistry {
    /// Creates an empty registry. `evicted` counts the connections that it closes.
    pub(super) fn new(bounds: ConnectionBounds, evicted: IntCounter) -> Self {
        let (regular, reserved) = (PeerCounts::default(), PeerCounts::default());
        let connections = Connections { bounds, next_id: 0, entries: HashMap::new(), regular, reserved };
        Self { connections: Arc::new(Mutex::new(connections)), evicted }
    }

    /// Admits a connection from `address`, or refuses it. Closes another if that makes room.
    pub(super) fn admit(&self, address: IpAddr, now: Instant) -> Admission {
        let mut connections = self.lock();
        let peer = Peer::from(address);
        let reached = connections.bound_reached(peer);
        let is_reserved = reached.is_some_and(|bound| {
            let is_of_peer = |entry: &Entry| bound == BOUND_TOTAL || entry.peer == peer;
            !self.evict(&mut connections, peer, now, |entry| !entry.is_reserved && is_of_peer(entry))
        });
        let has_room = !is_reserved
            || connections.reserved.total < RESERVE
            || self.evict(&mut connections, peer, now, |entry| entry.is_reserved);
        let connection = has_room.then(|| {
            let id = connections.insert(Entry { peer, is_reserved, phase: Phase::Idle { since: now }, task: None });
            OpenConnection { id, is_reserved, registry: self.clone() }
        });
        Admission { connection, reached }
    }

    /// Attaches the task that serves a connection, which is aborted when the connection has to make room.
    pub(super) fn attach(&self, id: u64, task: AbortHandle) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.task = Some(task);
        }
    }

    /// Returns the number of connections.
    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Closes the connection that is idle longest, of the peer that has the most, among those that `may_close` accepts
    /// and that make room for a connection of `newcomer`. Returns false if there is none.
    fn evict(
        &self,
        connections: &mut Connections,
        newcomer: Peer,
        now: Instant,
        may_close: impl Fn(&Entry) -> bool,
    ) -> bool {
        let idle = connections.entries.iter().filter_map(|(&id, entry)| {
            let Phase::Idle { since } = entry.phase else { return None };
            let counts = connections.counts(entry.is_reserved);
            let (own, theirs) = (counts.of(newcomer), counts.of(entry.peer));
            let is_fair = !entry.is_reserved || theirs >= own;
            let is_due = now - since >= MIN_IDLE_TIME || own == 0 && theirs > 1;
            (is_fair && is_due && may_close(entry)).then_some((id, theirs, since))
        });
        let longest = idle.max_by(|a, b| a.1.cmp(&b.1).then(b.2.cmp(&a.2)).then(b.0.cmp(&a.0)));
        longest.is_some_and(|(id, ..)| self.close(connections, id))
    }

    fn close(&self, connections: &mut Connections, id: u64) -> bool {
        let Some(entry) = connections.remove(id) else { return false };
        if let Some(task) = entry.task {
            task.abort();
        }
        self.evicted.inc();
        true
    }

    fn begin(&self, id: u64, purpose: Purpose, now: Instant) -> bool {
        let mut connections = self.lock();
        let Some(entry) = connections.entries.get(&id) else { return false };
        let (peer, is_reserved) = (entry.peer, entry.is_reserved);
        let is_allowed = match purpose {
            Purpose::Probe => true,
            Purpose::Scrape => !is_reserved || self.reserve_scrape(&mut connections, peer, now),
            Purpose::Other => !is_reserved,
        };
        // A refusal is an answer too, but none of the bounded scrapes.
        let purpose = if is_allowed { purpose } else { Purpose::Other };
        if let Some(entry) = connections.entries.get_mut(&id) {
            entry.phase = Phase::Answering { purpose, stalled_since: None };
        }
        is_allowed
    }

    /// Returns true if another scrape of `peer` may be answered in the reserve. For that, one may have to make room: the
    /// one without progress for longest, or else, if `peer` has none there, one of the peer with the most answers.
    fn reserve_scrape(&self, connections: &mut Connections, peer: Peer, now: Instant) -> bool {
        let scrapes = connections.entries.iter().filter_map(|(&id, entry)| match entry.phase {
            Phase::Answering { stalled_since, purpose: Purpose::Scrape } if entry.is_reserved => {
                Some((id, entry.peer, stalled_since))
            }
            _ => None,
        });
        let scrapes: Vec<_> = scrapes.collect();
        if scrapes.len() < RESERVED_SCRAPES {
            return true;
        }
        let stalled = scrapes.iter().filter_map(|&(id, _, since)| since.map(|since| (since, id))).min();
        let victim = match stalled.filter(|&(since, _)| now - since >= MAX_STALL) {
            Some((_, id)) => Some(id),
            None if scrapes.iter().any(|scrape| scrape.1 == peer) => None,
            None => {
                let by_answers =
                    scrapes.iter().map(|&(id, peer, since)| (connections.answers(peer), since.is_some(), id));
                by_answers.max().filter(|&(answers, ..)| answers > 1).map(|(.., id)| id)
            }
        };
        victim.is_some_and(|id| self.close(connections, id))
    }

    fn set_stalled(&self, id: u64, since: Option<Instant>) {
        if let Some(Entry { phase: Phase::Answering { stalled_since, .. }, .. }) = self.lock().entries.get_mut(&id) {
            *stalled_since = since;
        }
    }

    fn end(&self, id: u64, now: Instant) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.phase = Phase::Idle { since: now };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().expect("no thread panics while it holds the lock")
    }
}

const BOUND_TOTAL: &str = "http.max_connections";
const BOUND_PER_PEER: &str = "http.max_connections_per_peer";

impl Connections {
    /// Returns the setting whose bound another connection of this peer would exceed.
    fn bound_reached(&self, peer: Peer) -> Option<&'static str> {
        if self.regular.of(peer) >= self.bounds.per_peer {
            Some(BOUND_PER_PEER)
        } else {
            (self.regular.total >= self.bounds.total).then_some(BOUND_TOTAL)
        }
    }

    fn counts(&self, is_reserved: bool) -> &PeerCounts {
        if is_reserved { &self.reserved } else { &self.regular }
    }

    fn counts_mut(&mut self, is_reserved: bool) -> &mut PeerCounts {
        if is_reserved { &mut self.reserved } else { &mut self.regular }
    }

    /// Returns the number of connections of a peer that are in an answer.
    fn answers(&self, peer: Peer) -> usize {
        let is_answer = |entry: &&Entry| entry.peer == peer && matches!(entry.phase, Phase::Answering { .. });
        self.entries.values().filter(is_answer).count()
    }

    fn insert(&mut self, entry: Entry) -> u64 {
        self.counts_mut(entry.is_reserved).add(entry.peer);
        let id = self.next_id;
        self.next_id += 1;
        self.entries.insert(id, entry);
        id
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.counts_mut(entry.is_reserved).remove(entry.peer);
        Some(entry)
    }
}

/// Connection in the registry, which forgets it on drop.
pub(super) struct OpenConnection {
    id: u64,
    is_reserved: bool,
    registry: ConnectionRegistry,
}

impl OpenConnection {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// True if the connection is in the reserve and has to end after one answer.
    pub(super) fn is_reserved(&self) -> bool {
        self.is_reserved
    }

    /// Marks the connection as in an answer. Returns false if the request must be refused.
    pub(super) fn begin(&self, purpose: Purpose, now: Instant) -> bool {
        self.registry.begin(self.id, purpose, now)
    }

    /// Sets the time since which the client takes nothing of the answer; `None` if it takes some.
    pub(super) fn set_stalled(&self, since: Option<Instant>) {
        self.registry.set_stalled(self.id, since);
    }

    /// Marks the connection as idle.
    pub(super) fn end(&self, now: Instant) {
        self.registry.end(self.id, now);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.registry.lock().remove(self.id);
    }
}
