//! Publish, subscribe, retain, wills, sessions, take-over: in memory, in both versions.

use std::time::Duration;

use tokio::io::DuplexStream;

use super::client::{Ask, Client, Got, ask, message};
use crate::diagnostics::MqttVersion;
use crate::lab::{AcceptedVersions, ApplicationMessage, Broker, BrokerOptions, MessageCounters};

const BOTH: [MqttVersion; 2] = [MqttVersion::V311, MqttVersion::V5];

async fn dial(broker: &Broker, ask: Ask) -> (Client<DuplexStream>, Got) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    broker.attach(theirs);
    Client::greet(ours, ask).await
}

async fn join(broker: &Broker, ask: Ask) -> Client<DuplexStream> {
    let (client, got) = dial(broker, ask).await;
    assert_eq!(got, Got::ConnAck { session_present: false, code: 0 });
    client
}

#[tokio::test(start_paused = true)]
async fn messages_reach_matching_subscribers_of_either_version() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut old = join(&broker, ask(MqttVersion::V311, "old")).await;
        let mut new = join(&broker, ask(MqttVersion::V5, "new")).await;
        assert_eq!(old.subscribe("home/+/status", 1).await, Got::SubAck(vec![1]));
        assert_eq!(new.subscribe("home/#", 0).await, Got::SubAck(vec![0]));
        let mut publisher = join(&broker, ask(version, "publisher")).await;
        publisher.publish("home/heater/status", "on", 0, false).await;
        publisher.publish("home/heater", "49", 0, false).await;
        publisher.publish("garden/status", "x", 0, false).await;
        assert_eq!(old.next().await, message("home/heater/status", "on"));
        assert_eq!(new.next().await, message("home/heater/status", "on"));
        assert_eq!(new.next().await, message("home/heater", "49"));
        assert_eq!(old.next().await, Got::Silence);
        assert_eq!(new.unsubscribe("home/#").await, Got::UnsubAck);
        publisher.publish("home/heater", "50", 0, false).await;
        assert_eq!(new.next().await, Got::Silence);
    }
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn quality_of_service_is_the_lower_of_both_and_acknowledged() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut receiver = join(&broker, ask(version, "receiver")).await;
        assert_eq!(receiver.subscribe("t", 2).await, Got::SubAck(vec![2]));
        let mut sender = join(&broker, ask(version, "sender")).await;
        sender.publish("t", "one", 1, false).await;
        assert_eq!(sender.next().await, Got::PubAck(9));
        sender.publish("t", "two", 2, false).await;
        assert_eq!(sender.next().await, Got::PubRec(9));
        sender.publish("t", "two", 2, false).await;
        assert_eq!(sender.next().await, Got::PubRec(9));
        sender.write(&[0x62, 2, 0, 9]).await;
        assert_eq!(sender.next().await, Got::PubComp(9));
        for (payload, qos) in [("one", 1), ("two", 2)] {
            let (topic, payload) = ("t".into(), payload.into());
            let expected = Got::Publish { topic, payload, qos, retain: false, dup: false };
            assert_eq!(receiver.next().await, expected);
        }
        assert_eq!(receiver.next().await, Got::PubRel(2));
        assert_eq!(receiver.next().await, Got::Silence);
    }
}

