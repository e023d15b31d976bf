//! Any requests in any order with any broker: every publish and session is accounted for.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::publishing::publish;
use super::*;
use crate::diagnostics::event::{CommandState, Initiator};
use crate::mqtt::ReconnectKind;
use crate::mqtt::settings::QueueSettings;

#[derive(Debug, Clone)]
enum LinkAction {
    Wait(u64),
    Publish(u8),
    Connect,
    Disconnect,
    Reconnect(bool),
    KeepAlive(u16),
}

#[derive(Debug, Clone, Copy)]
enum BrokerBehavior {
    Refuses,
    Closes,
    ServesFor(u64),
    StopsRespondingAfter(u64),
    CutsPublishers,
    SendsGarbage,
}

fn actions() -> impl Strategy<Value = Vec<LinkAction>> {
    let act = prop_oneof![
        4 => (1u64..20_000).prop_map(LinkAction::Wait),
        4 => (0u8..3).prop_map(LinkAction::Publish),
        1 => Just(LinkAction::Connect),
        1 => Just(LinkAction::Disconnect),
        1 => any::<bool>().prop_map(LinkAction::Reconnect),
        1 => (0u16..30).prop_map(LinkAction::KeepAlive),
    ];
    proptest::collection::vec(act, 1..40)
}

fn brokers() -> impl Strategy<Value = Vec<BrokerBehavior>> {
    let broker = prop_oneof![
        Just(BrokerBehavior::Refuses),
        Just(BrokerBehavior::Closes),
        (0u64..30_000).prop_map(BrokerBehavior::ServesFor),
        (0u64..30_000).prop_map(BrokerBehavior::StopsRespondingAfter),
        Just(BrokerBehavior::CutsPublishers),
        Just(BrokerBehavior::SendsGarbage),
    ];
    proptest::collection::vec(broker, 0..12)
}

async fn run_peer(broker: BrokerBehavior, mut peer: Peer) {
    match broker {
        BrokerBehavior::Refuses => {
            peer.v4().await;
            peer.send(&[0x20, 2, 0, 5]).await;
        }
        BrokerBehavior::Closes => {}
        BrokerBehavior::ServesFor(ms) => {
            peer.accept().await;
            peer.serve_for(Duration::from_millis(ms)).await;
        }
        BrokerBehavior::StopsRespondingAfter(ms) => {
            peer.accept().await;
            peer.serve_for(Duration::from_millis(ms)).await;
            std::future::pending::<()>().await;
        }
        BrokerBehavior::CutsPublishers => {
            peer.accept().await;
            loop {
                match peer.v4().await {
                    v4::Packet::Publish(_) => return,
                    packet => peer.answer(packet).await,
                }
            }
        }
        BrokerBehavior::SendsGarbage => {
            peer.accept().await;
            peer.send(&[0xff; 40]).await;
        }
    }
}

async fn run(acts: Vec<LinkAction>, brokers: Vec<BrokerBehavior>) -> (Vec<StampedEvent>, Vec<Stamp>) {
    let script = brokers
        .into_iter()
        .fold(ScriptedConnector::new(), |script, broker| script.then(move |peer| run_peer(broker, peer)));
    let queue = QueueSettings { capacity: 3, max_age: Duration::from_secs(15) };
    let mut link = script.link(LinkSettings { queue, keep_alive_secs: 5, ..settings() });
    let mut seen = Vec::new();
    for act in acts {
        match act {
            LinkAction::Wait(ms) => {
                let collect = async {
                    loop {
                        seen.push(link.next().await);
                    }
                };
                let _ = tokio::time::timeout(Duration::from_millis(ms), collect).await;
            }
            LinkAction::Publish(qos) => link.publish(publish("t", qos, 10)),
            LinkAction::Connect => link.connect(),
            LinkAction::Disconnect => link.disconnect(Initiator::User),
            LinkAction::Reconnect(deep) => {
                let kind = if deep { ReconnectKind::Deep } else { ReconnectKind::Quick };
                link.reconnect(kind, Initiator::User);
            }
            LinkAction::KeepAlive(secs) => link.set_keep_alive(secs),
        }
    }
    seen.extend(link.shutdown(Duration::from_secs(1)).await);
    let opened = script.opened.lock().unwrap().iter().map(|(at, _)| *at).collect();
    (seen, opened)
}

fn ends(state: CommandState, qos: u8) -> bool {
    match state {
        CommandState::Sent => qos == 0,
        CommandState::Queued => false,
        _ => true,
    }
}

/// Every publish has exactly one final state, and it is the last event of it.
fn check_commands(seen: &[StampedEvent], acts: &[LinkAction]) -> Result<(), TestCaseError> {
    let published_qos = acts
        .iter()
        .filter_map(|act| if let LinkAction::Publish(qos) = act { Some((*qos).min(1)) } else { None });
    let mut last: HashMap<String, (usize, Option<CommandState>)> = HashMap::new();
    for command in seen.iter().filter_map(|observed| command(&observed.event)) {
        let (count, state) = last.entry(command.correlation_id).or_default();
        *count += 1;
        *state = Some(command.state);
    }
    let published_qos: Vec<u8> = published_qos.collect();
    prop_assert_eq!(last.len(), published_qos.len());
    for (id, (_, state)) in &last {
        let number: usize = id.rsplit('-').next().unwrap().parse().unwrap();
        let qos = published_qos[number - 1];
        prop_assert!(state.is_some_and(|state| ends(state, qos)), "{} ended as {:?}", id, state);
        let ended = seen
            .iter()
            .filter_map(|observed| command(&observed.event))
            .filter(|command| command.correlation_id == *id && ends(command.state, qos))
            .count();
        prop_assert_eq!(ended, 1, "{} ended {} times", id, ended);
    }
    Ok(())
}

/// Sessions begin and end in turn; events are in the order of time.
fn check_sessions(seen: &[StampedEvent]) -> Result<(), TestCaseError> {
    let mut up = false;
    let mut now = None;
    for observed in seen {
        prop_assert!(now <= Some(observed.at), "event out of order: {:?}", observed);
        now = Some(observed.at);
        match &observed.event {
            Event::Connected(_) => {
                prop_assert!(!up, "two sessions at once");
                up = true;
            }
            Event::Dropped(_) => {
                prop_assert!(up, "dropped without a session");
                up = false;
            }
            Event::Disconnected { .. } => up = false,
            Event::Ping { .. } | Event::Subscribed { .. } | Event::Received(_) => prop_assert!(up),
            _ => {}
        }
    }
    prop_assert!(!up, "still up after shutdown");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_publish_and_session_is_accounted_for(acts in actions(), brokers in brokers()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (seen, opened) = runtime.block_on(run(acts.clone(), brokers));
        check_commands(&seen, &acts)?;
        check_sessions(&seen)?;
        for pair in opened.windows(2) {
            prop_assert!(pair[1].since(pair[0]) >= Duration::from_secs(1));
        }
    }
}
