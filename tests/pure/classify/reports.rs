//! Small recordings made from public reports, and what a careful reader says of each.

use std::path::Path;
use std::sync::Arc;

use dropscope::analysis::{analyze, find_inputs};
use dropscope::classify::{Pattern, Verdict};
use dropscope::diagnostics::Diagnostics;

fn verdict_of(file: &str) -> Arc<Verdict> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reports").join(file);
    let (analysis, _) = analyze(find_inputs(&[path]).sources, Diagnostics::DEFAULT_MAX_EVENTS);
    analysis.expect("events").verdict
}

fn probability(verdict: &Verdict, pattern: Pattern) -> f64 {
    verdict.classification.hypothesis(pattern).map_or(0.0, |one| one.probability)
}

fn cause(verdict: &Verdict) -> &str {
    verdict.cause().map_or("", |cause| &cause.id)
}

#[test]
fn random_drops_without_packet_records_miss_no_keep_alive() {
    let verdict = verdict_of("no-packets-random.jsonl");
    let pattern = verdict.classification.pattern;
    assert!(matches!(pattern, Pattern::Random | Pattern::Undetermined), "{pattern}");
    assert!(probability(&verdict, Pattern::KeepAliveTimeout) < 0.05);
}

#[test]
fn an_age_of_60_keep_alives_is_a_lifetime() {
    let verdict = verdict_of("no-packets-15min.jsonl");
    assert_eq!(verdict.classification.pattern, Pattern::FixedLifetime);
    assert!(probability(&verdict, Pattern::KeepAliveTimeout) < 0.05);
    assert_ne!(cause(&verdict), "keep_alive_missed");
}

#[test]
fn an_age_of_one_keep_alive_is_an_idle_limit_or_a_lifetime() {
    let verdict = verdict_of("no-packets-60s.jsonl");
    let [idle, lifetime] =
        [Pattern::IdleTimeout, Pattern::FixedLifetime].map(|one| probability(&verdict, one));
    assert!(idle > 0.3 && lifetime > 0.3, "{idle} {lifetime}");
}

#[test]
fn a_refused_subscription_is_no_takeover() {
    let verdict = verdict_of("policy-subscribe.jsonl");
    assert!(probability(&verdict, Pattern::ClientIdTakeover) < 0.5);
    assert_eq!(cause(&verdict), "refused_by_policy");
}

#[test]
fn the_reason_code_of_the_broker_decides() {
    let verdict = verdict_of("reason-87.jsonl");
    assert!(probability(&verdict, Pattern::ClientIdTakeover) < 0.05);
    assert!(["refused_by_policy", "login_refused"].contains(&cause(&verdict)), "{}", cause(&verdict));
}

#[test]
fn a_polite_close_of_a_websocket_comes_from_a_proxy() {
    let verdict = verdict_of("nginx-constant.jsonl");
    let pattern = verdict.classification.pattern;
    assert!(matches!(pattern, Pattern::IdleTimeout | Pattern::FixedLifetime), "{pattern}");
    assert_eq!(cause(&verdict), "proxy_idle_timeout");
}

#[test]
fn an_export_of_the_reference_client_with_24_h_is_the_limit_of_aws() {
    let verdict = verdict_of("export-24h.json");
    assert_eq!(verdict.classification.pattern, Pattern::FixedLifetime);
    assert_eq!(cause(&verdict), "websocket_lifetime");
}
