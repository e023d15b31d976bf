use std::time::Duration;

use super::*;
use crate::diagnostics::event::{ConnectedEvent, DroppedEvent};

fn at(secs: u64) -> Stamp {
    let start = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
    start.plus(Duration::from_secs(secs))
}

fn failed(name: &str, message: &str, phase: Phase) -> ConnectFailedEvent {
    ConnectFailedEvent {
        error_name: Some(name.to_owned()),
        error_message: Some(message.to_owned()),
        phase: Some(phase),
        ..ConnectFailedEvent::default()
    }
}

fn fault_after(failures: Vec<ConnectFailedEvent>) -> PresentFault {
    let mut tracker = PresentTracker::default();
    for (index, failed) in failures.into_iter().enumerate() {
        tracker.apply(at(60 * u64::try_from(index).expect("few")), &Event::ConnectFailed(failed));
    }
    tracker.fault().expect("a fault")
}

#[test]
fn the_first_failure_already_has_an_answer() {
    let expired = failed(
        "AWS_IO_TLS_CERTIFICATE_EXPIRED",
        "AWS_IO_TLS_CERTIFICATE_EXPIRED: Channel shutdown due to tls certificate expired. (valid until 2026-11-03)",
        Phase::Tls,
    );
    let fault = fault_after(vec![expired]);
    assert_eq!(fault.kind, PresentFaultKind::Certificate);
    assert_eq!(
        fault.headline(),
        "cannot connect since 2026-08-03 12:00 UTC (1 attempt): the server's certificate has expired: valid until 2026-11-03"
    );
}

#[test]
fn each_kind_of_failure_has_its_own_answer() {
    let kind = |name: &str, phase| fault_after(vec![failed(name, name, phase)]).kind;
    assert_eq!(kind("AWS_IO_DNS_QUERY_FAILED", Phase::Dns), PresentFaultKind::Dns);
    assert_eq!(kind("AWS_IO_SOCKET_CONNECTION_REFUSED", Phase::Tcp), PresentFaultKind::Refused);
    assert_eq!(kind("AWS_IO_SOCKET_NO_ROUTE_TO_HOST", Phase::Tcp), PresentFaultKind::Route);
    assert_eq!(kind("AWS_IO_SOCKET_TIMEOUT", Phase::Tcp), PresentFaultKind::Timeout);
    assert_eq!(kind("AWS_IO_TLS_HOST_NAME_MISMATCH", Phase::Tls), PresentFaultKind::Certificate);
    assert_eq!(kind("AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE", Phase::Tls), PresentFaultKind::Scheme);
    assert_eq!(kind("SOMETHING", Phase::Connack), PresentFaultKind::Login);
}

#[test]
fn the_words_of_other_programs_are_understood() {
    let kind = |message: &str| {
        let failed =
            ConnectFailedEvent { error_message: Some(message.into()), ..ConnectFailedEvent::default() };
        fault_after(vec![failed]).kind
    };
    assert_eq!(kind("SSL: CERTIFICATE_VERIFY_FAILED certificate has expired"), PresentFaultKind::Certificate);
    assert_eq!(kind("getaddrinfo ENOTFOUND broker.example"), PresentFaultKind::Dns);
    assert_eq!(kind("connect ECONNREFUSED 192.0.2.7:1883"), PresentFaultKind::Refused);
    assert_eq!(kind("connect EHOSTUNREACH 192.0.2.7:1883"), PresentFaultKind::Route);
    assert_eq!(kind("Connection refused: Not authorized"), PresentFaultKind::Login);
    assert_eq!(kind("something else"), PresentFaultKind::Other);
}

