//! Limits that the system sets with a signal instead of an error.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

/// Makes a write beyond the maximum size of a file (`ulimit -f`) fail as on a full disk. By default the system ends the
/// process with SIGXFSZ there, without a line and without an exit code.
///
/// # Errors
/// The handler cannot be installed.
pub fn survive_file_size_limit() -> io::Result<()> {
    // A handler that only sets a flag is as good as none: with any handler the write fails with EFBIG.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map(drop)
}

#[cfg(test)]
mod tests {
    use super::survive_file_size_limit;
    use crate::runtime::{Exit, Failure};
    use rustix::process::{Resource, Rlimit, setrlimit};
    use std::fs::{self, File};
    use std::io::{ErrorKind, Write as _};
    use std::process::Command;

    const CHILD: &str = "LIMITS_TEST_CHILD";

    /// Writes more than the limit in a process of its own, since a limit is one of the whole process.
    #[test]
    fn a_write_beyond_the_limit_fails_like_a_full_disk() {
        let Some(path) = std::env::var_os(CHILD) else {
            let directory = tempfile::tempdir().unwrap();
            let test = "runtime::limits::tests::a_write_beyond_the_limit_fails_like_a_full_disk";
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args([test, "--exact", "--nocapture"]).env(CHILD, directory.path().join("file"));
            let output = child.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(fs::metadata(directory.path().join("file")).unwrap().len(), 10);
            return;
        };
        survive_file_size_limit().unwrap();
        setrlimit(Resource::Fsize, Rlimit { current: Some(10), maximum: Some(10) }).unwrap();
        let error = File::create(path).unwrap().write_all(&[0; 11]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        let failure = Failure::from_io("file", &error);
        assert!(
            failure.exit == Exit::Disk && failure.message.ends_with("; raise the limit of file sizes"),
            "{failure}"
        );
    }
}
