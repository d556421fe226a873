//! The atomic write on a disk that fails, files and locks on the machine's own.

pub(crate) mod faulty;

use std::fs::{self, Permissions};
use std::io::{self, BufRead as _, BufReader, ErrorKind};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use self::faulty::{FaultyDisk, Op};
use super::error::named;
use super::{AtomicFile, Disk as _, Lock, LockError, RealDisk};
use crate::file::OpenDirectory;
use crate::runtime::{Exit, Failure};
use rustix::io::Errno;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn write(disk: &FaultyDisk) -> std::io::Result<()> {
    let mut file = AtomicFile::create(Arc::new(disk.clone()), "cuts/one.json".into())?;
    file.append(b"content")?;
    file.commit()
}

#[test]
fn an_atomic_write_takes_its_steps_in_order() {
    let disk = FaultyDisk::default();
    write(&disk).unwrap();
    let calls: Vec<_> = disk.calls().into_iter().map(|call| (call.op, call.path)).collect();
    let temporary = "cuts/one.json.tmp".to_owned();
    let expected = [Op::Create, Op::Append, Op::Sync, Op::Rename].map(|op| (op, temporary.clone()));
    assert_eq!(calls, [&expected[..], &[(Op::SyncDirectory, "cuts".to_owned())]].concat());
    assert_eq!(disk.disk.paths(), ["cuts/one.json"]);
}

#[test]
fn a_failed_step_ends_an_atomic_write() {
    for step in 0..5 {
        let disk = FaultyDisk::default();
        disk.refuse(step, 1, ErrorKind::Other);
        write(&disk).unwrap_err();
        let calls = disk.calls();
        assert_eq!(calls.len(), step + 1, "nothing follows the refusal: {calls:?}");
        assert_eq!(disk.disk.read("cuts/one.json").is_some(), step == 4, "only the last step leaves the name");
        write(&disk).unwrap();
        assert_eq!(disk.disk.read("cuts/one.json").as_deref(), Some(&b"content"[..]));
    }
}

#[test]
fn a_leftover_file_gets_the_owners_mode() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path(), &["owned"]).unwrap();
    let path = directory.path().join("left.tmp");
    fs::write(&path, "more than will be written").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    disk.create("left.tmp").unwrap().append(b"new").unwrap();
    assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"new".to_vec()));
}

#[test]
fn an_atomic_write_succeeds_whatever_has_its_temporary_name() {
    let directory = tempfile::tempdir().unwrap();
    let (temporary, victim) = (directory.path().join("cuts/chain.tmp"), directory.path().join("victim"));
    fs::write(&victim, "untouched").unwrap();
    fs::create_dir(directory.path().join("cuts")).unwrap();
    let disk = Arc::new(RealDisk::open(directory.path(), &[]).unwrap());
    let obstacles: [&dyn Fn(); 4] = [
        &|| symlink(&victim, &temporary).unwrap(),
        &|| fs::hard_link(&victim, &temporary).unwrap(),
        &|| drop(UnixListener::bind(&temporary).unwrap()),
        &|| fs::create_dir_all(temporary.join("inside")).unwrap(),
    ];
    for (number, obstruct) in obstacles.into_iter().enumerate() {
        obstruct();
        let mut file = AtomicFile::create(Arc::<RealDisk>::clone(&disk), "cuts/chain".into()).unwrap();
        file.append(&[number as u8]).unwrap();
        file.commit().unwrap();
        let stored = directory.path().join("cuts/chain");
        assert!(fs::symlink_metadata(&stored).unwrap().is_file());
        assert_eq!(
            (fs::read(stored).unwrap(), fs::read(&victim).unwrap()),
            (vec![number as u8], b"untouched".to_vec())
        );
    }
    let mut names = disk.list("cuts").unwrap();
    names.sort_unstable();
    assert_eq!(names, ["chain", "chain.tmp.moved-1"]);
}

