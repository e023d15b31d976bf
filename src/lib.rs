//! dropscope: a terminal scope for MQTT connection drops.

pub mod diagnostics;
pub mod monitor;
pub mod mqtt;
pub mod tui;
