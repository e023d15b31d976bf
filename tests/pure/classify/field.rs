//! What the field taught: stated causes, unknown silences, cures, changes, and what is wrong now.

use dropscope::classify::{AdviceAction, ItemRole, Pattern, PresentFaultKind, VerdictPage};
use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::{ConnectFailedEvent, DropKind, PacketNote, Phase, StartedEvent};

use super::recording_builder::RecordingBuilder;

fn reason(recording: &mut RecordingBuilder, code: u8) {
    recording.drop_with(|drop| {
        drop.how = Some(DropKind::Disconnect);
        drop.reason_code = Some(code);
    });
}

#[test]
fn a_stated_cause_precedes_the_timing() {
    // All sessions end at the same age, and each end says why.
    let mut recording = RecordingBuilder::new(60.0);
    for _ in 0..9 {
        recording.connect().advance(2.0);
        reason(&mut recording, 0x87);
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::PublishTriggered, "{verdict:#?}");
    assert!(verdict.cause().is_some_and(|cause| cause.id == "refused_by_policy"), "{verdict:#?}");
}

#[test]
fn one_drop_with_a_stated_cause_needs_no_second() {
    let mut recording = RecordingBuilder::new(60.0);
    recording.connect().pings(500.0);
    reason(&mut recording, 0x8E);
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::ClientIdTakeover);
    assert!(verdict.classification.confidence < 0.9, "one drop is not sure");
}

#[test]
fn a_subscribe_that_failed_twice_of_twice_is_a_finding() {
    let mut recording = RecordingBuilder::new(60.0);
    for _ in 0..2 {
        recording.connect().advance(0.1).drop_with(|drop| {
            drop.how = Some(DropKind::Fin);
            drop.packets = vec![PacketNote {
                ago_secs: 0.05,
                incoming: false,
                packet: "SUBSCRIBE".into(),
                topic: None,
                bytes: 40,
            }];
        });
        recording.advance(3_000.0);
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::PublishTriggered, "{verdict:#?}");
    assert!(verdict.diagnosis.next.text.contains("subscription"), "{}", verdict.diagnosis.next.text);
}

#[test]
fn another_client_cannot_have_a_random_id() {
    let short_lives = |client_id: &str| {
        let mut recording = RecordingBuilder::new(60.0);
        recording.event(Event::Started(StartedEvent {
            keep_alive_secs: 60.0,
            client_id: client_id.into(),
            endpoint: "mqtt://broker.example".into(),
            ..StartedEvent::default()
        }));
        for life in [2.0, 2.4, 1.9, 2.2, 2.1, 2.6, 2.3, 1.8, 2.0] {
            recording.connect().advance(life).drop_by(DropKind::Fin);
        }
        recording.verdict().classification.hypothesis(Pattern::ClientIdTakeover).map(|one| one.probability)
    };
    assert!(short_lives("kitchen").is_some_and(|probability| (0.5..0.9).contains(&probability)));
    assert!(short_lives("dropscope-0a1b2c3d").is_some_and(|probability| probability < 0.05));
}

#[test]
fn without_recorded_packets_no_silence_is_known() {
    // Sessions of hours with a keep-alive of a minute: something was sent, whatever the recording shows.
    let mut recording = RecordingBuilder::new(60.0);
    for hours in [2.0, 5.5, 1.2, 3.7, 8.1, 0.6, 2.9, 4.4, 6.3, 1.7] {
        recording.connect().advance(3_600.0 * hours).drop_with(|_| ());
        recording.advance(40.0);
    }
    let pattern = recording.verdict().classification.pattern;
    let about_silence = [Pattern::IdleTimeout, Pattern::KeepAliveTimeout];
    assert!(!about_silence.contains(&pattern), "{pattern}");
}

/// Sessions that die in their first silence of 600 s or more, with shorter silences that are survived.
fn nat_of_600_s(recording: &mut RecordingBuilder) {
    for _ in 0..6 {
        recording.connect();
        for _ in 0..4 {
            recording.advance(400.0).receive();
        }
        recording.silent_drop(800.0, 10.0);
        recording.advance(5.0);
    }
}

#[test]
fn a_cure_strengthens_the_verdict_and_is_shown_as_success() {
    let mut recording = RecordingBuilder::new(1_200.0);
    nat_of_600_s(&mut recording);
    let before = recording.verdict();
    recording.change_keep_alive(60.0);
    recording.connect().pings(86_400.0);
    let after = recording.verdict();
    assert_eq!(after.classification.pattern, Pattern::IdleTimeout, "{after:#?}");
    let probability = |verdict: &dropscope::classify::Verdict| verdict.classification.confidence;
    assert!(probability(&after) >= probability(&before) - 0.01, "{after:#?}");
    let calm = after.diagnosis.calm.expect("a comparison");
    assert!(calm.is_success() && calm.drops == 0 && calm.expected > 10.0, "{calm:?}");
    let page = VerdictPage::new(&after);
    assert!(
        page.text(ItemRole::Cured).is_some_and(|text| text.contains("at a keep-alive of 60 s: no drop in"))
    );
}

