//! The lab: an embedded MQTT broker on loopback that fails on command, and around it a world to
//! connect to: the rules of AWS IoT Core, a vendor's REST cloud and a water heater.
//!
//! `dropscope demo` and the tests share it. It listens only on `127.0.0.1` and `::1`, on ports the
//! system picks, and leaves nothing behind when it is stopped.
//!
//! *Must not know* the link under test (`mqtt`), the monitor, the screens, the configuration: what
//! it does to a connection it does with real bytes and real sockets, never with made-up events.

mod admission;
mod authority;
mod aws;
mod broker;
mod cloud;
mod codec;
mod connection;
mod control;
mod demo;
mod fault;
mod handshake;
mod heater;
mod message;
mod navien;
mod pipe;
mod router;
mod server_stream;
mod websocket;

#[cfg(test)]
mod tests;

pub use aws::{AwsRules, Denied, Keyring, Limits, Policy};
pub use broker::{Broker, BrokerOptions, Versions};
pub use cloud::{Cloud, CloudControl, CloudOptions, Listed, Mishap, Presence, Served};
pub use codec::{Connect, Version};
pub use control::{Census, Control};
pub use demo::Demo;
pub use fault::{Fault, Plan, When, Which};
pub use handshake::Endpoint;
pub use heater::{Answering, Heater, HeaterControl, HeaterOptions, Identity, Wrong};
pub use message::Message;
pub use navien::{NavienControl, NavienLab, NavienLabOptions};
pub use router::Counters;
