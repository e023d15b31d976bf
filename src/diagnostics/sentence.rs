//! One sentence per event, for the log on screen, the lines of a headless run and the context of a drop.

use std::fmt::Write as _;
use std::time::Duration;

use super::clean::clean;
use super::codes::{connack_words, reason_words, websocket_close_words};
use super::event::{
    AlertState, Attempt, CommandState, CommandUpdate, ConnectFailedEvent, ConnectKind, ConnectedEvent,
    DropKind, DroppedEvent, Event, Initiator, Phase, ProbeResult, StartedEvent, SystemSource, whole_secs,
};
use super::{ErrorName, Level, RecordedWord, RunningExperiment, VersionChoice};

/// Longest sentence, in characters; text from outside cannot fill the log.
const MAX_CHARS: usize = 400;

/// The event in one sentence and how serious it is; `None` for what is not notable by itself
/// (messages, pings, answered probes, failed attempts, which have their own `connect_failed`).
///
/// The sentence is free of control characters and at most 400 characters long.
pub fn sentence(event: &Event) -> Option<(Level, String)> {
    let (level, text) = match event {
        Event::Started(started) => (Level::Info, started_text(started)),
        Event::Attempt(attempt) => (Level::Info, attempt_text(attempt)?),
        Event::Connected(connected) => (Level::Good, connected_text(connected)),
        Event::Dropped(dropped) => (Level::Bad, dropped_text(dropped)),
        Event::ConnectFailed(failed) => (Level::Bad, failure_words(failed)),
        Event::Disconnected { by } => (Level::Info, format!("Disconnected {}", initiator(*by))),
        Event::Subscribed { filters, return_codes } => subscription(filters, return_codes),
        Event::Probe(probe) if !probe.ok => (Level::Warn, probe_words(probe)),
        Event::System { source, message } => (Level::Warn, format!("{}: {message}", source_words(*source))),
        Event::KeepAliveChanged { from, to } => {
            (Level::Info, format!("Keep-alive changed from {} to {}", keep_alive(*from), keep_alive(*to)))
        }
        Event::Credentials { expires_at } => (
            Level::Info,
            format!("New credentials, good until {}", expires_at.format("%Y-%m-%d %H:%M:%S UTC")),
        ),
        Event::Command(command) => (Level::Warn, command_words(command)?),
        Event::Device { message } => (Level::Info, format!("Device: {message}")),
        Event::Experiment { id, what, details } => {
            let title = details.get(RunningExperiment::TITLE).and_then(serde_json::Value::as_str);
            (
                Level::Info,
                title.map_or_else(
                    || format!("Experiment {id}: {what}"),
                    |title| format!("Experiment {what}: {title}"),
                ),
            )
        }
        Event::Alert { rule, state, message } => alert(rule, state, message),
        Event::Note { text } => (Level::Info, format!("Note: {text}")),
        Event::Stopped { by } => (Level::Info, stopped_text(by.as_deref())),
        Event::Published(_)
        | Event::Received(_)
        | Event::Traffic { .. }
        | Event::Ping { .. }
        | Event::Probe(_)
        | Event::Unknown => return None,
    };
    Some((level, truncated(&clean(&text))))
}

/// A duration in words: `12 ms`, `1.9 s`, `58 s`, `4 min 21 s`, `2 h 13 min`, `3 d 4 h`.
pub fn duration_words(duration: Duration) -> String {
    let (secs, millis) = (duration.as_secs(), duration.as_millis());
    match secs {
        0 if millis == 0 && !duration.is_zero() => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        0 => format!("{millis} ms"),
        1..10 => format!("{}.{} s", secs, duration.subsec_millis() / 100),
        10..60 => format!("{secs} s"),
        60..3600 => two_units(secs / 60, "min", secs % 60, "s"),
        3600..86_400 => two_units(secs / 3600, "h", secs % 3600 / 60, "min"),
        _ => two_units(secs / 86_400, "d", secs % 86_400 / 3600, "h"),
    }
}

