//! Tests of the program as a user runs it: arguments, output, exit codes, signals, a real terminal.

mod analyze;
#[path = "../shared/child.rs"]
mod child;
mod cli;
#[path = "../shared/committed.rs"]
mod committed;
mod config_schema;
mod explain;
mod headless;
mod pictures;
mod pty;
