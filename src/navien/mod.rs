//! The first device cloud: Navien NWP500 water heaters behind a REST account and AWS IoT.
//!
//! [`protocol`] is what client and device say to each other.
//!
//! *Must not know* the monitor, the screens or the command line.

pub mod protocol;
