//! Credentials that expire, and second clients with the same client id.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::scene::{BOTH, FaultGatewayFixture, last_packet};
use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{ConnectOptions, TestPacket, connect_options};
use crate::lab::{PathFault, TakeoverTime};

#[tokio::test(start_paused = true)]
async fn a_second_client_takes_over_after_each_connect_or_on_a_timer() {
    for version in BOTH {
        for (when, expected) in [
            (TakeoverTime::AfterConnectSecs(120.0), [2.0, 2.0, 2.0]),
            (TakeoverTime::EverySecs(180.0), [3.0, 3.0, 3.0]),
        ] {
            let scene = FaultGatewayFixture::new([PathFault::Takeover { when }]);
            for secs in expected {
                let begun = Instant::now();
                let mut client = scene.client(version, "twin").await;
                if version == MqttVersion::V5 {
                    assert_eq!(last_packet(&mut client).await.0, TestPacket::Disconnect(0x8E));
                }
                assert_eq!(last_packet(&mut client).await.0, TestPacket::Fin);
                let age = begun.elapsed().as_secs_f64();
                assert!((age - secs).abs() < 0.01, "{when:?}: {age} s");
            }
            let counts = scene.broker.control().connection_counts();
            assert_eq!((counts.connects, counts.connections), (6, 1), "the second client stays");
            assert_eq!(scene.control.counters().takeovers, 3);
            sleep(Duration::from_secs(600)).await;
            assert_eq!(scene.broker.control().connections(), 1, "it pings within its keep-alive");
            let id = scene.control.armed_faults()[0].0;
            scene.control.disarm(id);
            sleep(Duration::from_millis(10)).await;
            assert_eq!(scene.broker.control().connections(), 0);
            scene.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_refused_until_they_are_renewed() {
    for version in BOTH {
        let refusal = if version == MqttVersion::V5 { 0x87 } else { 5 };
        let scene =
            FaultGatewayFixture::new([PathFault::CredentialExpiry { at_secs: 600.0, ends_sessions: false }]);
        let mut connected = scene.client(version, "lives").await;
        sleep(Duration::from_secs(10)).await;
        connected.ping().await;
        assert_eq!(connected.next().await, TestPacket::PingResp, "a session outlives its credentials");
        for _ in 0..2 {
            let (mut client, got) = scene.connect(connect_options(version, "late")).await;
            assert_eq!(got, TestPacket::ConnAck { session_present: false, code: refusal });
            assert_eq!(client.next().await, TestPacket::Fin);
        }
        assert_eq!(scene.broker.control().connection_counts().connects, 1, "the broker gets no CONNECT");
        scene.control.renew_credentials();
        sleep(Duration::from_secs(9)).await;
        drop(scene.client(version, "renewed").await);
        sleep(Duration::from_secs(1)).await;
        let (_, got) = scene.connect(connect_options(version, "late again")).await;
        assert_eq!(got, TestPacket::ConnAck { session_present: false, code: refusal });
        let id = scene.control.armed_faults()[0].0;
        scene.control.disarm(id);
        sleep(Duration::from_millis(1)).await;
        scene.client(version, "healed").await;
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_may_take_their_sessions_with_them_and_early_renewal_prevents_it() {
    let scene =
        FaultGatewayFixture::new([PathFault::CredentialExpiry { at_secs: 600.0, ends_sessions: true }]);
    let (mut client, _) =
        scene.connect(ConnectOptions { keep_alive: 0, ..connect_options(MqttVersion::V311, "a") }).await;
    for _ in 0..3 {
        assert_eq!(client.next_within(Duration::from_secs(9)).await, TestPacket::Silence);
        scene.control.renew_credentials();
    }
    let renewed = Instant::now();
    let (got, at) = last_packet(&mut client).await;
    assert_eq!((got, at.duration_since(renewed)), (TestPacket::Fin, Duration::from_secs(10)));
    assert_eq!(
        scene.injection_log(),
        [(None, "credentials expired".to_owned()), (Some(1), "FIN".to_owned())]
    );
    scene.stop().await;
}
