//! What is wrong at this moment: why no connect succeeds, or what the broker refuses on a live connection.
//!
//! The pattern answers for the history; a person who cannot connect needs the answer for now, from the first failure on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use error_words::ERROR_WORDS;

use crate::diagnostics::clean::clean;
use crate::diagnostics::codes::{connack_refusal, is_credentials_refusal, reason_words};
use crate::diagnostics::event::{ConnectFailedEvent, Initiator, Phase, StartedEvent};
use crate::diagnostics::{ErrorName, Event, Stamp, words};

mod error_words;

/// What keeps the connection from working at this moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PresentFault {
    /// Its kind.
    pub kind: PresentFaultKind,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When the recording ended with it; `None` while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Connects that failed since then.
    pub attempts: u64,
    /// What is wrong, one sentence without the full stop.
    pub sentence: String,
    /// What to do, one sentence without the full stop.
    pub advice: String,
}

/// The kind of a present fault. The names in exports are these in `snake_case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresentFaultKind {
    /// A certificate is expired, not yet valid, not trusted, or made for another host.
    Certificate,
    /// The broker refuses user name, password, client id or client certificate.
    Login,
    /// The server refuses the WebSocket upgrade.
    Upgrade,
    /// The host name has no address.
    Dns,
    /// This computer has no route to the network.
    Route,
    /// The host refuses the connection: nothing listens on the port.
    Refused,
    /// Nobody answers.
    Timeout,
    /// Each side speaks another protocol: TLS, WebSocket or plain.
    Scheme,
    /// The broker is busy or not available.
    Busy,
    /// The connection works, and the broker refuses a subscription.
    Subscription,
    /// Something else.
    Other,
}

/// Follows the events, and knows what is wrong now.
#[derive(Debug, Clone, Default)]
pub(super) struct PresentTracker {
    /// The first failure since the last session.
    down_since: Option<Stamp>,
    attempts: u64,
    last: Option<ConnectFailedEvent>,
    /// A refused subscription of the live session: filter, code, when.
    refused: Option<(String, u8, Stamp)>,
    /// The end of the run.
    ended_at: Option<Stamp>,
    endpoint: String,
}

impl PresentTracker {
    /// Takes one event.
    pub(super) fn apply(&mut self, at: Stamp, event: &Event) {
        match event {
            Event::Started(StartedEvent { endpoint, .. }) => {
                *self = Self { endpoint: endpoint.clone(), ..Self::default() };
            }
            Event::ConnectFailed(failed) => {
                self.down_since.get_or_insert(at);
                self.attempts += 1;
                self.last = Some(failed.clone());
            }
            Event::Dropped(_) => {
                self.forget();
                self.down_since = Some(at);
            }
            // What is wrong at the end of a run is what its reader wants to know.
            Event::Disconnected { by: Initiator::Shutdown } | Event::Stopped { .. } => {
                self.ended_at.get_or_insert(at);
            }
            Event::Connected(_) | Event::Disconnected { .. } => self.forget(),
            Event::Subscribed { filters, return_codes } => {
                let refused = filters.iter().zip(return_codes).find(|(_, code)| **code >= 0x80);
                self.refused = refused.map(|(filter, code)| (filter.clone(), *code, at));
            }
            _ => {}
        }
    }

    fn forget(&mut self) {
        self.down_since = None;
        self.attempts = 0;
        self.last = None;
        self.refused = None;
        self.ended_at = None;
    }

    /// What is wrong now; `None` while the connection works, is off on purpose, or is lost without a failed connect yet.
    pub(super) fn fault(&self) -> Option<PresentFault> {
        let until = self.ended_at.map(|at| at.wall);
        if let Some((filter, code, at)) = &self.refused {
            let why = reason_words(*code).unwrap_or("no reason given");
            return Some(PresentFault {
                kind: PresentFaultKind::Subscription,
                since: at.wall,
                until,
                attempts: 0,
                sentence: format!(
                    "connected, but the broker refuses the subscription to \"{}\": {why} (0x{code:02X})",
                    clean(filter)
                ),
                advice: "allow it in the broker's access rules, or leave it out".into(),
            });
        }
        let failed = self.last.as_ref()?;
        let explained = explain(failed, &self.endpoint);
        Some(PresentFault {
            kind: explained.kind,
            since: self.down_since?.wall,
            until,
            attempts: self.attempts,
            sentence: explained.sentence,
            advice: explained.advice.into(),
        })
    }
}

