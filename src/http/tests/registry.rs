//! Registry of connections, without sockets.

use std::net::IpAddr;
use std::time::Duration;

use prometheus::IntCounter;
use tokio::time::Instant;

use crate::http::registry::{
    ConnectionBounds, ConnectionRegistry, MAX_STALL, MIN_IDLE_TIME, OpenConnection, Purpose, RESERVE, RESERVED_SCRAPES,
};

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

    /// Admits a silent connection a moment after the previous step, at a rate of 600 a second.
    fn admit_at_once(&mut self, address: &str) -> Option<OpenConnection> {
        self.now += Duration::from_micros(1_667);
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
    assert!(!probe.begin(Purpose::Scrape, world.now), "the scrapes make progress");
    assert!(scrapes.iter().all(|scrape| scrape.begin(Purpose::Probe, world.now)), "none was closed");
    assert_eq!(world.evicted.get(), 0);
}

#[test]
fn a_scrape_in_the_reserve_is_lost_by_lack_of_progress() {
    let mut world = World::new(1, 1);
    let _regular = world.busy(1, "10.0.0.1", Purpose::Other);
    let scrapes = world.busy(RESERVED_SCRAPES, "10.0.0.2", Purpose::Scrape);
    let another = world.admit("10.0.0.2").unwrap();
    scrapes[0].set_stalled(Some(world.now));
    scrapes[2].set_stalled(Some(world.now));
    scrapes[0].set_stalled(None);
    assert!(!another.begin(Purpose::Scrape, world.now + MAX_STALL - Duration::from_millis(1)));
    assert!(another.begin(Purpose::Scrape, world.now + MAX_STALL));
    let alive = scrapes.iter().map(|scrape| scrape.begin(Purpose::Probe, world.now));
    assert_eq!(alive.collect::<Vec<_>>(), [true, true, false, true]);
}

#[test]
fn a_peer_without_a_scrape_displaces_one_of_a_peer_with_several() {
    let mut world = World::new(1, 1);
    let _regular = world.busy(1, "10.0.0.1", Purpose::Other);
    let single = world.busy(1, "10.0.0.2", Purpose::Scrape);
    let several = world.busy(RESERVED_SCRAPES - 1, "10.0.0.3", Purpose::Scrape);
    let prometheus = world.admit("10.0.0.4").unwrap();
    assert!(prometheus.begin(Purpose::Scrape, world.now), "at any age");
    let more = world.admit("10.0.0.3").unwrap();
    assert!(!more.begin(Purpose::Scrape, world.now), "the peer with several displaces nobody");
    assert!(single[0].begin(Purpose::Probe, world.now), "the single one was not closed");
    assert_eq!(several.iter().filter(|scrape| scrape.begin(Purpose::Probe, world.now)).count(), RESERVED_SCRAPES - 2);
    assert_eq!(world.evicted.get(), 1);
}

#[test]
fn a_peer_with_other_answers_loses_its_scrape_first() {
    let mut world = World::new(1, 1);
    let _regular = world.busy(1, "10.0.0.3", Purpose::Other);
    let peers = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
    let scrapes = peers.map(|peer| world.busy(1, peer, Purpose::Scrape).remove(0));
    let prometheus = world.admit("10.0.0.5").unwrap();
    assert!(prometheus.begin(Purpose::Scrape, world.now));
    let alive = scrapes.each_ref().map(|scrape| scrape.begin(Purpose::Probe, world.now));
    assert_eq!(alive, [true, true, false, true]);
}

#[test]
fn a_probe_keeps_its_place_among_silent_connections() {
    for address in ["10.0.0.1", "10.0.0.2"] {
        let mut world = World::new(1, 1);
        let _regular = world.busy(1, "10.0.0.1", Purpose::Scrape);
        let mut silent: Vec<_> = (0..1_000).map(|_| world.admit_at_once("10.0.0.1")).collect();
        for round in 0..20 {
            let probe = world.admit_at_once(address).expect("a probe is admitted");
            silent.extend((0..24).map(|_| world.admit_at_once("10.0.0.1")));
            assert!(probe.begin(Purpose::Probe, world.now), "round {round}: 40 ms later, from {address}");
        }
        assert!(world.registry.len() <= 1 + RESERVE);
    }
}

#[test]
fn a_probe_from_another_address_waits_as_long_as_it_may() {
    let mut world = World::new(1, 1);
    let _regular = world.busy(1, "10.0.0.1", Purpose::Scrape);
    // Ten times the rate that the minimum age lets in.
    let mut admit = |address: &str| {
        world.now += MIN_IDLE_TIME / (10 * RESERVE as u32);
        world.registry.admit(address.parse().unwrap(), world.now).connection
    };
    let mut silent: Vec<_> = (0..5_000).map(|_| admit("10.0.0.1")).collect();
    let probe = admit("10.0.0.2").expect("a peer that has none is admitted");
    silent.extend((0..5_000).map(|_| admit("10.0.0.1")));
    assert!(silent.iter().any(Option::is_none), "the flood is refused in part");
    assert!(probe.begin(Purpose::Probe, world.now));
}

#[test]
fn a_young_connection_outside_the_reserve_keeps_its_place() {
    let mut world = World::new(2, 2);
    let _busy = world.busy(1, "10.0.0.1", Purpose::Scrape);
    let probe = world.admit("10.0.0.1").unwrap();
    let silent: Vec<_> = (0..20).map(|_| world.admit_at_once("10.0.0.1")).collect();
    assert!(silent.iter().flatten().all(OpenConnection::is_reserved));
    assert!(probe.begin(Purpose::Probe, world.now));
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
