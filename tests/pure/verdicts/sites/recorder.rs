//! The lines of a recording: their fields, and their encoding.

use std::time::Duration;

use chrono::{DateTime, Utc};
use dropscope::diagnostics::event::{
    Attempt, ConnectFailedEvent, ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Layer, PacketNote,
    Phase, PhaseTiming, StartedEvent,
};
use dropscope::diagnostics::recording::{Decoder, encode};
use dropscope::diagnostics::{Event, MqttVersion, Stamp, StampedEvent, Transport, VersionChoice};

use super::session::Session;
use super::simulation::{Line, Simulation};
use super::site::{DAY, Refusal, Site, Style};
use crate::verdicts::rendering::without_boot_clock;

/// Midnight before the first line of every recording: 2026-04-13, a Monday.
const MIDNIGHT_US: i64 = 1_776_038_400_000_000;

/// The wall clock at a time of the recording.
pub(super) fn wall_time(site: &Site, at: f64, ahead: f64) -> Option<DateTime<Utc>> {
    let secs = site.start_of_day.rem_euclid(DAY) + at + ahead;
    #[expect(clippy::cast_possible_truncation, reason = "some days in microseconds")]
    DateTime::from_timestamp_micros(MIDNIGHT_US + (1e6 * secs).round() as i64)
}

/// The event as this style of recording contains it.
pub(super) fn recorded(event: Event, style: Style) -> Option<Event> {
    let (own_names, keeps_manner) = match style {
        Style::Full => return Some(event),
        Style::Bare { own_names, .. } => (own_names, false),
        Style::BareWithManner => (false, true),
    };
    Some(match event {
        Event::Started(started) => Event::Started(StartedEvent {
            format: None,
            version: None,
            mqtt_version: None,
            transport: None,
            clean_session: None,
            ..started
        }),
        Event::Connected(connected) => {
            Event::Connected(ConnectedEvent { remote: None, local: None, mqtt_version: None, ..connected })
        }
        Event::Dropped(dropped) => Event::Dropped(DroppedEvent {
            error_name: if own_names { Some("MQTT_ERR_CONN_LOST".to_owned()) } else { dropped.error_name },
            error_message: if own_names {
                Some("The connection was lost.".to_owned())
            } else {
                dropped.error_message
            },
            error_code: if own_names { Some(7) } else { dropped.error_code },
            reconnect_attempt: dropped.reconnect_attempt,
            active_subscriptions: dropped.active_subscriptions,
            layer: dropped.layer.filter(|_| keeps_manner),
            how: dropped.how.filter(|_| keeps_manner),
            reason_code: dropped.reason_code.filter(|_| keeps_manner),
            ..DroppedEvent::default()
        }),
        Event::ConnectFailed(failed) => {
            Event::ConnectFailed(ConnectFailedEvent { phase: None, layer: None, ..failed })
        }
        Event::Disconnected { .. } | Event::KeepAliveChanged { .. } => event,
        _ => return None,
    })
}

/// The lines as a program that reads the recording gets them.
pub(super) fn render(site: &Site, lines: Vec<Line>) -> Vec<StampedEvent> {
    let mut decoder = Decoder::new();
    let rendered = lines.into_iter().filter_map(|line| {
        let mut wall = wall_time(site, line.at, line.ahead)?;
        if matches!(site.style, Style::Bare { whole_secs: true, .. }) {
            wall = DateTime::from_timestamp(wall.timestamp(), 0)?;
        }
        let observed =
            StampedEvent { at: Stamp::new(wall, Duration::from_secs_f64(line.at)), event: line.event };
        match site.style {
            Style::Full | Style::BareWithManner => Some(observed),
            Style::Bare { .. } => decoder.decode_line(without_boot_clock(&encode(&observed)).as_bytes()),
        }
    });
    rendered.collect()
}

fn error_name(how: DropKind) -> &'static str {
    match how {
        DropKind::PingTimeout => "AWS_ERROR_MQTT_TIMEOUT",
        DropKind::Io => "AWS_IO_SOCKET_TIMEOUT",
        DropKind::Rst => "AWS_IO_SOCKET_CLOSED",
        DropKind::Local => "AWS_IO_SOCKET_NO_ROUTE_TO_HOST",
        DropKind::TlsAlert => "AWS_IO_TLS_ERROR_ALERT_RECEIVED",
        DropKind::Fin | DropKind::TlsClose | DropKind::WsClose | DropKind::Disconnect => {
            "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"
        }
    }
}

