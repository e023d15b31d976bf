//! The first device cloud: Navien NWP500 water heaters behind a REST account and AWS IoT.
//!
//! [`account`] signs in and keeps the credentials fresh; [`connection`] is how the vendor's MQTT endpoint is
//! reached with them; [`protocol`] is what client and device say to each other; [`heater`] offers that as a device.
//!
//! *Must not know* the monitor, the screens or the command line.

pub mod account;
pub mod connection;
pub mod heater;
pub mod protocol;
