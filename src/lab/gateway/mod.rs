//! The fault gateway: a man in the middle that ends and disturbs MQTT connections as it happens in the field.
//!
//! It terminates the client's transport (TCP, TLS, WebSocket, or any in-memory stream), parses the headers of
//! the MQTT packets without re-encoding them, and forwards them to the embedded broker or to an address.
//! [`PathFault`]s define what it does to them; several faults act independently of each other.
//!
//! All times of a fault are *field* time: `GatewayOptions::scale` field seconds pass in one real second.
//! Everything random comes from `GatewayOptions::seed` and the number of the fault, so that a second run
//! injects at the same times.
//!
//! `state` owns what the tasks share; `relay` serves one connection; `fault_schedule` runs the faults that act
//! on all connections; `control` is the handle for scenarios and tests.
//!
//! *Must not depend on* the client: it acts with real bytes only.

mod accept;
mod control;
mod delay_line;
mod fault_action;
mod fault_schedule;
mod field_time;
mod metrics;
mod options;
mod outage;
mod packet;
mod path_fault;
mod ports;
mod relay;
mod server;
mod session_fault;
mod state;
mod takeover_client;
mod upstream;

pub use control::GatewayControl;
pub use metrics::{FaultInjection, GatewayCounters};
pub use options::GatewayOptions;
pub use path_fault::{
    DeliveryFailureManner, Direction, DropManner, IdleManner, OutageManner, PathFault, PathFaultId,
    TakeoverTime,
};
pub use server::Gateway;
pub use upstream::Upstream;
