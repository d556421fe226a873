//! Progress on standard error: a bar on a terminal, otherwise a plain line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::runtime::print_error;

const BAR_INTERVAL: Duration = Duration::from_millis(50);
const LINE_INTERVAL: Duration = Duration::from_secs(5);

pub(super) struct Progress {
    /// `None` if standard error is not a terminal.
    bar: Option<ProgressBar>,
    total: u64,
    begun: Instant,
    due: Instant,
}

impl Progress {
    /// `total` is the approximate number of records.
    pub(super) fn new(total: u64) -> Self {
        let template = "{bar:40} {human_pos} of about {human_len} records  {per_sec}  {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is sound");
        let bar = || ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style);
        let bar = std::io::stderr().is_terminal().then(bar);
        let begun = Instant::now();
        let due = begun + if bar.is_some() { BAR_INTERVAL } else { LINE_INTERVAL };
        Self { bar, total, begun, due }
    }

    /// Displays the progress if an update is due.
    pub(super) fn update(&mut self, written: u64) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_position(written);
            self.due = now + BAR_INTERVAL;
        } else {
            let rate = written as f64 / (now - self.begun).as_secs_f64();
            print_error(&format!(
                "{} of about {} records, {rate:.0} a second",
                HumanCount(written),
                HumanCount(self.total)
            ));
            self.due = now + LINE_INTERVAL;
        }
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
