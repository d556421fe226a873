//! Entries of the state directory that are not what Pacemeter put there: links, directories of other users, obstacles at
//! names that it writes. None of them needs a broker.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::files::{PROMPT, assert_says, directory, settings};
use crate::program::{Pacemeter, not_tried, run_as, run_in};

/// User id of the service in these tests.
const SERVICE: u32 = 65_534;

/// Puts something in place of a file.
type Obstruct<'a> = &'a dyn Fn(&Path);

/// A state directory of the service; `None` unless we are root.
fn state_of_service(directories: &[&str]) -> Option<TempDir> {
    let state = directory();
    directories.iter().for_each(|name| fs::create_dir_all(state.path().join(name)).expect("a directory"));
    let paths = directories.iter().map(|name| state.path().join(name));
    paths
        .chain([state.path().to_owned()])
        .all(|path| chown(path, Some(SERVICE), Some(SERVICE)).is_ok())
        .then_some(state)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn directories_of_another_user_do_not_prevent_the_start() {
    let Some(state) = state_of_service(&["cuts"]) else {
        return not_tried("a service of another user, which needs root");
    };
    for name in ["lost+found", "cuts/foreign"] {
        let path = state.path().join(name);
        fs::create_dir(&path).expect("a directory");
        set_mode(&path, 0o700);
    }
    let pacemeter = Pacemeter::start_as(SERVICE, &state, &settings(&[]));
    let unknown = pacemeter.events("pacemeter.state.rights_unknown");
    let [line] = &unknown[..] else { panic!("{unknown:?}") };
    assert!(line["path"].as_str().is_some_and(|path| path.ends_with("/cuts/foreign")), "{line}");
    assert!(line["error"].as_str().is_some_and(|error| error.starts_with("Permission denied")), "{line}");
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn files_that_the_service_cannot_read_are_named() {
    let Some(state) = state_of_service(&["cuts", "checkpoints"]) else {
        return not_tried("a service of another user, which needs root");
    };
    let chain = state.path().join("cuts/chain");
    let pacemeter = Pacemeter::start_as(SERVICE, &state, &settings(&[]));
    assert_eq!(pacemeter.stop().code, Some(0));
    fs::write(&chain, "").expect("a file");
    set_mode(&chain, 0o600);
    for command in [&["run"][..], &["state", "verify"]] {
        let ended = run_as(SERVICE, &state, command, &settings(&[]));
        assert_says(&ended, 77, &["cannot open cuts/chain: Permission denied"], PROMPT);
    }
    fs::remove_file(&chain).expect("a file");
    let checkpoints = state.path().join("checkpoints/call-0");
    fs::create_dir(&checkpoints).expect("a directory");
    set_mode(&checkpoints, 0o700);
    let ended = run_as(SERVICE, &state, &["state", "verify"], &settings(&[]));
    assert_says(&ended, 77, &["cannot open checkpoints/call-0: Permission denied"], PROMPT);
}

#[test]
fn the_list_of_cuts_is_written_whatever_is_in_its_place() {
    let state = directory();
    let (cuts, victim) = (state.path().join("cuts"), state.path().join("victim"));
    let (list, mark) = (cuts.join("chain"), state.path().join("checkpoints/cuts-begun"));
    fs::write(&victim, "untouched").expect("a file");
    for directory in [&cuts, &state.path().join("checkpoints")] {
        fs::create_dir(directory).expect("a directory");
    }
    let obstacles: [(Obstruct<'_>, &str); 2] = [
        (&|path| symlink(&victim, path).expect("a link"), "pacemeter.state.entry_removed"),
        (&|path| fs::create_dir_all(path.join("inside")).expect("a directory"), "pacemeter.state.directory_moved"),
    ];
    for (obstruct, event) in obstacles {
        // The start rebuilds a damaged list.
        fs::write(&list, "damaged").expect("a file");
        let _ = fs::remove_file(&mark);
        [&cuts.join("chain.tmp"), &mark].into_iter().for_each(|path| obstruct(path));
        let pacemeter = Pacemeter::start(&state, &settings(&[]));
        let lines = pacemeter.events(event);
        let is_told = |line: &Value| line["path"].as_str().is_some_and(|path| path.ends_with("cuts/chain.tmp"));
        assert!(lines.iter().any(is_told), "{lines:?}");
        assert_eq!(pacemeter.stop().code, Some(0));
        for path in [&list, &mark] {
            assert!(fs::symlink_metadata(path).expect("it is there").is_file(), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&victim).expect("a file"), "untouched");
    }
}

#[test]
fn a_lock_that_is_a_link_is_refused_and_its_target_untouched() {
    let state = directory();
    let victim = state.path().join("victim");
    fs::write(&victim, "untouched").expect("a file");
    symlink(&victim, state.path().join("lock")).expect("a link");
    for command in [&["run"][..], &["state", "rebuild"]] {
        let ended = run_in(&state, command, &settings(&[]));
        let path = state.path().display().to_string();
        assert_says(&ended, 74, &[&path, "lock is not a regular file but a symbolic link; move it away"], PROMPT);
    }
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "untouched");
}

#[test]
fn a_state_directory_may_be_a_link() {
    let (state, outside) = (directory(), directory());
    symlink(outside.path(), state.path().join("link")).expect("a link");
    let place = [format!("state.directory={}", state.path().join("link").display())];
    let pacemeter = Pacemeter::start(&state, &[settings(&[]), place.to_vec()].concat());
    assert_eq!(pacemeter.stop().code, Some(0));
    assert!(outside.path().join("lock").is_file() && !state.path().join("lock").exists());
}
