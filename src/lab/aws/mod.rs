//! What does AWS IoT Core allow, and how does it say no?
//!
//! The rules are a profile of the embedded broker: [`BrokerOptions::aws`](super::BrokerOptions::aws).
//! They apply to every client; the signature is asked for on WebSocket listeners only, because over
//! TCP and in memory come the devices, which bring certificates.

mod keyring;
mod limits;
mod policy;
mod rules;
mod upgrade;

pub use keyring::{Denied, Keyring};
pub use limits::Limits;
pub use policy::Policy;
pub use rules::AwsRules;

pub(super) use keyring::random_text;
pub(super) use limits::in_real_time;
pub(super) use rules::{Conduct, Verdict};
pub(super) use upgrade::REGION;
