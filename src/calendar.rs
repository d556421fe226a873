//! Calendars: the periods that figures are told for, and the working time that plans are made of.
//!
//! Periods ([`Period`]) are in the programme's zone. A working calendar ([`WorkingCalendar`]) says when payments are made or calls are taken, and how much
//! of a period's plan falls to each of its days; [`read`] takes them from files. A [`CutTimes`] says when cuts are taken.

mod cut_times;
mod days;
mod holidays;
mod hours;
mod period;
mod read;
mod schedule;
mod shipped;
mod working;

pub use cut_times::CutTimes;
pub use holidays::WEEKDAYS;
pub use period::{Interval, Period};
pub use read::read;
pub use shipped::shipped;
pub use working::WorkingCalendar;
