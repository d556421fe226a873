//! A made-up state with a few tables, written and read on disks that work, fail and decay.

mod bombs;
mod crafted;
mod damage;
mod days;
mod disks;
mod golden;
mod marks;
mod mismatches;
mod real_disk;
mod refusals;
mod round_trip;
mod sealed;
mod unproven;
mod world;
