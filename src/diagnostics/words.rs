//! Labels of one to three words for manners, layers and phases.
//!
//! Tables, bars and facts use these; whole sentences about one event are in [`sentence`](super::sentence).

use std::time::Duration;

use super::Metrics;
use super::event::{DropKind, Initiator, Layer, Phase};
use super::sentence::duration_words;

/// The availability in percent; a range where it is uncertain: `99.98 %`, `90.3–99.9 %`, `100 %`. `None` before any time
/// passed.
pub fn availability(metrics: &Metrics) -> Option<String> {
    Some(availability_range(metrics.proven_availability()?, metrics.availability()?))
}

/// The availability in percent from its least and its greatest value, 0…1 each.
pub fn availability_range(least: f64, most: f64) -> String {
    let number = |share: f64, decimals: usize| match share {
        1.0.. => "100".to_owned(),
        _ if share > 0.0 => {
            let nearest = if decimals == 2 { (0.01, 99.99) } else { (0.1, 99.9) };
            format!("{:.decimals$}", (100.0 * share).clamp(nearest.0, nearest.1))
        }
        _ => "0".to_owned(),
    };
    // A wide range needs fewer digits.
    let decimals = if most - least >= 0.001 { 1 } else { 2 };
    let (least, most) = (number(least, decimals), number(most, decimals));
    if least == most { format!("{most} %") } else { format!("{least}\u{2013}{most} %") }
}

/// Mean time to recover; says so where most of it was this client's own waiting between its attempts. `None` before the first
/// recovery.
pub fn recovery(metrics: &Metrics) -> Option<String> {
    let mean = duration_words(metrics.mttr?);
    let waiting = metrics.own_waiting_share().filter(|share| *share >= 0.5);
    Some(match waiting {
        Some(share) => format!("{mean}, {:.0} % of it own waiting between attempts", 100.0 * share),
        None => mean,
    })
}

/// The manner of an ending in two or three words, for labels: `peer closed (FIN)`.
pub fn drop_kind(how: Option<DropKind>) -> &'static str {
    match how {
        Some(DropKind::Fin) => "peer closed (FIN)",
        Some(DropKind::Rst) => "reset (RST)",
        Some(DropKind::TlsClose) => "TLS closed",
        Some(DropKind::TlsAlert) => "TLS alert",
        Some(DropKind::WsClose) => "WebSocket closed",
        Some(DropKind::Disconnect) => "broker sent DISCONNECT",
        Some(DropKind::PingTimeout) => "no answer to the ping",
        Some(DropKind::Io) => "read or write failed",
        Some(DropKind::Local) => "this computer",
        None => "not recorded",
    }
}

/// The manner in one word, for narrow columns: `peer FIN`, `silence`; at most 10 columns.
pub fn drop_kind_short(how: Option<DropKind>) -> &'static str {
    match how {
        Some(DropKind::Fin) => "peer FIN",
        Some(DropKind::Rst) => "reset",
        Some(DropKind::TlsClose) => "TLS close",
        Some(DropKind::TlsAlert) => "TLS alert",
        Some(DropKind::WsClose) => "WS close",
        Some(DropKind::Disconnect) => "DISCONNECT",
        Some(DropKind::PingTimeout) => "silence",
        Some(DropKind::Io) => "I/O error",
        Some(DropKind::Local) => "local",
        None => "unknown",
    }
}

/// The layer as its protocol is written.
pub fn layer(layer: Option<Layer>) -> &'static str {
    match layer {
        Some(Layer::Dns) => "DNS",
        Some(Layer::Tcp) => "TCP",
        Some(Layer::Tls) => "TLS",
        Some(Layer::Websocket) => "WebSocket",
        Some(Layer::Mqtt) => "MQTT",
        Some(Layer::Local) => "local",
        None => "-",
    }
}

/// The connect phase as its protocol is written.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Credentials => "credentials",
        Phase::Dns => "DNS",
        Phase::Tcp => "TCP",
        Phase::Tls => "TLS",
        Phase::Websocket => "WebSocket",
        Phase::Connack => "CONNACK",
    }
}

/// Who ended a session on purpose.
pub fn initiator(by: Initiator) -> &'static str {
    match by {
        Initiator::User => "by you",
        Initiator::Experiment => "by an experiment",
        Initiator::Planned => "as planned",
        Initiator::Shutdown => "the run is over",
        Initiator::Other => "on purpose",
    }
}

/// A deliberate end of a session, as the text of its mark on the timeline.
pub fn disconnect(by: Initiator) -> &'static str {
    match by {
        Initiator::User => "disconnected by you",
        Initiator::Experiment => "reconnecting on purpose",
        Initiator::Planned => "reconnecting as planned",
        Initiator::Shutdown => "disconnected at the end of the run",
        Initiator::Other => "disconnected on purpose",
    }
}

/// The smallest and the largest of some durations in the words of `format_duration`: `58 to 61 s`; one
/// of them if both have the same words.
pub fn range(shortest: Duration, longest: Duration, format_duration: fn(Duration) -> String) -> String {
    let (least, most) = (format_duration(shortest), format_duration(longest));
    if least == most {
        return least;
    }
    match (least.split_once(' '), most.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} to {most}"),
        _ => format!("{least} to {most}"),
    }
}

/// A silence in whole seconds up to an hour, because it is compared with keep-alive values.
pub fn seconds(length: Duration) -> String {
    match length.as_secs() {
        10..3_600 => format!("{:.0} s", length.as_secs_f64()),
        _ => duration_words(length),
    }
}

/// `1 drop`, `2 drops`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_length_when_both_ends_read_the_same() {
        let (short, long) = (Duration::from_secs(58), Duration::from_secs(61));
        assert_eq!(range(short, long, duration_words), "58 s to 1 min 1 s");
        assert_eq!(range(short, long, seconds), "58 to 61 s");
        assert_eq!(range(Duration::from_millis(58_100), Duration::from_millis(58_200), seconds), "58 s");
    }

    #[test]
    fn counts_agree_in_number() {
        assert_eq!(count(1, "drop", "drops"), "1 drop");
        assert_eq!(count(0, "drop", "drops"), "0 drops");
    }
}
