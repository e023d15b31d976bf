//! Validation of settings before anything is tried.

use rumqttc::mqttbytes::valid_filter;
use secrecy::ExposeSecret as _;

use super::settings::{LinkSettings, VersionChoice};
use super::settings_error::SettingsError;
use super::wire::sanitize_text;

/// Smallest packet size limit that allows a CONNECT and its answer.
const SMALLEST_PACKET: usize = 256;

/// Checks everything that can be checked without a file or a network.
pub(super) fn validate(settings: &LinkSettings) -> Result<(), SettingsError> {
    let id = &settings.client_id;
    if id.is_empty() && !settings.clean_session {
        return Err(SettingsError::SessionWithoutClientId);
    }
    if !is_mqtt_string(id) {
        return Err(SettingsError::ClientId {
            why: "is longer than 65,535 bytes or contains a NUL character",
        });
    }
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
        if !is_mqtt_string(filter) || !valid_filter(filter) {
            return Err(SettingsError::Filter { filter: sanitize_text(filter) });
        }
        if *qos > 1 {
            return Err(SettingsError::Qos { filter: sanitize_text(filter), qos: *qos });
        }
    }
    Ok(())
}

/// Whether MQTT can encode the string.
fn is_mqtt_string(text: &str) -> bool {
    u16::try_from(text.len()).is_ok() && !text.contains('\0')
}

#[cfg(test)]
mod tests;