fn two_units(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// [`duration_words`] for a recorded number of seconds; nothing for a senseless one.
fn secs_words(secs: Option<f64>) -> Option<String> {
    let duration = Duration::try_from_secs_f64(secs?).ok()?;
    Some(duration_words(duration))
}

fn truncated(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS - 1) {
        Some((end, _)) if text.chars().nth(MAX_CHARS).is_some() => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

fn keep_alive(secs: f64) -> String {
    let secs = whole_secs(secs);
    if secs == 0 { "off".to_owned() } else { format!("{secs} s") }
}

fn started_text(started: &StartedEvent) -> String {
    let version = match &started.mqtt_version {
        Some(RecordedWord::Known(VersionChoice::Auto)) => "MQTT 5 or 3.1.1, ".to_owned(),
        Some(version) => format!("MQTT {version}, "),
        None => String::new(),
    };
    format!(
        "Watching {} as {} ({version}keep-alive {})",
        started.endpoint,
        started.client_id,
        keep_alive(started.keep_alive_secs)
    )
}

/// How long the phases of a successful attempt took.
fn attempt_text(attempt: &Attempt) -> Option<String> {
    if attempt.phases.is_empty() || attempt.phases.iter().any(|timing| !timing.ok) {
        return None;
    }
    let total: f64 = attempt.phases.iter().map(|timing| timing.ms).sum();
    let mut text = format!("Connect took {}", secs_words(Some(total / 1e3))?);
    for (index, timing) in attempt.phases.iter().enumerate() {
        let took = secs_words(Some(timing.ms / 1e3))?;
        let before = if index == 0 { " (" } else { ", " };
        let _ = write!(text, "{before}{} {took}", phase_words(timing.phase));
    }
    text.push(')');
    Some(text)
}

fn connected_text(connected: &ConnectedEvent) -> String {
    let verb = match connected.event_type {
        ConnectKind::Resumed => "Reconnected",
        ConnectKind::DeepReconnected => "Reconnected with everything rebuilt",
        ConnectKind::Connected | ConnectKind::Other => "Connected",
    };
    let mut text = verb.to_owned();
    if let Some(remote) = &connected.remote {
        let _ = write!(text, " to {remote}");
    }
    text.push_str(" (");
    if let Some(version) = &connected.mqtt_version {
        let _ = write!(text, "MQTT {version}, ");
    }
    let session = if connected.session_present { "kept by the broker" } else { "new" };
    let _ = write!(text, "session {session}, keep-alive {})", keep_alive(connected.keep_alive_secs));
    text
}

fn dropped_text(dropped: &DroppedEvent) -> String {
    let detail = detail(dropped.error_name.as_deref(), dropped.error_message.as_deref());
    let mut text = format!("DROP: {}", drop_text(dropped, detail));
    if let Some(silence) = secs_words(dropped.last_rx_secs) {
        let _ = write!(text, "; silent for {silence}");
    }
    if let Some(name) = &dropped.error_name {
        let _ = write!(text, " — {}", ErrorName::short(name));
    }
    text
}

fn drop_text(dropped: &DroppedEvent, detail: Option<&str>) -> String {
    let text = match dropped.how {
        Some(DropKind::Fin) => "the broker closed the connection (TCP FIN)",
        Some(DropKind::Rst) => "the broker, or a device on the path, reset the connection (TCP RST)",
        Some(DropKind::TlsClose) => "the broker ended the TLS session (close_notify)",
        Some(DropKind::PingTimeout) => "no PINGRESP came before the deadline",
        Some(DropKind::WsClose) => {
            return with_code(
                "the broker closed the WebSocket",
                ws_close_code(dropped.ws_close_code),
                detail,
            );
        }
        Some(DropKind::Disconnect) => {
            return with_code("the broker sent DISCONNECT", reason(dropped.reason_code), detail);
        }
        Some(DropKind::TlsAlert) => {
            return with_detail("the broker ended the TLS session with a fatal alert", detail);
        }
        Some(DropKind::Io) => return detail.unwrap_or("reading or writing failed").to_owned(),
        Some(DropKind::Local) => return with_detail("ended by this computer", detail),
        None => return detail.unwrap_or("the connection was lost").to_owned(),
    };
    text.to_owned()
}

fn ws_close_code(code: Option<u16>) -> Option<String> {
    let code = code?;
    Some(match websocket_close_words(code) {
        Some(words) => format!("code {code}, {words}"),
        None => format!("code {code}"),
    })
}

fn reason(code: Option<u8>) -> Option<String> {
    let code = code?;
    Some(match reason_words(code) {
        Some(words) => format!("reason 0x{code:02X}, {words}"),
        None => format!("reason 0x{code:02X}"),
    })
}

fn with_code(plain: &str, code: Option<String>, detail: Option<&str>) -> String {
    match code {
        Some(code) => format!("{plain} ({code})"),
        None => with_detail(plain, detail),
    }
}

fn with_detail(plain: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{plain}: {detail}"),
        None => plain.to_owned(),
    }
}

/// The detail of an error message: `NAME: official text (detail)` → `detail`, else the
/// official text.
fn detail<'a>(name: Option<&str>, message: Option<&'a str>) -> Option<&'a str> {
    let message = message?;
    let known = name.and_then(ErrorName::by_name);
    let text = name
        .and_then(|name| message.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix(": "))
        .unwrap_or(message);
    let extra = known
        .and_then(|known| text.strip_prefix(known.text))
        .and_then(|rest| rest.strip_prefix(" ("))
        .and_then(|rest| rest.strip_suffix(')'));
    let best = extra.unwrap_or(text).trim();
    (!best.is_empty()).then_some(best)
}

