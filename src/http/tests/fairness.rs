//! Many connections and slow readers shut out no probe and no scrape.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use super::driver::{Answer, Fixed, Running, TEXT, drain, eventually, serving, settings, start};
use super::{Arc, Ordering, Settings, routes};
use crate::http::registry::{MAX_STALL, MIN_IDLE_TIME, RESERVE, RESERVED_SCRAPES};

/// Size of an answer that no buffer of the kernel holds.
const LARGE: usize = 32 << 20;

fn bounded(max_connections: usize, max_connections_per_peer: usize, text: &str) -> Running {
    start(&Settings { max_connections, max_connections_per_peer, ..settings() }, Arc::new(Fixed::new(text)))
}

/// Sends a request on a connection that stays open, and returns the status; `None` if the server has closed it.
fn status_of(stream: &mut TcpStream) -> Option<u16> {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).ok()?;
    let status = std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap();
    while !answer.ends_with(b"ok\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        answer.extend(byte);
    }
    Some(status)
}

/// Connects from an address of loopback.
fn connect_from(server: &Running, address: [u8; 4]) -> TcpStream {
    let connected = server.runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((address, 0)))?;
        socket.connect(server.address).await?.into_std()
    });
    let stream = connected.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Connects clients that request the large answer and read only its beginning.
fn slow_readers(server: &Running, count: usize) -> Vec<TcpStream> {
    let reader = |_| {
        let mut stream = server.connect();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
        stream
    };
    (0..count).map(reader).collect()
}

/// Waits until connections that are idle now may make room.
fn wait_idle() {
    std::thread::sleep(2 * MIN_IDLE_TIME);
}

fn assert_probes_are_answered(server: &Running) {
    let started = Instant::now();
    assert_eq!(["/livez", "/readyz"].map(|path| server.get(path).status), [200, 200]);
    assert!(started.elapsed() < Duration::from_secs(2), "a probe took {:?}", started.elapsed());
}

#[test]
fn silent_sockets_shut_out_no_probe_and_no_scrape() {
    let server = bounded(64, 64, TEXT);
    let silent: Vec<_> = (0..64).map(|_| server.connect()).collect();
    wait_idle();
    for _ in 0..20 {
        assert_probes_are_answered(&server);
        assert_eq!(server.get("/metrics").text(), TEXT);
    }
    assert!(server.metrics.evicted.get() > 0);
    assert_eq!(server.metrics.refused.get(), 0);
    drop(silent);
}

#[test]
fn a_hundred_clients_that_stay_shut_out_no_probe() {
    let server = serving(TEXT);
    let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for round in 0..5 {
        for client in &mut clients {
            // A client whose connection made room or was refused connects again.
            while status_of(client) != Some(200) {
                *client = server.connect();
            }
        }
        wait_idle();
        assert_probes_are_answered(&server);
        assert_eq!(server.get("/metrics").text(), TEXT, "round {round}");
    }
}

#[test]
fn the_connection_that_is_idle_longest_makes_room() {
    let server = bounded(2, 2, TEXT);
    let (mut first, mut second) = (server.connect(), server.connect());
    assert_eq!([status_of(&mut first), status_of(&mut second), status_of(&mut first)], [Some(200); 3]);
    wait_idle();
    assert_eq!(status_of(&mut server.connect()), Some(200));
    assert_eq!(drain(&mut second), 0);
    assert_eq!((status_of(&mut first), server.metrics.evicted.get()), (Some(200), 1));
}

#[test]
fn one_address_takes_no_more_than_its_share() {
    let server = bounded(8, 3, TEXT);
    let mut other = connect_from(&server, [127, 0, 0, 2]);
    assert_eq!(status_of(&mut other), Some(200));
    let mut many: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for _ in 0..2 {
        wait_idle();
        many.push(server.connect());
    }
    eventually("all are accepted", || server.metrics.evicted.get() == 2);
    let answered = many.iter_mut().filter_map(status_of).count();
    assert_eq!((answered, server.metrics.evicted.get()), (3, 2));
    assert_eq!(status_of(&mut other), Some(200), "the other address keeps its connection");
}

#[test]
fn the_address_with_the_most_connections_makes_room() {
    let server = bounded(8, 8, TEXT);
    let mut other = connect_from(&server, [127, 0, 0, 2]);
    assert_eq!(status_of(&mut other), Some(200));
    let mut many: Vec<_> = (0..7).map(|_| server.connect()).collect();
    for _ in 0..5 {
        wait_idle();
        many.push(server.connect());
    }
    eventually("all are accepted", || server.metrics.evicted.get() == 5);
    assert_eq!(status_of(&mut other), Some(200), "although it was idle longest");
    drop(many);
}

#[test]
fn slow_readers_shut_out_no_probe_and_no_scrape() {
    let server = bounded(4, 4, &"x".repeat(LARGE));
    let readers = slow_readers(&server, 4);
    for _ in 0..5 {
        assert_probes_are_answered(&server);
    }
    let answer = server.get("/metrics");
    assert_eq!((answer.status, answer.body.len(), answer.header("connection")), (200, LARGE, Some("close")));
    assert_eq!((server.metrics.refused.get(), server.metrics.evicted.get()), (0, 0), "no answer was interrupted");
    drop(readers);
}

