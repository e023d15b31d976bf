//! The real programs between the client and its broker, and the broker.

pub(crate) mod certificates;
pub(crate) mod haproxy;
pub(crate) mod mosquitto;
pub(crate) mod nginx;
pub(crate) mod relay;
pub(crate) mod stunnel;