/// Where and why a connect failed, as the continuation of "… failed": ` at tcp: no answer`; begins with a
/// space, and is empty if nothing is known.
pub(super) fn failure_reason(failed: &ConnectFailedEvent) -> String {
    let mut text = String::new();
    if let Some(phase) = failed.phase {
        let _ = write!(text, " at {}", phase_words(phase));
    }
    let detail = detail(failed.error_name.as_deref(), failed.error_message.as_deref());
    let refusal = failed.return_code.filter(|code| *code != 0).map(|code| match connack_words(code) {
        Some(words) => format!("the broker refused: {words} (code {code})"),
        None => format!("the broker refused (code {code})"),
    });
    if let Some(why) = refusal.as_deref().or(detail) {
        // After `credentials:` an export takes the next word for a secret.
        let sign = if failed.phase == Some(Phase::Credentials) { "," } else { ":" };
        let _ = write!(text, "{sign} {why}");
    }
    truncated(&clean(&text))
}

fn failure_words(failed: &ConnectFailedEvent) -> String {
    let mut text = format!("Connect failed{}", failure_reason(failed));
    if let Some(status) = failed.http_status {
        let _ = write!(text, " (HTTP {status})");
    }
    if let Some(name) = &failed.error_name {
        let _ = write!(text, " — {}", ErrorName::short(name));
    }
    if failed.attempt_number > 1 {
        let _ = write!(text, " (attempt {})", failed.attempt_number);
    }
    text
}

/// The word for a connect phase: `credentials`, `dns`, `tcp`, `tls`, `websocket`, `connack`.
pub fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Credentials => "credentials",
        Phase::Dns => "dns",
        Phase::Tcp => "tcp",
        Phase::Tls => "tls",
        Phase::Websocket => "websocket",
        Phase::Connack => "connack",
    }
}

fn initiator(by: Initiator) -> &'static str {
    match by {
        Initiator::User => "on request",
        Initiator::Experiment => "for an experiment",
        Initiator::Planned => "before credentials or the 24 h limit end it",
        Initiator::Shutdown => "to end the run",
        Initiator::Other => "on purpose",
    }
}

fn subscription(filters: &[String], codes: &[u8]) -> (Level, String) {
    let refused: Vec<String> = filters
        .iter()
        .zip(codes)
        .filter(|(_, code)| **code >= 0x80)
        .map(|(filter, code)| match reason_words(*code) {
            Some(words) if *code != 0x80 => format!("{filter} ({words})"),
            _ => filter.clone(),
        })
        .collect();
    if refused.is_empty() {
        (Level::Info, format!("Subscribed to {}", filters.join(", ")))
    } else {
        (Level::Warn, format!("The broker refused to subscribe to {}", refused.join(", ")))
    }
}

fn probe_words(probe: &ProbeResult) -> String {
    let mut text = format!("Probe {} failed", probe.probe);
    if let Some(target) = &probe.target {
        let _ = write!(text, " ({target})");
    }
    if let Some(error) = &probe.error {
        let _ = write!(text, ": {error}");
    }
    text
}

fn source_words(source: SystemSource) -> &'static str {
    match source {
        SystemSource::Network => "Network",
        SystemSource::Power => "Power",
        SystemSource::Cron => "Scheduled job",
        SystemSource::Dhcp => "Address lease",
        SystemSource::Clock => "Clock",
        SystemSource::Service => "Service",
        SystemSource::Resource => "Resource",
        SystemSource::Other => "System",
    }
}

fn command_words(command: &CommandUpdate) -> Option<String> {
    let what = match command.state {
        CommandState::Expired => "expired in the queue",
        CommandState::Lost => "was sent, and the connection died before the acknowledgement",
        CommandState::Refused => "was refused by the broker; the connection goes on",
        CommandState::TooLarge => "was not sent: it is larger than the broker accepts",
        CommandState::NotSent => "was not sent: its topic is not valid, or a test holds it back",
        CommandState::Unanswered => "was sent, and the device did not answer in time",
        CommandState::DroppedFull => "did not fit into the full queue",
        _ => return None,
    };
    Some(format!("{} {what}", command.name))
}

fn alert(rule: &str, state: &RecordedWord<AlertState>, message: &str) -> (Level, String) {
    match state.known() {
        Some(AlertState::Raised) => (Level::Bad, format!("ALERT {rule}: {message}")),
        Some(AlertState::Cleared) => (Level::Good, format!("Alert {rule} cleared: {message}")),
        _ => (Level::Info, format!("Alert {rule} {state}: {message}")),
    }
}

fn stopped_text(by: Option<&str>) -> String {
    match by {
        Some(by) => format!("Stopped ({by})"),
        None => "Stopped".to_owned(),
    }
}

#[cfg(test)]
mod tests;
