use std::io::Write as _;
use std::path::PathBuf;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A private directory with a key file.
fn key_file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pseudonym.key");
    fs::write(&path, format!("  {}\n", "AB".repeat(32))).unwrap();
    set_mode(&path, KEY_MODE);
    (directory, path)
}

fn error_of(path: &Path) -> String {
    KeyFile::load_or_create(path).err().unwrap().to_string()
}

#[test]
fn a_key_is_made_once_and_read_ever_after() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state/pseudonym.key");
    let made = KeyFile::load_or_create(&path).unwrap();
    assert!(made.is_new);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left behind");
    let read = KeyFile::load_or_create(&path).unwrap();
    assert!(!read.is_new && read.exposure.is_none());
    assert_eq!(made.key.to_hex(), read.key.to_hex());
    assert_ne!(made.key.to_hex(), PseudonymKey::generate().unwrap().to_hex());
}

#[test]
fn a_key_that_appeared_meanwhile_is_not_overwritten() {
    let (_directory, path) = key_file();
    let other = PseudonymKey::from_hex(&"1".repeat(64)).unwrap();
    assert_eq!(create(&other, &path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let read = KeyFile::load_or_create(&path).unwrap();
    assert!(!read.is_new && read.key.to_hex() == "ab".repeat(32));
}

#[test]
fn a_bad_key_file_is_named_without_its_content() {
    let (directory, path) = key_file();
    let spaces = format!("{}{}", "ab".repeat(32), " ".repeat(2_000));
    for content in ["", "secret", &"ab".repeat(31), &"ab".repeat(33), &spaces] {
        fs::write(&path, content).unwrap();
        let error = error_of(&path);
        assert!(error.contains("pseudonym.key is malformed") && !error.contains("secret"), "{error}");
    }
    let error = error_of(directory.path());
    assert!(error.starts_with("cannot read pseudonym key file") && error.contains("not a regular file"), "{error}");
    let error = error_of(&path.join("below/a/file"));
    assert!(error.contains("pseudonym key file"), "{error}");
}

#[test]
fn a_pipe_or_device_in_place_of_a_key_is_refused_at_once() {
    let (_directory, path) = key_file();
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let started = std::time::Instant::now();
    assert!(error_of(&path).contains("is not a regular file"));
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert!(error_of(&path).contains("is not a regular file"));
    assert!(started.elapsed() < TIME_LIMIT);
}

#[test]
fn a_key_that_others_can_read_is_made_private_and_reported() {
    for exposed in [0o640, 0o604, 0o644, 0o444] {
        let (_directory, path) = key_file();
        set_mode(&path, exposed);
        let exposure = KeyFile::load(&path).unwrap().unwrap().exposure.unwrap();
        assert_eq!(exposure, format!("mode {exposed:o} let other users read it; it is 600 from now on"));
        assert_eq!(mode(&path), 0o600);
        assert!(KeyFile::load(&path).unwrap().unwrap().exposure.is_none());
    }
}

#[test]
fn a_key_with_further_hard_links_keeps_its_mode() {
    let (directory, path) = key_file();
    fs::hard_link(&path, directory.path().join("copy")).unwrap();
    set_mode(&path, 0o644);
    let exposure = KeyFile::load(&path).unwrap().unwrap().exposure.unwrap();
    assert!(exposure.contains("lets other users read it") && exposure.contains("further hard links"), "{exposure}");
    assert_eq!(mode(&path), 0o644);
}

#[test]
fn a_key_that_others_can_write_is_refused() {
    let (directory, path) = key_file();
    for writable in [0o620, 0o602, 0o666] {
        set_mode(&path, writable);
        for error in [error_of(&path), KeyFile::check_rights(&path).unwrap_err().to_string()] {
            assert!(error.contains("other users can write") && error.contains("chmod go-w"), "{error}");
        }
        assert_eq!(mode(&path), writable, "the evidence stays");
    }
    set_mode(&path, 0o600);
    for (writable, is_refused) in [(0o770, true), (0o707, true), (0o755, false), (0o1777, false)] {
        set_mode(directory.path(), writable);
        assert_eq!(KeyFile::load(&path).is_err(), is_refused, "{writable:o}");
    }
}

#[test]
fn the_target_of_a_link_is_checked_as_well() {
    let (directory, path) = key_file();
    let links = tempfile::tempdir().unwrap();
    let link = links.path().join("key");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(KeyFile::load(&link).unwrap().is_some());
    set_mode(directory.path(), 0o777);
    assert!(error_of(&link).contains("can write"));
}

#[test]
fn no_key_is_created_where_others_can_write() {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o777);
    let path = directory.path().join("pseudonym.key");
    assert!(error_of(&path).contains("can write") && !path.exists());
}

/// Gives a file or link away, which only root can; says so past the capture of the test's output if it could not.
fn give_away(path: &Path) -> bool {
    let is_given = std::os::unix::fs::lchown(path, Some(65_534), None).is_ok();
    if !is_given {
        let _ = writeln!(std::io::stderr(), "NOT TRIED: a key of another user, which needs root");
    }
    is_given
}

#[test]
fn a_key_that_belongs_to_another_user_is_refused() {
    let (directory, path) = key_file();
    for foreign in [&path, directory.path()] {
        if !give_away(foreign) {
            return;
        }
        for error in [error_of(&path), KeyFile::check_rights(&path).unwrap_err().to_string()] {
            assert!(error.contains(&format!("{} belongs to user 65534", foreign.display())), "{error}");
        }
        std::os::unix::fs::chown(foreign, Some(0), None).unwrap();
        assert!(KeyFile::load(&path).unwrap().is_some());
    }
    // Nor may others own what is in a shared directory.
    set_mode(directory.path(), 0o1777);
    assert!(KeyFile::load(&path).unwrap().is_some());
    assert!(give_away(&path));
    assert!(error_of(&path).contains("pseudonym.key belongs to user 65534"));
    std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    assert!(give_away(directory.path()));
    assert!(error_of(&path).contains(&format!("{} belongs to user 65534", directory.path().display())));
}

#[test]
fn every_directory_above_the_key_is_checked() {
    let root = tempfile::tempdir().unwrap();
    let above = root.path().join("above");
    let path = above.join("state/pseudonym.key");
    KeyFile::load_or_create(&path).unwrap();
    // Others could replace the directory of the key by one of theirs.
    for (mode, is_refused) in [(0o777, true), (0o757, true), (0o1777, false), (0o755, false)] {
        set_mode(&above, mode);
        assert_eq!(KeyFile::load(&path).is_err(), is_refused, "{mode:o}");
    }
    set_mode(&above, 0o777);
    assert!(error_of(&path).contains(&format!("can write {} (mode 777)", above.display())));
    // No key is created there either.
    let other = above.join("other/pseudonym.key");
    assert!(error_of(&other).contains("can write") && !other.exists());
    set_mode(&above, 0o1777);
    if give_away(path.parent().unwrap()) {
        assert!(error_of(&path).contains("state belongs to user 65534"));
    }
}

#[test]
fn a_group_of_the_process_may_write_a_directory_above() {
    let root = tempfile::tempdir().unwrap();
    let above = root.path().join("volume");
    let path = above.join("state/pseudonym.key");
    KeyFile::load_or_create(&path).unwrap();
    set_mode(&above, 0o2775);
    assert!(KeyFile::load(&path).unwrap().is_some(), "as Kubernetes makes a volume with fsGroup");
    if std::os::unix::fs::chown(&above, None, Some(65_534)).is_ok() {
        set_mode(&above, 0o2775);
        assert!(error_of(&path).contains("volume (mode 2775)"));
    }
}

#[test]
fn every_link_on_the_way_to_the_key_is_followed() {
    let (directory, path) = key_file();
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (link, between) = (first.path().join("key"), second.path().join("key"));
    std::os::unix::fs::symlink(&between, &link).unwrap();
    std::os::unix::fs::symlink(Path::new("..").join(path.strip_prefix("/tmp").unwrap_or(&path)), &between).unwrap();
    assert!(KeyFile::load(&link).unwrap().is_some());
    for place in [&first, &second, &directory] {
        set_mode(place.path(), 0o777);
        assert!(error_of(&link).contains(&format!("can write {}", place.path().display())));
        set_mode(place.path(), 0o700);
        if give_away(place.path()) {
            assert!(error_of(&link).contains("belongs to user 65534"));
            std::os::unix::fs::chown(place.path(), Some(0), None).unwrap();
        }
    }
    fs::remove_file(&between).unwrap();
    std::os::unix::fs::symlink(&link, &between).unwrap();
    let error = error_of(&link);
    assert!(error.contains("cannot read pseudonym key file"), "{error}");
}

#[test]
fn a_key_is_written_through_no_link() {
    let directory = tempfile::tempdir().unwrap();
    let (path, victim) = (directory.path().join("pseudonym.key"), directory.path().join("victim"));
    let temporary = directory.path().join(format!("pseudonym.key.{}", std::process::id()));
    fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, &temporary).unwrap();
    assert!(KeyFile::load_or_create(&path).unwrap().is_new);
    assert_eq!(fs::read(&victim).unwrap(), b"untouched");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    fs::remove_file(&path).unwrap();
    fs::create_dir_all(temporary.join("inside")).unwrap();
    assert!(KeyFile::load_or_create(&path).unwrap().is_new, "a directory is no obstacle either");
}
