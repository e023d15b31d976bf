//! Properties of the classifier for any events in any order.

use std::time::Duration;

use dropscope::classify::{Classifier, Pattern};
use dropscope::diagnostics::{Event, Stamp};
use proptest::prelude::*;

use crate::arbitrary::any_event;

/// Time before an event, in microseconds, and a step of the wall clock on top, in milliseconds.
fn any_interval() -> impl Strategy<Value = (u64, i64)> {
    let step = prop_oneof![9 => Just(0), 1 => -100_000_000..100_000_000_i64];
    (prop_oneof![Just(0), 0..2_000_000_u64, 0..20_000_000_000_u64], step)
}

fn stamp_events(events: Vec<((u64, i64), Event)>) -> Vec<(Stamp, Event)> {
    let mut wall: chrono::DateTime<chrono::Utc> = "2026-08-03T12:00:00Z".parse().expect("a time");
    let mut boot = Duration::ZERO;
    events
        .into_iter()
        .map(|((micros, step), event)| {
            boot += Duration::from_micros(micros);
            let passed = chrono::TimeDelta::microseconds(i64::try_from(micros).unwrap_or(0));
            wall = wall + passed + chrono::TimeDelta::milliseconds(step);
            (Stamp::new(wall, boot), event)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_is_finite_fair_and_the_same_again(
        events in prop::collection::vec((any_interval(), any_event()), 0..90),
    ) {
        let events = stamp_events(events);
        let (mut one, mut other) = (Classifier::new(), Classifier::new());
        let mut at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        for (stamp, event) in &events {
            one.apply(*stamp, event);
            one.verdict();
            other.apply(*stamp, event);
            at = *stamp;
        }
        let verdict = one.verdict_at(at);
        // Reading the verdict in between has no effect.
        prop_assert_eq!(&*verdict, &*other.verdict_at(at));
        let classification = &verdict.classification;
        let sum: f64 = classification.hypotheses.iter().map(|one| one.probability).sum();
        prop_assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        prop_assert_eq!(classification.hypotheses.len(), Pattern::ALL.len());
        for hypothesis in &classification.hypotheses {
            prop_assert!((0.0..=1.0).contains(&hypothesis.probability), "{hypothesis:?}");
            prop_assert!(hypothesis.hits <= classification.drops);
            prop_assert!(hypothesis.opportunities.is_finite() && hypothesis.log_bayes_factor.is_finite());
        }
        prop_assert!((0.0..=1.0 + 1e-9).contains(&classification.confidence));
        prop_assert!(classification.parameters.values().all(|value| value.is_finite()));
        let outcomes = verdict.diagnosis.outcomes;
        let all = outcomes.network + outcomes.server + outcomes.client + outcomes.environment;
        prop_assert!((all - 1.0).abs() < 1e-6);
        let diagnosis = &verdict.diagnosis;
        let sentences = classification.evidence.iter().chain(&diagnosis.against).chain(&diagnosis.separate);
        for sentence in sentences.chain(std::iter::once(&diagnosis.next.text)) {
            prop_assert!(!sentence.is_empty() && sentence.chars().all(|c| !c.is_control()), "{sentence:?}");
        }
    }
}
