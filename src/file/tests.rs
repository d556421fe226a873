use super::*;

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
    assert!(open_directory(&directory.path().join("pipe")).is_err());
    open_directory(directory.path()).unwrap();
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

#[test]
fn a_reading_that_hangs_is_abandoned_once_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let path = pipe(directory.path());
    let begin = || PendingReading::begin(&path, 10, FileKind::RegularOrPipe);
    let soon = || Instant::now() + Duration::from_millis(100);
    let first = begin().unwrap().finish(soon());
    assert!(matches!(first, Err(ReadError::TooSlow)), "{first:?}");
    // No second thread for this path, and no wait.
    assert!(matches!(begin(), Err(ReadError::TooSlow)));
    // Ends the abandoned reading.
    fs::write(&path, "late").unwrap();
    let limit = Instant::now() + Duration::from_secs(20);
    let reading = loop {
        match begin() {
            Ok(reading) => break reading,
            Err(_) => assert!(Instant::now() < limit, "the path stays abandoned"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    fs::write(&path, "now").unwrap();
    assert_eq!(reading.finish(limit).unwrap().bytes, b"now");
}

#[test]
fn work_that_does_not_end_is_abandoned() {
    let (_end, ended) = std::sync::mpsc::channel::<()>();
    assert_eq!(within(Duration::from_millis(50), move || ended.recv().is_ok()).unwrap(), None);
    assert_eq!(within(Duration::from_secs(20), || 7).unwrap(), Some(7));
}
