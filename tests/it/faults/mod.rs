//! Faults outside of the program: brokers, networks, producers, readers. Each test covers a row of docs/faults.md.

mod access;
mod brokers;
mod client;
mod crafted;
mod files;
mod logs;
mod memory;
mod mock;
mod network;
mod probes;
pub mod proxy;
mod records;
mod silence;
mod sockets;
mod table;
mod transactions;
mod unreadable;
