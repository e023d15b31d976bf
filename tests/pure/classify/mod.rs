//! The rules of the classifier: mechanisms before coincidences, death before detection, calibrated confidence.
//!
//! Small hand-made recordings, one rule each. The module `verdicts` measures the accuracy on many recordings.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod any;
mod field;
mod recording_builder;
mod reports;
mod rivals;

use dropscope::classify::{AdviceAction, Pattern};
use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::{ConnectFailedEvent, DropKind, Message, Phase, SystemSource};
use dropscope::diagnostics::recording::RecordingReader;
use recording_builder::RecordingBuilder;

/// A NAT with an idle timeout of 285 s: pings every 1200 s, the device sends now and then.
fn nat_recording() -> RecordingBuilder {
    let mut recording = RecordingBuilder::new(1_200.0);
    for index in 0..12 {
        recording.connect();
        // Silences that are survived, the longest 283 s.
        for silence in [100.0, 283.0, 200.0, 240.0 + f64::from(index)] {
            recording.advance(silence).receive();
        }
        // The mapping is gone, nothing is answered; the next ping is due 1200 s after the last outgoing packet.
        recording.silent_drop(1_200.0 - 823.0 - f64::from(index), 10.0);
    }
    recording
}

#[test]
fn an_expired_nat_mapping_is_named_with_a_keep_alive_that_helps() {
    let verdict = nat_recording().verdict();
    assert_eq!(verdict.classification.pattern, Pattern::IdleTimeout, "{verdict:#?}");
    assert_eq!(verdict.diagnosis.next.action, AdviceAction::ShortenKeepAlive);
    let advised: f64 = verdict
        .diagnosis
        .next
        .text
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .expect("a number of seconds");
    assert!((60.0..=240.0).contains(&advised), "{}", verdict.diagnosis.next.text);
    assert!(verdict.classification.evidence.iter().any(|sentence| sentence.contains("survived")));
}

#[test]
fn the_example_recording_with_a_300_s_nat_is_an_idle_timeout() {
    // The README's example: a router with an idle timeout of 300 s. The peer reports every four minutes and pauses now
    // and then; the frequency of the pauses is visible only where a shorter keep-alive protected the session.
    let mut classifier = dropscope::classify::Classifier::new();
    let mut end = None;
    for observed in RecordingReader::new(include_str!("../../../assets/example.jsonl").as_bytes()) {
        let observed = observed.expect("a line");
        classifier.apply(observed.at, &observed.event);
        end = Some(observed.at);
    }
    let verdict = classifier.verdict_at(end.expect("events"));
    assert_eq!(verdict.classification.pattern, Pattern::IdleTimeout, "{verdict:#?}");
    assert!(verdict.classification.confidence > 0.75, "{}", verdict.classification.confidence);
    assert_eq!(verdict.cause().map(|cause| cause.id.as_str()), Some("nat_idle_timeout"));
    assert_eq!(verdict.diagnosis.next.text, "keep the keep-alive at 60 s: the drops have stopped");
}

#[test]
fn failed_connects_without_credentials_point_to_the_credentials() {
    let outage_cause = |phase, http_status| {
        let mut recording = RecordingBuilder::new(60.0);
        for index in 0..4 {
            recording.connect().pings(5_000.0 + 1_700.0 * f64::from(index)).drop_by(DropKind::TlsClose);
            for attempt_number in 1..9 {
                let failed = ConnectFailedEvent {
                    phase,
                    http_status,
                    attempt_number,
                    ..ConnectFailedEvent::default()
                };
                recording.advance(60.0).event(Event::ConnectFailed(failed));
            }
        }
        let verdict = recording.connect().pings(600.0).verdict();
        assert_eq!(verdict.classification.pattern, Pattern::Outage, "{verdict:#?}");
        let cause = verdict.cause().expect("a cause").id.clone();
        (cause, verdict.classification.evidence.join("; "))
    };
    for (phase, status, place) in [
        (Phase::Credentials, None, "32 connects failed meanwhile, mostly at credentials"),
        (Phase::Websocket, Some(403), "32 connects failed meanwhile, mostly at WebSocket with HTTP 403"),
    ] {
        let (cause, evidence) = outage_cause(Some(phase), status);
        assert_eq!(cause, "credentials_expired");
        assert!(evidence.ends_with(place), "{evidence}");
    }
    assert_ne!(outage_cause(Some(Phase::Tcp), None).0, "credentials_expired");
}

