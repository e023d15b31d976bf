//! The broker seen from a client's side.

mod aws;
mod client;
mod faults;
mod lifecycle;
mod ordinary;
mod routing;
mod secure;
mod simulated_clock;
mod upgrade;
