use crate::diagnostics::RecordedWord;
use chrono::{TimeZone, Utc};

use super::super::event::{
    ConnectFailedEvent, ConnectKind, ConnectedEvent, DroppedEvent, Event, Initiator, Phase, StartedEvent,
    SystemSource,
};
use super::super::{Diagnostics, Stamp};
use super::*;

/// A run under construction: events with the second they happen at.
struct FactsFixture {
    fold: Diagnostics,
    now: f64,
}

impl FactsFixture {
    fn new(keep_alive_secs: u32) -> Self {
        let mut run = Self { fold: Diagnostics::new(100), now: 0.0 };
        let endpoint = "mqtt://broker".to_owned();
        run.apply(&Event::Started(StartedEvent {
            keep_alive_secs: keep_alive_secs.into(),
            endpoint,
            ..StartedEvent::default()
        }));
        run
    }

    fn stamp(&self) -> Stamp {
        let start = Utc.timestamp_opt(1_700_000_000, 0).single().expect("a valid instant");
        Stamp::new(start, Duration::ZERO).plus(Duration::from_secs_f64(self.now))
    }

    fn apply(&mut self, event: &Event) {
        self.fold.apply(self.stamp(), event);
    }

    fn connect(&mut self, keep_alive_secs: u32, version: &str) {
        self.apply(&Event::Connected(ConnectedEvent {
            event_type: ConnectKind::Resumed,
            return_code: Some(0),
            keep_alive_secs: keep_alive_secs.into(),
            mqtt_version: Some(RecordedWord::parse(version)),
            ..ConnectedEvent::default()
        }));
    }

    /// A session of `secs` that ends in a drop after `silence`, and one second of outage.
    fn session(&mut self, secs: f64, silence: f64, how: Option<DropKind>) {
        self.connect(60, "3.1.1");
        self.now += secs;
        self.apply(&Event::Dropped(dropped(silence, how)));
        self.now += 1.0;
    }

    fn facts(&mut self) -> DropFacts {
        let at = self.stamp();
        drop_facts(&self.fold.snapshot(at))
    }
}

fn dropped(silence: f64, how: Option<DropKind>) -> DroppedEvent {
    DroppedEvent { how, last_rx_secs: Some(silence), last_tx_secs: Some(0.5), ..DroppedEvent::default() }
}

#[test]
fn before_the_first_session_there_is_only_the_failure() {
    let mut run = FactsFixture::new(60);
    assert_eq!(run.facts().headline, "No session yet.");
    run.apply(&Event::ConnectFailed(ConnectFailedEvent {
        error_name: Some("AWS_IO_SOCKET_TIMEOUT".into()),
        ..ConnectFailedEvent::default()
    }));
    run.now += 5.0;
    let facts = run.facts();
    assert_eq!(facts.headline, "Never connected so far: 1 connect failed.");
    assert_eq!(facts.known, ["1 of 1 failed connects: socket operation timed out"]);
    assert_eq!(facts.next, Some(NextStep::ReadFailure));
    let name = "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE";
    run.apply(&Event::ConnectFailed(ConnectFailedEvent {
        phase: Some(Phase::Websocket),
        error_name: Some(name.into()),
        error_message: Some(format!("{name}: text (this computer's clock is wrong; the server answered)")),
        ..ConnectFailedEvent::default()
    }));
    assert_eq!(
        run.facts().known[0],
        "the newest attempt failed at websocket: text (this computer's clock is wrong",
        "what follows a semicolon is left out"
    );
    run.connect(60, "5");
    assert!(!run.facts().known[0].contains("the newest attempt"), "it is connected now");
}

#[test]
fn a_run_without_drops_has_its_observation_time_in_the_headline() {
    let mut run = FactsFixture::new(60);
    run.connect(60, "5");
    run.now = 720.0;
    let facts = run.facts();
    assert_eq!(facts.headline, "No drop yet. Watched 12 min.");
    assert_eq!(facts.known, ["this session has lasted 12 min so far"]);
    assert!(!facts.missing.iter().any(|line| line.contains("3.1.1")), "{:?}", facts.missing);
    assert_eq!(facts.next, None, "the link requires nothing");
}

