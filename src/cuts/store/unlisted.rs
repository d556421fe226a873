//! Files that are not in the list of cuts: anybody can put them there, so they cost little.
//!
//! The last lines of each are read first. The whole file is read only if they are those of a lost cut, or of a cut that
//! continues the list, and only as long as all such files together stay below [`MAX_UNLISTED_BYTES`], the smallest first.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use super::{CutStore, MAX_BYTES, UNLISTED, UNREAD, UNSEALED_STRANGER, ids, is_damage, path_of};
use crate::cuts::chain::{Chain, CutFile, FileEnd};
use crate::cuts::settlement::CutSettlement;

/// Maximum number of bytes of whole files outside the list that are read at once.
const MAX_UNLISTED_BYTES: u64 = 2 * 1_024 * 1_024 * 1_024;

/// A file that is not in the list, as its last lines show it.
struct UnlistedFile {
    id: String,
    bytes: u64,
    end: FileEnd,
}

/// Result of the examination of one file that was not in the list.
pub(super) enum Finding {
    /// The list has it now: it continues the list, or it is a lost cut that is there again.
    Listed { file: Box<CutFile>, is_restored: bool },
    /// Looks like a cut of a version without keyed hashes, and the list has none of its instant. It is not read any
    /// further.
    Unsealed,
    /// Counts for nothing; the fault.
    Stranger(&'static str),
    /// The disk does not return it.
    Unreadable(io::Error),
}

impl CutStore {
    /// Ids of the files that are not in the list, in their order.
    pub(super) fn unlisted(&self, chain: &Chain) -> io::Result<Vec<String>> {
        Ok(ids(&self.names()?).into_iter().filter(|id| chain.has_no_file_of(id)).collect())
    }

    /// Examines the files of these cuts. Those that continue the list are added to it: a crash or a failure between
    /// storing a cut and saving the list leaves such a file, and nobody without the key can make one. Those of lost cuts
    /// are current again.
    pub(super) fn examine(&self, chain: &mut Chain, ids: Vec<String>, found: &mut dyn FnMut(&str, Finding)) {
        let mut lost = Vec::new();
        let mut linked: BTreeMap<Option<String>, Vec<UnlistedFile>> = BTreeMap::new();
        for id in ids {
            match self.read_end(&id) {
                Err(fault) => found(&id, finding_of(fault)),
                Ok(file) if chain.may_restore(&id, &file.end) => lost.push(file),
                // A cut that was stored with a keyed hash has no genuine file without one.
                Ok(UnlistedFile { end: FileEnd::Unsealed, .. }) if chain.has(&id) => {
                    found(&id, Finding::Stranger(UNSEALED_STRANGER));
                }
                Ok(UnlistedFile { end: FileEnd::Unsealed, .. }) => found(&id, Finding::Unsealed),
                Ok(UnlistedFile { end: FileEnd::Other, .. }) => found(&id, Finding::Stranger(UNLISTED)),
                Ok(file) => {
                    let FileEnd::Sealed { link, .. } = &file.end else { continue };
                    linked.entry(link.previous.clone()).or_default().push(file);
                }
            }
        }
        let mut bytes_left = MAX_UNLISTED_BYTES;
        lost.sort_by_key(|file| file.bytes);
        for unlisted in lost {
            let finding = self.read_examined(&unlisted, &mut bytes_left).map_or_else(
                |finding| finding,
                |file| match chain.adopt(&unlisted.id, &file.seal) {
                    Some(is_restored) => Finding::Listed { file: Box::new(file), is_restored },
                    None => Finding::Stranger(UNLISTED),
                },
            );
            found(&unlisted.id, finding);
        }
        linked.values_mut().for_each(|files| files.sort_by_key(|file| std::cmp::Reverse(file.bytes)));
        while let Some(unlisted) = linked.get_mut(&chain.head).and_then(Vec::pop) {
            let finding = match self.read_examined(&unlisted, &mut bytes_left) {
                Ok(file) if file.link.as_ref().is_some_and(|link| link.previous == chain.head) => {
                    chain.push(&unlisted.id, file.seal.clone(), CutSettlement::of(&file.cut));
                    Finding::Listed { file: Box::new(file), is_restored: false }
                }
                Ok(_) => Finding::Stranger(UNLISTED),
                Err(finding) => finding,
            };
            found(&unlisted.id, finding);
        }
        linked.into_values().flatten().for_each(|file| found(&file.id, Finding::Stranger(UNLISTED)));
    }

    /// Reads the cuts that were sealed with this key, without regard to the list, until `found` has enough. Returns the
    /// number of files that were not read because they hold too many bytes.
    pub(super) fn read_sealed(&self, found: &mut dyn FnMut(CutFile) -> ControlFlow<()>) -> io::Result<usize> {
        let mut files: Vec<_> = ids(&self.names()?).into_iter().filter_map(|id| self.read_end(&id).ok()).collect();
        files.retain(|file| matches!(file.end, FileEnd::Sealed { .. }));
        files.sort_by_key(|file| file.bytes);
        let mut bytes_left = MAX_UNLISTED_BYTES;
        for (place, unlisted) in files.iter().enumerate() {
            match self.read_examined(unlisted, &mut bytes_left) {
                Ok(file) => {
                    if file.link.is_some() && found(file).is_break() {
                        break;
                    }
                }
                Err(Finding::Stranger(UNREAD)) => return Ok(files.len() - place),
                Err(_) => {}
            }
        }
        Ok(0)
    }

    /// True if a cut was sealed with this key.
    pub(super) fn has_cut_of_key(&self) -> io::Result<bool> {
        let mut has_cut = false;
        self.read_sealed(&mut |_| {
            has_cut = true;
            ControlFlow::Break(())
        })?;
        Ok(has_cut)
    }

    /// Reads the last lines of a file.
    fn read_end(&self, id: &str) -> io::Result<UnlistedFile> {
        let file = self.disk.open(&path_of(id))?;
        let bytes = file.len()?;
        let length = bytes.min(FileEnd::BYTES);
        let mut end = vec![0; length as usize];
        file.read_exact_at(&mut end, bytes - length)?;
        let end = if bytes > MAX_BYTES { FileEnd::Other } else { FileEnd::parse(&end) };
        Ok(UnlistedFile { id: id.to_owned(), bytes, end })
    }

    /// Reads a whole file if there are bytes left for it.
    fn read_examined(&self, unlisted: &UnlistedFile, bytes_left: &mut u64) -> Result<CutFile, Finding> {
        *bytes_left = bytes_left.checked_sub(unlisted.bytes).ok_or(Finding::Stranger(UNREAD))?;
        self.read(&unlisted.id).map_err(finding_of)
    }
}

/// Finding of a file that cannot be read: a disk that refuses proves nothing of it.
fn finding_of(fault: io::Error) -> Finding {
    if is_damage(&fault) { Finding::Stranger(UNLISTED) } else { Finding::Unreadable(fault) }
}
