//! Commands on a state directory whose file system does not answer, or that has other things in place of its files.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::files::{PATIENT, PROMPT, assert_says, directory, in_place_of, settings, state_with_key};
use crate::program::{not_tried, run_in};

/// Commands that work on the state directory.
const COMMANDS: [&[&str]; 6] = [
    &["state", "inspect"],
    &["state", "verify"],
    &["state", "rebuild"],
    &["cut", "verify"],
    &["cut", "verify", "20200515T230000Z", "--recompute"],
    &["cut", "accept", "--reason", "a test"],
];

/// A mounted file system that answers nothing: one in user space that nobody serves.
struct HangingMount {
    path: PathBuf,
    _connection: File,
}

impl HangingMount {
    /// Mounts it at a directory; `None` where only root could, or there are no such file systems.
    fn new(path: &Path) -> Option<Self> {
        let connection = OpenOptions::new().read(true).write(true).open("/dev/fuse").ok()?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", connection.as_raw_fd());
        let [place, kind, options] =
            [path.as_os_str().as_bytes(), b"fuse", options.as_bytes()].map(|text| CString::new(text).expect("no NUL"));
        // SAFETY: the pointers are to C strings that live during the call.
        let result = unsafe { libc::mount(kind.as_ptr(), place.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast()) };
        (result == 0).then(|| Self { path: path.to_owned(), _connection: connection })
    }
}

impl Drop for HangingMount {
    fn drop(&mut self) {
        let path = CString::new(self.path.as_os_str().as_bytes()).expect("no NUL");
        // SAFETY: the pointer is to a C string that lives during the call.
        unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
    }
}

#[test]
fn commands_on_a_file_system_without_an_answer_end_with_74() {
    let state = directory();
    let Some(_mount) = HangingMount::new(state.path()) else {
        return not_tried("a file system without an answer, which needs root and /dev/fuse");
    };
    // The program starts elsewhere; the state directory is an argument.
    let elsewhere = directory();
    let place = format!("state.directory={}", state.path().display());
    for command in COMMANDS {
        let ended = run_in(&elsewhere, command, &settings(&[&place]));
        let shown = state.path().join("pseudonym.key").display().to_string();
        assert_says(&ended, 74, &[&shown, "no end within 5 s"], PATIENT);
    }
}

#[test]
fn commands_do_not_hang_on_what_is_no_file() {
    let (state, _) = state_with_key();
    let checkpoints = state.path().join("checkpoints/call-0");
    fs::create_dir_all(&checkpoints).expect("a directory");
    fs::create_dir(state.path().join("cuts")).expect("a directory");
    let cut = "20200515T230000Z";
    for (file, verdict) in [
        (checkpoints.join("00000000000000000001.checkpoint"), "call-0"),
        (state.path().join("cuts/chain"), "chain"),
        (state.path().join("cuts").join(format!("{cut}.json")), cut),
    ] {
        in_place_of(&file, |kind| {
            for command in COMMANDS {
                let ended = run_in(&state, command, &settings(&[]));
                assert!(ended.took < PROMPT, "{kind} {command:?}: {:?}", ended.took);
                assert!(ended.code.is_some_and(|code| [0, 64, 65, 75].contains(&code)), "{kind}: {}", ended.stderr);
            }
        });
        fs::write(&file, "").expect("a file");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("ours");
        let ended = run_in(&state, &["state", "verify"], &settings(&[]));
        assert_says(&ended, 65, &[verdict], PROMPT);
        fs::remove_file(&file).expect("a file");
    }
}
