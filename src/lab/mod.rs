//! The lab: an embedded MQTT broker on loopback, a gateway before it that ails as the field does, the scenarios
//! they play, and a world to connect to: the rules of AWS IoT Core, a vendor's REST cloud and a water heater.
//!
//! `dropscope demo`, `dropscope lab` and the tests share it. It listens only on `127.0.0.1` and `::1`, on ports
//! that the system picks, and leaves nothing behind when it is stopped.
//!
//! *Must not know* the link under test (`mqtt`), the monitor, the screens, the configuration: what
//! it does to a connection it does with real bytes and real sockets, never with made-up events.

mod aws;
mod broker;
pub(crate) mod certificates;
mod cloud;
mod codec;
mod connect;
mod connection;
mod control;
mod demo_heater;
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
mod setup;
mod websocket;

#[cfg(test)]
mod tests;

pub use aws::{AwsLimits, AwsRules, LabCredentialStore, Policy, UpgradeDenial};
pub use broker::{AcceptedVersions, Broker, BrokerOptions};
pub use cloud::{
    CloudControl, CloudFault, CloudOptions, CloudSecret, ListedDevice, Presence, ServedRequest,
    SimulatedCloud,
};
pub use codec::Connect;
pub use control::{BrokerControl, ConnectionCounts};
pub use demo_heater::{ANSWER_TOPIC, COMMAND_TOPIC, TELEMETRY_TOPIC};
pub use fault::{ConnectionSelector, Fault, FaultTrigger, PlannedFault};
pub use gateway::{
    DeliveryFailureManner, Direction, DropManner, FaultInjection, Gateway, GatewayControl, GatewayCounters,
    GatewayOptions, IdleManner, OutageManner, PathFault, PathFaultId, TakeoverTime, Upstream,
};
pub use handshake::ListenerEndpoint;
pub use heater::{
    AnswerCorruption, AnswerMode, HeaterControl, HeaterIdentity, HeaterOptions, SimulatedHeater,
};
pub use message::ApplicationMessage;
pub use navien::{NavienControl, NavienLab, NavienLabOptions};
pub use router::MessageCounters;
pub use server_stream::CloseSignal;
pub use setup::{LAB_HOST, LabOptions, LabSetup};