#[test]
fn a_change_that_does_not_help_is_no_success() {
    let mut recording = RecordingBuilder::new(120.0);
    let lose = |recording: &mut RecordingBuilder| {
        for minutes in [41.0, 9.0, 66.0, 23.0, 30.0] {
            recording.connect().pings(60.0 * minutes).drop_by(DropKind::Fin);
        }
    };
    lose(&mut recording);
    recording.change_keep_alive(30.0);
    lose(&mut recording);
    let verdict = recording.verdict();
    let calm = verdict.diagnosis.calm.expect("a comparison");
    assert!(!calm.is_success() && calm.drops == 5, "{calm:?}");
    assert_eq!(VerdictPage::new(&verdict).text(ItemRole::Cured), None);
}

#[test]
fn the_cause_of_today_comes_first() {
    let mut recording = RecordingBuilder::new(60.0);
    for pause in [30.0, 700.0, 2.0, 90.0, 411.0, 5.0, 60.0, 1_000.0] {
        recording.connect().pings(7_200.0).drop_by(DropKind::WsClose);
        recording.advance(pause);
    }
    recording.connect().pings(40_000.0);
    for life in [20_000.0, 31_000.0, 9_500.0, 52_000.0, 14_700.0, 25_000.0, 40_300.0, 12_100.0] {
        recording.silent_drop(60.0, 10.0).advance(3.0);
        recording.connect().pings(life);
    }
    let verdict = recording.verdict();
    assert_ne!(verdict.classification.pattern, Pattern::FixedLifetime, "{verdict:#?}");
    assert!(
        verdict.classification.confidence < 0.9,
        "a change that was only found is not sure: {verdict:#?}"
    );
    let earlier = verdict.diagnosis.also.iter().find(|seen| seen.pattern == Pattern::FixedLifetime);
    assert!(earlier.is_some_and(|seen| seen.sentence.starts_with("until 2026-08-")), "{verdict:#?}");
}

#[test]
fn the_rest_beside_a_schedule_is_named_too() {
    let mut recording = RecordingBuilder::new(60.0);
    // Every night at four; between, a random drop on most days.
    for (day, hour) in [9.1, 17.5, 21.7, 6.2, 13.9, 11.3, 19.8, 8.4].into_iter().enumerate() {
        let midnight = 86_400.0 * f64::from(u32::try_from(day).expect("few"));
        recording.connect().pings_to(midnight + 4.0 * 3_600.0).drop_by(DropKind::Fin);
        recording.connect().pings_to(midnight + hour * 3_600.0).drop_by(DropKind::Fin);
    }
    let verdict = recording.verdict();
    let share = |pattern| verdict.classification.hypothesis(pattern).map_or(0.0, |one| one.probability);
    assert_eq!(verdict.classification.pattern, Pattern::Scheduled, "{verdict:#?}");
    assert!(share(Pattern::Scheduled) > 0.3 && share(Pattern::Random) > 0.3, "{verdict:#?}");
    let page = VerdictPage::new(&verdict);
    assert_eq!(page.text(ItemRole::Answer), Some("scheduled and random loss"));
}

#[test]
fn where_age_and_silence_coincide_the_advice_separates_them() {
    let mut recording = RecordingBuilder::new(120.0);
    for _ in 0..7 {
        recording.connect().advance(50.0).drop_with(|drop| {
            drop.how = Some(DropKind::Fin);
            drop.last_rx_secs = Some(50.0);
            drop.last_tx_secs = Some(50.0);
        });
        recording.advance(3.0);
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::IdleTimeout, "{verdict:#?}");
    assert!(
        verdict.classification.hypothesis(Pattern::FixedLifetime).is_some_and(|one| one.probability > 0.1)
    );
    let next = &verdict.diagnosis.next;
    assert_eq!(next.action, AdviceAction::ShortenKeepAlive);
    assert!(next.keep_alive_secs.is_some_and(|secs| secs < 50), "{next:?}");
    assert!(next.text.starts_with("try "), "no silence was survived yet: {next:?}");
}

#[test]
fn while_it_cannot_connect_that_is_explained_first() {
    let mut recording = RecordingBuilder::new(60.0);
    recording.connect().pings(900.0).drop_by(DropKind::Fin);
    recording.advance(1.0).event(Event::ConnectFailed(ConnectFailedEvent {
        error_name: Some("AWS_IO_TLS_CERTIFICATE_EXPIRED".into()),
        error_message: Some("AWS_IO_TLS_CERTIFICATE_EXPIRED".into()),
        phase: Some(Phase::Tls),
        attempt_number: 1,
        ..ConnectFailedEvent::default()
    }));
    let verdict = recording.verdict();
    let now = verdict.diagnosis.now.as_ref().expect("a fault");
    assert_eq!(now.kind, PresentFaultKind::Certificate);
    let page = VerdictPage::new(&verdict);
    assert_eq!(page.items().first().map(|item| item.role), Some(ItemRole::Now));
    assert!(page.text(ItemRole::NextStep).is_some_and(|step| step.contains("have the certificate renewed")));
}
