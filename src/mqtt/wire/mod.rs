//! The wire: from a broker's address to a byte stream, with every phase timed and every end named.
//!
//! *Must not depend on* MQTT packets, rumqttc, retries or the monitor. [`open()`] makes one attempt and
//! reports on it; [`WireTap`] names afterwards how the stream ended.

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