fn drop_words(how: DropKind) -> &'static str {
    match how {
        DropKind::PingTimeout => "no PINGRESP in time",
        DropKind::Io => "sent data was not acknowledged in time",
        DropKind::Rst => "the connection was reset (RST)",
        DropKind::Local => "the host cannot be reached from here",
        DropKind::TlsAlert => "the peer ended the connection with a TLS alert",
        DropKind::TlsClose => "the peer closed the TLS session politely (close_notify)",
        DropKind::WsClose => "the peer closed the WebSocket with code 1000",
        DropKind::Fin => "the peer closed the TCP connection politely (FIN)",
        DropKind::Disconnect => "the broker sent DISCONNECT",
    }
}

fn layer(how: DropKind) -> Layer {
    match how {
        DropKind::PingTimeout | DropKind::Disconnect => Layer::Mqtt,
        DropKind::TlsClose | DropKind::TlsAlert => Layer::Tls,
        DropKind::WsClose => Layer::Websocket,
        DropKind::Local => Layer::Local,
        DropKind::Fin | DropKind::Rst | DropKind::Io => Layer::Tcp,
    }
}

/// Error name, words, phase, layer, CONNACK code and HTTP status of a failed connect.
type FailureFields = (&'static str, String, Phase, Layer, Option<u8>, Option<u16>);

fn failure_fields(refusal: Refusal, version: MqttVersion, remote: &str) -> FailureFields {
    let of = |name, words: &str, phase, layer| (name, words.to_owned(), phase, layer, None, None);
    match refusal {
        Refusal::Refused => of(
            "AWS_IO_SOCKET_CONNECTION_REFUSED",
            &format!("{remote} refused the connection"),
            Phase::Tcp,
            Layer::Tcp,
        ),
        Refusal::Unanswered => {
            of("AWS_IO_SOCKET_TIMEOUT", &format!("{remote} did not answer"), Phase::Tcp, Layer::Tcp)
        }
        Refusal::NoRoute => of(
            "AWS_IO_SOCKET_NO_ROUTE_TO_HOST",
            "this computer has no route to that network",
            Phase::Tcp,
            Layer::Local,
        ),
        Refusal::Dns => {
            of("AWS_IO_DNS_QUERY_AGAIN", "the name could not be resolved", Phase::Dns, Layer::Dns)
        }
        Refusal::CertificateExpired => {
            of("AWS_IO_TLS_CERTIFICATE_EXPIRED", "certificate expired", Phase::Tls, Layer::Tls)
        }
        Refusal::UnknownIssuer => of(
            "AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE",
            "the server's certificate is signed by an authority that is not trusted here",
            Phase::Tls,
            Layer::Tls,
        ),
        Refusal::TlsAlert => of(
            "AWS_IO_TLS_ERROR_ALERT_RECEIVED",
            "the server refused the TLS handshake with the alert CertificateExpired",
            Phase::Tls,
            Layer::Tls,
        ),
        Refusal::Login => {
            let code = if version == MqttVersion::V5 { 0x86 } else { 4 };
            let words = "the broker refused the connection: user name or password is wrong or malformed";
            ("AWS_ERROR_MQTT_PROTOCOL_ERROR", words.to_owned(), Phase::Connack, Layer::Mqtt, Some(code), None)
        }
        Refusal::HttpStatus(status) => {
            let words = format!("the server answered the WebSocket upgrade with HTTP {status}");
            let name = "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE";
            (name, words, Phase::Websocket, Layer::Websocket, None, Some(status))
        }
    }
}

impl Simulation<'_> {
    pub(super) fn started(&self) -> Event {
        let (client, broker) = (&self.site.client, &self.site.broker);
        Event::Started(StartedEvent {
            format: Some(dropscope::diagnostics::event::FORMAT.to_owned()),
            version: client.is_dropscope.then(|| "0.1.0".to_owned()),
            keep_alive_secs: client.keep_alive,
            client_id: client.id.clone(),
            endpoint: broker.endpoint.clone(),
            mqtt_version: Some(VersionChoice::from(broker.version).into()),
            transport: Some(broker.transport.into()),
            clean_session: Some(true),
            time_scale: None,
        })
    }

    /// The close of a peer, as this transport shows it.
    pub(super) fn polite_close(&mut self, code: Option<u8>) -> DropKind {
        match self.site.broker.transport {
            _ if code.is_some() => DropKind::Disconnect,
            Transport::Tls if self.sampler.chance(0.85) => DropKind::TlsClose,
            Transport::Ws | Transport::Wss if self.sampler.chance(0.5) => DropKind::WsClose,
            _ => DropKind::Fin,
        }
    }

    fn phases(&self, reached: Phase, took: f64) -> Vec<PhaseTiming> {
        let transport = self.site.broker.transport;
        let mut phases = vec![Phase::Dns, Phase::Tcp];
        phases.extend(transport.is_tls().then_some(Phase::Tls));
        phases.extend(transport.is_websocket().then_some(Phase::Websocket));
        phases.push(Phase::Connack);
        let phases: Vec<_> = phases.into_iter().filter(|phase| *phase <= reached).collect();
        let count = u32::try_from(phases.len()).map_or(1.0, f64::from);
        let timing =
            |phase| PhaseTiming { phase, ms: 1e3 * took / count, ok: true, error: None, detail: None };
        phases.into_iter().map(timing).collect()
    }

    pub(super) fn record_connect(&mut self, event_type: ConnectKind, attempt_number: u32, port: u16) {
        let local = Some(format!("{}:{port}", self.local));
        if self.site.client.is_dropscope {
            let phases = self.phases(Phase::Connack, 3.0 * self.site.broker.round_trip);
            self.record(Event::Attempt(Attempt { attempt_number, phases }));
        }
        self.record(Event::Connected(ConnectedEvent {
            event_type,
            session_present: false,
            return_code: Some(0),
            attempt_number,
            keep_alive_secs: self.keep_alive,
            remote: Some(self.remote.clone()),
            local,
            mqtt_version: Some(self.site.broker.version.into()),
            limits: None,
        }));
    }

    pub(super) fn record_failure(&mut self, refusal: Refusal, attempt_number: u32, took: f64) {
        let (name, mut words, phase, layer, return_code, http_status) =
            failure_fields(refusal, self.site.broker.version, &self.remote);
        if refusal == Refusal::CertificateExpired {
            words = self.certificate_dates();
        }
        if self.site.client.is_dropscope {
            let mut phases = self.phases(phase, took);
            if let Some(last) = phases.last_mut() {
                last.ok = false;
                last.error = Some(words.clone());
            }
            self.record(Event::Attempt(Attempt { attempt_number, phases }));
        }
        self.record(Event::ConnectFailed(ConnectFailedEvent {
            error_name: Some(name.to_owned()),
            error_message: Some(format!("{name}: {words}")),
            error_code: None,
            attempt_number,
            phase: Some(phase),
            layer: Some(layer),
            return_code,
            http_status,
        }));
    }

    /// What rustls says of a certificate that expired half an hour before the broker went away.
    fn certificate_dates(&self) -> String {
        let unix = |at: f64| wall_time(self.site, at, self.ahead).map_or(0, |time| time.timestamp());
        let since = self.down.map_or(self.now, |(since, ..)| since);
        let (now, not_after) = (unix(self.now), unix(since - 1_800.0));
        format!(
            "certificate expired: verification time {now} (UNIX), but certificate is not valid after {not_after} \
             ({} seconds ago)",
            now - not_after
        )
    }

    pub(super) fn record_drop(
        &mut self,
        session: &Session,
        how: DropKind,
        reason_code: Option<u8>,
        is_own_limit: bool,
        packets: Vec<PacketNote>,
    ) {
        let (name, words) = if is_own_limit {
            let size = self.sampler.whole(1_100_000, 9_000_000);
            let words = format!("the broker sent a packet of {size} bytes; the limit here is 1048576");
            ("AWS_ERROR_MQTT_PROTOCOL_ERROR", words)
        } else {
            (error_name(how), drop_words(how).to_owned())
        };
        self.record(Event::Dropped(DroppedEvent {
            error_name: Some(name.to_owned()),
            error_message: Some(format!("{name}: {words}")),
            error_code: None,
            active_subscriptions: u32::from(self.subscribes),
            layer: Some(if is_own_limit { Layer::Mqtt } else { layer(how) }),
            how: Some(how),
            reason_code,
            ws_close_code: (how == DropKind::WsClose).then_some(1000),
            last_rx_secs: Some(self.now - session.last_in),
            last_tx_secs: Some(self.now - session.last_out),
            packets: if self.site.client.is_dropscope { packets } else { Vec::new() },
            ..DroppedEvent::default()
        }));
    }
}
