//! A client that is connected and gets no messages.

use std::time::Duration;

use tokio::io::DuplexStream;

use super::scene::{BOTH, FaultGatewayFixture};
use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{ConnectOptions, TestClient, TestPacket, connect_options, message};
use crate::lab::{DeliveryFailureManner, PathFault};

const MOMENT: Duration = Duration::from_millis(100);

/// Reconnects to a persistent session and returns the session-present flag of the CONNACK.
async fn reconnect(scene: &FaultGatewayFixture, version: MqttVersion) -> (TestClient<DuplexStream>, bool) {
    let (client, got) = scene.connect(ConnectOptions { clean: false, ..connect_options(version, "a") }).await;
    let TestPacket::ConnAck { session_present, code: 0 } = got else { panic!("{got:?}") };
    (client, session_present)
}

async fn receives_messages(scene: &FaultGatewayFixture, client: &mut TestClient<DuplexStream>) -> bool {
    scene.broker.publish("t", "hello");
    match client.next_within(MOMENT).await {
        TestPacket::Silence => false,
        got => {
            assert_eq!(got, message("t", "hello"));
            true
        }
    }
}

async fn is_alive(client: &mut TestClient<DuplexStream>) -> bool {
    client.ping().await;
    client.next_within(MOMENT).await == TestPacket::PingResp
}

#[tokio::test(start_paused = true)]
async fn a_refused_subscription_returns_0x80_and_delivers_nothing() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([PathFault::DeliveryFailure {
            manner: DeliveryFailureManner::SubackFailure,
        }]);
        let (mut first, _) = reconnect(&scene, version).await;
        assert_eq!(first.subscribe("t", 0).await, TestPacket::SubAck(vec![0]));
        assert!(receives_messages(&scene, &mut first).await, "the first session is well");
        drop(first);
        let (mut second, _) = reconnect(&scene, version).await;
        assert_eq!(second.subscribe("t", 0).await, TestPacket::SubAck(vec![0x80]));
        assert!(!receives_messages(&scene, &mut second).await && is_alive(&mut second).await);
        assert_eq!(scene.injection_log(), [(Some(2), "SUBACK 0x80".to_owned())]);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_session_receives_nothing_until_it_subscribes() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([PathFault::DeliveryFailure {
            manner: DeliveryFailureManner::SessionLost,
        }]);
        let (mut first, _) = reconnect(&scene, version).await;
        first.subscribe("t", 0).await;
        drop(first);
        scene.broker.control().wait_for(|counts| counts.connections == 0).await;
        let (mut second, session_present) = reconnect(&scene, version).await;
        assert!(!session_present, "the gateway clears the flag");
        assert!(!receives_messages(&scene, &mut second).await && is_alive(&mut second).await);
        second.subscribe("t", 0).await;
        assert!(receives_messages(&scene, &mut second).await);
        assert_eq!(scene.injection_log(), [(Some(2), "session lost: session present 0".to_owned())]);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn suppressed_deliveries_leave_the_connection_healthy() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([]);
        let (mut first, _) = reconnect(&scene, version).await;
        first.subscribe("t", 0).await;
        scene.control.arm(PathFault::DeliveryFailure { manner: DeliveryFailureManner::DeliveriesSwallowed });
        assert!(receives_messages(&scene, &mut first).await, "a session that lives goes on");
        drop(first);
        scene.broker.control().wait_for(|counts| counts.connections == 0).await;
        let (mut second, session_present) = reconnect(&scene, version).await;
        assert!(session_present);
        assert!(!receives_messages(&scene, &mut second).await && is_alive(&mut second).await);
        assert_eq!(second.subscribe("t", 0).await, TestPacket::SubAck(vec![0]));
        assert!(!receives_messages(&scene, &mut second).await);
        assert_eq!(scene.injection_log(), [(Some(2), "deliveries swallowed".to_owned())]);
        scene.stop().await;
    }
}
