//! Validation of settings before anything is tried.

use secrecy::ExposeSecret as _;

use super::settings::LinkSettings;
use super::settings_error::SettingsError;
use super::wire::sanitize_text;
use crate::diagnostics::VersionChoice;
use crate::diagnostics::topics::is_filter;

/// Smallest packet size limit that allows a CONNECT and its answer.
const SMALLEST_PACKET: usize = 256;

/// Checks everything that can be checked without a file or a network.
pub(super) fn validate(settings: &LinkSettings) -> Result<(), SettingsError> {
    let id = &settings.client_id;
    if id.is_empty() && !settings.clean_session {
        return Err(SettingsError::SessionWithoutClientId);
    }
    client_id(id)?;
    if settings.username.as_deref().is_some_and(|name| !is_mqtt_string(name)) {
        return Err(SettingsError::Text { what: "user name" });
    }
    if let Some(password) = &settings.password {
        if settings.username.is_none() && settings.version != VersionChoice::V5 {
            return Err(SettingsError::PasswordWithoutUsername);
        }
        if !is_mqtt_string(password.expose_secret()) {
            return Err(SettingsError::Text { what: "password" });
        }
    }
    if settings.max_packet < SMALLEST_PACKET {
        return Err(SettingsError::MaxPacket { bytes: settings.max_packet });
    }
    if settings.signer.is_some() && !settings.broker.transport.is_websocket() {
        return Err(SettingsError::SignerWithoutWebSocket);
    }
    for (filter, qos) in &settings.subscriptions {
        topic_filter(filter)?;
        quality_of_service(*qos)?;
    }
    Ok(())
}

/// Checks a client id; an empty one lets the broker choose.
///
/// # Errors
/// If MQTT cannot carry it, or if it holds a control character, which brokers may refuse (MQTT 5 §1.5.4).
pub fn client_id(id: &str) -> Result<(), SettingsError> {
    let is_sendable = u16::try_from(id.len()).is_ok() && !id.chars().any(char::is_control);
    if is_sendable { Ok(()) } else { Err(SettingsError::ClientId) }
}

/// Checks a topic filter of a subscription.
///
/// # Errors
/// If it breaks the rules of MQTT 3.1.1 §4.7 or holds a control character.
pub fn topic_filter(filter: &str) -> Result<(), SettingsError> {
    if is_filter(filter) { Ok(()) } else { Err(SettingsError::Filter { filter: sanitize_text(filter) }) }
}

/// Checks the quality of service of a subscription.
///
/// # Errors
/// If it is neither 0 nor 1.
pub fn quality_of_service(qos: u8) -> Result<(), SettingsError> {
    if qos <= 1 { Ok(()) } else { Err(SettingsError::Qos { qos }) }
}

/// Whether MQTT can carry the string.
fn is_mqtt_string(text: &str) -> bool {
    u16::try_from(text.len()).is_ok() && !text.contains('\0')
}

#[cfg(test)]
mod tests;