#[test]
fn links_in_the_state_directory_are_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (root, elsewhere) = (directory.path().join("state"), directory.path().join("elsewhere"));
    fs::create_dir_all(root.join("cuts")).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("file"), "of somebody").unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o755)).unwrap();
    symlink(&elsewhere, root.join("checkpoints")).unwrap();
    symlink(elsewhere.join("file"), root.join("cuts/chain")).unwrap();
    let link = directory.path().join("link");
    symlink(&root, &link).unwrap();
    let disk = RealDisk::open(&link, &["checkpoints", "cuts"]).unwrap();
    assert_eq!(mode(&elsewhere), 0o755);
    let told = |error: io::Error, expected: &str| assert_eq!(error.to_string(), expected);
    let in_place_of_a_directory = "checkpoints is a symbolic link; put a directory in its place";
    told(disk.list("checkpoints").unwrap_err(), in_place_of_a_directory);
    told(disk.create("checkpoints/call-0/new").err().unwrap(), in_place_of_a_directory);
    told(disk.open("checkpoints/file").err().unwrap(), in_place_of_a_directory);
    let in_place_of_a_file = "cuts/chain is not a regular file but a symbolic link; move it away";
    told(disk.open("cuts/chain").err().unwrap(), in_place_of_a_file);
    disk.remove("cuts/chain").unwrap();
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
}

#[test]
fn errors_name_the_call_and_the_path_and_keep_their_number() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path(), &[]).unwrap();
    let error = disk.open("cuts/chain").err().unwrap();
    assert_eq!(error.to_string(), "cannot open cuts: No such file or directory (os error 2)");
    disk.create("cuts/chain").unwrap();
    let error = disk.open("cuts/chain").unwrap().read_exact_at(&mut [0], 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    fs::write(directory.path().join("file"), "").unwrap();
    let error = disk.create("file/new").err().unwrap();
    assert_eq!(error.to_string(), "file is not a directory; put a directory in its place");
    let error = disk.rename("cuts/none", "cuts/other").unwrap_err();
    assert_eq!(error.to_string(), "cannot rename cuts/none: No such file or directory (os error 2)");
    for (number, exit) in [(Errno::MFILE, Exit::TryAgain), (Errno::ACCESS, Exit::Denied), (Errno::NOSPC, Exit::Disk)] {
        let failure = Failure::from_io("state", &named("open", "cuts/chain")(number.into()));
        assert_eq!(failure.exit, exit);
        assert!(failure.message.starts_with("state: cannot open cuts/chain: "), "{failure}");
    }
}

#[test]
fn rights_are_revoked_on_what_is_ours_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("state");
    fs::create_dir_all(root.join("owned/one/deeper")).unwrap();
    fs::create_dir_all(root.join("lost+found")).unwrap();
    let files = ["key", "owned/file", "owned/one/file", "owned/one/deeper/file", "lost+found/file", "other"];
    let files = files.map(|name| root.join(name));
    let modes = |root_mode| {
        files.iter().for_each(|path| {
            fs::write(path, "").unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
        });
        fs::set_permissions(&root, Permissions::from_mode(root_mode)).unwrap();
        RealDisk::open(&root, &["key", "owned", "missing"]).unwrap();
        assert_eq!(mode(&root.join("owned")), 0o700);
        files.each_ref().map(|path| mode(path))
    };
    assert_eq!(modes(0o755), [0o600, 0o600, 0o600, 0o644, 0o644, 0o644]);
    assert_eq!(mode(&root), 0o700);
    assert_eq!(modes(0o1777), [0o644, 0o600, 0o600, 0o644, 0o644, 0o644], "in a shared directory only directories");
    assert_eq!(mode(&root), 0o1777);
}

#[test]
fn a_file_with_further_hard_links_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (root, victim) = (directory.path().join("state"), directory.path().join("victim"));
    fs::create_dir_all(root.join("cuts/deeper")).unwrap();
    fs::write(&victim, "").unwrap();
    let linked = ["cuts/20200101T060000Z.json", "cuts/deeper/one", "lock"].map(|name| root.join(name));
    linked.iter().for_each(|path| fs::hard_link(&victim, path).unwrap());
    let own = root.join("cuts/own");
    fs::write(&own, "").unwrap();
    for path in [&victim, &own] {
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }
    let _lock = Lock::acquire(&root).unwrap();
    let disk = RealDisk::open(&root, &["cuts", "lock"]).unwrap();
    assert_eq!((mode(&victim), mode(&own)), (0o644, 0o600));
    assert_eq!(fs::read(&victim).unwrap(), b"", "no process id is written through a link");
    // What is written replaces the name, and not the file behind it.
    let mut file = AtomicFile::create(Arc::new(disk), "cuts/20200101T060000Z.json".to_owned()).unwrap();
    file.append(b"own").unwrap();
    file.commit().unwrap();
    assert_eq!((fs::read(&victim).unwrap(), fs::read(&linked[0]).unwrap()), (b"".to_vec(), b"own".to_vec()));
}

