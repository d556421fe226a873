//! Faults outside of the program: brokers, networks, producers, readers. Each test covers a row of docs/faults.md.

mod access;
mod brokers;
mod busy;
mod client;
mod crafted;
mod dead_letters;
mod entries;
mod files;
mod hangs;
mod limits;
mod logs;
mod memory;
mod mock;
mod network;
mod outside_text;
mod planted;
mod probes;
mod producing;
mod properties;
pub mod proxy;
mod records;
mod shortage;
mod silence;
mod sockets;
mod table;
mod transactions;
mod unreadable;
