//! Codes and conditions, as tables.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;

use super::*;
use crate::diagnostics::event::{ConnectFailedEvent, Phase};
use crate::diagnostics::{Diagnostics, Metrics, Stamp};

fn stamp(secs: u64) -> Stamp {
    Stamp::new(DateTime::UNIX_EPOCH, Duration::from_secs(secs))
}

fn snapshot(metrics: Metrics, link: LinkState, last_failure: Option<ConnectFailedEvent>) -> Snapshot {
    let mut snapshot = Diagnostics::new(1).snapshot(stamp(10));
    (snapshot.link, snapshot.metrics) = (link, metrics);
    snapshot.last_failure = last_failure.map(Arc::new);
    snapshot
}

fn connect_failed(return_code: Option<u8>, http_status: Option<u16>) -> ConnectFailedEvent {
    ConnectFailedEvent {
        error_name: None,
        error_message: None,
        error_code: None,
        attempt_number: 0,
        phase: Some(Phase::Connack),
        layer: None,
        return_code,
        http_status,
    }
}

fn metrics_with_drops() -> Metrics {
    Metrics {
        total_connections: 1,
        total_connection_drops: 2,
        last_successful_connect: Some(stamp(1)),
        observed: Duration::from_secs(100),
        connected: Duration::from_secs(90),
        mttr: Some(Duration::from_secs(5)),
        ..Metrics::default()
    }
}

#[test]
fn a_run_that_never_connected_exits_with_3_or_4() {
    let down = LinkState::Connecting { since: stamp(0), failures: 3 };
    let cases = [
        (None, None, ExitReason::NeverConnected),
        (Some(3), None, ExitReason::NeverConnected),
        (Some(4), None, ExitReason::RefusedCredentials),
        (Some(5), None, ExitReason::RefusedCredentials),
        (Some(0x86), None, ExitReason::RefusedCredentials),
        (None, Some(403), ExitReason::RefusedCredentials),
        (None, Some(500), ExitReason::NeverConnected),
    ];
    for (return_code, http_status, expected) in cases {
        let state =
            snapshot(Metrics::default(), down.clone(), Some(connect_failed(return_code, http_status)));
        for run_end in [RunEnd::Completed, RunEnd::GaveUp] {
            assert_eq!(exit_reason(&state, run_end, &[]), expected, "{return_code:?} {http_status:?}");
        }
        assert_eq!(exit_reason(&state, RunEnd::Terminated, &[]), ExitReason::Success);
        assert_eq!(exit_reason(&state, RunEnd::Interrupted, &[]), ExitReason::Interrupted);
    }
}

#[test]
fn the_run_end_determines_the_exit_reason() {
    let up = snapshot(
        metrics_with_drops(),
        LinkState::Connected { since: stamp(1) },
        Some(connect_failed(Some(5), None)),
    );
    let drops: FailOn = "drops>0".parse().expect("a condition");
    let fail_on = std::slice::from_ref(&drops);
    let cases: [(RunEnd, &[FailOn], ExitReason); 8] = [
        (RunEnd::Completed, &[], ExitReason::Success),
        (RunEnd::Terminated, &[], ExitReason::Success),
        (RunEnd::Interrupted, &[], ExitReason::Interrupted),
        (RunEnd::Failed, fail_on, ExitReason::RuntimeError),
        (RunEnd::GaveUp, &[], ExitReason::RuntimeError),
        (RunEnd::Completed, fail_on, ExitReason::FailOnMet),
        (RunEnd::Terminated, fail_on, ExitReason::FailOnMet),
        (RunEnd::Interrupted, fail_on, ExitReason::Interrupted),
    ];
    for (run_end, fail_on, expected) in cases {
        assert_eq!(exit_reason(&up, run_end, fail_on), expected, "{run_end:?}");
    }
    let lost = snapshot(
        metrics_with_drops(),
        LinkState::Down { since: stamp(2), failures: 9 },
        Some(connect_failed(Some(0x87), None)),
    );
    assert_eq!(exit_reason(&lost, RunEnd::GaveUp, &[]), ExitReason::RefusedCredentials);
}

#[test]
fn numbers_are_those_of_the_documentation() {
    let numbers = [
        ExitReason::Success,
        ExitReason::RuntimeError,
        ExitReason::UsageError,
        ExitReason::NeverConnected,
        ExitReason::RefusedCredentials,
        ExitReason::FailOnMet,
        ExitReason::Interrupted,
    ]
    .map(ExitReason::number);
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 130]);
}

#[test]
fn conditions_hold_at_their_limits() {
    // 2 drops, 90 % available, recovery in 5 s, 45 s between drops.
    let metrics = metrics_with_drops();
    let cases = [
        ("drops>0", true),
        ("drops>2", false),
        ("drops >= 2", true),
        ("drops<2", false),
        ("drops<=2", true),
        ("availability<99.9", true),
        ("availability<90%", false),
        ("availability<=90", true),
        ("mttr>4s", true),
        ("mttr>5s", false),
        ("mttr>=5", true),
        ("mttr>1min", false),
        ("mtbf<1h", true),
        ("mtbf<45", false),
    ];
    for (text, is_met) in cases {
        let condition: FailOn = text.parse().expect(text);
        assert_eq!(condition.is_met(&metrics), is_met, "{text}");
        assert_eq!(condition.to_string().parse(), Ok(condition));
    }
}

#[test]
fn an_unknown_quantity_meets_no_condition() {
    for text in ["availability<100", "mttr>=0", "mtbf<=99999h"] {
        let condition: FailOn = text.parse().expect(text);
        assert!(!condition.is_met(&Metrics::default()), "{text}");
    }
}

#[test]
fn each_condition_error_has_its_variant() {
    let cases = [
        ("", FailOnError::Syntax),
        ("drops", FailOnError::Syntax),
        ("drops=1", FailOnError::Syntax),
        ("crashes>1", FailOnError::Syntax),
        ("drops>", FailOnError::Count),
        ("drops>1.5", FailOnError::Count),
        ("drops>-1", FailOnError::Count),
        ("availability<101", FailOnError::Percentage),
        ("availability<NaN", FailOnError::Percentage),
        ("mttr>soon", FailOnError::Duration),
        ("mttr>-1", FailOnError::Duration),
        ("mttr>1e300", FailOnError::Duration),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<FailOn>(), Err(error), "{text}");
    }
}
