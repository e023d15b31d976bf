//! Does one connect work, and how long does each step take? For `dropscope check`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};

use super::connector::{Connector, WireConnector};
use super::drive::{connect_failed, connected};
use super::engine::{Inbound, Outbound};
use super::handshake::{Attempted, ConnectSent, Established, Handshake};
use super::settings::LinkSettings;
use super::settings_error::SettingsError;
use super::versions::Versions;
use super::wire::{CertificateInfo, Progress};
use crate::diagnostics::Clock;
use crate::diagnostics::event::{Attempt, ConnectFailed, ConnectKind, Connected};

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What one connect and one ping showed.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// The phases of the last attempt.
    pub attempt: Attempt,
    /// The session, if the broker accepted.
    pub connected: Option<Connected>,
    /// Why there was none.
    pub failure: Option<ConnectFailed>,
    /// The broker's certificate, over TLS.
    pub certificate: Option<CertificateInfo>,
    /// PINGREQ→PINGRESP in milliseconds; `None` if unanswered.
    pub ping_ms: Option<f64>,
}

/// Connects once, pings once, disconnects. With `auto`, a second attempt in 3.1.1 follows if the broker
/// does not take MQTT 5.
///
/// # Errors
/// When the settings cannot work; each error says what to change.
pub async fn check(settings: &LinkSettings, clock: Arc<dyn Clock>) -> Result<CheckReport, SettingsError> {
    super::validate::validate(settings)?;
    let connector = Arc::new(WireConnector::new(settings)?);
    Ok(check_through(connector, settings, clock).await)
}

/// [`check`] over transports of `connector`.
pub(super) async fn check_through(
    connector: Arc<dyn Connector>,
    settings: &LinkSettings,
    clock: Arc<dyn Clock>,
) -> CheckReport {
    let settings = Arc::new(settings.clone());
    let mut versions = Versions::new(settings.version);
    let mut attempt_number = 0;
    loop {
        let handshake = Handshake {
            connector: Arc::clone(&connector),
            settings: Arc::clone(&settings),
            clock: Arc::clone(&clock),
            progress: Arc::new(Progress::default()),
            connect_sent: Arc::new(ConnectSent::default()),
            keep_alive: settings.promised(settings.keep_alive_secs),
            protocol: versions.current(),
            deep: false,
        };
        let Attempted { phases, result, .. } = handshake.run().await;
        let attempt = Attempt { attempt_number, phases };
        let failed = match result {
            Ok(established) => return examine(established, attempt, &settings, &*clock).await,
            Err(failed) => failed,
        };
        if !versions.failed(&failed) {
            let failure = Some(connect_failed(&failed, attempt_number));
            return CheckReport { attempt, connected: None, failure, certificate: None, ping_ms: None };
        }
        attempt_number += 1;
        tokio::time::sleep(settings.backoff.min_connect_interval).await;
    }
}

async fn examine(
    mut established: Established,
    attempt: Attempt,
    settings: &LinkSettings,
    clock: &dyn Clock,
) -> CheckReport {
    let number = attempt.attempt_number;
    let asked = settings.recorded(settings.keep_alive_secs);
    let session = connected(&established, ConnectKind::Connected, number, asked);
    let certificate = established.certificate.take();
    let ping_ms = tokio::time::timeout(settings.ping_timeout, ping(&mut established, clock)).await;
    let framed = &mut established.framed;
    // The answer is in; a broker that does not take the goodbye changes nothing.
    let goodbye = async { framed.send(Outbound::Disconnect).await.is_ok() && framed.close().await.is_ok() };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    CheckReport {
        attempt,
        connected: Some(session),
        failure: None,
        certificate,
        ping_ms: ping_ms.ok().flatten(),
    }
}

async fn ping(established: &mut Established, clock: &dyn Clock) -> Option<f64> {
    let framed = &mut established.framed;
    let sent = clock.now();
    framed.send(Outbound::PingReq).await.ok()?;
    while let Some(Ok(packet)) = framed.next().await {
        if packet.inbound == Inbound::PingResp {
            return Some(clock.now().since(sent).as_secs_f64() * 1000.0);
        }
    }
    None
}
