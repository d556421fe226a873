//! Work of commands on the state directory, which ends if the file system does not answer.
//!
//! A command may read many gigabytes, so its time as a whole has no limit. It is abandoned once no call to the disk
//! returns for [`TIME_LIMIT`]; what it was about to write is written atomically.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::opening::{TIME_LIMIT, checkpoint_key, key_failure, open_state, pseudonym_key};
use super::{STATE_ENTRIES, Settings};
use crate::checkpoint::{CheckpointKey, CheckpointStore};
use crate::cuts::{CutKey, CutStore};
use crate::decode::{KeyFile, PseudonymKey};
use crate::disk::{Disk, DiskProgress, Lock, RealDisk, WatchedDisk};
use crate::file;
use crate::runtime::{Exit, Failure};

/// The state directory and the file of the pseudonym key. Clones share the progress of the work on them.
#[derive(Debug, Clone)]
pub(super) struct StateFiles {
    directory: PathBuf,
    key_path: PathBuf,
    accepts_unsealed: bool,
    progress: Arc<DiskProgress>,
}

impl StateFiles {
    /// Returns the files that the settings name.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            directory: settings.state_directory.clone(),
            key_path: settings.pseudonym_key_path(),
            accepts_unsealed: settings.pipeline.restore.accept_unsealed_checkpoints,
            progress: Arc::default(),
        }
    }

    /// Works on the files on a thread of its own.
    ///
    /// # Errors
    /// The errors of the work; 74 with the place if the file system does not answer.
    pub(super) fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.work_within(TIME_LIMIT, work)
    }

    fn work_within<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let own = self.clone();
        match file::while_advancing(limit, || self.progress.calls(), move || work(&own)) {
            Ok(Some(result)) => result,
            Ok(None) => Err(Failure::new(
                Exit::Disk,
                format!(
                    "{}: {} has not ended within {} s; check its file system",
                    self.shown_directory(),
                    self.progress.current(),
                    limit.as_secs()
                ),
            )),
            Err(error) => Err(Failure::from_spawn("the thread that works on the state directory", &error)),
        }
    }

    /// Returns the directory as it stands in messages.
    pub(super) fn shown_directory(&self) -> String {
        format!("state directory {}", self.directory.display())
    }

    /// Failure of the disk.
    pub(super) fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::from_io(self.shown_directory(), error)
    }

    /// Opens the checkpoints of an existing state directory, and creates nothing.
    ///
    /// # Errors
    /// 78 if there is no directory; 77 if others can write the key; otherwise as [`RealDisk::open`].
    pub(super) fn checkpoints(&self) -> Result<CheckpointStore, Failure> {
        let disk = self.open_disk()?;
        self.checkpoints_on(disk)
    }

    /// Opens the cuts of an existing state directory and returns them with the pseudonym key; `None` if there is neither.
    ///
    /// # Errors
    /// 78 if there are cuts but no key; otherwise as [`StateFiles::checkpoints`].
    pub(super) fn cuts(&self) -> Result<Option<(PseudonymKey, CutStore)>, Failure> {
        let disk = self.open_disk()?;
        let path = &self.key_path;
        // Reading the key has a limit of its own.
        let Some(KeyFile { key, .. }) = KeyFile::load(path).map_err(|error| key_failure(&error))? else {
            let message = format!("cuts cannot be verified: there is no pseudonym key {}; restore it", path.display());
            let directory = self.directory.join(crate::cuts::DIRECTORY);
            return if self.progress.track("looking at", crate::cuts::DIRECTORY, || directory.exists()) {
                Err(Failure::new(Exit::Configuration, message))
            } else {
                Ok(None)
            };
        };
        let cut_key = CutKey::new(key.derive(CutKey::CONTEXT));
        Ok(Some((key, CutStore::new(disk, cut_key))))
    }

    /// Locks an existing state directory for this process, and opens its checkpoints. Creates the pseudonym key if there is
    /// none.
    ///
    /// # Errors
    /// 78 if there is no directory; otherwise the errors of [`open_state`].
    pub(super) fn lock(&self) -> Result<(Lock, CheckpointStore), Failure> {
        self.check_key()?;
        self.check_directory()?;
        let open = || open_state(&self.directory, &self.key_path);
        let (lock, disk) = self.progress.track("locking", "it", open)?;
        pseudonym_key(&self.key_path)?;
        Ok((lock, self.checkpoints_on(self.watched(disk))?))
    }

    /// Opens the checkpoints on a disk. Without a pseudonym key none of them is proven.
    fn checkpoints_on(&self, disk: Arc<dyn Disk>) -> Result<CheckpointStore, Failure> {
        let key_file = KeyFile::load(&self.key_path).map_err(|error| key_failure(&error))?;
        let key = key_file.map_or_else(CheckpointKey::unknown, |KeyFile { key, .. }| checkpoint_key(&key));
        Ok(CheckpointStore::with_key(disk, key).accepting_unsealed(self.accepts_unsealed))
    }

    fn open_disk(&self) -> Result<Arc<dyn Disk>, Failure> {
        self.check_key()?;
        self.check_directory()?;
        let open = || RealDisk::open(&self.directory, &STATE_ENTRIES);
        let disk = self.progress.track("opening", "it", open).map_err(|error| self.failure(&error))?;
        Ok(self.watched(disk))
    }

    /// Checks that there is a directory: no command makes one.
    fn check_directory(&self) -> Result<(), Failure> {
        if self.progress.track("looking at", "it", || self.directory.is_dir()) {
            return Ok(());
        }
        let message = format!("there is no {}; check state.directory", self.shown_directory());
        Err(Failure::new(Exit::Configuration, message))
    }

    /// Checks the rights of the key file. This comes before all other work: its limit of time is the shorter one.
    fn check_key(&self) -> Result<(), Failure> {
        KeyFile::check_rights(&self.key_path).map_err(|error| key_failure(&error))
    }

    fn watched(&self, disk: RealDisk) -> Arc<dyn Disk> {
        Arc::new(WatchedDisk::new(disk, Arc::clone(&self.progress)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::{park, sleep};

    #[test]
    fn work_ends_with_74_once_a_call_hangs_and_no_sooner() {
        let files = StateFiles {
            directory: "/state".into(),
            key_path: "/state/key".into(),
            accepts_unsealed: false,
            progress: Arc::default(),
        };
        let failure = files.work_within(Duration::from_secs(1), |files| {
            // Longer than the limit in all.
            for _ in 0..10 {
                files.progress.track("reading", "one", || sleep(Duration::from_millis(150)));
            }
            files.progress.track("listing", "cuts", || {
                loop {
                    park();
                }
            })
        });
        let expected: Result<(), _> = Err(Failure::new(
            Exit::Disk,
            "state directory /state: listing cuts has not ended within 1 s; check its file system",
        ));
        assert_eq!((failure, files.progress.calls()), (expected, 10));
    }

    #[test]
    fn the_disk_of_a_command_is_watched() {
        let directory = tempfile::tempdir().unwrap();
        let key_path = directory.path().join("key");
        let files = StateFiles {
            directory: directory.path().into(),
            key_path,
            accepts_unsealed: false,
            progress: Arc::default(),
        };
        let store = files.checkpoints().unwrap();
        let before = files.progress.calls();
        assert_eq!(store.partitions().unwrap(), []);
        assert_eq!((files.progress.calls(), files.progress.current().as_str()), (before + 1, "listing checkpoints"));
        let (_lock, store) = files.lock().unwrap();
        let before = files.progress.calls();
        store.partitions().unwrap();
        assert_eq!(files.progress.calls(), before + 1);
    }
}
