use bytes::Bytes;

use super::*;
use crate::diagnostics::VersionChoice;
use crate::diagnostics::event::CommandState::{
    self, Acknowledged, Expired, Lost, Queued, Refused, Sent, TooLarge,
};
use crate::mqtt::Publish;

/// A message of `bytes` zeroes.
pub(super) fn publish(topic: &str, qos: u8, bytes: usize) -> Publish {
    Publish {
        topic: topic.to_owned(),
        payload: Bytes::from(vec![0; bytes]),
        qos,
        retain: false,
        name: topic.to_owned(),
        correlation_id: None,
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn states(events: &[Event]) -> Vec<(String, CommandState)> {
    events.iter().filter_map(command).map(|command| (command.name, command.state)).collect()
}

fn stated(expected: &[(&str, CommandState)]) -> Vec<(String, CommandState)> {
    expected.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect()
}

#[tokio::test(start_paused = true)]
async fn publish_states_are_reported_from_queued_to_acknowledged() {
    let mut link = ScriptedConnector::new().link(settings());
    link.publish(publish("early", 1, 10));
    let events = during(&mut link, SECOND).await;
    assert_eq!(states(&events), stated(&[("early", Queued), ("early", Sent), ("early", Acknowledged)]));
    let queued: Vec<bool> = events
        .iter()
        .filter_map(|event| if let Event::Published(message) = event { Some(message.queued) } else { None })
        .collect();
    assert_eq!(queued, [true, false]);

    link.publish(Publish { correlation_id: Some("mine".to_owned()), ..publish("late", 0, 10) });
    let events = during(&mut link, SECOND).await;
    assert_eq!(kinds(&events), ["published", "command"]);
    let command = command(&events[1]).unwrap();
    assert_eq!((command.correlation_id.as_str(), command.state, command.ms), ("mine", Sent, Some(0.0)));
}

#[tokio::test(start_paused = true)]
async fn publishes_expire_while_there_is_no_connection() {
    let mut link = ScriptedConnector::new().link(settings());
    link.disconnect(crate::diagnostics::event::Initiator::User);
    link.publish(publish("a", 0, 1));
    let ((), at) = until(&mut link, |event| command(event).filter(|c| c.state == Expired).map(|_| ())).await;
    assert_eq!(at.boot, 300 * SECOND);
    assert_eq!(link.status().queued, 0);
}

#[tokio::test(start_paused = true)]
async fn a_publish_followed_by_a_drop_is_quarantined() {
    // The broker closes the connection on a publish to "forbidden" and does not acknowledge "slow".
    async fn drop_on_publish(mut peer: Peer) {
        peer.accept().await;
        loop {
            match peer.v4().await {
                v4::Packet::Publish(publish) if publish.topic == "forbidden" => return,
                v4::Packet::Publish(publish) if publish.topic == "slow" && peer.number == 1 => {}
                packet => peer.answer(packet).await,
            }
        }
    }
    let script = ScriptedConnector::new().then(drop_on_publish).then(drop_on_publish);
    let mut link = script.link(settings());
    until(&mut link, connected).await;
    link.publish(publish("slow", 1, 1));
    assert_eq!(states(&during(&mut link, 5 * SECOND).await), stated(&[("slow", Sent)]));
    assert_eq!(link.status().in_flight, 1);
    link.publish(publish("forbidden", 1, 1));
    let events = during(&mut link, 600 * SECOND).await;
    let expected =
        [("forbidden", Sent), ("slow", Queued), ("forbidden", Lost), ("slow", Sent), ("slow", Acknowledged)];
    assert_eq!(states(&events), stated(&expected));
    assert_eq!(events.iter().filter_map(dropped).count(), 1, "the second session stays up");
}

#[tokio::test(start_paused = true)]
async fn an_oversized_publish_is_refused_and_the_connection_unharmed() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        // Maximum packet size 100.
        super::drops::accept_v5(&mut peer, &[5, 0x27, 0, 0, 0, 100]).await;
        loop {
            match peer.v5().await {
                v5::Packet::Publish(publish) => assert_eq!(publish.payload.len(), 50),
                _ => peer.send(&[0xd0, 0]).await,
            }
        }
    });
    let mut link = script.link(LinkSettings { version: VersionChoice::V5, ..settings() });
    until(&mut link, connected).await;
    link.publish(publish("large", 1, 200));
    link.publish(publish("huge", 1, 2 * 1024 * 1024));
    link.publish(publish("small", 0, 50));
    let events = during(&mut link, 200 * SECOND).await;
    assert_eq!(states(&events), stated(&[("huge", TooLarge), ("large", TooLarge), ("small", Sent)]));
    assert_eq!(kinds(&events).iter().filter(|kind| **kind == "ping").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_receive_maximum_of_the_broker_is_respected() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        super::drops::accept_v5(&mut peer, &[3, 0x21, 0, 2]).await;
        let mut open = Vec::new();
        loop {
            // Answers only once nothing more comes.
            match tokio::time::timeout(SECOND, peer.v5()).await {
                Ok(v5::Packet::Publish(publish)) => open.push(publish.pkid),
                Ok(_) => {}
                Err(_) => {
                    assert!(open.len() <= 2, "{open:?}");
                    for pkid in open.drain(..) {
                        let [high, low] = pkid.to_be_bytes();
                        peer.send(&[0x40, 2, high, low]).await;
                    }
                }
            }
        }
    });
    let mut link = script.link(LinkSettings { version: VersionChoice::V5, ..settings() });
    until(&mut link, connected).await;
    for n in 0..7 {
        link.publish(publish(&n.to_string(), 1, 1));
    }
    let events = during(&mut link, 30 * SECOND).await;
    let acknowledged = states(&events).iter().filter(|(_, state)| *state == Acknowledged).count();
    assert_eq!(acknowledged, 7);
}

#[tokio::test(start_paused = true)]
async fn a_refused_publish_is_neither_lost_nor_acknowledged() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        super::drops::accept_v5(&mut peer, &[0]).await;
        peer.v5().await;
        peer.send(&[0x40, 3, 0, 1, 0x87]).await;
        std::future::pending::<()>().await;
    });
    let mut link = script.link(LinkSettings { version: VersionChoice::V5, ..settings() });
    until(&mut link, connected).await;
    link.publish(publish("a", 1, 1));
    assert_eq!(states(&during(&mut link, SECOND).await), stated(&[("a", Sent), ("a", Refused)]));
}
