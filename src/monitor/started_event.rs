//! The first event of a run, from the settings of its link.

use crate::diagnostics::event::{FORMAT, StartedEvent};
use crate::mqtt::settings::LinkSettings;

/// What is watched and how.
pub(super) fn started_event(link: &LinkSettings) -> StartedEvent {
    let broker = &link.broker;
    let host = if broker.host.contains(':') { format!("[{}]", broker.host) } else { broker.host.clone() };
    let scheme = broker.transport.scheme();
    let path = broker.path.split(['?', '#']).next().filter(|_| broker.transport.is_websocket()).unwrap_or("");
    StartedEvent {
        format: Some(FORMAT.to_owned()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        keep_alive_secs: f64::from(link.keep_alive_secs) / link.time_scale,
        client_id: link.client_id.clone(),
        endpoint: format!("{scheme}://{host}:{}{path}", broker.port),
        mqtt_version: Some(link.version.into()),
        transport: Some(broker.transport.into()),
        clean_session: Some(link.clean_session),
        time_scale: (link.time_scale.to_bits() != 1.0_f64.to_bits()).then_some(link.time_scale),
    }
}
