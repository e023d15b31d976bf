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

mod path_fault;
mod fault_action;
mod control;
mod fault_schedule;
mod delay_line;
mod field_time;
mod server;
mod takeover_client;
mod metrics;
mod outage;
mod packet;
mod relay;
mod session_fault;
mod accept;

pub use path_fault::{PathFault, PathFaultId, DeliveryFailureManner, Direction, IdleManner, DropManner, OutageManner, TakeoverTime};
pub use control::GatewayControl;
pub use server::{Gateway, GatewayOptions, Upstream};
pub use metrics::{FaultInjection, GatewayCounters};
