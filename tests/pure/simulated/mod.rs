//! The real link and the real monitor over days of simulated time.
//!
//! Tokio's clock is paused: it jumps to the next timer as soon as every task waits, so that a week takes seconds and
//! every instant is exact. The broker is the lab's; between it and the link is a [`network::SimulatedNetwork`] that
//! delays, cuts, refuses and loses the mappings of its router.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod chaos;
pub(crate) mod clock;
mod clocks;
mod commands;
mod example;
mod keep_alive;
mod network;
mod outages;
mod queue;
mod records;
mod replays;
mod requests;
mod scope;
mod separation;
