//! How are manners, layers and phases labelled where there is room for a word or two only?
//!
//! Tables, bars and facts use these; whole sentences about one event are in [`sentence`](super::sentence).

use std::time::Duration;

use super::event::{How, Initiator, Layer, Phase};
use super::sentence::duration_words;

/// The manner of an ending in two or three words, for labels: `peer closed (FIN)`.
pub fn how(how: Option<How>) -> &'static str {
    match how {
        Some(How::Fin) => "peer closed (FIN)",
        Some(How::Rst) => "reset (RST)",
        Some(How::TlsClose) => "TLS closed",
        Some(How::TlsAlert) => "TLS alert",
        Some(How::WsClose) => "WebSocket closed",
        Some(How::Disconnect) => "broker said DISCONNECT",
        Some(How::PingTimeout) => "no answer to the ping",
        Some(How::Io) => "read or write failed",
        Some(How::Local) => "this computer",
        None => "not recorded",
    }
}

/// The manner in one word, for narrow columns: `FIN`, `silence`.
pub fn how_short(how: Option<How>) -> &'static str {
    match how {
        Some(How::Fin) => "FIN",
        Some(How::Rst) => "RST",
        Some(How::TlsClose) => "TLS close",
        Some(How::TlsAlert) => "TLS alert",
        Some(How::WsClose) => "WS close",
        Some(How::Disconnect) => "DISCONNECT",
        Some(How::PingTimeout) => "silence",
        Some(How::Io) => "I/O error",
        Some(How::Local) => "local",
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
        Initiator::Shutdown => "the run is over",
    }
}

/// The smallest and the largest of some lengths: `58 s`, or `58 s to 1 min 1 s` when they differ in words.
pub fn range(least: Duration, most: Duration) -> String {
    let (least, most) = (duration_words(least), duration_words(most));
    if least == most { least } else { format!("{least} to {most}") }
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
        assert_eq!(range(Duration::from_secs(58), Duration::from_secs(61)), "58 s to 1 min 1 s");
        assert_eq!(range(Duration::from_millis(58_100), Duration::from_millis(58_200)), "58 s");
    }

    #[test]
    fn counts_agree_in_number() {
        assert_eq!(count(1, "drop", "drops"), "1 drop");
        assert_eq!(count(0, "drop", "drops"), "0 drops");
    }
}
