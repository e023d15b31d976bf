//! Every way a connection ends: the exact events of the link, and its recovery.
//!
//! Two tables: [`session_table`] for established sessions, [`connect_table`] for connects that fail.
//! Each row names a fault, where it can happen, and the expected event. Real sockets on loopback, the embedded
//! broker on the other side, the clock of this computer.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

mod certificates;
mod connect_table;
mod connects;
mod expected;
mod fixture;
mod session_table;
mod sessions;
mod watched_link;
