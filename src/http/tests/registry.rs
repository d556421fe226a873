//! Registry of connections, without sockets.

use std::net::IpAddr;
use std::time::Duration;

use prometheus::IntCounter;
use tokio::time::Instant;

use crate::http::registry::{ConnectionBounds, ConnectionRegistry, OpenConnection, Purpose, RESERVE, RESERVED_SCRAPES};

struct World {
    registry: ConnectionRegistry,
    evicted: IntCounter,
    now: Instant,
}

impl World {
    fn new(total: usize, per_peer: usize) -> Self {
        let evicted = IntCounter::new("evicted", "evicted").unwrap();
        let registry = ConnectionRegistry::new(ConnectionBounds { total, per_peer }, evicted.clone());
        Self { registry, evicted, now: Instant::now() }
    }

    /// Admits a connection a second after the previous step.
    fn admit(&mut self, address: &str) -> Option<OpenConnection> {
        self.now += Duration::from_secs(1);
        self.registry.admit(address.parse::<IpAddr>().unwrap(), self.now).connection
    }

    /// Admits connections that begin an answer.
    fn busy(&mut self, count: usize, address: &str, purpose: Purpose) -> Vec<OpenConnection> {
        let mut busy = Vec::new();
        for _ in 0..count {
            let connection = self.admit(address).unwrap();
            assert!(connection.begin(purpose, self.now));
            busy.push(connection);
        }
        busy
    }
}

#[test]
fn without_idle_connections_the_reserve_is_used_and_then_none() {
    let mut world = World::new(2, 2);
    let _regular = world.busy(2, "10.0.0.1", Purpose::Other);
    let reserve = world.busy(RESERVE, "10.0.0.1", Purpose::Probe);
    assert!(reserve.iter().all(OpenConnection::is_reserved));
    assert!(world.admit("10.0.0.1").is_none() && world.admit("10.0.0.2").is_none());
    assert_eq!((world.registry.len(), world.evicted.get()), (2 + RESERVE, 0));
    drop(reserve);
    assert_eq!(world.registry.len(), 2);
    assert!(world.admit("10.0.0.2").unwrap().is_reserved());
}

#[test]
fn an_answer_that_ends_makes_its_connection_idle() {
    let mut world = World::new(2, 2);
    let connections = world.busy(2, "10.0.0.1", Purpose::Other);
    connections[1].end(world.now);
    assert!(!world.admit("10.0.0.2").unwrap().is_reserved());
    assert!(!connections[1].begin(Purpose::Probe, world.now), "it was closed");
    assert!(connections[0].begin(Purpose::Probe, world.now));
    assert_eq!(world.evicted.get(), 1);
}

#[test]
fn an_ipv6_network_of_64_bits_is_one_peer() {
    let mut world = World::new(10, 2);
    let same = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:0:9::"].map(|address| world.admit(address).unwrap());
    assert_eq!(world.evicted.get(), 1);
    assert!(!same[0].begin(Purpose::Other, world.now));
    let _other = world.admit("2001:db8:0:1::1").unwrap();
    assert_eq!((world.registry.len(), world.evicted.get()), (3, 1));
}

#[test]
fn an_ipv4_address_in_ipv6_form_is_the_same_peer() {
    let mut world = World::new(10, 1);
    let _connections = ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.2"].map(|address| world.admit(address).unwrap());
    assert_eq!((world.registry.len(), world.evicted.get()), (2, 1));
}

#[test]
fn the_reserve_answers_probes_and_a_few_scrapes_only() {
    let mut world = World::new(1, 1);
    let _regular = world.busy(1, "10.0.0.1", Purpose::Other);
    let other = world.admit("10.0.0.1").unwrap();
    assert!(!other.begin(Purpose::Other, world.now));
    drop(other);
    let scrapes = world.busy(RESERVED_SCRAPES, "10.0.0.1", Purpose::Scrape);
    let probe = world.admit("10.0.0.1").unwrap();
    assert!(probe.begin(Purpose::Probe, world.now));
    assert!(probe.begin(Purpose::Scrape, world.now), "the oldest scrape has had its second");
    assert!(!scrapes[0].begin(Purpose::Probe, world.now), "it was closed");
    assert_eq!(world.evicted.get(), 1);
}

#[test]
fn a_scrape_in_the_reserve_has_a_second_for_itself() {
    let mut world = World::new(1, 1);
    let _regular = world.busy(1, "10.0.0.1", Purpose::Other);
    let scrapes: Vec<_> = (0..=RESERVED_SCRAPES).map(|_| world.admit("10.0.0.1").unwrap()).collect();
    let started = scrapes.iter().filter(|scrape| scrape.begin(Purpose::Scrape, world.now)).count();
    assert_eq!((started, world.evicted.get()), (RESERVED_SCRAPES, 0));
    let last = scrapes.last().unwrap();
    assert!(!last.begin(Purpose::Scrape, world.now + Duration::from_millis(999)));
    assert!(last.begin(Purpose::Scrape, world.now + Duration::from_millis(1_000)));
}

#[test]
fn no_entry_is_left_of_closed_connections() {
    let mut world = World::new(4, 2);
    for round in 0..50_u8 {
        let _connections: Vec<_> = (0..7).filter_map(|n| world.admit(&format!("10.0.{}.{n}", round % 3))).collect();
        assert!(world.registry.len() <= 4);
    }
    assert_eq!(world.registry.len(), 0);
}
