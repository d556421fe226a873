//! The machine's file system, below one directory.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{Disk, DiskReader, DiskWriter};
use crate::file::{open_directory, open_regular};

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Mode bit of directories that many users share, such as `/tmp`. Their mode is not ours to change.
const STICKY: u32 = 0o1000;

/// The files below one directory of the machine's file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Opens the directory `root`; creates it, for its owner alone, if it does not exist.
    ///
    /// Revokes the rights of group and others on `root` and on everything below it, and logs each change. In a
    /// directory that many users share (`/tmp`), only what is below the directories `owned` is changed. A file that
    /// belongs to another user keeps its mode; that is logged as well.
    pub fn open(root: &Path, owned: &[&str]) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(root)?;
        if fs::metadata(root)?.permissions().mode() & STICKY == 0 {
            restrict_all(&root.canonicalize()?)?;
        }
        for directory in owned {
            restrict_all(&root.join(directory))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Creates the missing directories down to `directory`, each one durably.
    fn create_directories(&self, directory: &Path) -> io::Result<()> {
        if directory.is_dir() || directory == self.root {
            return Ok(());
        }
        let parent = directory.parent().ok_or(ErrorKind::NotFound)?;
        self.create_directories(parent)?;
        match DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => open_directory(parent)?.sync_all(),
        }
    }
}

/// Removes all mode bits but those of `mode` from `path`, except where that is not permitted.
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?.permissions().mode();
    if found & 0o777 & !mode == 0 || found & STICKY != 0 {
        return Ok(());
    }
    let (shown_path, octal_mode) = (path.display(), format!("{:o}", found & 0o7777));
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        Ok(()) => {
            tracing::warn!(
                event = "pacemeter.state.rights_mended",
                path = %shown_path,
                found = octal_mode,
                "permissions of stored state tightened"
            );
        }
        Err(error) => {
            tracing::warn!(
                event = "pacemeter.state.rights_too_wide",
                path = %shown_path,
                found = octal_mode,
                %error,
                "permissions of stored state too wide"
            );
        }
    }
    Ok(())
}

fn restrict_all(path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if kind.is_file() {
        return restrict(path, FILE_MODE);
    }
    if kind.is_dir() {
        restrict(path, DIRECTORY_MODE)?;
        for entry in fs::read_dir(path)? {
            restrict_all(&entry?.path())?;
        }
    }
    Ok(())
}

impl Disk for RealDisk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        match fs::read_dir(self.path(directory)) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        let path = self.path(path);
        if let Some(directory) = path.parent() {
            self.create_directories(directory)?;
        }
        let file = open_regular(&path, OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE))?;
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        Ok(Box::new(open_regular(&self.path(path), OpenOptions::new().read(true))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        open_directory(&self.path(directory))?.sync_all()
    }
}

impl DiskWriter for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl DiskReader for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
    }
}
