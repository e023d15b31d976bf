//! What goes to the clipboard? The run, or one drop, in a few plain lines to paste into a message.

use crate::diagnostics::event::{How, Layer};
use crate::diagnostics::{Drop, ErrorName, LinkState, Snapshot, Stamp};

use super::format::{percent, short, short_or_unknown, uptime};
use super::text::sanitize;

/// Drops listed at most.
const LISTED: usize = 10;

/// The whole run up to `now`. Times are UTC, so that they mean the same to whoever reads them.
pub(super) fn of_run(snapshot: &Snapshot, now: Stamp) -> String {
    let metrics = &snapshot.metrics;
    let mut lines = Vec::new();
    if let Some(started) = &snapshot.started {
        let version = snapshot.mqtt_version.as_deref().map(|version| format!(", MQTT {version}"));
        let version = version.unwrap_or_default();
        lines.push(format!(
            "dropscope: {}{version}, keep-alive {} s",
            started.endpoint, snapshot.keep_alive_secs
        ));
    }
    lines.push(format!("watched {} until {}", uptime(now.since(snapshot.since)), utc(now)));
    lines.push(format!("now: {}", link(&snapshot.link, now)));
    let availability = metrics.availability().map_or_else(|| "-".to_owned(), percent);
    lines.push(format!(
        "availability {availability}, drops {}, mean time between drops {}, mean time to recover {}",
        metrics.total_connection_drops,
        short_or_unknown(metrics.mtbf().filter(|_| metrics.total_connection_drops > 0)),
        short_or_unknown(metrics.mttr),
    ));
    for (name, count) in metrics.connection_drops_by_error.iter() {
        lines.push(format!("  {count} x {name}"));
    }
    if !snapshot.drops.is_empty() {
        lines.push("last drops, newest first:".to_owned());
        lines.extend(snapshot.drops.iter().rev().take(LISTED).map(|drop| format!("  {}", one_line(drop))));
    }
    finished(&lines)
}

/// One drop.
pub(super) fn of_drop(drop: &Drop) -> String {
    let event = &drop.event;
    let mut lines = vec![format!("dropscope: drop {} at {}", drop.number, utc(drop.at))];
    lines.extend(event.error_message.clone().or_else(|| event.error_name.clone()));
    lines.push(format!("how it ended: {}", ending(event.layer, event.how)));
    lines.extend(event.reason_code.map(|code| format!("MQTT reason code 0x{code:02X}")));
    lines.extend(event.ws_close_code.map(|code| format!("WebSocket close code {code}")));
    lines.push(format!(
        "session {}, silent in {}, silent out {}, keep-alive {} s",
        drop.session_age.map_or_else(|| "of unknown age".to_owned(), uptime),
        short_or_unknown(drop.idle_in),
        short_or_unknown(drop.idle_out),
        drop.keep_alive_secs,
    ));
    let counts = &drop.counts;
    lines.push(format!("messages in {}, out {}, pings {}", counts.received, counts.published, counts.pings));
    lines.push(match &drop.recovery {
        Some(recovery) => {
            format!("back after {} ({} failed attempts)", short(recovery.took), drop.failed_attempts)
        }
        None => format!("not back yet ({} failed attempts)", drop.failed_attempts),
    });
    finished(&lines)
}

fn one_line(drop: &Drop) -> String {
    let name = drop.event.error_name.as_deref().map_or("unknown error", ErrorName::short);
    let back =
        drop.recovery.as_ref().map_or_else(|| "not back".to_owned(), |r| format!("back {}", short(r.took)));
    let age = short_or_unknown(drop.session_age);
    format!("{}  {name}  after {age}  silent {}  {back}", utc(drop.at), short_or_unknown(drop.idle_in))
}

fn link(link: &LinkState, now: Stamp) -> String {
    let lasting = |since: Stamp| -> String { uptime(now.since(since)) };
    match link {
        LinkState::Idle => "not connected yet".to_owned(),
        LinkState::Connecting { since, failures } => {
            format!("connecting for {}, {failures} failed attempts", lasting(*since))
        }
        LinkState::Connected { since } => format!("connected for {}", lasting(*since)),
        LinkState::Down { since, failures } => {
            format!("down for {}, {failures} failed attempts", lasting(*since))
        }
        LinkState::Off { since, .. } => format!("off on purpose for {}", lasting(*since)),
    }
}

fn ending(layer: Option<Layer>, how: Option<How>) -> &'static str {
    match (how, layer) {
        (Some(How::Fin), _) => "the peer closed the TCP connection (FIN)",
        (Some(How::Rst), _) => "the TCP connection was reset (RST)",
        (Some(How::TlsClose), _) => "the peer ended TLS (close_notify)",
        (Some(How::TlsAlert), _) => "fatal TLS alert",
        (Some(How::WsClose), _) => "WebSocket close frame",
        (Some(How::Disconnect), _) => "the server sent DISCONNECT",
        (Some(How::PingTimeout), _) => "no PINGRESP in time",
        (Some(How::Local), _) | (None, Some(Layer::Local)) => "ended on this computer",
        (Some(How::Io), Some(Layer::Mqtt)) => "protocol error in MQTT",
        (Some(How::Io), Some(Layer::Websocket)) => "protocol error in WebSocket",
        (Some(How::Io), Some(Layer::Tls)) => "TLS failed while reading or writing",
        (Some(How::Io), _) => "reading or writing failed",
        (None, _) => "not recorded",
    }
}

fn utc(at: Stamp) -> String {
    at.wall.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// One text, without anything that would act on the terminal it is pasted into.
fn finished(lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| sanitize(line)).collect();
    lines.join("\n") + "\n"
}
