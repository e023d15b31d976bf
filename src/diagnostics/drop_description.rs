//! The description of one drop in sentences.

use std::time::Duration;

use super::codes::{reason_words, websocket_close_words};
use super::event::{DropKind, DroppedEvent};
use super::sentence::duration_words;
use super::{DropRecord, words};

/// Describes one drop in plain sentences: the ending, the session length, the silence before, suspicious
/// circumstances, the recovery.
///
/// `at` is the moment of detection as the reader's clock shows it. Texts from outside are
/// passed through as recorded: the caller cleans them before they are shown.
pub fn drop_sentences(drop: &DropRecord, at: &str) -> Vec<String> {
    let mut sentences = vec![format!("At {at} {}.", ending_text(&drop.event))];
    sentences.push(session_age_text(drop));
    sentences.extend(silence_text(drop));
    sentences.extend(detection_lag_text(drop));
    sentences.extend(traffic_text(drop));
    sentences.extend(recent_publish_text(drop));
    sentences.push(recovery_text(drop));
    sentences
}

/// How the session ended, as the second half of "At 14:03:22 …".
fn ending_text(event: &DroppedEvent) -> String {
    match event.how {
        Some(DropKind::Fin) => "the broker, or a device on the path, closed the connection (TCP FIN)".into(),
        Some(DropKind::Rst) => "the broker, or a device on the path, reset the connection (TCP RST)".into(),
        Some(DropKind::TlsClose) => "the broker closed the connection (TLS close_notify)".into(),
        Some(DropKind::TlsAlert) => "the broker ended the TLS connection with a fatal alert".into(),
        Some(DropKind::WsClose) => match event.ws_close_code {
            Some(code) => match websocket_close_words(code) {
                Some(meaning) => format!("the broker closed the WebSocket with code {code} ({meaning})"),
                None => format!("the broker closed the WebSocket with code {code}"),
            },
            None => "the broker closed the WebSocket".into(),
        },
        Some(DropKind::Disconnect) => match event.reason_code {
            Some(code) => {
                let meaning = reason_words(code).unwrap_or("not in the standard");
                format!("the broker sent DISCONNECT with reason 0x{code:02X} ({meaning})")
            }
            None => "the broker sent DISCONNECT without a reason".into(),
        },
        Some(DropKind::PingTimeout) => ping_timeout_text(event),
        Some(DropKind::Io) => "reading from or writing to the connection failed".into(),
        Some(DropKind::Local) => {
            "this computer ended the connection (its network or a limit of its own)".into()
        }
        None => "the connection was lost; the recording does not say how".into(),
    }
}

/// Names the time waited for the PINGRESP where the last packets contain the PINGREQ.
fn ping_timeout_text(event: &DroppedEvent) -> String {
    let pingreq = event.packets.iter().rev().find(|packet| !packet.incoming && packet.packet == "PINGREQ");
    let waited = pingreq.and_then(|packet| Duration::try_from_secs_f64(packet.ago_secs).ok());
    match waited {
        Some(waited) => format!("the client waited {} for a PINGRESP; no answer", duration_words(waited)),
        None => "the client waited for a PINGRESP until the deadline; no answer".into(),
    }
}

fn session_age_text(drop: &DropRecord) -> String {
    match drop.session_start {
        Some(start) => format!("The session lasted {}.", duration_words(drop.at.since(start))),
        None => "The start of the session is not recorded.".into(),
    }
}

fn silence_text(drop: &DropRecord) -> Option<String> {
    let received = drop.idle_in.map(duration_words);
    let sent = drop.idle_out.map(duration_words);
    match (received, sent) {
        (Some(received), Some(sent)) => Some(format!(
            "The last bytes from the broker came {received} before, the last bytes of the client left {sent} before."
        )),
        (Some(received), None) => Some(format!("The last bytes from the broker came {received} before.")),
        (None, Some(sent)) => Some(format!("The last bytes of the client left {sent} before.")),
        (None, None) => None,
    }
}

/// The time between death and detection, where the two can be far apart.
fn detection_lag_text(drop: &DropRecord) -> Option<String> {
    let (earliest, latest) = drop.death_window;
    let window = latest.since(earliest);
    let silent = matches!(drop.event.how, Some(DropKind::PingTimeout | DropKind::Io));
    (silent && window.as_secs() >= 2).then(|| {
        format!("It may have been dead for up to {} before the drop was detected.", duration_words(window))
    })
}

fn traffic_text(drop: &DropRecord) -> Option<String> {
    drop.session_start?;
    let counts = drop.counts;
    if (counts.received, counts.published, counts.pings) == (0, 0, 0) {
        return Some("No message or ping was exchanged.".into());
    }
    let messages = words::count(counts.received, "message", "messages");
    let pings = words::count(counts.pings, "ping", "pings");
    Some(format!("Traffic: {messages} in, {} out; {pings} answered.", counts.published))
}

/// A publish right before the end is the classic sign of a refused operation.
fn recent_publish_text(drop: &DropRecord) -> Option<String> {
    const RECENT_SECS: f64 = 1.0;
    let last_sent = drop.event.packets.iter().rev().find(|packet| !packet.incoming)?;
    if last_sent.packet != "PUBLISH" || last_sent.ago_secs > RECENT_SECS {
        return None;
    }
    let topic = last_sent.topic.as_deref().unwrap_or("an unknown topic");
    Some(format!(
        "The client published {} bytes to {topic} {:.0} ms before: the broker may have refused that.",
        last_sent.bytes,
        last_sent.ago_secs * 1_000.0
    ))
}

