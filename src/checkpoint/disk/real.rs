//! The disk of the machine.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{Disk, DiskReader, DiskWriter};

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Set on directories that many share, such as `/tmp`: their mode is not ours to change.
const STICKY: u32 = 0o1000;

/// A directory, and the files below it.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Makes the directory `root` if there is none, for its owner alone. Takes from others the rights that they may have on it and on what is
    /// below `owned` (paths from `root`), logs that it did, and goes on where it may not.
    pub fn open(root: &Path, owned: &str) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(root)?;
        mend(root, DIRECTORY_MODE)?;
        mend_all(&root.join(owned))?;
        Ok(Self { root: root.to_owned() })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Makes the directories down to `directory` and sees to it that they stay.
    fn make(&self, directory: &Path) -> io::Result<()> {
        if directory.is_dir() || directory == self.root {
            return Ok(());
        }
        let parent = directory.parent().ok_or(ErrorKind::NotFound)?;
        self.make(parent)?;
        match DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => File::open(parent)?.sync_all(),
        }
    }
}

/// Takes all rights but `mode` from `path`. What belongs to somebody else stays as it is.
fn mend(path: &Path, mode: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?.permissions().mode();
    if found & 0o777 & !mode == 0 || found & STICKY != 0 {
        return Ok(());
    }
    let (path_shown, found_shown) = (path.display(), format!("{:o}", found & 0o7777));
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        Ok(()) => {
            tracing::warn!(event = "pacemeter.state.rights_mended", path = %path_shown, found = found_shown, "permissions of stored state tightened");
        }
        Err(error) => {
            tracing::warn!(event = "pacemeter.state.rights_too_wide", path = %path_shown, found = found_shown, %error, "permissions of stored state too wide");
        }
    }
    Ok(())
}

fn mend_all(path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if kind.is_file() {
        return mend(path, FILE_MODE);
    }
    if kind.is_dir() {
        mend(path, DIRECTORY_MODE)?;
        for entry in fs::read_dir(path)? {
            mend_all(&entry?.path())?;
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
            self.make(directory)?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(path)?;
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        Ok(Box::new(File::open(self.path(path))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        File::open(self.path(directory))?.sync_all()
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
