//! The wire: from a broker's address to a byte stream, every phase timed and every ending named.
//!
//! *Must not know* MQTT packets, rumqttc, retries or the monitor. [`open()`] makes one attempt and reports
//! on it; [`WireTap`] says afterwards how the stream ended.

mod certificate;
mod close_reason;
mod connect_failure;
mod dial;
mod open;
mod progress;
mod proxy;
mod resolve;
mod sanitize;
mod stream;
mod tap;
mod tapped_socket;
mod tls;
mod websocket;
mod ws_stream;

#[cfg(test)]
mod tests;

pub use certificate::CertificateInfo;
pub use open::{OpenFailure, OpenOutcome, open};
pub use progress::Progress;
pub(in crate::mqtt) use sanitize::sanitize_text;
pub use stream::{WireConnection, WireStream};
pub use tap::WireTap;
pub use tls::{TlsContext, TlsSettingsError};
