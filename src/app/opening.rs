//! Opens the state directory: lock, pseudonym key, checkpoints, cuts.
//!
//! The key comes first: opening the directory tightens the rights of what is in it, which would hide that others could
//! have replaced the key.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{STATE_ENTRIES, Settings};
use crate::checkpoint::{CheckpointKey, CheckpointStore};
use crate::cuts::{CutKey, CutOffset, CutStore, UnsettledCut, log_faults};
use crate::decode::{KeyError, KeyFile, PseudonymKey};
use crate::disk::{Disk, Lock, LockError, RealDisk};
use crate::pipeline::newest_cut_offsets;
use crate::runtime::{Exit, Failure, SHORTAGE_REMEDY, Shutdown, failpoint};
use crate::view::closed_periods::ClosedPeriods;

/// Maximum time to open the state directory; thousands of cuts on a slow disk take some seconds. Also the maximum time of
/// one call to the disk in commands that work on the directory.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(120);

/// The state directory, locked for this process.
pub(super) struct OpenedState {
    pub(super) lock: Lock,
    pub(super) store: CheckpointStore,
    pub(super) key: PseudonymKey,
    pub(super) cuts: CutStore,
    pub(super) closed_periods: Arc<ClosedPeriods>,
    pub(super) cut_offsets: Vec<CutOffset>,
    pub(super) unsettled_cuts: Vec<UnsettledCut>,
}

/// Opens the state directory on a thread of its own, which is abandoned if the disk does not answer in time. Returns
/// `None` if the shutdown is requested before it is open.
///
/// # Errors
/// Failures of the directory, the key and the cuts; 74 if the disk does not answer.
pub(super) async fn open_unless_stopped(
    settings: &Settings,
    shutdown: &Shutdown,
) -> Result<Option<OpenedState>, Failure> {
    let (directory, key_path) = (settings.state_directory.clone(), settings.pseudonym_key_path());
    let shown_directory = directory.display().to_string();
    let (sender, opened) = oneshot::channel();
    // The receiver is gone if the thread was abandoned.
    let accepts_unsealed = settings.pipeline.restore.accept_unsealed_checkpoints;
    let open = move || drop(sender.send(open_all(&directory, &key_path, accepts_unsealed)));
    let spawned = thread::Builder::new().name("start".into()).spawn(open);
    spawned.map_err(|error| Failure::from_spawn("the thread that opens the state directory", &error))?;
    tokio::select! {
        opened = opened => opened.unwrap_or_else(|_| Err(Failure::new(Exit::Bug, "the state directory was not opened"))).map(Some),
        () = shutdown.requested() => Ok(None),
        () = sleep(TIME_LIMIT) => Err(Failure::new(
            Exit::Disk,
            format!("state directory {shown_directory}: not read within {} s; check its file system", TIME_LIMIT.as_secs()),
        )),
    }
}

fn open_all(directory: &Path, key_path: &Path, accepts_unsealed: bool) -> Result<OpenedState, Failure> {
    failpoint("state.opening");
    let (lock, disk) = open_state(directory, key_path)?;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let key = pseudonym_key(key_path)?;
    let store = CheckpointStore::with_key(Arc::clone(&disk), checkpoint_key(&key)).accepting_unsealed(accepts_unsealed);
    let cuts = CutStore::new(disk, CutKey::new(key.derive(CutKey::CONTEXT)));
    let closed_periods = read_closed_periods(&cuts)?;
    let cut_offsets = newest_cut_offsets(&cuts, &closed_periods);
    let unsettled_cuts = cuts.unsettled().map_err(|error| cuts_failure("cuts in the state directory", &error))?;
    Ok(OpenedState { lock, store, key, cuts, closed_periods, cut_offsets, unsettled_cuts })
}

/// Locks the state directory for this process and opens it.
pub(super) fn open_state(directory: &Path, key_path: &Path) -> Result<(Lock, RealDisk), Failure> {
    let lock = Lock::acquire(directory).map_err(|error| match &error {
        LockError::Locked { .. } => {
            Failure::new(Exit::StateLocked, format!("{error}; give each process a state.directory of its own"))
        }
        LockError::Io { source, .. } => {
            Failure::from_io(format_args!("state directory {}", directory.display()), source)
        }
    })?;
    let key_file = KeyFile::load(key_path).map_err(|error| key_failure(&error))?;
    if let Some(exposure) = key_file.and_then(|key_file| key_file.exposure) {
        tracing::warn!(
            event = "pacemeter.pseudonym_key.exposed",
            path = %key_path.display(),
            exposure,
            "other users could read the pseudonym key"
        );
    }
    let disk = RealDisk::open(directory, &STATE_ENTRIES);
    let disk =
        disk.map_err(|error| Failure::from_io(format_args!("state directory {}", directory.display()), &error))?;
    Ok((lock, disk))
}

/// Key of the seals of checkpoints.
pub(super) fn checkpoint_key(key: &PseudonymKey) -> CheckpointKey {
    CheckpointKey::new(key.derive(CheckpointKey::CONTEXT), key.key_id())
}

/// Reads the closed periods from the stored cuts. A damaged or missing cut is logged.
fn read_closed_periods(cuts: &CutStore) -> Result<Arc<ClosedPeriods>, Failure> {
    let (closed_periods, faults) =
        cuts.closed_periods().map_err(|error| cuts_failure("cuts in the state directory", &error))?;
    log_faults(&faults);
    Ok(Arc::new(closed_periods))
}

/// Reads the pseudonym key, or creates it.
pub(super) fn pseudonym_key(path: &Path) -> Result<PseudonymKey, Failure> {
    let KeyFile { key, is_new, .. } = KeyFile::load_or_create(path).map_err(|error| key_failure(&error))?;
    if is_new {
        tracing::warn!(
            event = "pacemeter.pseudonym_key.created",
            path = %path.display(),
            key_id = key.key_id(),
            "pseudonym key created; back it up"
        );
    }
    Ok(key)
}

/// Cuts of another pseudonym key are an unusable state, not a broken disk.
pub(super) fn cuts_failure(place: impl std::fmt::Display, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::Unsupported => Failure::new(Exit::StateUnusable, format!("{place}: {error}")),
        _ => Failure::from_io(place, error),
    }
}

pub(super) fn key_failure(error: &KeyError) -> Failure {
    let exit = match error {
        KeyError::Malformed | KeyError::MalformedFile(_) => Exit::Configuration,
        KeyError::NoRandomness(_) => Exit::TryAgain,
        KeyError::Foreign { .. } | KeyError::Writable { .. } => Exit::Denied,
        KeyError::Read { source, .. } | KeyError::Create { source, .. } => match Failure::from_io("", source).exit {
            Exit::TryAgain => return Failure::new(Exit::TryAgain, format!("{error}; {SHORTAGE_REMEDY}")),
            exit => exit,
        },
        KeyError::TooSlow(_) => Exit::Disk,
    };
    Failure::new(exit, error.to_string())
}
