//! The machine's file system, below one directory.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::error::named;
use super::rights::restrict_state;
use super::{Disk, DiskReader, DiskWriter};
use crate::file::{DIRECTORY_MODE, OpenDirectory};

/// The files below one directory of the machine's file system. The directory itself may be a link; no link in it is
/// followed. Errors name the call and the path.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Opens the directory `root`; creates it, for its owner alone, if it does not exist.
    ///
    /// Revokes the rights of group and others on `root`, on the entries `owned`, and on what is in them, and logs each
    /// change. In a directory that many users share (`/tmp`), only directories are changed, and `root` is not. What
    /// cannot be changed is logged as well.
    pub fn open(root: &Path, owned: &[&str]) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(root)?;
        restrict_state(&OpenDirectory::open(root)?, root, owned);
        Ok(Self { root: root.to_owned() })
    }

    /// Opens a directory; with `creates`, makes what is missing of its path, durably.
    fn directory(&self, path: &str, creates: bool) -> io::Result<OpenDirectory> {
        let mut directory = OpenDirectory::open(&self.root).map_err(named("open", ""))?;
        let mut end = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            end += name.len();
            let opened = if creates { directory.subdirectory_or_new(name) } else { directory.subdirectory(name) };
            directory = opened.map_err(named("open", &path[..end]))?;
            end += 1;
        }
        Ok(directory)
    }
}

/// Splits a path into its directory and its name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Disk for RealDisk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        match self.directory(directory, false) {
            Ok(opened) => opened.names().map_err(named("list", directory)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        let (directory, name) = split(path);
        let file = self.directory(directory, true)?.create_file(name).map_err(named("create", path))?;
        Ok(Box::new(RealFile { file, path: path.to_owned() }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        let (directory, name) = split(path);
        let file = self.directory(directory, false)?.open_file(name, OFlags::RDONLY).map_err(named("open", path))?;
        Ok(Box::new(RealFile { file, path: path.to_owned() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from_directory, from_name), (to_directory, to_name)) = (split(from), split(to));
        let to_directory = self.directory(to_directory, false)?;
        self.directory(from_directory, false)?.rename(from_name, &to_directory, to_name).map_err(named("rename", from))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (directory, name) = split(path);
        self.directory(directory, false)?.clear(name).map_err(named("remove", path))
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.directory(directory, false)?.sync().map_err(named("sync", directory))
    }
}

struct RealFile {
    file: File,
    path: String,
}

impl DiskWriter for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).map_err(named("write", &self.path))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all().map_err(named("sync", &self.path))
    }
}

impl DiskReader for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata().map_err(named("read", &self.path))?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset).map_err(named("read", &self.path))
    }
}