/// Makes a directory whose path is longer than the system accepts.
fn deep_directory(path: &Path) {
    let mut directory = OpenDirectory::open(path).unwrap();
    for _ in 0..3_000 {
        directory = directory.subdirectory_or_new("d").unwrap();
    }
}

#[test]
fn a_directory_of_any_depth_does_not_prevent_opening() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let cuts = directory.path().join("cuts");
    fs::create_dir(&cuts).unwrap();
    deep_directory(&cuts);
    let disk = RealDisk::open(directory.path(), &["cuts"]).unwrap();
    assert_eq!(disk.list("cuts").unwrap(), ["d"]);
}

#[test]
fn a_lock_is_neither_a_link_nor_somebodys_file() {
    let directory = tempfile::tempdir().unwrap();
    let (lock, victim) = (directory.path().join("lock"), directory.path().join("victim"));
    for content in ["of somebody", "long enough for no process id"] {
        fs::write(&victim, content).unwrap();
        symlink(&victim, &lock).unwrap();
        let error = Lock::acquire(directory.path()).unwrap_err();
        let message = "lock is not a regular file but a symbolic link; move it away";
        assert!(error.to_string().ends_with(message), "{error}");
        fs::remove_file(&lock).unwrap();
        fs::hard_link(&victim, &lock).unwrap();
        let held = Lock::acquire(directory.path()).unwrap();
        let other = Lock::acquire(directory.path()).unwrap_err();
        assert!(other.to_string().ends_with("in use by another process"), "{other}");
        assert_eq!(fs::read(&victim).unwrap(), content.as_bytes());
        drop(held);
        fs::remove_file(&lock).unwrap();
    }
    for content in ["", "123456\n", "\0\0\0"] {
        fs::write(&lock, content).unwrap();
        let _held = Lock::acquire(directory.path()).unwrap();
        assert_eq!(fs::read_to_string(&lock).unwrap(), format!("{}\n", std::process::id()));
    }
}

#[test]
fn a_state_directory_has_one_holder_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("state");
    let lock = Lock::acquire(&root).unwrap();
    assert_eq!((mode(&root), mode(&root.join("lock"))), (0o700, 0o600));
    let error = Lock::acquire(&root).unwrap_err();
    let message =
        format!("state directory {} is in use by another process (pid {})", root.display(), std::process::id());
    assert_eq!(error.to_string(), message);
    drop(lock);
    Lock::acquire(&root).unwrap();
}

#[test]
fn a_directory_that_cannot_be_created_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    assert!(matches!(Lock::acquire(&directory.path().join("file/state")), Err(LockError::Io { .. })));
}

/// Names the directory that the other process locks.
const HELD: &str = "PACEMETER_TEST_HELD";

/// The other process runs this same test.
#[test]
fn a_lock_excludes_another_process_until_it_is_killed() {
    if let Some(held) = std::env::var_os(HELD) {
        let _lock = Lock::acquire(Path::new(&held)).unwrap();
        println!("held");
        std::thread::sleep(std::time::Duration::from_secs(600));
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let this = "disk::tests::a_lock_excludes_another_process_until_it_is_killed";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", this, "--nocapture"]).env(HELD, directory.path()).stdout(Stdio::piped());
    let mut other = command.spawn().unwrap();
    let lines = BufReader::new(other.stdout.take().unwrap()).lines();
    let is_held = lines.map_while(Result::ok).any(|line| line.ends_with("held"));
    let refused = Lock::acquire(directory.path());
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(is_held);
    match refused {
        Err(LockError::Locked { holder, .. }) => assert_eq!(holder, other.id().to_string()),
        other => panic!("{other:?}"),
    }
    Lock::acquire(directory.path()).unwrap();
}
