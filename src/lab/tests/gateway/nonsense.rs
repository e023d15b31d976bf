//! No number makes the gateway panic, hang or leak.

use std::time::Duration;

use tokio::io::duplex;

use super::scene::Scene;
use crate::lab::tests::client::{Client, ask};
use crate::lab::{
    Ailment, Deafness, Direction, GatewayOptions, IdleManner, Manner, OutageManner, TakeoverTime, Version,
};

fn with(secs: f64) -> Vec<Ailment> {
    let (manner, direction) = (Manner::WsClose(0), Direction::Both);
    vec![
        Ailment::SessionLifetime { secs, jitter_secs: secs, manner },
        Ailment::Schedule { every_secs: secs, phase_secs: secs, manner },
        Ailment::IdleTimeout { secs, manner: IdleManner::ResetOnNextPacket },
        Ailment::RandomLoss { mean_secs: secs, manner: Manner::SilentBlackHole },
        Ailment::Burst { mean_secs: secs, count: 0, spacing_secs: secs, manner },
        Ailment::AfterMessages { count: 0, direction, manner },
        Ailment::AfterRate { messages: 0, window_secs: secs, direction, manner },
        Ailment::AfterPublish { topic_filter: "#/+/\0".into(), delay_ms: secs, manner },
        Ailment::CredentialExpiry { at_secs: secs, ends_sessions: true },
        Ailment::Takeover { when: TakeoverTime::EverySecs(secs) },
        Ailment::Takeover { when: TakeoverTime::AfterConnectSecs(secs) },
        Ailment::Outage { every_secs: secs, lasting_secs: secs, manner: OutageManner::Refuse },
        Ailment::Outage { every_secs: secs, lasting_secs: secs, manner: OutageManner::BlackHole },
        Ailment::Outage { every_secs: secs, lasting_secs: secs, manner: OutageManner::Dns },
        Ailment::KeepAliveCut { loses_pings: true },
        Ailment::LatePings { delay_secs: secs },
        Ailment::Latency { ms: secs, jitter_ms: secs, loss: secs },
        Ailment::HalfOpen { after_secs: secs },
        Ailment::TlsAlert { every_secs: secs },
        Ailment::WebSocketClose { code: 0, mean_secs: secs },
        Ailment::ServerDisconnect { reason: 0xFF, mean_secs: secs },
        Ailment::Maintenance { at_secs: secs },
        Ailment::Deaf { manner: Deafness::SubackFailure },
    ]
}

#[tokio::test(start_paused = true)]
async fn every_ailment_takes_every_number() {
    for secs in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE] {
        for ailment in with(secs) {
            let options = GatewayOptions { seed: u64::MAX, scale: secs, wall_secs: secs };
            let scene = Scene::with(options, [ailment.clone()]);
            for version in [Version::V311, Version::V5] {
                let (near, far) = duplex(1024);
                scene.gateway.attach(far);
                let visit = async {
                    let (mut client, _) = Client::greet(near, ask(version, "a")).await;
                    client.subscribe("t", 2).await;
                    client.publish("t", "x", 1, false).await;
                    client.ping().await;
                    client.next().await
                };
                let _ = tokio::time::timeout(Duration::from_millis(200), visit).await;
            }
            let stopped = tokio::time::timeout(Duration::from_secs(10), scene.stop()).await;
            assert!(stopped.is_ok(), "{ailment:?}");
        }
    }
}