#[test]
fn codes_of_the_server_come_first() {
    let refused = |return_code, http_status| ConnectFailedEvent {
        return_code,
        http_status,
        ..failed("AWS_ERROR_MQTT_PROTOCOL_ERROR", "", Phase::Connack)
    };
    assert_eq!(fault_after(vec![refused(Some(5), None)]).kind, PresentFaultKind::Login);
    assert_eq!(fault_after(vec![refused(Some(3), None)]).kind, PresentFaultKind::Busy);
    assert_eq!(fault_after(vec![refused(None, Some(403))]).kind, PresentFaultKind::Login);
    assert_eq!(fault_after(vec![refused(None, Some(404))]).kind, PresentFaultKind::Upgrade);
    assert_eq!(fault_after(vec![refused(None, Some(503))]).kind, PresentFaultKind::Busy);
}

#[test]
fn a_connect_ends_the_fault_and_a_drop_begins_a_new_one() {
    let mut tracker = PresentTracker::default();
    let refused = failed("AWS_IO_SOCKET_CONNECTION_REFUSED", "", Phase::Tcp);
    tracker.apply(at(0), &Event::ConnectFailed(refused.clone()));
    tracker.apply(at(10), &Event::Connected(ConnectedEvent::default()));
    assert_eq!(tracker.fault(), None);
    tracker.apply(at(100), &Event::Dropped(DroppedEvent::default()));
    assert_eq!(tracker.fault(), None, "the first reconnect may still succeed");
    tracker.apply(at(105), &Event::ConnectFailed(refused));
    let fault = tracker.fault().expect("a fault");
    assert_eq!((fault.since, fault.attempts), (at(100).wall, 1));
}

#[test]
fn a_refused_subscription_is_a_fault_of_a_live_connection() {
    let mut tracker = PresentTracker::default();
    tracker.apply(at(0), &Event::Connected(ConnectedEvent::default()));
    let subscribed =
        Event::Subscribed { filters: vec!["a/#".into(), "b\u{1b}".into()], return_codes: vec![1, 0x87] };
    tracker.apply(at(1), &subscribed);
    let fault = tracker.fault().expect("a fault");
    assert_eq!(fault.kind, PresentFaultKind::Subscription);
    assert!(
        fault.headline().starts_with("connected, but the broker refuses the subscription to"),
        "{}",
        fault.headline()
    );
    assert!(!fault.headline().contains('\u{1b}'));
}

#[test]
fn the_end_of_a_run_keeps_what_was_wrong_and_a_wish_of_the_user_does_not() {
    let refused = || failed("AWS_IO_SOCKET_CONNECTION_REFUSED", "refused", Phase::Tcp);
    let after = |end: Event| {
        let mut tracker = PresentTracker::default();
        tracker.apply(at(0), &Event::ConnectFailed(refused()));
        tracker.apply(at(600), &end);
        tracker.fault().map(|fault| fault.headline())
    };
    let headline = after(Event::Stopped { by: None }).expect("a fault");
    assert!(
        headline.starts_with("could not connect from 2026-08-03 12:00 to 12:10 UTC (1 attempt): "),
        "{headline}"
    );
    assert_eq!(after(Event::Disconnected { by: Initiator::Shutdown }), Some(headline));
    assert_eq!(after(Event::Disconnected { by: Initiator::User }), None);
}

#[test]
fn a_server_that_closes_at_the_connect_may_expect_tls() {
    let after = |endpoint: &str| {
        let mut tracker = PresentTracker::default();
        let started = StartedEvent { endpoint: endpoint.into(), ..StartedEvent::default() };
        tracker.apply(at(0), &Event::Started(started));
        let reset = "AWS_IO_SOCKET_CLOSED: socket is closed. (the connection was reset (RST))";
        tracker.apply(at(1), &Event::ConnectFailed(failed("AWS_IO_SOCKET_CLOSED", reset, Phase::Connack)));
        tracker.fault().expect("a fault")
    };
    assert_eq!(after("mqtt://10.0.0.5:8883").kind, PresentFaultKind::Scheme);
    assert!(after("ws://10.0.0.5:443/mqtt").advice.contains("wss://"));
    assert!(after("mqtt://10.0.0.5:1883").advice.contains("mqtts://"));
    assert_eq!(after("mqtts://10.0.0.5:8883").kind, PresentFaultKind::Login);
}
