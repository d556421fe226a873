//! Crashes while a cut is stored: whatever survives, a start on an honest disk finds no sign of tampering.

use super::actions::DiskFault;
use super::logs::Log;
use super::world::{Fault, World};

impl World<'_> {
    /// Publishes, which may request a cut, and dies after `after` calls of the disk while the cut is stored.
    pub(super) fn crash_in_cut(&mut self, after: u8, pattern: u64) {
        if let Some(process) = &mut self.process {
            process.worker.publish(0);
            self.disk.inject(DiskFault::Dies { after });
            self.stats.crashes_in_cuts += u64::from(process.store_cut());
        }
        self.crash(pattern);
    }

    /// Checks that a start found every stored cut whole and listed.
    pub(super) fn check_cuts(&mut self, has_failed_to_read: bool) -> Result<(), Fault> {
        let Some(process) = self.process.as_ref().filter(|_| !self.disk_lies && !has_failed_to_read) else {
            return Ok(());
        };
        if !process.cut_faults.is_empty() {
            return Err(format!("a crash reads as tampering with cuts: {:?}", process.cut_faults));
        }
        let failures = self.disk.failures();
        let Ok(verdicts) = process.cuts.verify(None, &[]) else { return Ok(()) };
        let wrong: Vec<_> = verdicts.iter().filter(|verdict| verdict.result.is_err()).collect();
        if self.disk.failures() == failures && !wrong.is_empty() {
            return Err(format!("a start left faults of cuts: {wrong:?}"));
        }
        for id in verdicts.iter().map(|verdict| &verdict.id) {
            self.check_settlement(id)?;
        }
        Ok(())
    }

    /// Checks that a provisional cut was decided as the log has it behind its end.
    fn check_settlement(&mut self, id: &str) -> Result<(), Fault> {
        let Some(cuts) = self.process.as_ref().map(|process| &process.cuts) else { return Ok(()) };
        let (Ok(Some((stored, _))), Ok(Some((known, _)))) = (cuts.find(id), cuts.get(id)) else { return Ok(()) };
        for (stored, offset) in stored.offsets.iter().zip(&known.offsets) {
            if !stored.is_provisional || offset.is_provisional {
                continue;
            }
            let is_of_offset = |log: &&Log| {
                (log.partition.stream.name(), log.partition.partition) == (offset.stream.as_str(), offset.partition)
            };
            // Of a truncated log other records may have decided.
            let Some(log) = self.logs.logs.iter().find(is_of_offset).filter(|log| log.version == 0) else { continue };
            let behind = log.entry(log.next_record(offset.next_offset)).map(|entry| entry.timestamp);
            if behind.is_none_or(|behind| (behind <= known.at_ms) != offset.is_late) {
                return Err(format!("cut {id}: {offset:?} with {behind:?} behind it"));
            }
            if offset.is_late {
                self.stats.late += 1;
            } else {
                self.stats.settled += 1;
            }
        }
        Ok(())
    }
}