#[test]
fn slow_scrapes_in_the_reserve_leave_room_for_probes() {
    let server = bounded(2, 2, &"x".repeat(LARGE));
    let readers = slow_readers(&server, 2 + RESERVED_SCRAPES);
    assert_probes_are_answered(&server);
    std::thread::sleep(MAX_STALL);
    let started = Instant::now();
    eventually("a scrape is answered", || server.get("/metrics").body.len() == LARGE);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(server.metrics.evicted.get(), 1, "one slow scrape made room");
    drop(readers);
}

/// Connects silently, 600 times a second, until it is stopped; returns the number of connections.
fn flood(address: SocketAddr, stopped: &AtomicBool) -> usize {
    let mut sockets = VecDeque::new();
    let mut count = 0;
    let started = Instant::now();
    while !stopped.load(Ordering::SeqCst) {
        let due = started + Duration::from_secs(1) * count as u32 / 600;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        sockets.extend(TcpStream::connect(address));
        count += 1;
        if sockets.len() > 500 {
            sockets.pop_front();
        }
    }
    count
}

#[test]
fn slow_readers_and_a_flood_shut_out_no_probe() {
    let server = bounded(4, 4, &"x".repeat(LARGE));
    let readers = slow_readers(&server, 4);
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| flood(server.address, &stopped));
        std::thread::sleep(Duration::from_millis(500));
        let mut answered = 0;
        for _ in 0..20 {
            // A probe whose request takes 20 ms.
            let mut probe = connect_from(&server, [127, 0, 0, 2]);
            std::thread::sleep(Duration::from_millis(20));
            answered += usize::from(status_of(&mut probe) == Some(200));
        }
        stopped.store(true, Ordering::SeqCst);
        let count = flood.join().unwrap();
        assert_eq!(answered, 20, "among {count} connections");
    });
    drop(readers);
}

#[test]
fn slow_scrapes_of_one_client_shut_out_no_scrape_of_another() {
    let server = bounded(2, 2, &"x".repeat(LARGE));
    let mut readers = slow_readers(&server, 2 + RESERVED_SCRAPES);
    for _ in 0..5 {
        let mut prometheus = connect_from(&server, [127, 0, 0, 2]);
        prometheus.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        assert_eq!(Answer::next(&mut prometheus).body.len(), LARGE);
        // The place that it leaves is taken again.
        drop(prometheus);
        readers.push(server.connect());
        readers.last_mut().unwrap().write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        readers.last_mut().unwrap().read_exact(&mut [0; 100]).unwrap();
    }
}

#[test]
fn silent_sockets_do_not_fill_the_reserve() {
    let server = bounded(2, 2, &"x".repeat(LARGE));
    let readers = slow_readers(&server, 2);
    let mut silent: Vec<_> = (0..2 * RESERVE).map(|_| server.connect()).collect();
    wait_idle();
    assert_probes_are_answered(&server);
    let started = Instant::now();
    // What was refused has an answer, and the rest is closed without one.
    for stream in &mut silent {
        drain(stream);
    }
    assert!(started.elapsed() < Duration::from_secs(3), "they are closed after {:?}", started.elapsed());
    drop(readers);
}

#[test]
fn beyond_max_connections_clients_are_refused_and_counted() {
    let server = bounded(2, 2, &"x".repeat(LARGE));
    let readers = slow_readers(&server, 2);
    let answer = server.get("/");
    assert_eq!((answer.status, answer.text()), (503, "too many connections\n"));
    assert_eq!((answer.header("connection"), answer.header("retry-after")), (Some("close"), Some("1")));
    let answer = server.get("/api/v1/status");
    assert_eq!((answer.status, answer.text()), (503, r#"{"error":"too many connections"}"#));
    assert_eq!((server.metrics.refused.get(), server.metrics.responses("503")), (2, 2));
    drop(readers);
    eventually("a connection is free again", || server.get("/").status == 200);
}

#[test]
fn as_many_viewers_as_connections_are_served() {
    let viewers = settings().max_connections;
    let server = bounded(viewers, viewers, &"x".repeat(LARGE));
    let mut readers = slow_readers(&server, viewers);
    assert_eq!(
        (server.metrics.responses("200"), server.metrics.evicted.get()),
        (viewers as u64, 0),
        "all are answered"
    );
    let answer = server.get("/api/v1/now");
    assert_eq!((answer.status, server.metrics.refused.get()), (503, 1), "one more");
    assert_probes_are_answered(&server);
    drop(readers.pop());
    eventually("the next viewer is served", || server.get("/api/v1/now").status == 200);
    assert_eq!(server.metrics.evicted.get(), 0);
}

#[test]
fn a_scrape_does_not_wait_for_the_api() {
    let service = Arc::new(Fixed::new(TEXT));
    let server = start(&settings(), Arc::<Fixed>::clone(&service));
    let gate = service.api_gate.lock().unwrap();
    let mut waiting: Vec<_> = (0..12).map(|_| server.connect()).collect();
    for stream in &mut waiting {
        stream.write_all(b"GET /api/v1/cuts/slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    }
    eventually("the API renders", || service.rendering_now.load(Ordering::SeqCst) == routes::MAX_API_RENDERINGS);
    let started = Instant::now();
    assert_eq!(server.get("/metrics").text(), TEXT);
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(service.rendering_now.load(Ordering::SeqCst), routes::MAX_API_RENDERINGS);
    drop(gate);
    assert!(waiting.iter_mut().all(|stream| Answer::last(stream).status == 200));
}
