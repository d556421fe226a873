use super::*;
use std::sync::atomic::AtomicU64;

/// Makes a named pipe.
fn pipe(directory: &Path) -> PathBuf {
    let path = directory.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path
}

fn regular(path: &Path) -> Result<Vec<u8>, String> {
    read(path, 10, FileKind::Regular).map(|content| content.bytes).map_err(|error| error.to_string())
}

#[test]
fn a_file_is_read_up_to_its_limit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "0123456789").unwrap();
    assert_eq!(regular(&path).unwrap(), b"0123456789");
    fs::write(&path, "0123456789x").unwrap();
    assert_eq!(regular(&path).unwrap_err(), "is larger than 10 bytes, the limit of a configuration file");
    let missing = read(&directory.path().join("missing"), 10, FileKind::Regular).unwrap_err();
    assert!(matches!(missing, ReadError::Io(error) if error.kind() == ErrorKind::NotFound));
}

#[test]
fn pipes_devices_and_directories_are_refused_unopened() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for path in [&pipe(directory.path()), directory.path(), Path::new("/dev/zero"), &link] {
        let started = Instant::now();
        assert_eq!(regular(path).unwrap_err(), "is not a regular file; name a text file", "{}", path.display());
        for options in [OpenOptions::new().read(true), OpenOptions::new().write(true).create(true)] {
            let error = open_regular(path, options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{}", path.display());
        }
        assert!(started.elapsed() < Duration::from_secs(2), "{}", path.display());
    }
    assert!(OpenDirectory::open(&directory.path().join("pipe")).is_err());
    OpenDirectory::open(directory.path()).unwrap();
}

#[test]
fn a_pipe_is_read_to_its_end_if_it_is_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let path = pipe(directory.path());
    let writer = {
        let path = path.clone();
        thread::spawn(move || fs::write(path, "text").unwrap())
    };
    assert_eq!(read(&path, 10, FileKind::RegularOrPipe).unwrap().bytes, b"text");
    writer.join().unwrap();
}

/// Begins to read a pipe or file at some time.
fn begin(path: &Path, now: Instant) -> Result<PendingReading, ReadError> {
    PendingReading::begin(path, 10, FileKind::RegularOrPipe, now)
}

/// Soon enough for a test, and late enough for a file that can be read on a busy machine.
fn soon() -> Instant {
    Instant::now() + Duration::from_millis(100)
}

/// Begins to read at `now`, and abandons it.
fn abandon(path: &Path, now: Instant) {
    let reading = begin(path, now).unwrap().finish(soon());
    assert!(matches!(reading, Err(ReadError::TooSlow)), "{reading:?}");
}

fn is_hung(path: &Path, now: Instant) -> bool {
    matches!(begin(path, now), Err(ReadError::TooSlow))
}

/// Ends abandoned readings of a pipe.
fn release(pipe: &Path) {
    fs::write(pipe, "late").unwrap();
}

#[test]
fn a_reading_that_hangs_is_abandoned_once_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let path = pipe(directory.path());
    let now = Instant::now();
    abandon(&path, now);
    // No second thread for this path, and no wait.
    assert!(is_hung(&path, now) && is_hung(&path, now + FIRST_PAUSE - Duration::from_millis(1)));
    release(&path);
    let limit = Instant::now() + Duration::from_secs(20);
    let reading = loop {
        match begin(&path, now) {
            Ok(reading) => break reading,
            Err(_) => assert!(Instant::now() < limit, "the path stays abandoned"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    fs::write(&path, "now").unwrap();
    assert_eq!(reading.finish(limit).unwrap().bytes, b"now");
}

#[test]
fn a_file_in_place_of_one_that_hangs_is_read_after_a_pause() {
    let directory = tempfile::tempdir().unwrap();
    let (path, kept) = (pipe(directory.path()), directory.path().join("kept"));
    let now = Instant::now();
    abandon(&path, now);
    fs::rename(&path, &kept).unwrap();
    fs::write(&path, "new").unwrap();
    assert!(is_hung(&path, now + FIRST_PAUSE / 2), "not before the pause");
    let later = now + FIRST_PAUSE;
    let limit = || Instant::now() + Duration::from_secs(20);
    assert_eq!(begin(&path, later).unwrap().finish(limit()).unwrap().bytes, b"new");
    // From now on without a pause, although a thread still hangs.
    assert_eq!(begin(&path, later).unwrap().finish(limit()).unwrap().bytes, b"new");
    release(&kept);
}

#[test]
fn pauses_double_to_an_hour_and_hung_threads_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = pipe(directory.path());
    let (mut now, mut pauses) = (Instant::now(), Vec::new());
    for threads in 0..MAX_HUNG_THREADS {
        let begun = begin(&path, now).unwrap();
        assert!(threads == 0 || is_hung(&path, now + Duration::from_millis(1)), "one try at a time");
        let reading = begun.finish(Instant::now() + Duration::from_millis(20));
        assert!(matches!(reading, Err(ReadError::TooSlow)), "{reading:?}");
        let next_try = hung()[&path].next_try;
        pauses.push((next_try - now).as_secs() / 60);
        now = next_try;
    }
    assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
    assert!(is_hung(&path, now) && is_hung(&path, now + 1_000 * LONGEST_PAUSE), "no further thread");
    release(&path);
    let limit = Instant::now() + Duration::from_secs(20);
    while hung().contains_key(&path) {
        assert!(Instant::now() < limit, "the path stays abandoned");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn work_that_does_not_end_is_abandoned() {
    let (_end, ended) = std::sync::mpsc::channel::<()>();
    assert_eq!(within(Duration::from_millis(50), move || ended.recv().is_ok()).unwrap(), None);
    assert_eq!(within(Duration::from_secs(20), || 7).unwrap(), Some(7));
}

#[test]
fn work_that_advances_may_take_longer_than_the_limit() {
    let steps = Arc::new(AtomicU64::new(0));
    let (own_steps, limit) = (Arc::clone(&steps), Duration::from_secs(1));
    let work = move |count: u64, ends: bool| {
        for _ in 0..count {
            thread::sleep(Duration::from_millis(100));
            own_steps.fetch_add(1, Ordering::Relaxed);
        }
        if !ends {
            loop {
                thread::park();
            }
        }
    };
    let (whole, hanging) = (work.clone(), work);
    let started = Instant::now();
    assert_eq!(while_advancing(limit, || steps.load(Ordering::Relaxed), move || whole(15, true)).unwrap(), Some(()));
    assert!(started.elapsed() > limit);
    let started = Instant::now();
    assert_eq!(while_advancing(limit, || steps.load(Ordering::Relaxed), move || hanging(3, false)).unwrap(), None);
    assert!(started.elapsed() > limit + Duration::from_millis(300), "{:?}", started.elapsed());
}