#[test]
fn the_same_silences_survived_are_no_limit() {
    let mut recording = nat_recording();
    // A later session lives through hours of longer silences.
    recording.connect();
    for _ in 0..40 {
        recording.advance(600.0).receive();
    }
    let verdict = recording.verdict();
    assert_ne!(verdict.classification.pattern, Pattern::IdleTimeout, "{:#?}", verdict.classification);
}

#[test]
fn detection_by_our_own_ping_is_no_lifetime_and_no_idle_limit() {
    // The path dies at random times; each death is detected at the next ping, 60 s apart, plus 10 s.
    let mut recording = RecordingBuilder::new(60.0);
    for minutes in [3_u32, 41, 17, 8, 90, 26, 5, 63, 12, 34, 21, 7] {
        recording.connect();
        for _ in 0..minutes {
            recording.advance(60.0).ping();
        }
        recording.silent_drop(60.0, 10.0);
    }
    let verdict = recording.verdict();
    let specific = [Pattern::FixedLifetime, Pattern::IdleTimeout, Pattern::Scheduled];
    assert!(!specific.contains(&verdict.classification.pattern), "{:#?}", verdict.classification);
}

#[test]
fn a_lifetime_is_distinguished_from_a_schedule_by_its_phase() {
    let mut recording = RecordingBuilder::new(60.0);
    for pause in [700.0, 20.0, 4_000.0, 1.0, 900.0, 55.0] {
        recording.connect().pings(86_400.0).drop_by(DropKind::WsClose);
        recording.advance(pause);
    }
    recording.connect().pings(3_600.0);
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::FixedLifetime, "{:#?}", verdict.classification);
    assert!(verdict.classification.confidence > 0.9, "{:#?}", verdict.classification);
    let expected = verdict.diagnosis.expected.expect("a prediction");
    let left = expected.at.timestamp() - recording.now().wall.timestamp();
    assert!((left - (86_400 - 3_600)).abs() < 30, "{left} s");
}

#[test]
fn a_nightly_reset_is_distinguished_from_a_lifetime() {
    let mut recording = RecordingBuilder::new(60.0);
    for (day, hours) in [9.0_f64, 3.5, 21.0, 6.2, 15.0, 11.0, 2.0].into_iter().enumerate() {
        let night = 86_400.0 * real(day + 1) + 3.0 * 3_600.0;
        recording.advance_to(night - hours * 3_600.0).connect().pings(hours * 3_600.0 - 30.0);
        recording.advance_to(night + 2.0 * real(day % 3)).drop_by(DropKind::Fin);
    }
    assert_eq!(recording.verdict().classification.pattern, Pattern::Scheduled);
}

fn real(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("small"))
}

#[test]
fn two_anchors_that_fit_equally_share_the_probability_and_name_a_test() {
    // The reconnect always takes the same time: session age and wall clock have the same period.
    let mut recording = RecordingBuilder::new(60.0);
    for jitter in [0.3, 0.0, 0.6, 0.2, 0.9, 0.1] {
        recording.connect().pings(86_398.0).advance(jitter).drop_by(DropKind::Fin);
        recording.advance(0.7 - jitter);
    }
    let verdict = recording.verdict();
    let share = |pattern| {
        let found = verdict.classification.hypotheses.iter().find(|one| one.pattern == pattern);
        found.expect("every pattern is listed").probability
    };
    assert!(share(Pattern::FixedLifetime) > 0.05 && share(Pattern::Scheduled) > 0.05, "{verdict:#?}");
    assert!(verdict.diagnosis.separate.as_deref().expect("a test").contains("reconnect"));
}

