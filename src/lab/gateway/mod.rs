//! The fault gateway: a man in the middle that lets MQTT connections die the way they die in the field.
//!
//! It terminates the client's transport (TCP, TLS, WebSocket, or any in-memory stream), walks over the
//! headers of the MQTT packets without re-encoding them, and forwards them to the embedded broker or to
//! an address. [`Ailment`]s say what it does to them; several act independently of each other.
//!
//! All times of an ailment are *field* time: `GatewayOptions::scale` of them pass in one real second.
//! Everything random comes from `GatewayOptions::seed` and the number of the ailment, so that a second
//! run strikes at the same times.
//!
//! *Must not know* who is at the client's end: what it does, it does with real bytes.

mod accept;
mod control;
mod delay_line;
mod fault_action;
mod fault_schedule;
mod field_time;
mod metrics;
mod outage;
mod packet;
mod path_fault;
mod relay;
mod server;
mod session_fault;
mod takeover_client;

pub use control::GatewayControl;
pub use metrics::{FaultInjection, GatewayCounters};
pub use path_fault::{
    DeliveryFailureManner, Direction, DropManner, IdleManner, OutageManner, PathFault, PathFaultId,
    TakeoverTime,
};
pub use server::{Gateway, GatewayOptions, Upstream};
