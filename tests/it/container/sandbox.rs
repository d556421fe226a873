//! Containers by bwrap: a read-only root, pid 1, no capabilities, no shell in between.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::image::{ContainerImage, USER};

/// Number of the network namespace's process, whose network a container shares.
pub type NetworkOwner = u32;

/// A container to be started from an image, as an engine would.
pub struct ContainerOptions<'a> {
    pub image: &'a ContainerImage,
    /// Arguments in place of the image's CMD; `None` keeps it.
    pub arguments: Option<Vec<String>>,
    /// Read-only files and directories, by their path in the container.
    pub files: Vec<(PathBuf, String)>,
    /// Directory at the volume of the image.
    pub state: &'a Path,
    /// Process whose network is used; `None`: that of the test.
    pub network: Option<NetworkOwner>,
}

impl ContainerOptions<'_> {
    /// Command of the container, with the image's environment, user and working directory.
    pub fn command(&self) -> Command {
        let process = &self.image.runtime["process"];
        let texts = |name: &str| -> Vec<String> {
            let list = process[name].as_array().expect("a list");
            list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
        };
        assert_eq!((&process["user"]["uid"], &process["user"]["gid"]), (&USER.into(), &USER.into()));
        let mut command = bwrap(self.network);
        command.arg("--ro-bind").arg(&self.image.files).arg("/").args(["--proc", "/proc", "--dev", "/dev"]);
        for (file, path) in &self.files {
            make_mount_point(&self.image.files, file, path);
            command.arg("--ro-bind").arg(file).arg(path);
        }
        command.arg("--bind").arg(self.state).arg("/var/lib/pacemeter").arg("--clearenv");
        for variable in texts("env") {
            let (name, value) = variable.split_once('=').expect("an assignment");
            command.args(["--setenv", name, value]);
        }
        command.args(["--chdir", process["cwd"].as_str().expect("a path")]);
        // bwrap cannot become another user; this can, and leaves no capability in any set.
        for capability in ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"] {
            command.args(["--cap-add", capability]);
        }
        let user = USER.to_string();
        command.args(["--", "setpriv", "--reuid", &user, "--regid", &user, "--clear-groups"]);
        command.args(["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]);
        let own = texts("args");
        match &self.arguments {
            Some(arguments) => command.arg(&own[0]).args(arguments),
            None => command.args(own),
        };
        command
    }
}

/// bwrap with namespaces of its own, killed with the thread that starts it.
pub fn bwrap(network: Option<NetworkOwner>) -> Command {
    let mut command = match network {
        Some(owner) => {
            let mut command = Command::new("nsenter");
            command.arg(format!("--net=/proc/{owner}/ns/net")).args(["--", "bwrap"]);
            command
        }
        None => Command::new("bwrap"),
    };
    command.args(["--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]);
    command.args(["--die-with-parent", "--cap-drop", "ALL"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: prctl is async-signal-safe. The signal comes when the spawning thread ends, which owns the child.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    command
}

/// Makes what a mount needs below a read-only root, as an engine does.
fn make_mount_point(root: &Path, file: &Path, path: &str) {
    let place = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(place.parent().expect("below the root")).expect("a directory");
    if file.is_dir() {
        fs::create_dir_all(&place).expect("a directory");
    } else if !place.exists() {
        fs::write(&place, "").expect("a file");
    }
}

/// Process id, outside of the container, of its pid 1.
pub fn first_process(bwrap: u32) -> i32 {
    let children = fs::read_to_string(format!("/proc/{bwrap}/task/{bwrap}/children")).expect("bwrap runs");
    let [child] = children.split_whitespace().collect::<Vec<_>>()[..] else { panic!("one child: {children:?}") };
    child.parse().expect("a process id")
}
