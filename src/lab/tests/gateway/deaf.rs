//! A client that is connected and hears nothing.

use std::time::Duration;

use tokio::io::DuplexStream;

use super::scene::{BOTH, Scene};
use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{Ask, Client, Got, ask, message};
use crate::lab::{DeliveryFailureManner, PathFault};

const MOMENT: Duration = Duration::from_millis(100);

/// Comes back to a session that is kept, and says what the CONNACK said of it.
async fn come_back(scene: &Scene, version: MqttVersion) -> (Client<DuplexStream>, bool) {
    let (client, got) = scene.dial(Ask { clean: false, ..ask(version, "a") }).await;
    let Got::ConnAck { session_present, code: 0 } = got else { panic!("{got:?}") };
    (client, session_present)
}

async fn hears(scene: &Scene, client: &mut Client<DuplexStream>) -> bool {
    scene.broker.publish("t", "hello");
    match client.next_within(MOMENT).await {
        Got::Silence => false,
        got => {
            assert_eq!(got, message("t", "hello"));
            true
        }
    }
}

async fn is_alive(client: &mut Client<DuplexStream>) -> bool {
    client.ping().await;
    client.next_within(MOMENT).await == Got::PingResp
}

#[tokio::test(start_paused = true)]
async fn a_refused_subscription_says_0x80_and_delivers_nothing() {
    for version in BOTH {
        let scene = Scene::new([PathFault::DeliveryFailure { manner: DeliveryFailureManner::SubackFailure }]);
        let (mut first, _) = come_back(&scene, version).await;
        assert_eq!(first.subscribe("t", 0).await, Got::SubAck(vec![0]));
        assert!(hears(&scene, &mut first).await, "the first session is well");
        drop(first);
        let (mut second, _) = come_back(&scene, version).await;
        assert_eq!(second.subscribe("t", 0).await, Got::SubAck(vec![0x80]));
        assert!(!hears(&scene, &mut second).await && is_alive(&mut second).await);
        assert_eq!(scene.deeds(), [(Some(2), "SUBACK 0x80".to_owned())]);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_session_is_deaf_until_it_subscribes() {
    for version in BOTH {
        let scene = Scene::new([PathFault::DeliveryFailure { manner: DeliveryFailureManner::SessionLost }]);
        let (mut first, _) = come_back(&scene, version).await;
        first.subscribe("t", 0).await;
        drop(first);
        scene.broker.control().wait_for(|census| census.connections == 0).await;
        let (mut second, session_present) = come_back(&scene, version).await;
        assert!(!session_present, "the broker says otherwise");
        assert!(!hears(&scene, &mut second).await && is_alive(&mut second).await);
        second.subscribe("t", 0).await;
        assert!(hears(&scene, &mut second).await);
        assert_eq!(scene.deeds(), [(Some(2), "session lost: session present 0".to_owned())]);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn swallowed_deliveries_look_well_in_every_other_way() {
    for version in BOTH {
        let scene = Scene::new([]);
        let (mut first, _) = come_back(&scene, version).await;
        first.subscribe("t", 0).await;
        scene.control.arm(PathFault::DeliveryFailure { manner: DeliveryFailureManner::DeliveriesSwallowed });
        assert!(hears(&scene, &mut first).await, "a session that lives goes on");
        drop(first);
        scene.broker.control().wait_for(|census| census.connections == 0).await;
        let (mut second, session_present) = come_back(&scene, version).await;
        assert!(session_present);
        assert!(!hears(&scene, &mut second).await && is_alive(&mut second).await);
        assert_eq!(second.subscribe("t", 0).await, Got::SubAck(vec![0]));
        assert!(!hears(&scene, &mut second).await);
        assert_eq!(scene.deeds(), [(Some(2), "deliveries swallowed".to_owned())]);
        scene.stop().await;
    }
}
