use std::time::Duration;

use chrono::{TimeZone, Utc};

use super::*;
use crate::classify::SecondaryFinding;
use crate::diagnostics::event::DroppedEvent;
use crate::diagnostics::{Recovery, SessionCounts};

fn stamp(secs: f64) -> Stamp {
    let start = Utc.timestamp_opt(1_700_000_000, 0).single().expect("a valid instant");
    Stamp::new(start, Duration::ZERO).plus(Duration::from_secs_f64(secs))
}

/// A session of `age` seconds that ended at once, silent for `silent` seconds.
fn dropped(age: f64, silent: f64) -> DropRecord {
    DropRecord {
        number: 1,
        at: stamp(age),
        event: DroppedEvent { how: Some(DropKind::Fin), ..DroppedEvent::default() },
        session_start: Some(stamp(0.0)),
        keep_alive_secs: 60,
        death_window: (stamp(age - silent), stamp(age)),
        session_age: Some(Duration::from_secs_f64(age)),
        idle_in: Some(Duration::from_secs_f64(silent)),
        idle_out: Some(Duration::from_secs_f64(silent)),
        counts: SessionCounts { received: 30, published: 10, ..SessionCounts::default() },
        attempt: None,
        before: Vec::new(),
        after: Vec::new(),
        failed_attempts: 0,
        recovery: Some(Recovery {
            at: stamp(age + 2.0),
            took: Duration::from_secs(2),
            session_present: false,
            phases: Vec::new(),
        }),
    }
}

fn packet(ago_secs: f64, incoming: bool, packet: &str, topic: Option<&str>) -> PacketNote {
    let topic = topic.map(Into::into);
    PacketNote { ago_secs, incoming, packet: packet.into(), topic, bytes: 2 }
}

fn verdict(pattern: Pattern, parameters: &[(&str, f64)]) -> Verdict {
    let mut verdict = Verdict::undetermined(stamp(0.0));
    verdict.classification.pattern = pattern;
    verdict.classification.confidence = 0.91;
    verdict.classification.parameters =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    for one in &mut verdict.classification.hypotheses {
        one.probability = if one.pattern == pattern { 0.91 } else { 0.0 };
    }
    verdict
}

const FITS: &str = "This drop fits";
const DOES_NOT_FIT: &str = "This drop does not fit";
const UNKNOWN: &str = "Not known whether this drop fits";

#[track_caller]
fn assert_fit(verdict: &Verdict, drop: &DropRecord, start: &str) {
    let sentence = describe_fit(verdict, drop).expect("a pattern is named");
    assert!(sentence.starts_with(start) && sentence.ends_with('.'), "{sentence}");
}

#[test]
fn without_a_pattern_there_is_no_sentence() {
    assert_eq!(describe_fit(&Verdict::undetermined(stamp(0.0)), &dropped(10.0, 1.0)), None);
}

#[test]
fn a_lifetime_is_compared_with_the_age() {
    let verdict = verdict(Pattern::FixedLifetime, &[("limit_secs", 7_200.0), ("spread_secs", 1.0)]);
    assert_eq!(
        describe_fit(&verdict, &dropped(7_203.0, 0.0)).as_deref(),
        Some(
            "This drop fits the verdict, fixed lifetime, 91 % (sure): the session was 2 h old, the limit is 2 h."
        )
    );
    assert_fit(&verdict, &dropped(7_205.0, 0.0), DOES_NOT_FIT);
    assert_fit(&verdict, &dropped(7_230.0, 60.0), FITS);
    let without_start = DropRecord { session_start: None, ..dropped(7_200.0, 0.0) };
    assert_fit(&verdict, &without_start, UNKNOWN);
}

#[test]
fn a_schedule_is_compared_with_the_clock() {
    let phase = f64::from(1_700_000_000 % 900);
    let every = [("period_secs", 900.0), ("phase_secs", phase), ("spread_secs", 0.5)];
    let mut verdict = verdict(Pattern::Scheduled, &every);
    assert_fit(&verdict, &dropped(9_001.0, 0.0), FITS);
    assert_fit(&verdict, &dropped(8_999.0, 0.0), FITS);
    assert_fit(&verdict, &dropped(9_100.0, 0.0), DOES_NOT_FIT);
    assert_fit(&verdict, &dropped(9_100.0, 100.0), FITS);
    verdict.classification.parameters.insert("period_secs".into(), 0.0);
    assert_fit(&verdict, &dropped(9_100.0, 100.0), UNKNOWN);
}

#[test]
fn a_schedule_that_follows_the_summer_may_be_an_hour_off() {
    let phase = f64::from(1_700_000_000 % 86_400);
    let mut verdict = verdict(
        Pattern::Scheduled,
        &[("period_secs", 86_400.0), ("phase_secs", phase), ("spread_secs", 0.5)],
    );
    let drop = dropped(86_400.0 + 3_600.0, 0.0);
    assert_fit(&verdict, &drop, DOES_NOT_FIT);
    verdict.classification.parameters.insert("follows_local_time".into(), 1.0);
    assert_fit(&verdict, &drop, FITS);
}