fn recovery_text(drop: &DropRecord) -> String {
    let Some(recovery) = &drop.recovery else {
        return match drop.failed_attempts {
            0 => "Not reconnected so far.".into(),
            failed => {
                let attempts = words::count(u64::from(failed), "connect has", "connects have");
                format!("Not reconnected so far: {attempts} failed.")
            }
        };
    };
    let attempt_text = match drop.failed_attempts {
        0 => "at the first attempt".into(),
        failed => format!("at attempt {}", failed.saturating_add(1)),
    };
    let session_text = if recovery.session_present {
        "the broker kept the session"
    } else {
        "the broker started a new session"
    };
    format!("Reconnected after {} {attempt_text}; {session_text}.", duration_words(recovery.took))
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::super::event::PacketNote;
    use super::super::{Recovery, SessionCounts, Stamp};
    use super::*;

    fn stamp(secs: f64) -> Stamp {
        let start = Utc.timestamp_opt(1_700_000_000, 0).single().expect("a valid instant");
        Stamp::new(start, Duration::ZERO).plus(Duration::from_secs_f64(secs))
    }

    fn event(how: Option<DropKind>) -> DroppedEvent {
        DroppedEvent {
            error_name: Some("AWS_ERROR_MQTT_UNEXPECTED_HANGUP".into()),
            how,
            ..DroppedEvent::default()
        }
    }

    fn drop_record(how: Option<DropKind>) -> DropRecord {
        DropRecord {
            number: 1,
            at: stamp(15_667.0),
            event: event(how),
            session_start: Some(stamp(0.0)),
            keep_alive_secs: 60,
            death_window: (stamp(15_609.0), stamp(15_667.0)),
            session_age: Some(Duration::from_secs(15_609)),
            idle_in: Some(Duration::from_secs(58)),
            idle_out: Some(Duration::from_millis(300)),
            counts: SessionCounts { received: 340, published: 12, pings: 1, ..SessionCounts::default() },
            attempt: None,
            before: Vec::new(),
            after: Vec::new(),
            failed_attempts: 0,
            recovery: Some(Recovery {
                at: stamp(15_668.9),
                took: Duration::from_millis(1_900),
                session_present: false,
                phases: Vec::new(),
            }),
        }
    }

    #[test]
    fn a_fin_drop_has_all_its_sentences() {
        assert_eq!(
            drop_sentences(&drop_record(Some(DropKind::Fin)), "14:03:22"),
            [
                "At 14:03:22 the broker, or a device on the path, closed the connection (TCP FIN).",
                "The session lasted 4 h 21 min.",
                "The last bytes from the broker came 58 s before, the last bytes of the client left 300 ms before.",
                "Traffic: 340 messages in, 12 out; 1 ping answered.",
                "Reconnected after 1.9 s at the first attempt; the broker started a new session.",
            ]
        );
    }

    #[test]
    fn a_half_open_connection_has_a_detection_lag() {
        let text = drop_sentences(&drop_record(Some(DropKind::PingTimeout)), "x").join(" ");
        assert!(text.contains("waited for a PINGRESP until the deadline; no answer"), "{text}");
        assert!(text.contains("dead for up to 58 s before the drop was detected"), "{text}");
        let mut timed_out = drop_record(Some(DropKind::PingTimeout));
        timed_out.event.packets = vec![PacketNote {
            ago_secs: 10.0,
            incoming: false,
            packet: "PINGREQ".into(),
            topic: None,
            bytes: 2,
        }];
        let text = drop_sentences(&timed_out, "x").join(" ");
        assert!(text.contains("At x the client waited 10 s for a PINGRESP; no answer."), "{text}");
    }

    #[test]
    fn codes_are_explained() {
        let mut taken_over = drop_record(Some(DropKind::Disconnect));
        taken_over.event.reason_code = Some(0x8E);
        assert!(drop_sentences(&taken_over, "x")[0].contains("0x8E (session taken over"));
        let mut closed = drop_record(Some(DropKind::WsClose));
        closed.event.ws_close_code = Some(1001);
        assert!(drop_sentences(&closed, "x")[0].contains("code 1001 (going away)"));
    }

    #[test]
    fn a_publish_just_before_the_drop_is_reported() {
        let mut refused = drop_record(Some(DropKind::Fin));
        let packet = |ago_secs| PacketNote {
            ago_secs,
            incoming: false,
            packet: "PUBLISH".into(),
            topic: Some("cmd/forbidden".into()),
            bytes: 20,
        };
        refused.event.packets = vec![packet(0.25)];
        assert!(
            drop_sentences(&refused, "x").iter().any(|line| line.contains("cmd/forbidden 250 ms before"))
        );
        refused.event.packets = vec![packet(30.0)];
        assert!(!drop_sentences(&refused, "x").iter().any(|line| line.contains("cmd/forbidden")));
    }

    #[test]
    fn an_ongoing_outage_and_missing_fields_are_reported() {
        let mut ongoing = drop_record(None);
        ongoing.recovery = None;
        ongoing.failed_attempts = 3;
        ongoing.session_start = None;
        (ongoing.idle_in, ongoing.idle_out) = (None, None);
        assert_eq!(
            drop_sentences(&ongoing, "x"),
            [
                "At x the connection was lost; the recording does not say how.",
                "The start of the session is not recorded.",
                "Not reconnected so far: 3 connects have failed.",
            ]
        );
    }
}
