//! Errors of settings that are found before anything is tried.

use super::wire::TlsSettingsError;

/// Settings the link cannot work with. Each message is one sentence; the configuration shows the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The client id cannot be sent.
    #[error("The client id must be at most 65535 bytes long and free of control characters.")]
    ClientId,
    /// The broker could not find the session again.
    #[error("A persistent session needs a client id: set one, or use a clean session.")]
    SessionWithoutClientId,
    /// MQTT 3.1.1 forbids a password alone.
    #[error("There is a password but no user name: set a user name.")]
    PasswordWithoutUsername,
    /// A string does not fit MQTT's two-byte length or contains NUL.
    #[error("The {what} is longer than 65535 bytes or contains a NUL character.")]
    Text {
        /// Which string.
        what: &'static str,
    },
    /// A subscription is no topic filter.
    #[error(
        "`{filter}` is not a valid topic filter: `#` may only stand alone at the end and `+` alone between slashes."
    )]
    Filter {
        /// The filter, printable.
        filter: String,
    },
    /// A QoS that is not supported.
    #[error("Quality of service {qos} is not supported: use 0 or 1.")]
    Qos {
        /// The requested value.
        qos: u8,
    },
    /// The packet size limit is too small to connect with.
    #[error("A packet size limit of {bytes} bytes is too small to connect with: use at least 256.")]
    MaxPacket {
        /// The requested value.
        bytes: usize,
    },
    /// There is no upgrade to sign.
    #[error("Credentials that sign URLs work over WebSocket only: use wss://.")]
    SignerWithoutWebSocket,
    /// The TLS settings or the files they name are unusable.
    #[error(transparent)]
    Tls(#[from] TlsSettingsError),
}
