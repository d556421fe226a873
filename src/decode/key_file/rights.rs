//! Check of who could write or replace the key file.
//!
//! The path is followed entry by entry, through every link, as the operating system does. Only root and the user of the
//! process may be able to change what it passes. The check is complete: once it has passed, nobody else can make the
//! path lead elsewhere.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use crate::decode::pseudonym::KeyError;
use crate::file::is_own_group;

/// Mode bit with which the group may write.
const GROUP_WRITE: u32 = 0o020;
/// Mode bit with which everybody may write.
const ALL_WRITE: u32 = 0o002;
/// Mode bit of a directory in which users may remove their own files only.
const STICKY: u32 = 0o1000;
/// Maximum number of links in a path, as in Linux.
const MAX_LINKS: usize = 40;

/// Checks the key file and every directory in which it, or a link to it, could be replaced. Returns the file; `None`
/// if there is none.
///
/// # Errors
/// [`KeyError::Foreign`], [`KeyError::Writable`], [`KeyError::Read`].
pub(super) fn check_file(key: &Path) -> Result<Option<Metadata>, KeyError> {
    let Some((path, metadata)) = Walk::new(key)?.finish(key)? else { return Ok(None) };
    check_owner(key, &path, &metadata)?;
    // Others may write to devices and pipes, which are refused for what they are.
    if metadata.is_file() && metadata.mode() & (GROUP_WRITE | ALL_WRITE) != 0 {
        return Err(writable(key, path, &metadata));
    }
    Ok(Some(metadata))
}

/// Checks the directory in which the key file is to be created, and those above it.
///
/// # Errors
/// The errors of [`check_file`].
pub(super) fn check_directory(key: &Path, directory: &Path) -> Result<(), KeyError> {
    let Some((path, metadata)) = Walk::new(directory).and_then(|walk| walk.finish(key))? else {
        return Err(KeyError::Read { path: key.to_owned(), source: ErrorKind::NotFound.into() });
    };
    check_owner(key, &path, &metadata)?;
    if metadata.mode() & (GROUP_WRITE | ALL_WRITE) != 0 && metadata.mode() & STICKY == 0 {
        return Err(writable(key, path, &metadata));
    }
    Ok(())
}

/// A path that is followed from the root.
struct Walk {
    /// Path that was followed so far, without links.
    directory: PathBuf,
    entries: VecDeque<OsString>,
    links: usize,
}

impl Walk {
    fn new(path: &Path) -> Result<Self, KeyError> {
        let absolute = std::path::absolute(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
        let mut walk = Self { directory: PathBuf::from("/"), entries: VecDeque::new(), links: 0 };
        walk.prepend(&absolute);
        Ok(walk)
    }

    /// Puts the entries of a path before those that are left.
    fn prepend(&mut self, path: &Path) {
        for component in path.components().rev() {
            match component {
                Component::Normal(name) => self.entries.push_front(name.to_owned()),
                Component::ParentDir => self.entries.push_front("..".into()),
                Component::RootDir => self.directory = PathBuf::from("/"),
                Component::CurDir | Component::Prefix(_) => {}
            }
        }
    }

    /// Follows the path, and checks every directory that it passes. Returns what it leads to; `None` for nothing.
    fn finish(mut self, key: &Path) -> Result<Option<(PathBuf, Metadata)>, KeyError> {
        let read_error = |source| KeyError::Read { path: key.to_owned(), source };
        let mut metadata = fs::symlink_metadata(&self.directory).map_err(read_error)?;
        while let Some(name) = self.entries.pop_front() {
            if name == ".." {
                self.directory.pop();
                metadata = fs::symlink_metadata(&self.directory).map_err(read_error)?;
                continue;
            }
            let path = self.directory.join(&name);
            let entry = match fs::symlink_metadata(&path) {
                Ok(entry) => entry,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(read_error(error)),
            };
            check_passed(key, &self.directory, &metadata, &path, &entry)?;
            if entry.is_symlink() {
                self.links += 1;
                if self.links > MAX_LINKS {
                    return Err(read_error(io::Error::from(Errno::LOOP)));
                }
                self.prepend(&fs::read_link(&path).map_err(read_error)?);
                metadata = fs::symlink_metadata(&self.directory).map_err(read_error)?;
            } else {
                (self.directory, metadata) = (path, entry);
            }
        }
        Ok(Some((self.directory, metadata)))
    }
}

/// Checks that nobody else can replace an entry in its directory.
fn check_passed(
    key: &Path,
    directory: &Path,
    metadata: &Metadata,
    path: &Path,
    entry: &Metadata,
) -> Result<(), KeyError> {
    check_owner(key, directory, metadata)?;
    let mode = metadata.mode();
    if mode & (GROUP_WRITE | ALL_WRITE) == 0 {
        return Ok(());
    }
    if mode & STICKY != 0 {
        return check_owner(key, path, entry);
    }
    // A volume of Kubernetes and many a home directory: a member of the group could put another directory in place, but
    // not one that belongs to this user or to root.
    if mode & ALL_WRITE == 0 && entry.is_dir() && is_own_group(metadata.gid()) {
        return Ok(());
    }
    Err(writable(key, directory.to_owned(), metadata))
}

fn check_owner(key: &Path, path: &Path, metadata: &Metadata) -> Result<(), KeyError> {
    let user = rustix::process::geteuid().as_raw();
    if [0, user].contains(&metadata.uid()) {
        return Ok(());
    }
    Err(KeyError::Foreign { key: key.to_owned(), path: path.to_owned(), owner: metadata.uid(), user })
}

fn writable(key: &Path, writable: PathBuf, metadata: &Metadata) -> KeyError {
    KeyError::Writable { key: key.to_owned(), writable, mode: metadata.mode() & 0o7777 }
}