#[test]
fn two_drops_are_no_pattern() {
    let mut run = FactsFixture::new(60);
    run.session(100.0, 3.0, Some(DropKind::Rst));
    assert_eq!(run.facts().headline, "1 drop so far; a pattern needs 2 more.");
    run.session(100.0, 3.0, Some(DropKind::Fin));
    assert_eq!(run.facts().headline, "2 drops so far; a pattern needs 1 more.");
}

#[test]
fn properties_shared_by_all_drops_are_listed() {
    let mut run = FactsFixture::new(60);
    for extra in [0.0, 1.0, 3.0] {
        run.session(15_600.0 + 60.0 * extra, 58.0 + extra, Some(DropKind::Fin));
    }
    run.connect(60, "3.1.1");
    run.now += 10.0;
    let facts = run.facts();
    assert_eq!(facts.headline, "3 drops, one per 4 h 21 min connected.");
    assert_eq!(
        facts.known,
        [
            "all 3 drops: peer closed (FIN)",
            "silent before: 58 to 61 s, all alike",
            "session ages: 4 h 20 min to 4 h 23 min, all alike",
            "all 3 drops: we sent a packet less than 1 s before",
            "reconnected after: 1.0 s, all alike",
        ]
    );
    assert!(facts.missing[0].starts_with("the broker's reason: MQTT 3.1.1"), "{:?}", facts.missing);
    assert_eq!(facts.next, None, "drops alone require no step");
}

#[test]
fn scattered_values_and_missing_data_are_listed() {
    let mut run = FactsFixture::new(60);
    run.session(10.0, 1.0, None);
    run.session(1_000.0, 50.0, None);
    run.session(100.0, 9.0, None);
    let facts = run.facts();
    assert!(facts.known.contains(&"session ages: 10 s to 16 min 40 s, scattered".to_owned()), "{facts:?}");
    assert!(facts.missing.contains(&"how 3 drops ended: not recorded".to_owned()), "{facts:?}");
}

#[test]
fn events_of_the_computer_near_a_drop_are_counted() {
    let mut run = FactsFixture::new(60);
    run.session(1_000.0, 5.0, Some(DropKind::Local));
    run.connect(60, "5");
    run.now += 970.0;
    run.apply(&Event::System { source: SystemSource::Power, message: "suspended".into() });
    run.now += 30.0;
    run.apply(&Event::Dropped(dropped(5.0, Some(DropKind::Local))));
    let facts = run.facts();
    assert!(
        facts.known.contains(&"1 of 2 drops: within a minute of an event on this computer".to_owned()),
        "{facts:?}"
    );
}

#[test]
fn two_keep_alive_values_are_set_side_by_side() {
    let mut run = FactsFixture::new(1_200);
    run.connect(1_200, "5");
    run.now += 3_600.0;
    run.apply(&Event::Dropped(dropped(300.0, Some(DropKind::PingTimeout))));
    run.apply(&Event::KeepAliveChanged { from: 1_200.0, to: 60.0 });
    run.connect(60, "5");
    run.now += 7_200.0;
    let facts = run.facts();
    assert!(
        facts
            .known
            .contains(&"1 drop in 1 h at keep-alive 1200 s, 0 drops in 2 h at keep-alive 60 s".to_owned()),
        "{facts:?}"
    );
    assert_eq!(facts.next, Some(NextStep::KeepRunning));
}

#[test]
fn the_next_step_is_first_about_a_closed_link_or_a_disabled_keep_alive() {
    let mut run = FactsFixture::new(0);
    run.connect(0, "5");
    run.now += 10.0;
    assert_eq!(run.facts().next, Some(NextStep::EnableKeepAlive));
    run.apply(&Event::Disconnected { by: Initiator::User });
    assert_eq!(run.facts().next, Some(NextStep::Connect));
}

#[test]
fn a_minority_of_another_drop_kind_is_not_compared() {
    let mut run = FactsFixture::new(60);
    for silence in [285.0, 287.0, 289.0] {
        run.session(9_000.0, silence, Some(DropKind::Fin));
    }
    run.session(30.0, 2.0, Some(DropKind::PingTimeout));
    let facts = run.facts();
    assert_eq!(facts.known[0], "3 of 4 drops: peer closed (FIN)");
    assert_eq!(facts.known[1], "silent before: 285 to 289 s, all alike");
}
