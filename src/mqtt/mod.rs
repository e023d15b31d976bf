//! The link: our own wire under rumqttc's protocol engine.
//!
//! [`Link`] is a state machine that one task polls: it plans attempts (`backoff`, `versions`), makes them
//! (`connector`, `handshake`), and lives one `session` after the other (`engine`, `ping`, `queue`).
//! `wire` carries the bytes and names how they ended; [`Failure`](failure::Failure) is the vocabulary of both.
//!
//! The only room that names `rumqttc`. *Must not know* the monitor, the screens, files other than
//! certificates.

mod backoff;
mod check;
pub mod connector;
mod engine;
mod engine_v4;
mod engine_v5;
mod handshake;
mod link;
mod listener;
mod packet_ring;
mod ping;
mod planned_reconnect;
mod properties;
mod queue;
mod reason_text;
mod session;
mod session_end;
pub mod settings;
mod settings_error;
pub mod signer;
mod state_machine;
mod validate;
mod versions;
pub mod wire;

use crate::diagnostics::failure;

pub use check::{CheckReport, check};
pub use link::{Activity, Link, LinkStatus, ReconnectKind};
pub use listener::{MessageListener, ReceivedMessage};
pub use planned_reconnect::PlannedReconnect;
pub use queue::Publish;
pub use settings_error::SettingsError;

#[cfg(test)]
mod tests;