impl PresentFault {
    /// The state in one sentence: `cannot connect since 14:03 UTC (12 attempts): …`, after the end of the run `could not connect
    /// from 14:03 to 14:20 UTC (12 attempts): …`.
    pub fn headline(&self) -> String {
        if self.kind == PresentFaultKind::Subscription {
            return self.sentence.clone();
        }
        let attempts = words::count(self.attempts, "attempt", "attempts");
        let since = self.since.format("%Y-%m-%d %H:%M");
        match self.until {
            None => format!("cannot connect since {since} UTC ({attempts}): {}", self.sentence),
            Some(until) => {
                let is_same_day = self.since.date_naive() == until.date_naive();
                let until = until.format(if is_same_day { "%H:%M" } else { "%Y-%m-%d %H:%M" });
                format!("could not connect from {since} to {until} UTC ({attempts}): {}", self.sentence)
            }
        }
    }
}

/// A failed connect in plain words.
struct Explained {
    kind: PresentFaultKind,
    sentence: String,
    advice: &'static str,
}

fn explained(kind: PresentFaultKind, sentence: impl Into<String>, advice: &'static str) -> Explained {
    Explained { kind, sentence: sentence.into(), advice }
}

fn explain(failed: &ConnectFailedEvent, endpoint: &str) -> Explained {
    if let Some(status) = failed.http_status {
        return refused_upgrade(status, failed);
    }
    if let Some(code) = failed.return_code.filter(|code| *code != 0) {
        return refused_connect(code);
    }
    let detail = detail_of(failed);
    let scheme = endpoint.split_once("://").map_or("", |(scheme, _)| scheme);
    by_error_words(failed, &detail)
        .or_else(|| wrong_scheme(failed, scheme, &detail))
        .or_else(|| closed_at_connect(failed, endpoint, scheme, &detail))
        .or_else(|| by_phase(failed.phase, &detail))
        .unwrap_or_else(|| {
            let what = if detail.is_empty() { "the reason is not known".into() } else { detail };
            explained(PresentFaultKind::Other, what, "read the newest failed connect in the event list")
        })
}

fn by_error_words(failed: &ConnectFailedEvent, detail: &str) -> Option<Explained> {
    let parts = [failed.error_name.as_deref(), failed.error_message.as_deref()];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let words = ERROR_WORDS.iter().find(|words| words.any.iter().any(|part| text.contains(part)))?;
    let detail = if words.shows_detail { detail } else { "" };
    Some(explained(words.kind, join_detail(words.sentence, detail), words.advice))
}

/// Bytes of another protocol than the one expected.
fn wrong_scheme(failed: &ConnectFailedEvent, scheme: &str, detail: &str) -> Option<Explained> {
    let text = detail.to_ascii_lowercase();
    let is_mismatch =
        ["plain", "not tls", "speaks tls", "not a websocket", "not http", "http response", "mqtts://"]
            .iter()
            .any(|part| text.contains(part));
    let is_tls_failure = failed.phase == Some(Phase::Tls)
        && failed.error_name.as_deref().is_some_and(|name| name.contains("NEGOTIATION_FAILURE"));
    let advice = match scheme {
        "mqtts" | "ssl" | "wss" => {
            "try the address without TLS (mqtt:// or ws://), or the port that speaks TLS"
        }
        "mqtt" | "tcp" => "try mqtts:// if this port speaks TLS, or ws:// if it speaks WebSocket",
        _ => "check the scheme of the address: mqtt, mqtts, ws or wss",
    };
    (is_mismatch || (is_tls_failure && detail.is_empty())).then(|| {
        let what = if detail.is_empty() { "the port does not speak TLS".into() } else { detail.to_owned() };
        explained(PresentFaultKind::Scheme, what, advice)
    })
}

/// A CONNECT that the server answers by closing the connection: a port that expects TLS does so, and a broker that refuses.
fn closed_at_connect(
    failed: &ConnectFailedEvent,
    endpoint: &str,
    scheme: &str,
    detail: &str,
) -> Option<Explained> {
    /// Usual ports of TLS.
    const TLS_PORTS: [&str; 4] = [":8883", ":443", ":8084", ":8884"];
    let is_closed =
        failed.phase == Some(Phase::Connack) && ["reset", "closed"].iter().any(|word| detail.contains(word));
    if !is_closed || !matches!(scheme, "mqtt" | "ws") {
        return None;
    }
    let address = endpoint.trim_end_matches(|c| c != '/').trim_end_matches('/');
    let has_tls_port = TLS_PORTS.iter().any(|port| endpoint.ends_with(port) || address.ends_with(port));
    let kind = if has_tls_port { PresentFaultKind::Scheme } else { PresentFaultKind::Login };
    let advice = match (has_tls_port, scheme) {
        (true, "ws") => "use wss:// on this port: it is one of TLS",
        (true, _) => "use mqtts:// on this port: it is one of TLS",
        (false, "ws") => "check whether the port needs TLS (wss://), then login and access rules",
        (false, _) => "check whether the port needs TLS (mqtts://), then login and access rules",
    };
    Some(explained(kind, join_detail("the server answers the CONNECT by closing", detail), advice))
}

