//! Revokes the rights of group and others on what is ours.
//!
//! Ours are the state directory and the entries with our names. Everything else in the directory is left alone, such as
//! `lost+found` of a volume. A file with further hard links may be somebody else's under one of our names, and keeps its
//! mode. What is not changed or cannot be looked into is logged, and holds up nothing.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};

use crate::file::{DIRECTORY_MODE, FILE_MODE, OpenDirectory, file_type};

/// Mode bits of the owner, the group and others.
const RIGHTS: u32 = 0o777;
/// Mode bit of directories that many users share, such as `/tmp`. Their mode is not ours to change.
const STICKY: u32 = 0o1000;
/// Levels of directories below the state directory: `checkpoints/<partition>`.
const LEVELS: u32 = 2;

/// Revokes the rights of others on the state directory and on its entries `owned`. In a directory that many users
/// share, only directories are ours.
pub(super) fn restrict_state(root: &OpenDirectory, root_path: &Path, owned: &[&str]) {
    let shared = root.as_file().metadata().is_ok_and(|metadata| metadata.permissions().mode() & STICKY != 0);
    if !shared {
        report(root_path, restrict(root.as_file(), root_path, DIRECTORY_MODE));
    }
    let mut linked = LinkedFiles::default();
    for name in owned {
        let is_directory = || root.stat(name).is_ok_and(|stat| file_type(&stat) == FileType::Directory);
        if !shared || is_directory() {
            restrict_entry(root, name, LEVELS, &mut linked);
        }
    }
    linked.report();
}

/// Files whose rights are too wide and that have further hard links.
#[derive(Debug, Default)]
struct LinkedFiles {
    first: Option<PathBuf>,
    count: u64,
}

impl LinkedFiles {
    fn add(&mut self, path: PathBuf) {
        self.first.get_or_insert(path);
        self.count += 1;
    }

    /// Logs them in one line: anybody who can write to the directory can make thousands.
    fn report(&self) {
        if let Some(first) = &self.first {
            tracing::warn!(
                event = "pacemeter.state.rights_of_links",
                path = %first.display(),
                files = self.count,
                "permissions of hard-linked files not tightened"
            );
        }
    }
}

fn restrict_entry(parent: &OpenDirectory, name: &str, levels: u32, linked: &mut LinkedFiles) {
    report(&parent.path(name), try_restrict_entry(parent, name, levels, linked));
}

fn try_restrict_entry(parent: &OpenDirectory, name: &str, levels: u32, linked: &mut LinkedFiles) -> io::Result<()> {
    let stat = parent.stat(name)?;
    match file_type(&stat) {
        FileType::RegularFile if stat.st_mode & RIGHTS & !FILE_MODE != 0 => {
            let file = parent.open_file(name, OFlags::RDONLY)?;
            if file.metadata()?.nlink() > 1 {
                linked.add(parent.path(name));
                return Ok(());
            }
            restrict(&file, &parent.path(name), FILE_MODE)
        }
        FileType::Directory if levels > 0 => {
            let directory = parent.subdirectory(name)?;
            restrict(directory.as_file(), &parent.path(name), DIRECTORY_MODE)?;
            for entry in directory.names()? {
                restrict_entry(&directory, &entry, levels - 1, linked);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Removes all mode bits but those of `mode`, except where that is not permitted.
fn restrict(file: &File, path: &Path, mode: u32) -> io::Result<()> {
    let found = file.metadata()?.permissions().mode();
    if found & RIGHTS & !mode == 0 || found & STICKY != 0 {
        return Ok(());
    }
    let octal_mode = format!("{:o}", found & 0o7777);
    match file.set_permissions(Permissions::from_mode(mode)) {
        Ok(()) => {
            tracing::warn!(
                event = "pacemeter.state.rights_mended",
                path = %path.display(),
                found = octal_mode,
                "permissions of stored state tightened"
            );
        }
        Err(error) => {
            tracing::warn!(
                event = "pacemeter.state.rights_too_wide",
                path = %path.display(),
                found = octal_mode,
                %error,
                "permissions of stored state too wide"
            );
        }
    }
    Ok(())
}

fn report(path: &Path, checked: io::Result<()>) {
    // What is missing has no rights.
    if let Err(error) = checked
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(
            event = "pacemeter.state.rights_unknown",
            path = %path.display(),
            %error,
            "permissions of stored state not checked"
        );
    }
}
