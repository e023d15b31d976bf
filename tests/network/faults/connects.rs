//! Does the link tell why each connect failed, and does it get through once the obstacle is gone?

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dropscope::diagnostics::error_name::AWS_ERROR_MQTT_PROTOCOL_ERROR;
use dropscope::diagnostics::event::{ConnectKind, Phase};
use dropscope::lab::{BrokerOptions, Fault, Plan, Versions, When};
use dropscope::mqtt::settings::{PhaseTimeouts, Transport, VersionChoice};

use crate::faults::certificates::Certificate;
use crate::faults::connect_table::{Obstacle, REFUSALS_V3, REFUSALS_V5, TABLE};
use crate::faults::expected::{ALL, Failure};
use crate::faults::scene::Scene;
use crate::faults::watched::all;

/// Deadline of the phase that is to run into it.
const SHORT: Duration = Duration::from_millis(300);

/// An obstacle at one place.
#[derive(Clone, Copy)]
struct Case {
    what: &'static str,
    transport: Transport,
    version: VersionChoice,
    obstacle: &'static Obstacle,
    told: Failure,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} over {} speaking {:?}", self.what, self.transport.name(), self.version)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connect_that_fails_says_why() {
    let mut cases = Vec::new();
    for row in TABLE {
        for transport in row.over.iter().copied() {
            cases.extend(row.speaking.iter().map(|version| Case {
                what: row.what,
                transport,
                version: *version,
                obstacle: &row.obstacle,
                told: row.told,
            }));
        }
    }
    all(cases, run).await;
}

async fn run(case: Case) -> Result<(), String> {
    let mut scene = Scene::set(case.transport, case.version, BrokerOptions::default()).await;
    if matches!(case.obstacle, Obstacle::Stalled(..)) {
        scene.settings.timeouts = deadline_of(case.told.phase);
    }
    fails(scene, case.obstacle, case.told).await
}

/// A session is up; the obstacle appears, the session is cut, the connect fails; the obstacle goes.
async fn fails(scene: Scene, obstacle: &Obstacle, told: Failure) -> Result<(), String> {
    let mut watched = scene.watch();
    watched.connected(ConnectKind::Connected).await?;
    put_up(obstacle, &scene).await;
    scene.control.strike(&Fault::Reset);
    watched.dropped().await?;
    let (failed, attempt) = watched.connect_failed().await?;
    told.check(&failed)?;
    let phases = attempt.phases.split_last().map(|(last, before)| {
        let is_told = last.phase == told.phase && !last.ok && last.error == failed.error_message;
        is_told && before.iter().all(|phase| phase.ok)
    });
    if phases != Some(true) {
        return Err(format!("the phases do not fit: {attempt:?}"));
    }
    take_away(obstacle, &scene).await;
    watched.connected(told.back).await.map(|_| ())
}

async fn put_up(obstacle: &Obstacle, scene: &Scene) {
    match obstacle {
        Obstacle::NoSuchName => scene.nameless.store(true, Ordering::Relaxed),
        Obstacle::PortClosed => scene.control.close_ports().await.unwrap(),
        Obstacle::Shown(certificate) => scene.showcase.show(*certificate),
        Obstacle::ClientCertificateDemanded => scene.showcase.demand_client_certificates(true),
        Obstacle::Planned(when, fault) | Obstacle::Stalled(when, fault) => {
            scene.control.plan(Plan::every_at(*when, fault.clone()));
        }
    }
}

async fn take_away(obstacle: &Obstacle, scene: &Scene) {
    match obstacle {
        Obstacle::NoSuchName => scene.nameless.store(false, Ordering::Relaxed),
        Obstacle::PortClosed => scene.control.open_ports().await.unwrap(),
        Obstacle::Shown(_) => scene.showcase.show(Certificate::Good),
        Obstacle::ClientCertificateDemanded => scene.showcase.demand_client_certificates(false),
        Obstacle::Planned(..) | Obstacle::Stalled(..) => scene.control.clear_plans(),
    }
}

/// Deadlines of which only one can be met by a test.
fn deadline_of(phase: Phase) -> PhaseTimeouts {
    let mut timeouts = PhaseTimeouts::default();
    match phase {
        Phase::Credentials => timeouts.credentials = SHORT,
        Phase::Dns => timeouts.dns = SHORT,
        Phase::Tcp => timeouts.tcp = SHORT,
        Phase::Tls => timeouts.tls = SHORT,
        Phase::Websocket => timeouts.websocket = SHORT,
        Phase::Connack => timeouts.connack = SHORT,
    }
    timeouts
}

/// A CONNACK that says no.
#[derive(Clone, Copy)]
struct Refusal {
    code: u8,
    transport: Transport,
    version: VersionChoice,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CONNACK 0x{:02X} over {} speaking {:?}", self.code, self.transport.name(), self.version)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_of_a_broker_keeps_its_code() {
    let codes = [(VersionChoice::V311, REFUSALS_V3), (VersionChoice::V5, REFUSALS_V5)];
    let mut refusals = Vec::new();
    for (version, codes) in codes {
        for code in codes.iter().copied() {
            refusals.extend(ALL.iter().map(|transport| Refusal { code, transport: *transport, version }));
        }
    }
    all(refusals, refused).await;
}

async fn refused(refusal: Refusal) -> Result<(), String> {
    let scene = Scene::set(refusal.transport, refusal.version, BrokerOptions::default()).await;
    let obstacle = Obstacle::Planned(When::ConnectReceived, Fault::RefuseConnect(refusal.code));
    fails(scene, &obstacle, Failure::refused(refusal.code, AWS_ERROR_MQTT_PROTOCOL_ERROR)).await
}

#[tokio::test]
async fn a_broker_that_knows_only_3_1_1_is_found_and_kept_to() {
    let options = BrokerOptions { versions: Versions::OnlyV311, ..Default::default() };
    for transport in ALL {
        let scene = Scene::set(*transport, VersionChoice::Auto, options.clone()).await;
        let mut watched = scene.watch();
        let (failed, _) = watched.connect_failed().await.unwrap();
        assert_eq!((failed.return_code, failed.attempt_number), (Some(1), 0));
        let first = watched.connected(ConnectKind::Connected).await.unwrap();
        scene.control.strike(&Fault::Reset);
        let back = watched.connected(ConnectKind::Resumed).await.unwrap();
        for connected in [first, back] {
            assert_eq!((connected.mqtt_version.as_deref(), connected.attempt_number), (Some("3.1.1"), 1));
        }
    }
}
