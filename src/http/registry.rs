//! Open connections, and which of them make room when there are too many.
//!
//! A connection is idle while it waits for a request, from its accept on, and else it is in an answer. Where a bound is
//! reached, the connection that is idle longest is closed, of the peer that has the most. If none is idle, the new
//! connection enters the reserve, which answers one probe or scrape and nothing else. So neither silent sockets nor
//! clients that keep their connections nor slow readers shut out a probe.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Number of connections above `http.max_connections`, for probes and scrapes.
pub(super) const RESERVE: usize = 8;
/// Number of scrapes in the reserve at once; the rest is left to probes, whose answers are short.
pub(super) const RESERVED_SCRAPES: usize = 4;
/// Time that a scrape in the reserve has before it makes room for another.
const RESERVED_SCRAPE_TIME: Duration = Duration::from_secs(1);

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
struct Peer(IpAddr);

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
    by_peer: HashMap<Peer, usize>,
    reserved: usize,
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
    Idle { since: Instant },
    Answering { since: Instant, purpose: Purpose },
}

impl ConnectionRegistry {
    /// Creates an empty registry. `evicted` counts the connections that it closes.
    pub(super) fn new(bounds: ConnectionBounds, evicted: IntCounter) -> Self {
        let connections =
            Connections { bounds, next_id: 0, entries: HashMap::new(), by_peer: HashMap::new(), reserved: 0 };
        Self { connections: Arc::new(Mutex::new(connections)), evicted }
    }

    /// Admits a connection from `address`, or refuses it. Closes another if that makes room.
    pub(super) fn admit(&self, address: IpAddr, now: Instant) -> Admission {
        let mut connections = self.lock();
        let peer = Peer::from(address);
        let reached = connections.bound_reached(peer);
        let is_reserved = reached.is_some_and(|bound| {
            let is_of_peer = |entry: &Entry| bound == BOUND_TOTAL || entry.peer == peer;
            !self.evict(&mut connections, |entry| !entry.is_reserved && is_of_peer(entry))
        });
        let has_room =
            !is_reserved || connections.reserved < RESERVE || self.evict(&mut connections, |entry| entry.is_reserved);
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

    /// Closes the connection that is idle longest, of the peer that has the most, among those that `may_close` accepts.
    /// Returns false if none is idle.
    fn evict(&self, connections: &mut Connections, may_close: impl Fn(&Entry) -> bool) -> bool {
        let of_peer = |entry: &Entry| connections.by_peer.get(&entry.peer).copied().unwrap_or_default();
        let idle = connections.entries.iter().filter_map(|(&id, entry)| match entry.phase {
            Phase::Idle { since } if may_close(entry) => Some((id, of_peer(entry), since)),
            _ => None,
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
        let Some(is_reserved) = connections.entries.get(&id).map(|entry| entry.is_reserved) else { return false };
        let is_allowed = match purpose {
            Purpose::Probe => true,
            Purpose::Scrape => !is_reserved || self.reserve_scrape(&mut connections, now),
            Purpose::Other => !is_reserved,
        };
        // A refusal is an answer too, but none of the bounded scrapes.
        let purpose = if is_allowed { purpose } else { Purpose::Other };
        if let Some(entry) = connections.entries.get_mut(&id) {
            entry.phase = Phase::Answering { since: now, purpose };
        }
        is_allowed
    }

    /// Returns true if another scrape may be answered in the reserve; the oldest may have to make room for it.
    fn reserve_scrape(&self, connections: &mut Connections, now: Instant) -> bool {
        let scrapes = connections.entries.iter().filter_map(|(&id, entry)| match entry.phase {
            Phase::Answering { since, purpose: Purpose::Scrape } if entry.is_reserved => Some((since, id)),
            _ => None,
        });
        let scrapes: Vec<_> = scrapes.collect();
        if scrapes.len() < RESERVED_SCRAPES {
            return true;
        }
        let oldest = scrapes.into_iter().min().filter(|(since, _)| now - *since >= RESERVED_SCRAPE_TIME);
        oldest.is_some_and(|(_, id)| self.close(connections, id))
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
        if self.by_peer.get(&peer).is_some_and(|&count| count >= self.bounds.per_peer) {
            Some(BOUND_PER_PEER)
        } else {
            (self.entries.len() - self.reserved >= self.bounds.total).then_some(BOUND_TOTAL)
        }
    }

    fn insert(&mut self, entry: Entry) -> u64 {
        if entry.is_reserved {
            self.reserved += 1;
        } else {
            *self.by_peer.entry(entry.peer).or_default() += 1;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.entries.insert(id, entry);
        id
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if entry.is_reserved {
            self.reserved -= 1;
        } else if let Some(count) = self.by_peer.get_mut(&entry.peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&entry.peer);
            }
        }
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
