//! The built program as a deployment starts it: read-only root, files at fixed paths, a user without capabilities.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// User id of the container.
pub const USER: u32 = 65532;

/// Container made by `bwrap`, for which the tests must be root.
pub struct Sandbox {
    /// Arguments of `bwrap`.
    arguments: Vec<String>,
    /// Directories that are mounted.
    mounted: Vec<TempDir>,
}

impl Sandbox {
    pub fn new() -> Self {
        let arguments = "--die-with-parent --unshare-pid --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin --proc /proc --dev /dev \
                         --dir /etc --dir /etc/pacemeter --dir /opt --dir /run --dir /run/credentials --dir /var --dir /var/lib \
                         --ro-bind PROGRAM /opt/pacemeter";
        let arguments = arguments.replace("PROGRAM", env!("CARGO_BIN_EXE_pacemeter"));
        Self { arguments: arguments.split_whitespace().map(str::to_owned).collect(), mounted: Vec::new() }
    }

    /// Mounts a new directory of this owner, group and mode; returns its path outside.
    pub fn directory(&mut self, path: &str, owner: u32, mode: u32) -> &Path {
        let directory = tempfile::tempdir().expect("a temporary directory");
        chown(directory.path(), Some(owner), Some(USER)).expect("root may do that");
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).expect("ours");
        self.arguments.extend(["--bind", &directory.path().display().to_string(), path].map(str::to_owned));
        self.mounted.push(directory);
        self.mounted.last().expect("it was pushed").path()
    }

    /// Mounts files as a kubelet does, with links to the current version; root's, and readable by the group of the pod.
    pub fn volume(&mut self, path: &str, files: &[(String, Vec<u8>)], mode: u32) {
        let directory = self.directory(path, 0, 0o3777);
        let version = directory.join("..2026_01");
        fs::create_dir(&version).expect("a directory");
        symlink("..2026_01", directory.join("..data")).expect("a link");
        for (name, content) in files {
            place(&version.join(name), content, mode);
            symlink(format!("..data/{name}"), directory.join(name)).expect("a link");
        }
    }

    /// Mounts files of root, readable by the group of the service.
    pub fn files(&mut self, path: &str, files: &[(&str, Vec<u8>)], mode: u32) {
        let directory = self.directory(path, 0, 0o750);
        for (name, content) in files {
            place(&directory.join(name), content, mode);
        }
    }

    /// Command that runs the program with these arguments as [`USER`].
    pub fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new("bwrap");
        let rights = "--remount-ro / setpriv --reuid USER --regid USER --groups USER --no-new-privs --bounding-set=-all --inh-caps=-all \
                      /opt/pacemeter";
        let rights = rights.replace("USER", &USER.to_string());
        command.args(&self.arguments).args(rights.split_whitespace()).args(arguments);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn place(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).expect("a file");
    chown(path, Some(0), Some(USER)).expect("root may do that");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

/// True if the tests run as root, who alone can give files to other users.
pub fn is_root() -> bool {
    // SAFETY: geteuid takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}
