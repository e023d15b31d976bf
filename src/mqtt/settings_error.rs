//! Errors of settings that are found before anything is tried.

use super::wire::TlsSettingsError;

/// Settings the link cannot work with. Each message is one sentence that states what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The client id cannot be sent.
    #[error("the client id {why}; choose another one")]
    ClientId {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The broker could not find the session again.
    #[error("a persistent session needs a client id; set one, or use a clean session")]
    SessionWithoutClientId,
    /// MQTT 3.1.1 forbids a password alone.
    #[error("a password was given without a user name; MQTT 3.1.1 does not allow that, so set a user name")]
    PasswordWithoutUsername,
    /// A string does not fit MQTT's two-byte length or contains NUL.
    #[error("the {what} is longer than 65,535 bytes or contains a NUL character; shorten it")]
    Text {
        /// Which string.
        what: &'static str,
    },
    /// A subscription is not a valid topic filter.
    #[error("\"{filter}\" is not a topic filter: + must fill a level and # must be the last level")]
    Filter {
        /// The filter, printable.
        filter: String,
    },
    /// A QoS that is not supported.
    #[error("quality of service {qos} of \"{filter}\" is not supported; use 0 or 1")]
    Qos {
        /// The filter, printable.
        filter: String,
        /// The configured value.
        qos: u8,
    },
    /// The packet size limit is too small to connect with.
    #[error("a packet size limit of {bytes} bytes is too small to work with; use at least 256")]
    MaxPacket {
        /// The configured value.
        bytes: usize,
    },
    /// Without WebSocket there is no upgrade to sign.
    #[error("credentials that sign URLs work over WebSocket only; use wss://")]
    SignerWithoutWebSocket,
    /// The TLS settings or the files they name are unusable.
    #[error(transparent)]
    Tls(#[from] TlsSettingsError),
}
