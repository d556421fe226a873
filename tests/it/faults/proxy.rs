//! A proxy between clients and a broker with the faults of networks: it holds, cuts, delays and damages connections.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::kafka::Door;

/// Polling interval of a held connection.
const BLINK: Duration = Duration::from_millis(20);

/// API key of the request that writes records.
const PRODUCE: [u8; 2] = [0, 0];

/// A proxy; dropping it closes all its connections.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
}

#[derive(Default)]
struct Network {
    is_gone: AtomicBool,
    /// Nothing passes; connections that exist while this is set stay dead.
    is_held: AtomicBool,
    /// Answers that contain these bytes are damaged.
    damaged: Mutex<Option<Vec<u8>>>,
    damages: AtomicUsize,
    /// Delay of a request to write (ms).
    produce_delay: AtomicU64,
    /// Connections to cut, and the source of the positions.
    cuts: Mutex<Option<Cuts>>,
    cuts_made: AtomicUsize,
    connections: Mutex<Vec<TcpStream>>,
}

struct Cuts {
    random: fastrand::Rng,
    left: usize,
    bytes: std::ops::Range<usize>,
}

impl Proxy {
    /// Forwards everything that comes through a door.
    pub fn at(door: Door) -> Self {
        let address = door.outside.local_addr().expect("a bound socket");
        let network = Arc::new(Network::default());
        let accepting = Arc::clone(&network);
        thread::spawn(move || accepting.accept(&door.outside, door.inside));
        Self { address, network }
    }

    pub fn bootstrap(&self) -> String {
        self.address.to_string()
    }

    /// From now on nothing passes, without notice to either side, as if a cable were pulled.
    pub fn hold(&self) {
        self.network.is_held.store(true, SeqCst);
    }

    /// From now on nothing passes, and existing connections are closed.
    pub fn pull(&self) {
        self.hold();
        self.network.drop_connections();
    }

    /// New connections pass again. Held ones stay dead, as if a firewall had forgotten them.
    pub fn release(&self) {
        self.network.is_held.store(false, SeqCst);
    }

    /// Damages one bit in every answer that contains these bytes; `None` ends the damage.
    pub fn damage(&self, bytes: Option<&[u8]>) {
        *self.network.damaged() = bytes.map(<[u8]>::to_vec);
    }

    /// Number of answers damaged so far.
    pub fn damages(&self) -> usize {
        self.network.damages.load(SeqCst)
    }

    /// Closes all connections, and cuts the next `count` ones, each after a random number of bytes of answers.
    pub fn cut(&self, seed: u64, count: usize, bytes: std::ops::Range<usize>) {
        *self.network.cuts() = Some(Cuts { random: fastrand::Rng::with_seed(seed), left: count, bytes });
        self.network.drop_connections();
    }

    /// Number of connections cut in the middle of an answer so far.
    pub fn cuts(&self) -> usize {
        self.network.cuts_made.load(SeqCst)
    }

    /// Delays each request to write.
    pub fn delay_writes(&self, delay: Duration) {
        self.network.produce_delay.store(delay.as_millis() as u64, SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.is_gone.store(true, SeqCst);
        self.network.drop_connections();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
    }
}

impl Network {
    fn damaged(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.damaged.lock().expect("no connection's thread panics")
    }

    fn cuts(&self) -> MutexGuard<'_, Option<Cuts>> {
        self.cuts.lock().expect("no connection's thread panics")
    }

    fn drop_connections(&self) {
        for connection in self.connections.lock().expect("no connection's thread panics").drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn accept(self: Arc<Self>, listener: &TcpListener, broker: u16) {
        for client in listener.incoming() {
            if self.is_gone.load(SeqCst) {
                return;
            }
            // An unreachable broker looks to the client like one that hangs up.
            let Ok(client) = client else { continue };
            let network = Arc::clone(&self);
            thread::spawn(move || network.connect(client, broker));
        }
    }

    fn connect(self: Arc<Self>, client: TcpStream, broker: u16) -> Option<()> {
        while self.is_held.load(SeqCst) {
            thread::sleep(BLINK);
        }
        let broker = TcpStream::connect(("127.0.0.1", broker)).ok()?;
        for stream in [&client, &broker] {
            stream.set_nodelay(true).ok()?;
        }
        self.connections.lock().ok()?.extend([client.try_clone().ok()?, broker.try_clone().ok()?]);
        let (from, to) = (client.try_clone().ok()?, broker.try_clone().ok()?);
        let requests = Arc::clone(&self);
        thread::spawn(move || requests.forward(from, to, |frame| requests.request(frame)));
        let mut left = self.allowance();
        self.forward(broker, client, |frame| self.answer(frame, &mut left));
        Some(())
    }

    /// Number of bytes of answers after which a connection is cut, if it is to be cut.
    fn allowance(&self) -> Option<usize> {
        let mut cuts = self.cuts();
        let cuts = cuts.as_mut().filter(|cuts| cuts.left > 0)?;
        cuts.left -= 1;
        Some(cuts.random.usize(cuts.bytes.clone()))
    }

    /// Forwards message by message; messages of Kafka's protocol begin with their length.
    fn forward(&self, mut from: TcpStream, mut to: TcpStream, mut change: impl FnMut(&mut Vec<u8>) -> Passage) {
        let mut frame = Vec::new();
        while let Ok(()) = read_frame(&mut from, &mut frame) {
            if self.is_held.load(SeqCst) {
                // Neither side hears from the other any more, and neither is notified.
                while !self.is_gone.load(SeqCst) {
                    thread::sleep(BLINK);
                }
                break;
            }
            let passage = change(&mut frame);
            let end = if let Passage::CutAt(place) = passage { place } else { frame.len() };
            if to.write_all(&frame[..end]).is_err() || matches!(passage, Passage::CutAt(_)) {
                break;
            }
        }
        // The other side may be closed already.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn request(&self, frame: &mut [u8]) -> Passage {
        if frame[4..].starts_with(&PRODUCE) {
            thread::sleep(Duration::from_millis(self.produce_delay.load(SeqCst)));
        }
        Passage::Whole
    }

    fn answer(&self, frame: &mut [u8], left: &mut Option<usize>) -> Passage {
        if let Some(bytes) = self.damaged().as_ref()
            && let Some(place) = frame.windows(bytes.len()).position(|window| window == bytes)
        {
            frame[place] ^= 1;
            self.damages.fetch_add(1, SeqCst);
        }
        match left {
            Some(left) if *left < frame.len() => {
                self.cuts_made.fetch_add(1, SeqCst);
                Passage::CutAt(*left)
            }
            Some(left) => {
                *left -= frame.len();
                Passage::Whole
            }
            None => Passage::Whole,
        }
    }
}

/// The part of a message that is forwarded.
enum Passage {
    Whole,
    /// This number of bytes, then the connection is cut.
    CutAt(usize),
}

fn read_frame(from: &mut TcpStream, frame: &mut Vec<u8>) -> io::Result<()> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    frame.clear();
    frame.extend_from_slice(&length);
    frame.resize(4 + u32::from_be_bytes(length) as usize, 0);
    from.read_exact(&mut frame[4..])
}
