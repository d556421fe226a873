//! Thousands of sockets that are silent, or send slowly.

use std::io::Write;
use std::net::TcpStream;

use pacemeter::record::Stream;

use super::probes::{self, await_reached, milestones};
use crate::program::{LIMIT, Pacemeter};
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Topics};

/// Number of sockets; each takes a descriptor of this process.
const SOCKETS: usize = 10_000;

/// Raises the limit of open files to its maximum and returns it.
fn raise_open_files() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a limit that lives.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
    }
    limit.rlim_cur as usize
}

#[test]
fn ten_thousand_sockets_hold_up_no_consumer_and_scrapes_briefly() {
    // Other tests of this process need descriptors, too.
    let count = SOCKETS.min(raise_open_files().saturating_sub(1_000));
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let state = tempfile::tempdir().expect("a temporary directory");
    let more = ["kafka.commit_interval=200ms", "http.timeout=2s"].map(str::to_owned).to_vec();
    let settings = [topics.settings(), probes::labels().to_vec(), more].concat();
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();

    let mut sockets = Vec::new();
    let mut refused = 0;
    for number in 0..count {
        // A failed connection is as good as a refused one.
        let Ok(mut socket) = TcpStream::connect(pacemeter.address()) else {
            refused += 1;
            continue;
        };
        if number % 2 == 0 {
            // The server may have closed it already.
            let _ = socket.write_all(b"GET /metrics HTTP/1.1\r\nhost: local");
        }
        sockets.push(socket);
        if number == count / 2 {
            topics.write(Stream::Milestone, &milestones(0, "meanwhile", 500));
        }
    }
    assert!(sockets.len() > count / 2, "{refused} of {count} connections failed");
    // The metrics may be unreachable now, but committed offsets are visible.
    let started = std::time::Instant::now();
    while topics.committed(Stream::Milestone) != [Some(500)] {
        assert!(started.elapsed() < LIMIT, "the consumer is held up");
    }
    // Silent sockets make room, and slow ones run into the time limit. All are still open on this side.
    pacemeter.until("a connection is accepted again", |pacemeter| {
        let mut socket = TcpStream::connect(pacemeter.address()).ok()?;
        socket.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut socket, &mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    });
    await_reached(&mut pacemeter, 500);
    assert!(!pacemeter.events("pacemeter.http.full").is_empty(), "the log says so");
    // `http.max_connections`, the reserve, and what the process opens itself.
    let (open, bound) = (probes::own(&pacemeter, "process_open_fds"), 64.0 + 64.0 + 100.0);
    assert!(open < bound, "{open} descriptors are open, at most {bound} were expected");
    drop(sockets);
    assert_eq!(pacemeter.stop().code, Some(0));
}
