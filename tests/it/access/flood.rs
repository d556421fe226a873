//! Ten thousand wrong passwords, and the scrapes meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{start, users};
use crate::certificates::Certificates;
use crate::program::Pacemeter;

/// Attempts in all, from this many connections.
const ATTEMPTS: usize = 10_000;
const CONNECTIONS: usize = 8;

/// Duration below which a scrape is fast, whatever it takes without a flood: other tests share the machine.
const FAST: Duration = Duration::from_millis(40);

/// Connection on which one request follows the other.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(pacemeter: &Pacemeter) -> Self {
        let stream = TcpStream::connect(pacemeter.address()).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Self(BufReader::new(stream))
    }

    /// Returns the status of a scrape with these credentials.
    fn scrape(&mut self, credentials: &str) -> u16 {
        let request = format!("GET /metrics HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic {credentials}\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).expect("it reads");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("an answer") > 0, "the connection ended");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().expect("a length");
            } else if line.is_empty() {
                break;
            }
        }
        self.0.read_exact(&mut vec![0; length]).expect("a body");
        status
    }
}

/// Median time of a number of scrapes.
fn median(client: &mut Client, count: usize) -> Duration {
    let mut took: Vec<Duration> = (0..count)
        .map(|_| {
            let began = Instant::now();
            // ann:right
            assert_eq!(client.scrape("YW5uOnJpZ2h0"), 200);
            began.elapsed()
        })
        .collect();
    took.sort();
    took[count / 2]
}

#[test]
fn ten_thousand_wrong_passwords_slow_no_scrape() {
    let (certificates, cost) = (Certificates::make(), 10);
    let (pacemeter, _state) = start(&certificates, &users("right", cost), &[]);
    let mut client = Client::connect(&pacemeter);
    let calm = median(&mut client, 30);
    let (is_over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (statuses, during) = thread::scope(|scope| {
        let attack = || {
            let mut client = Client::connect(&pacemeter);
            let mut statuses = Vec::new();
            // Some connections wait for bcrypt, and the others make the more attempts meanwhile.
            loop {
                let attempt = made.fetch_add(1, Ordering::Relaxed);
                if attempt >= ATTEMPTS {
                    return statuses;
                }
                // ann:wrong, or an unknown user.
                statuses.push(client.scrape(["YW5uOndyb25n", "Ym9iOnJpZ2h0"][attempt % 2]));
            }
        };
        let attackers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(attack)).collect();
        let scrapes = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                slowest = slowest.max(median(&mut client, 15));
            }
            slowest
        });
        let statuses: Vec<u16> = attackers.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
        is_over.store(true, Ordering::Relaxed);
        (statuses, scrapes.join().expect("no panic"))
    });
    assert!(statuses.len() == ATTEMPTS && statuses.iter().all(|status| [401, 429].contains(status)), "none is let in");
    assert!(during <= FAST.max(calm * 2), "a scrape takes {during:?}, and {calm:?} without the flood");
}
