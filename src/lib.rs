//! dropscope: a terminal scope for MQTT connection drops.

pub mod clock;
pub mod diagnostics;
pub mod exit;
pub mod monitor;
pub mod mqtt;
