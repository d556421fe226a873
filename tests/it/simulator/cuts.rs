//! Crashes while a cut is stored: whatever survives, a start on an honest disk finds no sign of tampering.

use super::actions::DiskFault;
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
        let wrong: Vec<_> = verdicts.into_iter().filter(|verdict| verdict.result.is_err()).collect();
        if self.disk.failures() == failures && !wrong.is_empty() {
            return Err(format!("a start left faults of cuts: {wrong:?}"));
        }
        Ok(())
    }
}
