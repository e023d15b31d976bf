//! The rules of AWS IoT Core, and how it refuses what breaks them.
//!
//! The rules are a profile of the embedded broker: [`BrokerOptions::aws`](super::BrokerOptions::aws).
//! They apply to every client; the signature is required on WebSocket listeners only, because devices, which
//! have certificates, connect over TCP and in memory.

mod credential_store;
mod limits;
mod policy;
mod rules;
mod upgrade;

pub use credential_store::{LabCredentialStore, UpgradeDenial};
pub use limits::AwsLimits;
pub use policy::Policy;
pub use rules::AwsRules;

pub(super) use credential_store::random_text;
pub(super) use limits::in_real_time;
pub(super) use rules::{AwsDecision, ConnectionUsage};
pub(super) use upgrade::REGION;
