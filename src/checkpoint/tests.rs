//! A made-up state with a few regions, written and read in all the ways that go right and wrong.

mod round_trip;
mod world;
