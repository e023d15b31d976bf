//! Tests without sockets and without the program: the pure core, the screens, the monitor in simulated time.

mod arbitrary;
mod architecture;
mod classify;
mod collector;
#[path = "../shared/committed.rs"]
mod committed;
mod export;
mod in_memory;
mod properties;
mod readme;
mod recording;
mod redaction;
mod scenarios;
mod screens;
mod simulated;
mod verdicts;
