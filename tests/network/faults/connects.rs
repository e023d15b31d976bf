//! Every failed connect is named, and the link connects once the obstacle is removed.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dropscope::diagnostics::error_name::AWS_ERROR_MQTT_PROTOCOL_ERROR;
use dropscope::diagnostics::event::{ConnectKind, Phase};
use dropscope::diagnostics::{MqttVersion, Transport, VersionChoice};
use dropscope::lab::{AcceptedVersions, BrokerOptions, Fault, FaultTrigger, PlannedFault};
use dropscope::mqtt::settings::PhaseTimeouts;

use crate::faults::certificates::Certificate;
use crate::faults::connect_table::{Obstacle, REFUSALS_V3, REFUSALS_V5, TABLE};
use crate::faults::expected::{ALL, ExpectedFailure};
use crate::faults::fixture::Fixture;
use crate::faults::watched_link::run_all;

/// Deadline of the phase that is to time out.
const SHORT_TIMEOUT: Duration = Duration::from_millis(300);

/// An obstacle with one transport and version.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    transport: Transport,
    version: VersionChoice,
    obstacle: &'static Obstacle,
    expected: ExpectedFailure,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} over {} with {:?}", self.name, self.transport.name(), self.version)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failed_connect_is_named() {
    let mut cases = Vec::new();
    for row in TABLE {
        for transport in row.transports.iter().copied() {
            cases.extend(row.versions.iter().map(|version| Case {
                name: row.name,
                transport,
                version: *version,
                obstacle: &row.obstacle,
                expected: row.expected,
            }));
        }
    }
    run_all(cases, run).await;
}

async fn run(case: Case) -> Result<(), String> {
    let mut fixture = Fixture::start(case.transport, case.version, BrokerOptions::default()).await;
    if matches!(case.obstacle, Obstacle::Stall(..)) {
        fixture.settings.timeouts = deadline_of(case.expected.phase);
    }
    expect_failure(fixture, case.obstacle, case.expected).await
}

/// A session is up; the obstacle is set, the session is reset, the connect fails; the obstacle is removed.
async fn expect_failure(
    fixture: Fixture,
    obstacle: &Obstacle,
    expected: ExpectedFailure,
) -> Result<(), String> {
    let mut watched = fixture.watched_link();
    watched.connected(ConnectKind::Connected).await?;
    set_obstacle(obstacle, &fixture).await;
    fixture.control.inject(&Fault::Reset);
    watched.dropped().await?;
    let (failed, attempt) = watched.connect_failed().await?;
    expected.check(&failed)?;
    let phases = attempt.phases.split_last().map(|(last, before)| {
        let is_reported = last.phase == expected.phase && !last.ok && last.error == failed.error_message;
        is_reported && before.iter().all(|phase| phase.ok)
    });
    if phases != Some(true) {
        return Err(format!("the phases do not fit: {attempt:?}"));
    }
    clear_obstacle(obstacle, &fixture).await;
    watched.connected(expected.reconnect_kind).await.map(|_| ())
}

async fn set_obstacle(obstacle: &Obstacle, fixture: &Fixture) {
    match obstacle {
        Obstacle::NoSuchName => fixture.is_unresolvable.store(true, Ordering::Relaxed),
        Obstacle::PortClosed => fixture.control.close_ports().await.unwrap(),
        Obstacle::BadCertificate(certificate) => fixture.certificates.set_certificate(*certificate),
        Obstacle::ClientCertificateRequired => fixture.certificates.require_client_certificates(true),
        Obstacle::Fault(when, fault) | Obstacle::Stall(when, fault) => {
            fixture.control.plan_fault(PlannedFault::every_at(*when, fault.clone()));
        }
    }
}

async fn clear_obstacle(obstacle: &Obstacle, fixture: &Fixture) {
    match obstacle {
        Obstacle::NoSuchName => fixture.is_unresolvable.store(false, Ordering::Relaxed),
        Obstacle::PortClosed => fixture.control.open_ports().await.unwrap(),
        Obstacle::BadCertificate(_) => fixture.certificates.set_certificate(Certificate::Good),
        Obstacle::ClientCertificateRequired => fixture.certificates.require_client_certificates(false),
        Obstacle::Fault(..) | Obstacle::Stall(..) => fixture.control.clear_planned_faults(),
    }
}

/// Deadlines of which only one is short enough for a test to reach.
fn deadline_of(phase: Phase) -> PhaseTimeouts {
    let mut timeouts = PhaseTimeouts::default();
    match phase {
        Phase::Credentials => timeouts.credentials = SHORT_TIMEOUT,
        Phase::Dns => timeouts.dns = SHORT_TIMEOUT,
        Phase::Tcp => timeouts.tcp = SHORT_TIMEOUT,
        Phase::Tls => timeouts.tls = SHORT_TIMEOUT,
        Phase::Websocket => timeouts.websocket = SHORT_TIMEOUT,
        Phase::Connack => timeouts.connack = SHORT_TIMEOUT,
    }
    timeouts
}

/// A CONNACK that refuses.
#[derive(Clone, Copy)]
struct ConnackRefusal {
    code: u8,
    transport: Transport,
    version: VersionChoice,
}

impl fmt::Display for ConnackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CONNACK 0x{:02X} over {} with {:?}", self.code, self.transport.name(), self.version)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_of_a_broker_keeps_its_code() {
    let codes = [(VersionChoice::V311, REFUSALS_V3), (VersionChoice::V5, REFUSALS_V5)];
    let mut refusals = Vec::new();
    for (version, codes) in codes {
        for code in codes.iter().copied() {
            refusals.extend(ALL.iter().map(|transport| ConnackRefusal {
                code,
                transport: *transport,
                version,
            }));
        }
    }
    run_all(refusals, refused).await;
}

async fn refused(refusal: ConnackRefusal) -> Result<(), String> {
    let fixture = Fixture::start(refusal.transport, refusal.version, BrokerOptions::default()).await;
    let obstacle = Obstacle::Fault(FaultTrigger::OnConnect, Fault::RefuseConnect(refusal.code));
    expect_failure(fixture, &obstacle, ExpectedFailure::refused(refusal.code, AWS_ERROR_MQTT_PROTOCOL_ERROR))
        .await
}

#[tokio::test]
async fn auto_falls_back_to_3_1_1_and_stays_with_it() {
    let options = BrokerOptions { versions: AcceptedVersions::OnlyV311, ..Default::default() };
    for transport in ALL {
        let fixture = Fixture::start(*transport, VersionChoice::Auto, options.clone()).await;
        let mut watched = fixture.watched_link();
        let (failed, _) = watched.connect_failed().await.unwrap();
        assert_eq!((failed.return_code, failed.attempt_number), (Some(1), 0));
        let first = watched.connected(ConnectKind::Connected).await.unwrap();
        fixture.control.inject(&Fault::Reset);
        let back = watched.connected(ConnectKind::Resumed).await.unwrap();
        for connected in [first, back] {
            assert_eq!(
                (connected.mqtt_version, connected.attempt_number),
                (Some(MqttVersion::V311.into()), 1)
            );
        }
    }
}
