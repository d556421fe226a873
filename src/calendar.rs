//! Calendars: the periods of figures, and the working time of plans.
//!
//! A week begins on Monday at midnight of the programme's zone (`programme.time_zone`), as in ISO 8601; a target may
//! choose another weekday ([`Period::Week`], spec/figures.md#periods). A day begins at midnight, or after the gap where
//! the clock skips midnight.
//!
//! - [`Period`]: days, weeks, months and campaigns of a zone as intervals of instants.
//! - [`WorkingCalendar`]: working time, and the weight of each day in a plan. It may have a zone of its own. [`read()`]
//!   builds it from files.
//! - [`CutTimes`]: the instants of cuts.
//!
//! Holiday rules, Easter and opening hours are implemented here: jiff has no holidays, and the crates that do know the
//! national ones, not those of a bank's regulator. Zones and date arithmetic are jiff's.

mod cut_times;
mod days;
mod holidays;
mod hours;
mod local_hours;
mod period;
mod read;
mod schedule;
mod shipped;
mod working;

pub use cut_times::CutTimes;
pub use holidays::WEEKDAYS;
pub use local_hours::hour_starts;
pub use period::{Interval, Period};
pub use read::read;
pub use shipped::shipped;
pub use working::{MissingYear, WorkingCalendar};
