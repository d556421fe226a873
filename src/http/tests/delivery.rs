//! Delivery of answers: one that a client has not taken does not outlive its connection, and one taken slowly arrives.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tokio::net::TcpSocket;

use super::driver::{Answer, Fixed, Running, eventually, hasty, settings, start};
use super::{Arc, Settings};
use crate::http::registry::MIN_IDLE_TIME;

/// Size of an answer that fits into the kernel's buffer of the server, but not into that of [`connect_narrow`].
const HELD_BY_KERNEL: usize = 100 << 10;

/// Connects with a small buffer for received bytes.
fn connect_narrow(server: &Running) -> TcpStream {
    let connected = server.runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(2048)?;
        socket.connect(server.address).await?.into_std()
    });
    let stream = connected.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn ask(server: &Running, header: &str) -> TcpStream {
    let mut stream = connect_narrow(server);
    stream.write_all(format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{header}\r\n").as_bytes()).unwrap();
    eventually("the answer is with the kernel", || server.metrics.responses("200") == 1);
    stream
}

/// Asserts that the connection was reset with a part of the answer.
fn assert_reset(stream: &mut TcpStream) {
    let mut taken = Vec::new();
    let error = stream.read_to_end(&mut taken).expect_err("the connection is reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(taken.len() < HELD_BY_KERNEL, "{} bytes were taken", taken.len());
}

#[test]
fn an_evicted_connection_leaves_nothing_in_the_kernel() {
    let settings = Settings { max_connections: 1, max_connections_per_peer: 1, ..settings() };
    let server = start(&settings, Arc::new(Fixed::new("x".repeat(HELD_BY_KERNEL))));
    let mut unread = ask(&server, "");
    std::thread::sleep(2 * MIN_IDLE_TIME);
    let _other = server.connect();
    eventually("it made room", || server.metrics.evicted.get() == 1);
    eventually("it is counted", || server.metrics.aborted.get() == 1);
    assert_reset(&mut unread);
}

#[test]
fn a_closed_connection_leaves_nothing_in_the_kernel() {
    let server = start(&hasty(), Arc::new(Fixed::new("x".repeat(HELD_BY_KERNEL))));
    let mut unread = ask(&server, "connection: close\r\n");
    eventually("it is counted", || server.metrics.aborted.get() == 1);
    assert_reset(&mut unread);
}

#[test]
fn an_idle_connection_leaves_nothing_in_the_kernel() {
    let server = start(&hasty(), Arc::new(Fixed::new("x".repeat(HELD_BY_KERNEL))));
    let mut unread = ask(&server, "");
    eventually("it is counted", || server.metrics.aborted.get() == 1);
    assert_eq!(server.metrics.timed_out.get(), 1);
    assert_reset(&mut unread);
}

#[test]
fn a_stop_leaves_nothing_in_the_kernel() {
    let mut server = start(&settings(), Arc::new(Fixed::new("x".repeat(HELD_BY_KERNEL))));
    let mut unread = ask(&server, "");
    server.stop();
    assert_eq!(server.metrics.aborted.get(), 1);
    assert_reset(&mut unread);
}

#[test]
fn a_client_that_reads_late_gets_all_of_the_last_answer() {
    let server = start(&settings(), Arc::new(Fixed::new("x".repeat(HELD_BY_KERNEL))));
    let mut late = ask(&server, "connection: close\r\n");
    std::thread::sleep(Duration::from_millis(1_000));
    assert_eq!(Answer::last(&mut late).body.len(), HELD_BY_KERNEL);
    eventually("the connection is closed", || server.runtime.metrics().num_alive_tasks() <= 1);
    assert_eq!(server.metrics.aborted.get(), 0);
}