fn by_phase(phase: Option<Phase>, detail: &str) -> Option<Explained> {
    let with_detail = |text| join_detail(text, detail);
    Some(match phase? {
        Phase::Dns => explained(
            PresentFaultKind::Dns,
            "the host name cannot be resolved".to_owned(),
            "check the spelling of the host, and the DNS of this computer",
        ),
        Phase::Tcp => explained(
            PresentFaultKind::Timeout,
            "nobody answers at the address".to_owned(),
            "check host and port, and whether a firewall blocks the port",
        ),
        Phase::Tls => explained(
            PresentFaultKind::Certificate,
            with_detail("the TLS handshake fails"),
            "check both certificates, and whether the port speaks TLS",
        ),
        Phase::Websocket => explained(
            PresentFaultKind::Upgrade,
            with_detail("the WebSocket upgrade fails"),
            "check the path, and whether the port speaks WebSocket",
        ),
        Phase::Credentials => explained(
            PresentFaultKind::Login,
            with_detail("there are no valid credentials"),
            "sign in again, or give AWS keys that are still valid",
        ),
        Phase::Connack => explained(
            PresentFaultKind::Login,
            with_detail("the broker does not accept the CONNECT"),
            "check login, client id and the broker's access rules",
        ),
    })
}

/// A refused CONNECT: MQTT 3.1.1 section 3.2.2.3, MQTT 5.0 section 3.2.2.2.
fn refused_connect(code: u8) -> Explained {
    let sentence = format!("the broker refuses the login: {} (code {code})", connack_refusal(code));
    match code {
        3 | 0x88 | 0x89 | 0x97 | 0x9F => explained(
            PresentFaultKind::Busy,
            format!("the broker is not available: {} (code {code})", connack_refusal(code)),
            "wait, or ask the broker's owner about its load and limits",
        ),
        2 | 0x85 => explained(PresentFaultKind::Login, sentence, "use another client id"),
        1 | 0x84 => {
            explained(PresentFaultKind::Login, sentence, "use the other protocol version (--mqtt-version)")
        }
        code if is_credentials_refusal(code) => explained(
            PresentFaultKind::Login,
            sentence,
            "check user name and password, and that the broker allows this client id",
        ),
        _ => explained(PresentFaultKind::Login, sentence, "check the login and the broker's access rules"),
    }
}

fn refused_upgrade(status: u16, failed: &ConnectFailedEvent) -> Explained {
    let detail = detail_of(failed);
    let sentence =
        join_detail(&format!("the server refuses the WebSocket upgrade with HTTP {status}"), &detail);
    let advice = match status {
        401 | 403 if detail.contains("clock is") => "set the clock of this computer",
        401 => "check user name, password or token",
        403 => "renew the credentials; check the clock and the policy",
        404 => "check the path of the address: many brokers use /mqtt",
        426 => "check that the address is that of a WebSocket listener",
        429 => "wait: the server limits the rate of connects",
        500..=599 => "wait, or ask the server's owner",
        _ => "check the address and the login",
    };
    let kind = match status {
        401 | 403 => PresentFaultKind::Login,
        429 | 500..=599 => PresentFaultKind::Busy,
        _ => PresentFaultKind::Upgrade,
    };
    explained(kind, sentence, advice)
}

/// `text: detail`, or the text alone.
fn join_detail(text: &str, detail: &str) -> String {
    if detail.is_empty() { text.to_owned() } else { format!("{text}: {detail}") }
}

/// The specific part of `NAME: official text (detail)`, cleaned.
fn detail_of(failed: &ConnectFailedEvent) -> String {
    let message = failed.error_message.as_deref().unwrap_or_default();
    let name = failed.error_name.as_deref().unwrap_or_default();
    let official = ErrorName::by_name(name).map(ErrorName::message);
    let detail = official.as_deref().and_then(|official| message.strip_prefix(official)).map(str::trim);
    let detail = match detail {
        Some(detail) => {
            detail.strip_prefix('(').and_then(|detail| detail.strip_suffix(')')).unwrap_or(detail)
        }
        None => message.strip_prefix(name).unwrap_or(message).trim_start_matches([':', ' ']),
    };
    let is_name_again = detail.eq_ignore_ascii_case(name);
    clean(if is_name_again { "" } else { detail.trim_end_matches('.') }).into_owned()
}

#[cfg(test)]
mod tests;
