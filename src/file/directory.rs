//! A directory of our own, whose entries are reached without following links.
//!
//! Somebody else may be able to put something under a name that is ours: a link to another file, a pipe, a directory.
//! Nothing is read or written through such an entry. Calls are relative to the open directory, so nobody can exchange
//! one of the directories above it meanwhile.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// Mode of new directories.
pub(crate) const DIRECTORY_MODE: u32 = 0o700;
/// Mode of new files.
pub(crate) const FILE_MODE: u32 = 0o600;
/// Maximum number of names `<name>.moved-<n>` that are tried.
const MAX_MOVED: u32 = 10_000;
/// Maximum number of attempts to create a file whose name is taken again and again.
const MAX_ATTEMPTS: u32 = 8;

const OPEN_DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const OPEN_FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// An open directory.
#[derive(Debug)]
pub(crate) struct OpenDirectory {
    directory: File,
    path: PathBuf,
}

impl OpenDirectory {
    /// Opens a directory; its path may be a link.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let directory = fs::openat(CWD, path, OPEN_DIRECTORY, Mode::empty())?;
        Ok(Self { directory: directory.into(), path: path.to_owned() })
    }

    /// Opens a directory in this one; the error of a link is [`ErrorKind::NotADirectory`].
    pub(crate) fn subdirectory(&self, name: &str) -> io::Result<Self> {
        let flags = OPEN_DIRECTORY | OFlags::NOFOLLOW;
        match fs::openat(&self.directory, name, flags, Mode::empty()) {
            Ok(directory) => Ok(Self { directory: directory.into(), path: self.path(name) }),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let is_link = self.stat(name).is_ok_and(|stat| file_type(&stat) == FileType::Symlink);
                let what = if is_link { "is a symbolic link" } else { "is not a directory" };
                Err(io::Error::new(ErrorKind::NotADirectory, format!("{what}; put a directory in its place")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a directory in this one, and creates it durably if it is missing.
    pub(crate) fn subdirectory_or_new(&self, name: &str) -> io::Result<Self> {
        match self.subdirectory(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return opened,
        }
        match fs::mkdirat(&self.directory, name, Mode::from_raw_mode(DIRECTORY_MODE)) {
            Err(error) if error != Errno::EXIST => return Err(error.into()),
            _ => self.sync()?,
        }
        self.subdirectory(name)
    }

    /// Opens a regular file without blocking; the error of anything else is [`ErrorKind::InvalidData`].
    pub(crate) fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        // Even opening a device may have an effect.
        if let Ok(stat) = self.stat(name) {
            check_regular(file_type(&stat))?;
        }
        let file = match fs::openat(&self.directory, name, flags | OPEN_FILE, Mode::from_raw_mode(FILE_MODE)) {
            Err(Errno::LOOP) => return Err(irregular(FileType::Symlink)),
            opened => opened?,
        };
        // The name may stand for something else by now.
        check_regular(file_type(&fs::fstat(&file)?))?;
        Ok(file.into())
    }

    /// Creates an empty file, readable and writable by its owner alone. Whatever had its name is gone from there:
    /// [`OpenDirectory::clear`].
    pub(crate) fn create_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OPEN_FILE;
        for _ in 0..MAX_ATTEMPTS {
            match fs::openat(&self.directory, name, flags, Mode::from_raw_mode(FILE_MODE)) {
                Ok(file) => {
                    let file = File::from(file);
                    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
                    return Ok(file);
                }
                Err(Errno::EXIST) => match self.clear(name) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                },
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Removes what has a name: a file, a link, a pipe, an empty directory. A directory with content is renamed to the
    /// first free name `<name>.moved-<n>`. Logs what is no regular file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if nothing has the name.
    pub(crate) fn clear(&self, name: &str) -> io::Result<()> {
        let found = match file_type(&self.stat(name)?) {
            FileType::RegularFile => return Ok(fs::unlinkat(&self.directory, name, AtFlags::empty())?),
            FileType::Directory => match fs::unlinkat(&self.directory, name, AtFlags::REMOVEDIR) {
                Err(Errno::NOTEMPTY | Errno::EXIST) => return self.move_aside(name),
                removed => removed.map(|()| "an empty directory")?,
            },
            other => fs::unlinkat(&self.directory, name, AtFlags::empty()).map(|()| described(other))?,
        };
        let path = self.path(name);
        tracing::warn!(
            event = "pacemeter.state.entry_removed",
            path = %path.display(),
            found,
            "entry in place of a file removed"
        );
        Ok(())
    }

    fn move_aside(&self, name: &str) -> io::Result<()> {
        for number in 1..=MAX_MOVED {
            let aside = format!("{name}.moved-{number}");
            // A directory replaces an empty directory at most.
            match fs::renameat(&self.directory, name, &self.directory, &aside) {
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    let path = self.path(name);
                    tracing::warn!(
                        event = "pacemeter.state.directory_moved",
                        path = %path.display(),
                        moved_to = aside,
                        "directory in place of a file renamed"
                    );
                    return Ok(());
                }
            }
        }
        Err(Errno::NOTEMPTY.into())
    }

    /// Renames a file into a directory, replacing what has the name there: see [`OpenDirectory::clear`] for a directory.
    pub(crate) fn rename(&self, from: &str, directory: &Self, to: &str) -> io::Result<()> {
        let rename = || fs::renameat(&self.directory, from, &directory.directory, to);
        match rename() {
            Err(Errno::ISDIR) => {
                directory.clear(to)?;
                Ok(rename()?)
            }
            renamed => Ok(renamed?),
        }
    }

    /// Names of all entries, in any order.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !matches!(name.as_str(), "." | "..") {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Makes creations, renames and removals in this directory durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    /// Returns what the file system says of an entry, without following a link.
    pub(crate) fn stat(&self, name: &str) -> io::Result<Stat> {
        Ok(fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Returns the directory as a file, for its mode.
    pub(crate) fn as_file(&self) -> &File {
        &self.directory
    }

    /// Returns the path of an entry, for messages.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Returns the kind of an entry.
pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn check_regular(found: FileType) -> io::Result<()> {
    if found == FileType::RegularFile { Ok(()) } else { Err(irregular(found)) }
}

fn irregular(found: FileType) -> io::Error {
    let message = format!("is not a regular file but {}; move it away", described(found));
    io::Error::new(ErrorKind::InvalidData, message)
}

fn described(found: FileType) -> &'static str {
    match found {
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "something else",
    }
}

#[cfg(test)]
mod tests;
