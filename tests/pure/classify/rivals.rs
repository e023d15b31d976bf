//! What field trials and held-out recordings taught: an answer that another world would give as well is never sure.

use chrono::TimeDelta;
use dropscope::classify::{Pattern, Verdict};
use dropscope::diagnostics::event::{ConnectedEvent, DropKind, StartedEvent};
use dropscope::diagnostics::{Event, Stamp};

use super::recording_builder::RecordingBuilder;

fn connect_from(recording: &mut RecordingBuilder, local: &str) {
    recording.advance(1.3).event(Event::Connected(ConnectedEvent {
        keep_alive_secs: 60.0,
        local: Some(local.to_owned()),
        ..ConnectedEvent::default()
    }));
}

fn evidence(verdict: &Verdict) -> String {
    verdict.classification.evidence.join("\n")
}

#[test]
fn another_own_address_afterwards_states_the_cause() {
    // At regular times, as leases are: the timing must not overrule the address.
    let mut recording = RecordingBuilder::new(60.0);
    for lease in 20..28 {
        connect_from(&mut recording, &format!("192.168.1.{lease}:50000"));
        recording.pings(7_200.0).silent_drop(60.0, 10.0);
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::SystemEvent, "{:#?}", verdict.classification);
    assert!(evidence(&verdict).contains("another own address"), "{}", evidence(&verdict));
    assert_eq!(verdict.cause().map(|cause| cause.id.as_str()), Some("address_lease"));
    // IPv4 and IPv6 in turns are two ways out of one network.
    let mut recording = RecordingBuilder::new(60.0);
    for index in 0..8_u32 {
        let local = if index % 2 == 0 { "192.168.1.20:50000" } else { "[2001:db8::7]:50000" };
        connect_from(&mut recording, local);
        recording.pings(7_200.0 + 900.0 * f64::from(index * index % 7)).silent_drop(60.0, 10.0);
    }
    assert_ne!(recording.verdict().classification.pattern, Pattern::SystemEvent);
}

#[test]
fn a_granted_subscription_that_ends_every_session_is_a_rejected_operation() {
    let mut recording = RecordingBuilder::new(30.0);
    for wait in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 44.0] {
        recording
            .connect()
            .advance(0.04)
            .event(Event::Subscribed { filters: vec!["forbidden/#".into()], return_codes: vec![0] });
        recording.advance(0.04).drop_by(DropKind::Fin);
        recording.advance(wait);
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::PublishTriggered, "{:#?}", verdict.classification);
    assert!(verdict.diagnosis.next.text.contains("subscription"), "{}", verdict.diagnosis.next.text);
}

/// A server's job each hour, while this computer's clock is stepped twice. Sessions restart in between, so that their ages differ.
#[test]
fn a_schedule_is_followed_over_steps_of_the_own_clock() {
    let mut recording = RecordingBuilder::new(60.0);
    let mut stepped = TimeDelta::zero();
    let mut events = Vec::new();
    recording.connect();
    for hour in 1..14_u32 {
        let tick = 3_600.0 * f64::from(hour) + 500.0;
        if hour % 3 == 0 {
            recording.pings_to(tick - 1_100.0 - 37.0 * f64::from(hour)).disconnect();
            recording.connect();
        }
        recording.pings_to(tick).drop_by(DropKind::Fin);
        recording.connect();
        if hour == 4 || hour == 8 {
            recording.advance(600.0);
            let step = TimeDelta::seconds(if hour == 4 { -191 } else { 347 });
            events.extend(recording.take().into_iter().map(|mut event| {
                event.at = Stamp { wall: event.at.wall + stepped, ..event.at };
                event
            }));
            stepped += step;
        }
    }
    events.extend(recording.take().into_iter().map(|mut event| {
        event.at = Stamp { wall: event.at.wall + stepped, ..event.at };
        event
    }));
    let mut classifier = dropscope::classify::Classifier::new();
    for event in &events {
        classifier.apply(event.at, &event.event);
    }
    let verdict = classifier.verdict_at(events.last().expect("events").at);
    assert_eq!(verdict.classification.pattern, Pattern::Scheduled, "{:#?}", verdict.classification);
    assert_eq!(verdict.classification.parameters.get("period_secs"), Some(&3_600.0));
}

#[test]
fn a_short_lifetime_is_sure_only_where_no_other_client_can_have_the_id() {
    let lives = |client_id: &str| {
        let mut recording = RecordingBuilder::new(60.0);
        recording.event(Event::Started(StartedEvent {
            keep_alive_secs: 60.0,
            client_id: client_id.into(),
            endpoint: "mqtt://broker.example".into(),
            ..StartedEvent::default()
        }));
        for index in 0..30_u32 {
            recording.connect();
            for pause in [1.0 + f64::from(index % 3), 4.0 + f64::from(index % 5)] {
                recording.advance(pause).publish("dev/state").receive();
            }
            let at = 11.0 - f64::from(index % 3) - f64::from(index % 5) + 0.1 * f64::from(index % 4);
            recording.advance(at).drop_by(DropKind::Fin);
            recording.advance(f64::from(index * 7 % 11));
        }
        recording.verdict().classification.confidence
    };
    assert!(lives("kitchen") < 0.9, "a client that reconnects after 16 s does the same");
    let (own, random) = (lives("kitchen"), lives("dropscope-0a1b2c3d"));
    assert!(random >= 0.9, "{random} against {own}");
}

#[test]
fn bursts_in_the_same_hours_of_each_day_are_not_sure() {
    let mut recording = RecordingBuilder::new(60.0);
    for day in 0..6_u32 {
        for drop in 0..12_u32 {
            let evening = 86_400.0 * f64::from(day) + 64_800.0;
            recording.connect();
            recording.pings_to(evening + 611.0 * f64::from(drop) + 97.0 * f64::from(drop * drop % 5));
            recording.silent_drop(60.0, 10.0);
        }
    }
    let classification = recording.verdict().classification.clone();
    let is_sure_of_bursts = classification.pattern == Pattern::Bursty && classification.confidence >= 0.9;
    assert!(!is_sure_of_bursts, "{classification:#?}");
}

#[test]
fn an_idle_limit_is_not_sure_before_any_session_lived_past_its_connect() {
    let mut recording = RecordingBuilder::new(24.0);
    for index in 0..12_u32 {
        recording.connect().silent_drop(24.0, 5.0);
        recording.advance(f64::from(index * 5 % 9));
    }
    let classification = recording.verdict().classification.clone();
    assert!(classification.confidence < 0.9, "{classification:#?}");
}
