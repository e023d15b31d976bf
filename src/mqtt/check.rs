//! One connect and one ping with the time of each step, for `dropscope check`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};

use super::connect_events::connected_event;
use super::connector::{Connector, WireConnector};
use super::engine::{InboundPacket, OutboundPacket};
use super::handshake::{ConnectSentAt, EstablishedSession, Handshake, HandshakeOutcome};
use super::settings::LinkSettings;
use super::settings_error::SettingsError;
use super::versions::VersionSelector;
use super::wire::{CertificateInfo, Progress};
use crate::diagnostics::Clock;
use crate::diagnostics::event::{Attempt, ConnectFailedEvent, ConnectKind, ConnectedEvent};

/// How long the disconnect may take.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The result of one connect and one ping.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// The phases of the last attempt.
    pub attempt: Attempt,
    /// The session, if the broker accepted.
    pub connected: Option<ConnectedEvent>,
    /// Why there is no session.
    pub failure: Option<ConnectFailedEvent>,
    /// The broker's certificate, over TLS.
    pub certificate: Option<CertificateInfo>,
    /// PINGREQ→PINGRESP in milliseconds; `None` if unanswered.
    pub ping_ms: Option<f64>,
}

/// Connects once, pings once, disconnects. With `auto`, a second attempt in 3.1.1 follows if the broker
/// does not take MQTT 5.
///
/// # Errors
/// When the settings cannot work; each error states what to change.
pub async fn check(settings: &LinkSettings, clock: Arc<dyn Clock>) -> Result<CheckReport, SettingsError> {
    super::validate::validate(settings)?;
    let connector = Arc::new(WireConnector::new(settings)?);
    Ok(check_with_connector(connector, settings, clock).await)
}

/// [`check`] over transports of `connector`.
pub(super) async fn check_with_connector(
    connector: Arc<dyn Connector>,
    settings: &LinkSettings,
    clock: Arc<dyn Clock>,
) -> CheckReport {
    let settings = Arc::new(settings.clone());
    let mut versions = VersionSelector::new(settings.version);
    let mut attempt_number = 0;
    loop {
        let handshake = Handshake {
            connector: Arc::clone(&connector),
            settings: Arc::clone(&settings),
            clock: Arc::clone(&clock),
            progress: Arc::new(Progress::default()),
            connect_sent_at: Arc::new(ConnectSentAt::default()),
            keep_alive: settings.connect_keep_alive_secs(settings.keep_alive_secs),
            protocol: versions.current(),
            deep: false,
        };
        let HandshakeOutcome { phases, result, .. } = handshake.run().await;
        let attempt = Attempt { attempt_number, phases };
        let failed = match result {
            Ok(established) => return check_session(established, attempt, &settings, &*clock).await,
            Err(failed) => failed,
        };
        if !versions.on_connect_failed(&failed) {
            let failure = Some(failed.failure.connect_failed_event(Some(failed.phase), attempt_number));
            return CheckReport { attempt, connected: None, failure, certificate: None, ping_ms: None };
        }
        attempt_number += 1;
        tokio::time::sleep(settings.backoff.min_connect_interval).await;
    }
}

async fn check_session(
    mut established: EstablishedSession,
    attempt: Attempt,
    settings: &LinkSettings,
    clock: &dyn Clock,
) -> CheckReport {
    let number = attempt.attempt_number;
    let requested_keep_alive = settings.recorded_keep_alive_secs(settings.keep_alive_secs);
    let session = connected_event(&established, ConnectKind::Connected, number, requested_keep_alive);
    let certificate = established.certificate.take();
    let ping_ms = tokio::time::timeout(settings.ping_timeout, ping(&mut established, clock)).await;
    let framed = &mut established.framed;
    // The result is known; a broker that does not read the DISCONNECT does not change it.
    let disconnect =
        async { framed.send(OutboundPacket::Disconnect).await.is_ok() && framed.close().await.is_ok() };
    let _ = tokio::time::timeout(DISCONNECT_TIMEOUT, disconnect).await;
    CheckReport {
        attempt,
        connected: Some(session),
        failure: None,
        certificate,
        ping_ms: ping_ms.ok().flatten(),
    }
}

async fn ping(established: &mut EstablishedSession, clock: &dyn Clock) -> Option<f64> {
    let framed = &mut established.framed;
    let sent = clock.now();
    framed.send(OutboundPacket::PingReq).await.ok()?;
    while let Some(Ok(packet)) = framed.next().await {
        if packet.inbound == InboundPacket::PingResp {
            return Some(clock.now().since(sent).as_secs_f64() * 1000.0);
        }
    }
    None
}
