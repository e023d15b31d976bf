//! The first device cloud: Navien NWP500 water heaters behind a REST account and AWS IoT.
//!
//! [`account`] signs in and renews the credentials; [`connection`] connects to the vendor's MQTT endpoint with
//! them; [`protocol`] is the protocol between client and device; [`heater`] implements the device port with it.
//!
//! *Must not depend on* the monitor, the screens or the command line.

pub mod account;
pub mod connection;
pub mod heater;
pub mod protocol;
