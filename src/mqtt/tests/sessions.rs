use std::time::Duration;

use super::*;
use crate::clock::TokioClock;
use crate::diagnostics::event::CommandState::{Lost, Queued, Sent};
use crate::diagnostics::event::{ConnectKind, DropKind, Initiator, Layer};
use crate::diagnostics::{LinkActivity, MqttVersion};
use crate::mqtt::ReconnectKind;
use crate::mqtt::settings::PingPolicy;

const SECOND: Duration = Duration::from_secs(1);

fn ms(stamp: Stamp) -> u128 {
    stamp.boot.as_millis()
}

fn is_send<T: Send>(_: &T) {}

#[tokio::test(start_paused = true)]
async fn link_connects_subscribes_and_pings() {
    let mut link = ScriptedConnector::new().link(LinkSettings {
        subscriptions: (0..9).map(|n| (format!("house/{n}/#"), 1)).collect(),
        ..settings()
    });
    is_send(&link);
    let events = during(&mut link, 181 * SECOND).await;
    let expected = ["attempt", "connected", "subscribed", "subscribed", "ping", "ping", "ping"];
    assert_eq!(kinds(&events), expected);
    let Event::Subscribed { filters, return_codes } = &events[2] else { panic!() };
    assert_eq!((filters.len(), return_codes.as_slice()), (8, [1u8; 8].as_slice()));
    let Event::Connected(connected) = &events[1] else { panic!() };
    assert_eq!((connected.event_type, connected.attempt_number), (ConnectKind::Connected, 0));
    assert_eq!((connected.keep_alive_secs, &connected.mqtt_version), (60.0, &Some(MqttVersion::V311.into())));
    let status = link.status();
    assert_eq!((status.activity, status.queued), (LinkActivity::Connected, 0));
    assert!(status.bytes_in > 0 && status.bytes_out > 0 && status.ping_outstanding_since.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_new_link_is_off_until_connect_is_called() {
    let script = ScriptedConnector::new();
    let mut link = script.link(settings());
    link.disconnect(Initiator::User);
    assert_eq!(link.status().activity, LinkActivity::Off);
    assert_eq!(kinds(&during(&mut link, 100 * SECOND).await), ["disconnected"]);
    link.connect();
    assert_eq!(kinds(&during(&mut link, SECOND).await), ["attempt", "connected"]);
}

#[tokio::test(start_paused = true)]
async fn ping_round_trips_are_timed_and_keep_their_cadence() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        loop {
            let packet = peer.v4().await;
            tokio::time::sleep(Duration::from_millis(250)).await;
            peer.answer(packet).await;
        }
    });
    let mut link = script.link(settings());
    for n in 1..5 {
        let (rtt, at) = until(&mut link, |event| match event {
            Event::Ping { rtt_ms } => Some(*rtt_ms),
            _ => None,
        })
        .await;
        assert!((rtt - 250.0).abs() < 1e-6, "{rtt}");
        assert_eq!(ms(at), n * 60_000 + 250);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_broker_is_noticed_exactly_at_keep_alive_plus_timeout() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        peer.serve_for(10 * SECOND).await;
        loop {
            peer.v4().await;
        }
    });
    let mut link = script.link(settings());
    let (drop, at) = until(&mut link, dropped).await;
    assert_eq!(ms(at), 70_000);
    assert_eq!(drop.error_name.as_deref(), Some("AWS_ERROR_MQTT_TIMEOUT"));
    assert_eq!(
        (drop.error_code, drop.layer, drop.how),
        (Some(5129), Some(Layer::Mqtt), Some(DropKind::PingTimeout))
    );
    assert_eq!((drop.last_rx_secs, drop.last_tx_secs), (Some(70.0), Some(10.0)));
    let last = drop.packets.last().unwrap();
    assert_eq!((last.packet.as_str(), last.incoming, last.ago_secs), ("PINGREQ", false, 10.0));
    let (back, _) = until(&mut link, connected).await;
    assert_eq!((back.event_type, back.attempt_number), (ConnectKind::Resumed, 1));
}

#[tokio::test(start_paused = true)]
async fn an_overdue_ping_goes_out_soon_after_a_suspend() {
    let clock = TokioClock::at_epoch();
    let mut link = ScriptedConnector::new().link_by(Arc::clone(&clock), settings());
    during(&mut link, 7 * SECOND).await;
    clock.suspend(3_600_000);
    let events = during(&mut link, 5 * SECOND).await;
    assert_eq!(kinds(&events), ["ping"]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_reads_nothing_is_noticed_in_time_too() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        std::future::pending::<()>().await;
    });
    let mut link = script.link(settings());
    until(&mut link, connected).await;
    for n in 0..100 {
        link.publish(publishing::publish(&format!("big/{n}"), 0, 8 * 1024));
    }
    let (drop, at) = until(&mut link, dropped).await;
    assert_eq!((ms(at), drop.how), (70_000, Some(DropKind::PingTimeout)));
}