#[test]
fn a_denied_topic_is_found_among_harmless_companions() {
    let mut recording = RecordingBuilder::new(60.0);
    for index in 0..6 {
        recording.connect().advance(50.0 + 17.0 * f64::from(index));
        for _ in 0..4 {
            recording.publish("dev/state").advance(1.0);
        }
        recording.publish("dev/denied").advance(0.2).drop_by(DropKind::Fin);
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::PublishTriggered);
    assert!(verdict.classification.evidence[0].contains("dev/denied"));
    assert_eq!(verdict.diagnosis.next.text, "Correct the topic or the policy: \"dev/denied\"");
}

#[test]
fn a_frequent_event_explains_nothing_and_a_roam_does() {
    let mut recording = RecordingBuilder::new(60.0);
    for index in 0..8 {
        recording.connect();
        for _ in 0..10 {
            recording.advance(60.0).system(SystemSource::Network, "signal -70 dBm");
        }
        recording
            .advance(13.0 * f64::from(index))
            .system(SystemSource::Network, "wlan0: roamed to aa:bb:cc:dd:ee:0f");
        recording.advance(0.8).drop_by(DropKind::Local);
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::SystemEvent, "{:#?}", verdict.classification);
    assert!(verdict.classification.evidence[0].contains("roamed"));
}

#[test]
fn a_broker_reason_code_decides_after_few_drops() {
    let mut recording = RecordingBuilder::new(60.0);
    for wait in [40.0, 900.0, 15.0, 333.0] {
        recording.connect().advance(wait).drop_with(|drop| {
            drop.how = Some(DropKind::Disconnect);
            drop.reason_code = Some(0x8E);
        });
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::ClientIdTakeover);
    assert!(verdict.diagnosis.causes[0].probability > 0.5, "{:#?}", verdict.diagnosis.causes);
}

#[test]
fn two_drops_prove_nothing_whatever_they_look_like() {
    let mut recording = RecordingBuilder::new(60.0);
    for _ in 0..2 {
        recording.connect().advance(86_400.0).drop_by(DropKind::WsClose);
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.pattern, Pattern::Undetermined);
    assert!(verdict.classification.missing.as_deref().expect("what is missing").contains("1 more"));
}

#[test]
fn a_disconnect_by_the_user_is_no_drop_and_censors() {
    let mut recording = RecordingBuilder::new(60.0);
    for wait in [900.0, 30.0, 5_000.0] {
        recording.connect().advance(wait).disconnect();
    }
    let verdict = recording.verdict();
    assert_eq!(verdict.classification.drops, 0);
    assert_eq!(verdict.classification.pattern, Pattern::Undetermined);
}

#[test]
fn aggregated_messages_rule_out_silence_patterns() {
    let mut recording = nat_recording();
    recording.event(Event::Traffic { published: 10_000, received: 10_000, window_secs: 1.0 });
    let verdict = recording.verdict();
    let idle = verdict.classification.hypotheses.iter().find(|one| one.pattern == Pattern::IdleTimeout);
    assert_eq!(idle.expect("every pattern is listed").hits, 0);
}

#[test]
fn memory_does_not_grow_with_topics_events_or_sessions() {
    let mut recording = RecordingBuilder::new(60.0);
    let mut classifier = dropscope::classify::Classifier::new();
    for index in 0..30_000_u32 {
        recording.connect().advance(0.3);
        recording.event(Event::Published(Message {
            topic: format!("t/{}", word(index)).into(),
            ..Message::default()
        }));
        recording.system(SystemSource::Service, &word(index)).advance(0.1).drop_by(DropKind::Fin);
        for observed in recording.take() {
            classifier.apply(observed.at, &observed.event);
        }
    }
    let drops = classifier.verdict_at(recording.now()).classification.drops;
    // The newest ones are weighed, whatever is kept.
    assert_eq!(drops, 4_000);
}

/// A name of letters only, so that it is not masked as a counter.
fn word(mut index: u32) -> String {
    let mut name = String::new();
    loop {
        name.push(char::from(b'a' + u8::try_from(index % 26).expect("a letter")));
        index /= 26;
        if index == 0 {
            return name;
        }
    }
}
