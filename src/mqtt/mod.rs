//! The link: our own wire under rumqttc's protocol engine.
//!
//! The only room that names `rumqttc`. *Must not know* the monitor, the screens, files other than
//! certificates.

pub mod client_error;
pub mod failure;
pub mod settings;