#[tokio::test(start_paused = true)]
async fn traffic_postpones_pings_only_with_the_when_idle_policy() {
    for (policy, pings) in [(PingPolicy::Always, 3), (PingPolicy::WhenIdle, 0)] {
        let mut link = ScriptedConnector::new().link(LinkSettings { ping_policy: policy, ..settings() });
        let mut seen = 0;
        for _ in 0..20 {
            seen +=
                kinds(&during(&mut link, 10 * SECOND).await).iter().filter(|kind| **kind == "ping").count();
            link.publish(publishing::publish("tick", 0, 1));
        }
        assert_eq!(seen, pings, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_week_passes_without_a_drop() {
    let mut link = ScriptedConnector::new().link(settings());
    let events = during(&mut link, Duration::from_secs(7 * 86_400 + 1)).await;
    let pings = kinds(&events).iter().filter(|kind| **kind == "ping").count();
    assert_eq!((pings, events.len()), (7 * 1440, 7 * 1440 + 2));
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_change_is_a_clean_reconnect_and_no_drop() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        assert_eq!(peer.accept().await.keep_alive, 60);
        assert_eq!(peer.v4().await, v4::Packet::Disconnect);
    });
    let script = script.then(|mut peer| async move {
        assert_eq!(peer.accept().await.keep_alive, 15);
        peer.serve().await;
    });
    let mut link = script.link(settings());
    until(&mut link, connected).await;
    link.set_keep_alive(60);
    link.set_keep_alive(15);
    let events = during(&mut link, 17 * SECOND).await;
    assert_eq!(kinds(&events), ["keep_alive_changed", "disconnected", "attempt", "connected", "ping"]);
    assert_eq!(events[1], Event::Disconnected { by: Initiator::Experiment });
    let Event::Connected(connected) = &events[3] else { panic!() };
    assert_eq!((connected.event_type, connected.attempt_number), (ConnectKind::Connected, 0));
    assert!((connected.keep_alive_secs - 15.0).abs() < 1e-9);
    let opened = script.opened.lock().unwrap();
    assert_eq!(opened[1].0.since(opened[0].0), SECOND);
}

#[tokio::test(start_paused = true)]
async fn keep_alive_zero_never_pings() {
    let mut link = ScriptedConnector::new().link(LinkSettings { keep_alive_secs: 0, ..settings() });
    assert_eq!(kinds(&during(&mut link, Duration::from_secs(86_000)).await), ["attempt", "connected"]);
}

#[tokio::test(start_paused = true)]
async fn repeated_reconnect_requests_send_at_most_one_connect_a_second() {
    let script = ScriptedConnector::new();
    let mut link = script.link(settings());
    for press in 0..60 {
        during(&mut link, Duration::from_millis(70 + press % 7 * 90)).await;
        match press % 4 {
            0 => link.reconnect(ReconnectKind::Deep, Initiator::User),
            1 => link.reconnect(ReconnectKind::Quick, Initiator::User),
            2 => link.set_keep_alive(u16::try_from(press).unwrap()),
            _ => {
                link.disconnect(Initiator::User);
                link.connect();
            }
        }
    }
    let opened = script.opened.lock().unwrap();
    assert!(opened.len() > 10);
    for pair in opened.windows(2) {
        assert!(pair[1].0.since(pair[0].0) >= SECOND, "{pair:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_requested_reconnect_counts_as_connected_again() {
    let script = ScriptedConnector::new();
    let mut link = script.link(settings());
    until(&mut link, connected).await;
    link.reconnect(ReconnectKind::Deep, Initiator::User);
    let events = during(&mut link, 5 * SECOND).await;
    assert_eq!(kinds(&events), ["disconnected", "attempt", "connected"]);
    let Event::Connected(connected) = &events[2] else { panic!() };
    assert_eq!(connected.event_type, ConnectKind::Connected);
    assert!(script.opened.lock().unwrap()[1].1, "deep");
}

#[tokio::test(start_paused = true)]
async fn shutdown_sends_disconnect_and_accounts_for_pending_publishes() {
    let (sender, received) = tokio::sync::oneshot::channel();
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        let mut seen = Vec::new();
        while seen.last() != Some(&v4::Packet::Disconnect) {
            seen.push(peer.v4().await);
        }
        sender.send(seen.len()).unwrap();
    });
    let mut link = script.link(settings());
    until(&mut link, connected).await;
    link.publish(publishing::publish("a", 0, 1));
    link.publish(publishing::publish("b", 1, 1));
    let events: Vec<_> = link.shutdown(SECOND).await.into_iter().map(|observed| observed.event).collect();
    let states = |name: &str| -> Vec<_> {
        let of_it = events.iter().filter_map(command).filter(|command| command.name == name);
        of_it.map(|command| command.state).collect()
    };
    assert_eq!(states("a"), [Sent]);
    assert_eq!(states("b"), [Sent, Queued, Lost]);
    assert!(events.contains(&Event::Disconnected { by: Initiator::Shutdown }));
    assert_eq!(received.await.unwrap(), 3);
    assert_eq!(link.status().activity, LinkActivity::Off);
}
