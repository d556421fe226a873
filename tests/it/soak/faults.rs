//! The faults of the soak test, and how each is caused.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pacemeter::oracle::SentRecord;
use pacemeter::record::{Reason, Stream};

use super::{PARTITIONS, Soak};
use crate::end_to_end::handwritten::TestRecord;
use crate::end_to_end::kills::{FAILPOINTS, await_death};
use crate::program::{LIMIT, Pacemeter};
use crate::topics::Record;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// `kill -9` at any instant.
    Kill,
    /// `kill -9` at a failpoint, at a certain pass.
    Failpoint(&'static str, u64),
    /// SIGTERM.
    Stop,
    /// `kill -9`, and a bit of the newest checkpoint of a partition flips.
    Flip,
    /// SIGSTOP for some seconds.
    Freeze,
    /// The broker is killed and comes back.
    Broker,
    /// Nothing can be written to the state directory.
    Disk,
    /// A thousand malformed records.
    Poison,
    /// Connections that send slowly or never read the answer.
    Readers,
}

/// Number of faults of each kind among 200; failpoints come in addition.
const SHARES: [(Fault, usize); 8] = [
    (Fault::Kill, 44),
    (Fault::Stop, 16),
    (Fault::Flip, 14),
    (Fault::Freeze, 24),
    (Fault::Broker, 12),
    (Fault::Disk, 18),
    (Fault::Poison, 16),
    (Fault::Readers, 14),
];
const FAILPOINT_SHARE: usize = 42;

/// Faults in random order: of any kind in the first part, only those that a process survives in the last one.
pub fn plan(random: &mut fastrand::Rng, count: usize) -> Vec<Fault> {
    let of = |share: usize| (share * count).div_ceil(200);
    let mut first: Vec<Fault> =
        SHARES.iter().flat_map(|(fault, share)| std::iter::repeat_n(*fault, of(*share))).collect();
    for turn in 0..of(FAILPOINT_SHARE) {
        let (place, passes) = FAILPOINTS[turn % FAILPOINTS.len()];
        first.push(Fault::Failpoint(place, random.u64(1..=passes)));
    }
    random.shuffle(&mut first);
    let mut last = Vec::new();
    first.retain(|fault| {
        let is_last = !fault.ends_the_process() && last.len() < count * 3 / 10;
        if is_last {
            last.push(*fault);
        }
        !is_last
    });
    // Shuffled again: `retain` took the earliest of the faults that a process survives.
    random.shuffle(&mut first);
    [first, last].concat()
}

impl Fault {
    pub fn name(self) -> String {
        match self {
            Self::Kill => "kill -9 at a random instant".to_owned(),
            Self::Failpoint(..) => "kill -9 at a failpoint".to_owned(),
            Self::Stop => "SIGTERM and restart".to_owned(),
            Self::Flip => "kill -9, a byte of the newest checkpoint flipped".to_owned(),
            Self::Freeze => "SIGSTOP, some seconds, SIGCONT".to_owned(),
            Self::Broker => "broker killed, some seconds, started".to_owned(),
            Self::Disk => "state disk failing for some seconds".to_owned(),
            Self::Poison => "1,000 poison records at once".to_owned(),
            Self::Readers => "40 slow HTTP readers".to_owned(),
        }
    }

    fn ends_the_process(self) -> bool {
        matches!(self, Self::Kill | Self::Failpoint(..) | Self::Stop | Self::Flip)
    }

    /// Causes the fault and ends it; a process is running afterwards.
    pub fn cause(self, soak: &mut Soak<'_>) {
        match self {
            Self::Kill => {
                kill(soak);
                soak.start();
            }
            Self::Failpoint(place, pass) => {
                die_at(soak, place, pass);
                soak.start();
            }
            Self::Stop => {
                let ended = soak.pacemeter.take().expect("a process is running").stop();
                assert_eq!(ended.code, Some(0), "{}", ended.stderr);
                soak.start();
            }
            Self::Flip => flip(soak),
            Self::Freeze => freeze(soak),
            Self::Broker => break_the_broker(soak),
            Self::Disk => break_the_disk(soak),
            Self::Poison => poison(soak),
            Self::Readers => read_slowly(soak),
        }
    }
}

fn some_seconds(soak: &mut Soak<'_>, most: u64) -> Duration {
    Duration::from_millis(soak.random.u64(1_000..=most * 1_000))
}

