//! Memory and time of curves: `cargo bench --locked --bench scrape -- curves`.
//!
//! Partitions with fourteen targets are compared with the same ones after the hours of their slots are taken out of a view,
//! which is how much memory curves keep; the goal is at most 2 % of what the process has. Time is CPU of an answer.

use std::collections::HashSet;
use std::mem::size_of;
use std::sync::Arc;
use std::time::Duration;

use pacemeter::clock::Clock;
use pacemeter::http::{ApiContent, ApiRequest};
use pacemeter::targets::Tally;
use pacemeter::view::slots::SlotHour;

use super::{Variant, timed};

/// Number of answers for each target.
const ANSWERS: usize = 20;
/// Counters of an `Arc` before its content.
const ARC_COUNTERS: usize = 16;

/// Bytes of the hours of all partitions and of their sum. An hour that several views share counts once.
fn bytes_of_hours(variant: &mut Variant) -> (usize, usize) {
    let now = variant.clock.now();
    let views: Vec<_> = variant.states.iter_mut().map(|state| Arc::new(state.view(now))).collect();
    let merged = variant.merger.merge(views.clone());
    let sums = [&merged.disbursements.slots, &merged.calls.slots, &merged.milestones.slots];
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for slot in views.iter().map(|view| view.slots()).chain(sums).flat_map(|slots| &slots.slots) {
        for hour in &slot.hours {
            bytes += size_of::<Arc<SlotHour>>();
            if seen.insert(Arc::as_ptr(hour)) {
                let content = hour.tallies.capacity() * size_of::<Tally>() + hour.states.capacity() * size_of::<i64>();
                bytes += ARC_COUNTERS + size_of::<SlotHour>() + content;
            }
        }
    }
    (bytes, seen.len())
}

/// Resident memory of the process in bytes; 0 where it is not known.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok()).unwrap_or(0) * 4_096
}

pub fn measure() {
    let mut variant = Variant::new(6, Clock::wall().now());
    let (bytes, hours) = bytes_of_hours(&mut variant);
    let resident = resident();
    let names: Vec<String> = variant.targets.targets.iter().map(|target| target.name.clone()).collect();
    println!(
        "{} targets: {hours} hours, {:.2} MB, {:.2} % of {:.0} MB resident",
        names.len(),
        bytes as f64 / 1e6,
        100.0 * bytes as f64 / resident as f64,
        resident as f64 / 1e6
    );
    for step in ["hour", "day"] {
        let (mut took, mut length) = (Vec::new(), 0);
        for name in names.iter().cycle().take(names.len() * ANSWERS) {
            let mut cpu = Duration::ZERO;
            let query = format!("step={step}");
            let answer = timed(&mut cpu, || variant.service.api.answer(&ApiRequest::Curve(name.clone()), &query));
            let ApiContent::Json(text) = answer.content else { panic!("a curve is JSON") };
            assert_eq!(answer.status, 200, "{text}");
            took.push(cpu);
            length = length.max(text.len());
        }
        took.sort_unstable();
        let millis = |cpu: Duration| cpu.as_secs_f64() * 1e3;
        println!(
            "curve by {step}: median {:.2}, largest {:.2} ms of CPU, at most {length} bytes",
            millis(took[took.len() / 2]),
            millis(took[took.len() - 1])
        );
    }
}
