//! The lab: an embedded MQTT broker on loopback, a gateway before it that ails as the field does, the scenarios
//! they play, and a world to connect to: the rules of AWS IoT Core, a vendor's REST cloud and a water heater.
//!
//! `dropscope demo`, `dropscope lab` and the tests share it. It listens only on `127.0.0.1` and `::1`, on ports
//! that the system picks, and leaves nothing behind when it is stopped.
//!
//! *Must not know* the link under test (`mqtt`), the monitor, the screens, the configuration: what
//! it does to a connection it does with real bytes and real sockets, never with made-up events.

mod admission;
pub(crate) mod authority;
mod aws;
mod broker;
mod cloud;
mod codec;
mod connection;
mod control;
mod device;
mod fault;
mod gateway;
mod handshake;
mod heater;
mod listener;
mod message;
mod navien;
mod pipe;
mod router;
pub mod scenario;
mod server_stream;
mod stage;
mod websocket;

#[cfg(test)]
mod tests;

pub use aws::{AwsRules, Denied, Keyring, Limits, Policy};
pub use broker::{Broker, BrokerOptions, Versions};
pub use cloud::{Cloud, CloudControl, CloudOptions, Listed, Mishap, Presence, Secret, Served};
pub use codec::{Connect, Version};
pub use control::{Census, Control};
pub use device::{ANSWER_TOPIC, COMMAND_TOPIC, TELEMETRY_TOPIC};
pub use fault::{Fault, Plan, When, Which};
pub use gateway::{
    Ailment, AilmentId, Deafness, Direction, Gateway, GatewayControl, GatewayOptions, IdleManner, Manner,
    OutageManner, Strike, TakeoverTime, Tally, Upstream,
};
pub use handshake::Endpoint;
pub use heater::{Answering, Heater, HeaterControl, HeaterOptions, Identity, Wrong};
pub use message::Message;
pub use navien::{NavienControl, NavienLab, NavienLabOptions};
pub use router::Counters;
pub use server_stream::Parting;
pub use stage::{HOST, Stage, StageOptions};