/// Kills the process while it works on a bit of load.
fn kill(soak: &mut Soak<'_>) {
    let records = soak.random.usize(0..500);
    soak.write(records);
    std::thread::sleep(Duration::from_millis(soak.random.u64(0..200)));
    soak.pacemeter.take().expect("a process is running").kill();
}

fn die_at(soak: &mut Soak<'_>, place: &str, pass: u64) {
    kill(soak);
    let failpoint = format!("{place}:{pass}");
    let pacemeter = Pacemeter::start_with(&soak.state, &soak.settings(), &[("PACEMETER_TEST_FAILPOINT", &failpoint)]);
    await_death(pacemeter, &failpoint, || soak.load());
}

fn flip(soak: &mut Soak<'_>) {
    kill(soak);
    let entries = |path: PathBuf| {
        fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let is_checkpoint = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "checkpoint");
    let newest = |place: PathBuf| entries(place).into_iter().filter(is_checkpoint).max();
    let places = entries(soak.state.path().join("checkpoints")).into_iter().filter(|path| path.is_dir());
    let files: Vec<PathBuf> = places.filter_map(newest).collect();
    let file = &files[soak.random.usize(..files.len())];
    let mut content = fs::read(file).expect("a file");
    let place = soak.random.usize(..content.len());
    content[place] ^= 1 << soak.random.u32(..8);
    fs::write(file, content).expect("a file");
    soak.start();
    soak.process().wait_ready();
    let damaged: f64 = soak.process().scrape().all("pacemeter_checkpoints_damaged_total").map(|(_, count)| count).sum();
    assert!(damaged >= 1.0, "byte {place} of {} was flipped unnoticed", file.display());
}

fn freeze(soak: &mut Soak<'_>) {
    soak.process().signal(libc::SIGSTOP);
    let time = some_seconds(soak, 6);
    let started = Instant::now();
    while started.elapsed() < time {
        soak.load();
        std::thread::sleep(Duration::from_millis(20));
    }
    soak.process().signal(libc::SIGCONT);
}

fn break_the_broker(soak: &mut Soak<'_>) {
    let time = some_seconds(soak, 5);
    soak.kafka.stop();
    std::thread::sleep(time);
    soak.sample();
    assert_eq!(soak.process().get("/livez").status, 200, "the process lives without the broker");
    soak.kafka.start();
    // No load was due in the meantime.
    soak.written_at = Instant::now();
}

/// Makes every write below the directory of checkpoints fail, even for root.
fn break_the_disk(soak: &mut Soak<'_>) {
    let failures = |soak: &mut Soak<'_>| -> f64 {
        soak.process().scrape().all("pacemeter_checkpoint_failures_total").map(|(_, count)| count).sum()
    };
    let before = failures(soak);
    let directory = soak.state.path().join("checkpoints");
    let moved = soak.state.path().join("moved");
    fs::rename(&directory, &moved).expect("the directory can be moved");
    fs::write(&directory, "not a directory").expect("a file");
    let time = some_seconds(soak, 4);
    soak.run_for(time);
    let started = Instant::now();
    while failures(soak) == before {
        assert!(started.elapsed() < LIMIT, "no checkpoint failed");
        soak.run_for(Duration::from_millis(200));
    }
    fs::remove_file(&directory).expect("the file can be removed");
    fs::rename(&moved, &directory).expect("the directory can be moved back");
    soak.process().until("everything is saved", |pacemeter| {
        (pacemeter.scrape().value("pacemeter_checkpoint_age_seconds", &[]) == Some(0.0)).then_some(())
    });
}

fn poison(soak: &mut Soak<'_>) {
    let bad = |number: i32| {
        let record = Record { partition: number % PARTITIONS, ..Record::of(format!("{{\"type\": {number}")) };
        TestRecord { stream: Stream::ALL[number as usize % 3], record, sent: SentRecord::Rejected(Reason::NotJson) }
    };
    soak.write_records((0..1_000).map(bad).collect());
}

fn read_slowly(soak: &mut Soak<'_>) {
    let address = soak.process().address().to_owned();
    let mut sockets = Vec::new();
    for number in 0..40 {
        let mut socket = TcpStream::connect(&address).expect("it listens");
        let request: &[u8] = if number % 2 == 0 {
            b"GET /metrics HTTP/1.1\r\nhost: local"
        } else {
            b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n"
        };
        socket.write_all(request).expect("it takes requests");
        sockets.push(socket);
    }
    let time = some_seconds(soak, 4);
    soak.run_for(time);
}
