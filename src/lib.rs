//! dropscope: a terminal scope for MQTT connection drops.

pub mod diagnostics;
pub mod lab;
pub mod monitor;
pub mod mqtt;
