//! dropscope: a terminal scope for MQTT connection drops.

pub mod diagnostics;
pub mod export;
pub mod monitor;
pub mod mqtt;
