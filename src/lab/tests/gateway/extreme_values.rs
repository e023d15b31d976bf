//! No number makes the gateway panic, hang or leak.

use std::time::Duration;

use tokio::io::duplex;

use super::scene::FaultGatewayFixture;
use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{TestClient, connect_options};
use crate::lab::{
    DeliveryFailureManner, Direction, DropManner, GatewayOptions, IdleManner, OutageManner, PathFault,
    TakeoverTime,
};

fn faults_with(secs: f64) -> Vec<PathFault> {
    let (manner, direction) = (DropManner::WsClose(0), Direction::Both);
    vec![
        PathFault::SessionLifetime { secs, jitter_secs: secs, manner },
        PathFault::Schedule { every_secs: secs, phase_secs: secs, manner },
        PathFault::IdleTimeout { secs, manner: IdleManner::ResetOnNextPacket },
        PathFault::RandomLoss { mean_secs: secs, manner: DropManner::SilentBlackHole },
        PathFault::Burst { mean_secs: secs, count: 0, spacing_secs: secs, manner },
        PathFault::AfterMessages { count: 0, direction, manner },
        PathFault::AfterRate { messages: 0, window_secs: secs, direction, manner },
        PathFault::AfterPublish { topic_filter: "#/+/\0".into(), delay_ms: secs, manner },
        PathFault::CredentialExpiry { at_secs: secs, ends_sessions: true },
        PathFault::Takeover { when: TakeoverTime::EverySecs(secs) },
        PathFault::Takeover { when: TakeoverTime::AfterConnectSecs(secs) },
        PathFault::Outage { every_secs: secs, lasting_secs: secs, manner: OutageManner::Refuse },
        PathFault::Outage { every_secs: secs, lasting_secs: secs, manner: OutageManner::BlackHole },
        PathFault::Outage { every_secs: secs, lasting_secs: secs, manner: OutageManner::Dns },
        PathFault::KeepAliveCut { loses_pings: true },
        PathFault::LatePings { delay_secs: secs },
        PathFault::Latency { ms: secs, jitter_ms: secs, loss: secs },
        PathFault::HalfOpen { after_secs: secs },
        PathFault::TlsAlert { every_secs: secs },
        PathFault::WebSocketClose { code: 0, mean_secs: secs },
        PathFault::ServerDisconnect { reason: 0xFF, mean_secs: secs },
        PathFault::Maintenance { at_secs: secs },
        PathFault::DeliveryFailure { manner: DeliveryFailureManner::SubackFailure },
    ]
}

#[tokio::test(start_paused = true)]
async fn every_fault_accepts_every_number() {
    for secs in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE] {
        for fault in faults_with(secs) {
            let options = GatewayOptions { seed: u64::MAX, scale: secs, wall_secs: secs };
            let scene = FaultGatewayFixture::with(options, [fault.clone()]);
            for version in [MqttVersion::V311, MqttVersion::V5] {
                let (near, far) = duplex(1024);
                scene.gateway.attach(far);
                let connection = async {
                    let (mut client, _) = TestClient::connect(near, connect_options(version, "a")).await;
                    client.subscribe("t", 2).await;
                    client.publish("t", "x", 1, false).await;
                    client.ping().await;
                    client.next().await
                };
                let _ = tokio::time::timeout(Duration::from_millis(200), connection).await;
            }
            let stopped = tokio::time::timeout(Duration::from_secs(10), scene.stop()).await;
            assert!(stopped.is_ok(), "{fault:?}");
        }
    }
}
