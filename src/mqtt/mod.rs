//! The link: dropscope's own transport under rumqttc's protocol engine.
//!
//! [`Link`] is a state machine that one task polls. It plans attempts (`reconnect`, with `backoff` and
//! `versions`), makes them (`connector`, `handshake`), and runs one `session` after the other
//! (`packet_stream`, `engine`, `ping`, `subscriptions`, `queue`). All its deadlines are in one table (`timers`).
//! `wire` carries the bytes and names how they ended; [`failure::Failure`] is the vocabulary of both.
//!
//! The only module besides the lab that names `rumqttc`. *Must not depend on* the monitor, the screens, or
//! files other than certificates.

mod backoff;
mod check;

mod connect_events;
mod connection_state;
pub mod connector;
mod engine;
mod engine_v4;
mod engine_v5;
mod handshake;
mod link;
mod listener;
mod packet_ring;
mod packet_stream;
mod ping;
mod planned_reconnect;
mod properties;
mod queue;
mod reason_text;
mod reconnect;
mod session;
pub mod settings;
mod settings_error;
pub mod signer;
mod status;
mod subscriptions;
mod timers;
pub mod validate;
mod versions;
pub mod wire;

use crate::diagnostics::failure;

pub use check::{CheckReport, check};
pub use link::Link;
pub use listener::{MessageListener, ReceivedMessage};
pub use planned_reconnect::PlannedReconnect;
pub use queue::{Publish, WithheldTopic};
pub use reconnect::ReconnectKind;
pub use settings_error::SettingsError;
pub use status::LinkStatus;

#[cfg(test)]
mod tests;
