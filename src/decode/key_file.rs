//! The file of the pseudonym key: reading and creation, bounded in bytes and in time, and who else has rights on it.
//!
//! A key that other users could read is made private where that is possible, and reported: it may be known to them. A
//! key that others could have written or replaced is refused: whoever chose it knows every pseudonym.

mod rights;

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::pseudonym::{KeyError, PseudonymKey};
use crate::file::{OpenDirectory, SecretMode, TIME_LIMIT, open_regular, within};

/// Maximum length of a key file in bytes; 64 digits and white space are needed.
const MAX_BYTES: u64 = 1_024;
/// Mode of a key file.
const KEY_MODE: u32 = 0o600;
/// Mode bits of group and others.
const OTHERS: u32 = 0o077;

/// A key that was read from its file, or created.
pub struct KeyFile {
    /// The key.
    pub key: PseudonymKey,
    /// True if the file is new.
    pub is_new: bool,
    /// Set if other users could read the file, with the remedy. It is private since then, where that was possible.
    pub exposure: Option<String>,
}

impl KeyFile {
    /// Reads the key at `path`, or creates a key file with mode 0600 and the directories above it.
    ///
    /// The file holds 64 hexadecimal digits; white space around them is ignored. It is created atomically: two
    /// processes that start together end with the same key.
    ///
    /// # Errors
    ///
    /// Any [`KeyError`] but [`KeyError::Malformed`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        in_time(path, load_or_create)
    }

    /// Reads the key from its file; `None` if there is none.
    ///
    /// # Errors
    /// If the file cannot be read, is malformed, or others can write or replace it.
    pub fn load(path: &Path) -> Result<Option<Self>, KeyError> {
        in_time(path, load)
    }

    /// Checks that no others can write or replace the file, without reading it. There may be no file.
    ///
    /// # Errors
    /// [`KeyError::Foreign`], [`KeyError::Writable`], or if the file system does not answer.
    pub fn check_rights(path: &Path) -> Result<(), KeyError> {
        in_time(path, |path| rights::check_file(path).map(drop))
    }
}

/// Works on a key file on a thread of its own, which is abandoned if the file system does not answer.
fn in_time<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    let own_path = path.to_owned();
    match within(TIME_LIMIT, move || work(&own_path)) {
        Ok(Some(result)) => result,
        Ok(None) => Err(KeyError::TooSlow(path.to_owned())),
        Err(source) => Err(KeyError::Read { path: path.to_owned(), source }),
    }
}

fn load_or_create(path: &Path) -> Result<KeyFile, KeyError> {
    if let Some(found) = load(path)? {
        return Ok(found);
    }
    let key = PseudonymKey::generate()?;
    let create_error = |source| KeyError::Create { path: path.to_owned(), source };
    let directory = directory_of(path);
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(create_error)?;
    rights::check_directory(path, directory)?;
    match create(&key, path) {
        Ok(()) => Ok(KeyFile { key, is_new: true, exposure: None }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            load(path)?.ok_or_else(|| KeyError::Read { path: path.to_owned(), source: ErrorKind::NotFound.into() })
        }
        Err(source) => Err(create_error(source)),
    }
}

fn load(path: &Path) -> Result<Option<KeyFile>, KeyError> {
    let read_error = |source| KeyError::Read { path: path.to_owned(), source };
    let file = match open_regular(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(error)),
    };
    let (opened, checked) = (file.metadata().map_err(read_error)?, rights::check_file(path)?);
    if checked.is_none_or(|checked| (checked.dev(), checked.ino()) != (opened.dev(), opened.ino())) {
        return Err(read_error(io::Error::other("another file took its place meanwhile; try again")));
    }
    let exposure = make_private(&file).map_err(read_error)?;
    let mut content = Vec::new();
    (&file).take(MAX_BYTES + 1).read_to_end(&mut content).map_err(read_error)?;
    let text = std::str::from_utf8(&content).unwrap_or("").trim_ascii();
    let key = Some(text).filter(|_| content.len() as u64 <= MAX_BYTES).map(PseudonymKey::from_hex);
    match key {
        Some(Ok(key)) => Ok(Some(KeyFile { key, is_new: false, exposure })),
        _ => Err(KeyError::MalformedFile(path.to_owned())),
    }
}

/// Revokes the rights of other users on our own file. Returns what they could do, if anything.
fn make_private(file: &File) -> io::Result<Option<String>> {
    let metadata = file.metadata()?;
    let SecretMode { actual: mode, for_strangers } = SecretMode::of(&metadata);
    if for_strangers & OTHERS == 0 {
        return Ok(None);
    }
    // Otherwise it is root's, such as a secret that is mounted.
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    let changed = if !is_own {
        Err(io::Error::other("it belongs to root"))
    } else if metadata.nlink() > 1 {
        Err(io::Error::other("it has further hard links, and may be another file as well"))
    } else {
        file.set_permissions(Permissions::from_mode(KEY_MODE))
    };
    Ok(Some(match changed {
        Ok(()) => format!("mode {mode:o} let other users read it; it is {KEY_MODE:o} from now on"),
        Err(error) => format!("mode {mode:o} lets other users read it, and cannot be changed ({error}); chmod 600"),
    }))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes the key beside `path` and links it there, which fails if `path` exists by now.
fn create(key: &PseudonymKey, path: &Path) -> io::Result<()> {
    let directory = OpenDirectory::open(directory_of(path))?;
    let name = path.file_name().and_then(OsStr::to_str).ok_or(ErrorKind::InvalidInput)?;
    let temporary = format!("{name}.{}", std::process::id());
    let linked = write(key, &directory, &temporary).and_then(|()| fs::hard_link(directory.path(&temporary), path));
    let removed = directory.clear(&temporary);
    linked.and(removed).and_then(|()| directory.sync())
}

fn write(key: &PseudonymKey, directory: &OpenDirectory, name: &str) -> io::Result<()> {
    let mut file = directory.create_file(name)?;
    file.write_all(key.to_hex().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
