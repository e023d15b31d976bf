//! Live states for tests of the screens, made by folding events as the monitor does.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeZone as _, Utc};

use crate::diagnostics::event::{ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Layer, StartedEvent};
use crate::diagnostics::{Diagnostics, Event, MqttVersion, Stamp};
use crate::state::{LiveState, RuntimeStatus};

/// The instant `secs` after the start of the run.
pub(super) fn at(secs: u64) -> Stamp {
    let start = Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).single().unwrap();
    Stamp::new(start, Duration::ZERO).plus(Duration::from_secs(secs))
}

fn connected(event_type: ConnectKind) -> Event {
    Event::Connected(ConnectedEvent {
        event_type,
        return_code: Some(0),
        attempt_number: u32::from(event_type == ConnectKind::Resumed),
        keep_alive_secs: 60.0,
        mqtt_version: Some(MqttVersion::V311.into()),
        ..ConnectedEvent::default()
    })
}

fn dropped(error: &str, how: DropKind) -> Event {
    Event::Dropped(DroppedEvent {
        error_name: Some(error.to_owned()),
        error_message: Some(format!("{error}: as seen in a test")),
        error_code: None,
        reconnect_attempt: 0,
        active_subscriptions: 1,
        queued_commands: 0,
        layer: Some(Layer::Tcp),
        how: Some(how),
        reason_code: None,
        ws_close_code: None,
        last_rx_secs: Some(30.0),
        last_tx_secs: Some(1.0),
        packets: Vec::new(),
    })
}

/// A run of `drops` sessions of ten minutes. Each drop recovers after two seconds; every third is a TCP
/// reset, the others are hang-ups. The link is up at the end.
pub(super) fn run_with_drops(drops: u64) -> Arc<LiveState> {
    let mut fold = Diagnostics::new(Diagnostics::DEFAULT_MAX_EVENTS);
    let started = StartedEvent {
        keep_alive_secs: 60.0,
        client_id: "dropscope-test".to_owned(),
        endpoint: "mqtt://broker.example:1883".to_owned(),
        ..StartedEvent::default()
    };
    fold.apply(at(0), &Event::Started(started));
    fold.apply(at(1), &connected(ConnectKind::Connected));
    for drop in 1..=drops {
        let event = match drop % 3 {
            0 => dropped("AWS_IO_SOCKET_CLOSED", DropKind::Rst),
            _ => dropped("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", DropKind::Fin),
        };
        fold.apply(at(drop * 600), &event);
        fold.apply(at(drop * 600 + 2), &connected(ConnectKind::Resumed));
    }
    live_state(&mut fold, at((drops + 1) * 600))
}

/// The state of a fold at an instant, with the default runtime status.
pub(super) fn live_state(fold: &mut Diagnostics, now: Stamp) -> Arc<LiveState> {
    Arc::new(LiveState { snapshot: fold.snapshot(now), verdict: None, runtime: RuntimeStatus::default() })
}
