//! A made-up state with a few regions, written and read in all the ways that go right and wrong.

mod crafted;
mod damage;
mod days;
mod disks;
mod golden;
mod mismatches;
mod real_disk;
mod refusals;
mod round_trip;
mod world;
