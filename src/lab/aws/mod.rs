//! What does AWS IoT Core allow, and how does it say no?
//!
//! The rules are a profile of the embedded broker: [`BrokerOptions::aws`](super::BrokerOptions::aws).
//! They apply to every client; the signature is asked for on WebSocket listeners only, because over
//! TCP and in memory come the devices, which bring certificates.

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
