//! The lab: an embedded MQTT broker on loopback, a fault gateway before it, the scenarios they play, and the
//! servers that a client needs besides: the rules of AWS IoT Core, a vendor's REST cloud and a water heater.
//!
//! `dropscope demo`, `dropscope lab` and the tests share it. It listens only on `127.0.0.1` and `::1`, on ports
//! that the system picks, and leaves nothing behind when it is stopped.
//!
//! Its modules depend in one direction: `sync ← packet ← aws ← transport ← broker ← gateway ← scenario ← setup`.
//!
//! *Must not depend on* the link under test (`mqtt`), the monitor, the screens, the configuration: it acts on a
//! connection with real bytes and real sockets, never with made-up events.

mod aws;
mod broker;
mod cloud;
mod demo_heater;
mod gateway;
mod heater;
mod navien;
mod packet;
pub mod scenario;
mod setup;
mod sync;
mod transport;

#[cfg(test)]
mod tests;

pub use aws::{AwsLimits, AwsRules, LabCredentialStore, Policy, UpgradeDenial};
pub use broker::{
    AcceptedVersions, Broker, BrokerControl, BrokerOptions, ConnectionCounts, ConnectionSelector, Fault,
    FaultTrigger, MessageCounters, PlannedFault,
};
pub use cloud::{
    CloudControl, CloudFault, CloudOptions, CloudSecret, ListedDevice, Presence, ServedRequest,
    SimulatedCloud,
};
pub use demo_heater::{ANSWER_TOPIC, COMMAND_TOPIC, TELEMETRY_TOPIC};
pub use gateway::{
    DeliveryFailureManner, Direction, DropManner, FaultInjection, Gateway, GatewayControl, GatewayCounters,
    GatewayOptions, IdleManner, OutageManner, PathFault, PathFaultId, TakeoverTime, Upstream,
};
pub use heater::{
    AnswerCorruption, AnswerMode, HeaterControl, HeaterIdentity, HeaterOptions, SimulatedHeater,
};
pub use navien::{NavienControl, NavienLab, NavienLabOptions};
pub use packet::{ApplicationMessage, Connect};
pub use setup::{LabOptions, LabSetup};
#[cfg(test)]
pub(crate) use transport::LabCertificates;
pub use transport::{CloseSignal, LAB_HOST, ListenerEndpoint};
