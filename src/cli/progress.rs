//! Progress of a command: a bar on a terminal, otherwise a plain line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::runtime::{Failure, print, print_error};

const BAR_INTERVAL: Duration = Duration::from_millis(50);
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Stream on which progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProgressOutput {
    Stdout,
    /// For commands whose standard output is their result.
    Stderr,
}

pub(super) struct Progress {
    output: ProgressOutput,
    /// `None` if the output is not a terminal.
    bar: Option<ProgressBar>,
    total: u64,
    begun: Instant,
    due: Instant,
}

impl Progress {
    /// `total` is the approximate number of records.
    pub(super) fn new(total: u64, output: ProgressOutput) -> Self {
        let template = "{bar:40} {human_pos} of about {human_len} records  {per_sec}  {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is sound");
        let (is_terminal, target) = match output {
            ProgressOutput::Stdout => (std::io::stdout().is_terminal(), ProgressDrawTarget::stdout()),
            ProgressOutput::Stderr => (std::io::stderr().is_terminal(), ProgressDrawTarget::stderr()),
        };
        let bar = is_terminal.then(|| ProgressBar::with_draw_target(Some(total), target).with_style(style));
        let begun = Instant::now();
        let due = begun + if bar.is_some() { BAR_INTERVAL } else { LINE_INTERVAL };
        Self { output, bar, total, begun, due }
    }

    /// Displays the progress if an update is due.
    ///
    /// # Errors
    /// The errors of [`print`].
    pub(super) fn update(&mut self, written: u64) -> Result<(), Failure> {
        let now = Instant::now();
        if now < self.due {
            return Ok(());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(written);
            self.due = now + BAR_INTERVAL;
        } else {
            let rate = written as f64 / (now - self.begun).as_secs_f64();
            let line =
                format!("{} of about {} records, {rate:.0} a second", HumanCount(written), HumanCount(self.total));
            self.due = now + LINE_INTERVAL;
            match self.output {
                ProgressOutput::Stdout => print(&format!("{line}\n"))?,
                ProgressOutput::Stderr => print_error(&line),
            }
        }
        Ok(())
    }

    /// Removes the bar, whatever was reached.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    pub(super) fn finish(&self, written: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(written);
        }
        self.clear();
    }
}
