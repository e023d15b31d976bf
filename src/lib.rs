//! dropscope: a terminal scope for MQTT connection drops.

pub mod cli;
pub mod clock;
pub mod config;
pub mod diagnostics;
pub mod exit;
pub mod export;
pub mod headless;
pub mod lab;
pub mod logging;
pub mod monitor;
pub mod mqtt;
pub mod tui;
