//! The atomic write on a disk that fails, files and locks on the machine's own.

pub(crate) mod faulty;

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use self::faulty::{FaultyDisk, Op};
use super::{AtomicFile, Disk as _, Lock, LockError, RealDisk};

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
fn rights_below_the_whole_directory_are_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("state");
    fs::create_dir_all(root.join("cuts")).unwrap();
    fs::create_dir_all(root.join("owned")).unwrap();
    let files = ["pseudonym.key", "cuts/one.json", "owned/one"].map(|name| root.join(name));
    let modes = |root_mode| {
        files.iter().for_each(|path| {
            fs::write(path, "").unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
        });
        fs::set_permissions(&root, Permissions::from_mode(root_mode)).unwrap();
        RealDisk::open(&root, &["owned"]).unwrap();
        files.each_ref().map(|path| mode(path))
    };
    assert_eq!(modes(0o755), [0o600; 3]);
    assert_eq!(modes(0o1777), [0o644, 0o644, 0o600], "in a shared directory only what is ours");
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