#[test]
fn a_limit_of_silence_is_compared_with_the_silence() {
    let exact = verdict(Pattern::IdleTimeout, &[("limit_secs", 300.0), ("spread_secs", 0.5)]);
    assert_fit(&exact, &dropped(4_000.0, 301.0), FITS);
    assert_fit(&exact, &dropped(4_000.0, 60.0), DOES_NOT_FIT);
    let noticed = [("shortest_fatal_silence_secs", 350.0), ("longest_survived_silence_secs", 300.0)];
    let noticed = verdict(Pattern::IdleTimeout, &noticed);
    let mut drop = dropped(4_000.0, 400.0);
    assert_fit(&noticed, &drop, UNKNOWN);
    for (silent, start) in [(390.0, FITS), (320.0, UNKNOWN), (100.0, DOES_NOT_FIT)] {
        drop.event.packets =
            vec![packet(silent + 10.0, true, "PINGRESP", None), packet(10.0, false, "PINGREQ", None)];
        assert_fit(&noticed, &drop, start);
    }
}

#[test]
fn messages_are_counted() {
    assert_fit(&verdict(Pattern::MessageCount, &[("messages", 40.0)]), &dropped(60.0, 1.0), FITS);
    assert_fit(
        &verdict(Pattern::MessageCount, &[("published_messages", 40.0)]),
        &dropped(60.0, 1.0),
        DOES_NOT_FIT,
    );
    assert_fit(&verdict(Pattern::MessageCount, &[]), &dropped(60.0, 1.0), UNKNOWN);
}

#[test]
fn a_rejected_publish_is_the_one_the_evidence_names() {
    let mut verdict = verdict(Pattern::PublishTriggered, &[("delay_secs", 0.2)]);
    let evidence = "9 of 9 publishes to \"demo/#/bad\" were followed by a drop, 200 ms later";
    verdict.classification.evidence = vec![evidence.into()];
    let mut drop = dropped(600.0, 1.0);
    assert_fit(&verdict, &drop, UNKNOWN);
    for (ago, topic, start) in [
        (0.2, "demo/12345/bad", FITS),
        (0.2, "demo/good", DOES_NOT_FIT),
        (30.0, "demo/12345/bad", DOES_NOT_FIT),
    ] {
        drop.event.packets = vec![packet(ago, false, "PUBLISH", Some(topic))];
        assert_fit(&verdict, &drop, start);
    }
    drop.event.packets = vec![packet(0.1, false, "PUBLISH", Some("x\u{1b}[2J"))];
    assert!(!describe_fit(&verdict, &drop).expect("a sentence").contains('\u{1b}'));
}

#[test]
fn reason_and_close_kind_decide_takeover_and_missed_keep_alive() {
    let takeover = verdict(Pattern::ClientIdTakeover, &[("typical_life_secs", 3.0)]);
    assert_fit(&takeover, &dropped(4.0, 0.0), FITS);
    assert_fit(&takeover, &dropped(4_000.0, 0.0), DOES_NOT_FIT);
    let mut with_reason = dropped(4_000.0, 0.0);
    with_reason.event.reason_code = Some(0x8E);
    assert_fit(&takeover, &with_reason, FITS);
    let cut = verdict(Pattern::KeepAliveTimeout, &[("silence_in_keep_alives", 1.5)]);
    assert_fit(&cut, &dropped(4_000.0, 91.0), FITS);
    assert_fit(&cut, &dropped(4_000.0, 30.0), DOES_NOT_FIT);
    let unanswered = verdict(Pattern::KeepAliveTimeout, &[("ping_unanswered", 1.0)]);
    assert_fit(&unanswered, &dropped(4_000.0, 30.0), DOES_NOT_FIT);
}

#[test]
fn an_outage_takes_long_and_a_burst_ends_sessions_soon() {
    let outage = verdict(Pattern::Outage, &[]);
    let mut drop = dropped(4_000.0, 1.0);
    assert_fit(&outage, &drop, DOES_NOT_FIT);
    drop.failed_attempts = 9;
    if let Some(recovery) = &mut drop.recovery {
        recovery.took = Duration::from_secs(200);
    }
    assert_fit(&outage, &drop, FITS);
    drop.recovery = None;
    assert_fit(&outage, &drop, UNKNOWN);
    let bursty = verdict(Pattern::Bursty, &[("short_life_secs", 40.0), ("long_life_secs", 4_000.0)]);
    assert_fit(&bursty, &dropped(60.0, 1.0), FITS);
    assert_fit(&bursty, &dropped(5_000.0, 1.0), UNKNOWN);
}

#[test]
fn a_drop_that_does_not_fit_may_belong_to_the_second_cause() {
    let mut verdict = verdict(Pattern::FixedLifetime, &[("limit_secs", 7_200.0)]);
    verdict.classification.confidence = 0.97;
    verdict.diagnosis.also =
        vec![SecondaryFinding { pattern: Pattern::Outage, hits: 12, sentence: "12 drops".into() }];
    let sentence = describe_fit(&verdict, &dropped(60.0, 1.0)).expect("a sentence");
    assert!(sentence.ends_with(" It may be one of the 12 drops of the second cause."), "{sentence}");
}

#[test]
fn every_pattern_has_an_answer_without_any_numbers() {
    for pattern in Pattern::ALL.into_iter().filter(|pattern| *pattern != Pattern::Undetermined) {
        let sentence = describe_fit(&verdict(pattern, &[]), &dropped(60.0, 1.0)).expect("a sentence");
        assert!(sentence.contains(pattern.title()), "{sentence}");
    }
    let extreme_values = [f64::NAN, f64::INFINITY, -1.0, 1e300];
    for (pattern, value) in
        Pattern::ALL.into_iter().flat_map(|pattern| extreme_values.map(|value| (pattern, value)))
    {
        let names =
            ["limit_secs", "spread_secs", "period_secs", "phase_secs", "messages", "typical_life_secs"];
        describe_fit(&verdict(pattern, &names.map(|name| (name, value))), &dropped(60.0, 1.0));
    }
}
