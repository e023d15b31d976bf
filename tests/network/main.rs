//! Tests over real sockets on loopback: faults, AWS's rules, the device cloud, the scenarios of the demo.

mod aws;
#[path = "../shared/child.rs"]
mod child;
mod examples;
mod faults;
#[path = "../shared/loopback.rs"]
mod loopback;
mod navien;
mod rewriting_connector;
mod scenarios_live;
