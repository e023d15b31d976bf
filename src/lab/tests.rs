//! The broker seen from a client's side.

mod client;
mod exactly_once;
mod faults;
mod gateway;
mod lifecycle;
mod ordinary;
mod routing;
mod secure;
