use super::*;
use std::fs as std_fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

/// Puts things that are no files in place of `path`, one after the other, with what they lead to.
fn in_place_of(path: &Path, victim: &Path, test: impl Fn(&str)) {
    let kinds: [(&str, &dyn Fn()); 6] = [
        ("a link", &|| symlink(victim, path).unwrap()),
        ("a dangling link", &|| symlink("nowhere", path).unwrap()),
        ("a pipe", &|| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
        ("a socket", &|| drop(UnixListener::bind(path).unwrap())),
        ("an empty directory", &|| std_fs::create_dir(path).unwrap()),
        ("a directory", &|| {
            std_fs::create_dir(path).unwrap();
            std_fs::write(path.join("inside"), "kept").unwrap();
        }),
    ];
    for (kind, make) in kinds {
        make();
        test(kind);
        let _ = std_fs::remove_file(path);
    }
}

fn sorted(directory: &OpenDirectory) -> Vec<String> {
    let mut names = directory.names().unwrap();
    names.sort_unstable();
    names
}

#[test]
fn a_file_is_created_whatever_has_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let (path, victim) = (directory.path().join("sub/new"), directory.path().join("victim"));
    std_fs::write(&victim, "untouched").unwrap();
    let opened = OpenDirectory::open(directory.path()).unwrap().subdirectory_or_new("sub").unwrap();
    in_place_of(&path, &victim, |kind| {
        let file = opened.create_file("new").unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, FILE_MODE, "{kind}");
        assert!(std_fs::symlink_metadata(&path).unwrap().is_file(), "{kind}");
        assert_eq!(std_fs::read(&victim).unwrap(), b"untouched", "{kind}");
    });
    assert_eq!(sorted(&opened), ["new.moved-1"]);
    assert_eq!(std_fs::read(directory.path().join("sub/new.moved-1/inside")).unwrap(), b"kept");
}

#[test]
fn a_directory_is_moved_to_a_free_name() {
    let directory = tempfile::tempdir().unwrap();
    let opened = OpenDirectory::open(directory.path()).unwrap();
    std_fs::create_dir_all(directory.path().join("new/inside")).unwrap();
    std_fs::create_dir_all(directory.path().join("new.moved-1/taken")).unwrap();
    std_fs::write(directory.path().join("new.moved-2"), "taken").unwrap();
    opened.clear("new").unwrap();
    assert_eq!(sorted(&opened), ["new.moved-1", "new.moved-2", "new.moved-3"]);
    assert!(directory.path().join("new.moved-3/inside").is_dir());
    assert_eq!(opened.clear("new").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_rename_replaces_whatever_has_the_name() {
    let directory = tempfile::tempdir().unwrap();
    let (path, victim) = (directory.path().join("new"), directory.path().join("victim"));
    std_fs::write(&victim, "untouched").unwrap();
    let opened = OpenDirectory::open(directory.path()).unwrap();
    in_place_of(&path, &victim, |kind| {
        std_fs::write(directory.path().join("old"), "content").unwrap();
        opened.rename("old", &opened, "new").unwrap();
        assert!(std_fs::symlink_metadata(&path).unwrap().is_file(), "{kind}");
        assert_eq!(std_fs::read(&victim).unwrap(), b"untouched", "{kind}");
    });
}

#[test]
fn only_regular_files_are_opened() {
    let directory = tempfile::tempdir().unwrap();
    let (path, victim) = (directory.path().join("file"), directory.path().join("victim"));
    std_fs::write(&victim, "untouched").unwrap();
    let opened = OpenDirectory::open(directory.path()).unwrap();
    in_place_of(&path, &victim, |kind| {
        for flags in [OFlags::RDONLY, OFlags::RDWR | OFlags::CREATE] {
            let error = opened.open_file("file", flags).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{kind}");
            assert!(error.to_string().starts_with("is not a regular file but a"), "{kind}: {error}");
        }
        opened.clear("file").unwrap();
    });
    opened.open_file("victim", OFlags::RDONLY).unwrap();
}

#[test]
fn directories_are_not_reached_through_links() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink(directory.path(), &link).unwrap();
    let opened = OpenDirectory::open(&link).unwrap();
    for opening in [OpenDirectory::subdirectory, OpenDirectory::subdirectory_or_new] {
        let error = opening(&opened, "link").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        assert_eq!(error.to_string(), "is a symbolic link; put a directory in its place");
    }
}