#[tokio::test(start_paused = true)]
async fn retained_messages_greet_later_subscribers_until_cleared() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut sender = join(&broker, ask(version, "sender")).await;
        sender.publish("state", "old", 0, true).await;
        sender.publish("state", "new", 0, true).await;
        sender.ping().await;
        assert_eq!(sender.next().await, Got::PingResp);
        let mut receiver = join(&broker, ask(version, "receiver")).await;
        receiver.subscribe("#", 0).await;
        let (topic, payload) = ("state".into(), "new".into());
        let retained = Got::Publish { topic, payload, qos: 0, retain: true, dup: false };
        assert_eq!(receiver.next().await, retained);
        sender.publish("state", "", 0, true).await;
        assert_eq!(receiver.next().await, message("state", ""));
        receiver.subscribe("state", 0).await;
        assert_eq!(receiver.next().await, Got::Silence);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_will_speaks_for_the_lost_but_not_for_those_who_said_goodbye() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut witness = join(&broker, ask(version, "witness")).await;
        witness.subscribe("wills/#", 0).await;
        let with_will = |id| Ask {
            will: Some(ApplicationMessage::new(format!("wills/{id}"), "gone")),
            ..ask(version, id)
        };
        drop(join(&broker, with_will("lost")).await);
        assert_eq!(witness.next().await, message("wills/lost", "gone"));
        let mut polite = join(&broker, with_will("polite")).await;
        polite.write(&[0xE0, 0]).await;
        assert_eq!(polite.next().await, Got::Fin);
        assert_eq!(witness.next().await, Got::Silence);
        if version == MqttVersion::V5 {
            let mut insistent = join(&broker, with_will("insistent")).await;
            insistent.write(&[0xE0, 1, 4]).await;
            assert_eq!(insistent.next().await, Got::Fin);
            assert_eq!(witness.next().await, message("wills/insistent", "gone"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_persistent_session_keeps_subscriptions_and_undelivered_messages() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let lasting = Ask { clean: false, ..ask(version, "lasting") };
        let mut first = join(&broker, lasting.clone()).await.without_acknowledging();
        first.subscribe("t", 1).await;
        let mut sender = join(&broker, ask(version, "sender")).await;
        sender.publish("t", "in flight", 1, false).await;
        let expected = |payload: &str, dup| {
            let (topic, payload) = ("t".into(), payload.into());
            Got::Publish { topic, payload, qos: 1, retain: false, dup }
        };
        assert_eq!(first.next().await, expected("in flight", false));
        drop(first);
        broker.control().wait_for(|census| census.connections == 1).await;
        sender.publish("t", "waiting", 1, false).await;
        sender.publish("t", "lost, as QoS 0 may be", 0, false).await;
        sender.ping().await;
        while sender.next().await != Got::PingResp {}
        let (mut second, got) = dial(&broker, lasting).await;
        assert_eq!(got, Got::ConnAck { session_present: true, code: 0 });
        assert_eq!(second.next().await, expected("in flight", true));
        assert_eq!(second.next().await, expected("waiting", false));
        assert_eq!(second.next().await, Got::Silence);
        let (_third, got) = dial(&broker, ask(version, "lasting")).await;
        assert_eq!(got, Got::ConnAck { session_present: false, code: 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_client_id_takes_over() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut first = join(&broker, ask(version, "twin")).await;
        let mut second = join(&broker, ask(version, "twin")).await;
        if version == MqttVersion::V5 {
            assert_eq!(first.next().await, Got::Disconnect(0x8E));
        }
        assert_eq!(first.next().await, Got::Fin);
        second.subscribe("t", 0).await;
        broker.publish("t", "still here");
        assert_eq!(second.next().await, message("t", "still here"));
        drop((first, second));
        broker.control().wait_for(|census| census.connections == 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_cut_at_one_and_a_half_keep_alives() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut client = join(&broker, Ask { keep_alive: 20, ..ask(version, "idle") }).await;
        tokio::time::sleep(Duration::from_secs(25)).await;
        client.ping().await;
        assert_eq!(client.next().await, Got::PingResp);
        assert_eq!(client.next_within(Duration::from_millis(29_900)).await, Got::Silence);
        if version == MqttVersion::V5 {
            assert_eq!(client.next_within(Duration::from_millis(200)).await, Got::Disconnect(0x8D));
        }
        assert_eq!(client.next_within(Duration::from_millis(200)).await, Got::Fin);
        let mut patient = join(&broker, Ask { keep_alive: 0, ..ask(version, "patient") }).await;
        assert_eq!(patient.next_within(Duration::from_secs(86_400)).await, Got::Silence);
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_come_in_and_what_may_be_subscribed() {
    let options = BrokerOptions {
        versions: AcceptedVersions::OnlyV311,
        login: Some(("me".into(), "secret".into())),
        denied_filters: vec!["no/#".into()],
        max_qos: 1,
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options);
    let (_, got) = dial(&broker, Ask { login: Some(("me", "wrong")), ..ask(MqttVersion::V311, "a") }).await;
    assert_eq!(got, Got::ConnAck { session_present: false, code: 5 });
    let me = Ask { login: Some(("me", "secret")), ..ask(MqttVersion::V311, "a") };
    let mut client = join(&broker, me.clone()).await;
    assert_eq!(client.subscribe("no/#", 0).await, Got::SubAck(vec![0x80]));
    assert_eq!(client.subscribe("yes", 2).await, Got::SubAck(vec![1]));
    assert_eq!(client.subscribe("a/#/b", 0).await, Got::SubAck(vec![0x80]));
    // A 3.1.1 broker answers MQTT 5 in its own format: two bytes, no properties.
    let (ours, theirs) = tokio::io::duplex(1024);
    broker.attach(theirs);
    let (mut newer, _) = Client::greet(ours, Ask { version: MqttVersion::V5, ..me }).await;
    assert_eq!(newer.next().await, Got::Fin);
    let seen = broker.control().last_connect().unwrap();
    assert_eq!((seen.client_id.as_str(), seen.keep_alive_secs, seen.clean), ("a", 60, true));
    assert!(!format!("{seen:?}").contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_loses_counted_messages_and_holds_nobody_up() {
    let options = BrokerOptions { outbox: 16, ..BrokerOptions::default() };
    let broker = Broker::start(options);
    let (ours, theirs) = tokio::io::duplex(256);
    broker.attach(theirs);
    let (mut slow, _) = Client::greet(ours, ask(MqttVersion::V311, "slow")).await;
    slow.subscribe("flood", 0).await;
    for _ in 0..20_000 {
        broker.publish("flood", vec![b'x'; 64]);
        tokio::task::yield_now().await;
    }
    let MessageCounters { received, delivered, dropped } = broker.control().counters();
    assert_eq!(received, 20_000);
    assert_eq!(delivered + dropped, 20_000);
    assert!(dropped > 10_000 && delivered > 16, "delivered {delivered}, dropped {dropped}");
    let mut seen = 0;
    while let Got::Publish { .. } = slow.next().await {
        seen += 1;
    }
    assert_eq!(seen, delivered);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_breaks_the_rules_is_shown_out_with_the_reason() {
    let options = BrokerOptions { max_packet: 1000, ..BrokerOptions::default() };
    let broker = Broker::start(options);
    for version in BOTH {
        for (bytes, reason) in [
            (b"\x36\x05\x00\x01a\x00\x01".as_slice(), 0x81),
            (b"\x82\x04\x00\x01\x00\x09", 0x81),
            (b"\x30\xff\x7f", 0x95),
            (b"\x30\x04\x00\x01#\x00", 0x90),
            (b"\xd0\x00", 0x82),
        ] {
            let mut client = join(&broker, ask(version, "rude")).await;
            client.write(bytes).await;
            if version == MqttVersion::V5 {
                assert_eq!(client.next().await, Got::Disconnect(reason), "{bytes:x?}");
            }
            assert_eq!(client.next().await, Got::Fin, "{bytes:x?}");
        }
    }
}
