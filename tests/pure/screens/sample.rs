//! States to draw, made by applying real events to the fold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{FixedOffset, TimeZone, Utc};
use dropscope::diagnostics::event::{
    Attempt, ConnectFailedEvent, ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Initiator, Layer,
    Message, PacketNote, Phase, PhaseTiming, StartedEvent, SystemSource,
};
use dropscope::diagnostics::recording::RecorderState;
use dropscope::diagnostics::{Diagnostics, ErrorName, Event, LinkActivity, MqttVersion, Stamp};
use dropscope::state::{LiveState, RuntimeStatus, Simulation};

/// UTC offset of all test screens: one hour east.
pub(crate) fn zone() -> FixedOffset {
    FixedOffset::east_opt(3_600).expect("a valid offset")
}

/// A run under construction.
pub(crate) struct Run {
    fold: Diagnostics,
    secs: f64,
    keep_alive: u32,
    seed: u64,
    pub(crate) runtime: RuntimeStatus,
}

impl Run {
    /// A run that began at 2026-11-19 14:00 local time.
    pub(crate) fn new(keep_alive: u32) -> Self {
        let runtime = RuntimeStatus {
            recorder: RecorderState::Recording { path: "run.jsonl".into(), bytes: 120_000 },
            ..RuntimeStatus::default()
        };
        Self { fold: Diagnostics::new(1_000), secs: 0.0, keep_alive, seed: 7, runtime }
    }

    pub(crate) fn started(mut self, endpoint: &str, client_id: &str) -> Self {
        self.apply(&Event::Started(StartedEvent {
            keep_alive_secs: self.keep_alive.into(),
            endpoint: endpoint.into(),
            client_id: client_id.into(),
            ..StartedEvent::default()
        }));
        self
    }

    pub(crate) fn stamp(&self) -> Stamp {
        let start = Utc.with_ymd_and_hms(2026, 11, 19, 13, 0, 0).single().expect("a valid instant");
        Stamp::new(start, Duration::ZERO).plus(Duration::from_secs_f64(self.secs))
    }

    pub(crate) fn ago(&self, secs: f64) -> Stamp {
        self.stamp().minus(Duration::from_secs_f64(secs))
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        self.fold.apply(self.stamp(), event);
    }

    pub(crate) fn advance(&mut self, secs: f64) {
        self.secs += secs;
    }

    /// A number in 0…1, always the same sequence.
    fn random(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.seed >> 33).unwrap_or(0)) / f64::from(1_u32 << 31)
    }

    pub(crate) fn connect(&mut self, kind: ConnectKind, attempt_number: u32) {
        let phase = |phase, ms, detail: &str| PhaseTiming {
            phase,
            ms,
            ok: true,
            error: None,
            detail: Some(detail.into()),
        };
        let jitter = 1.0 + self.random();
        self.apply(&Event::Attempt(Attempt {
            attempt_number,
            phases: vec![
                phase(Phase::Dns, 4.2 * jitter, "3 addresses"),
                phase(Phase::Tcp, 18.0 * jitter, "52.7.14.200:443"),
                phase(Phase::Tls, 61.0 * jitter, "TLS 1.3, TLS_AES_256_GCM_SHA384"),
                phase(Phase::Websocket, 33.0 * jitter, "101 Switching Protocols"),
                phase(Phase::Connack, 21.0 * jitter, "accepted"),
            ],
        }));
        self.apply(&Event::Connected(ConnectedEvent {
            event_type: kind,
            return_code: Some(0),
            attempt_number,
            keep_alive_secs: self.keep_alive.into(),
            remote: Some("52.7.14.200:443".into()),
            local: Some("192.168.1.20:50432".into()),
            mqtt_version: Some(MqttVersion::V311.into()),
            ..ConnectedEvent::default()
        }));
        self.apply(&Event::Subscribed { filters: vec!["evt/52/+/app".into()], return_codes: vec![1] });
        self.runtime.activity = LinkActivity::Connected;
    }

    /// Connected time with pings and occasional messages.
    pub(crate) fn live(&mut self, secs: f64) {
        let pings = (secs / f64::from(self.keep_alive)).floor().min(400.0);
        let step = if pings > 0.0 { secs / pings } else { secs };
        let mut left = pings;
        while left >= 1.0 {
            left -= 1.0;
            self.advance(step);
            let rtt_ms = 38.0 + 9.0 * self.random() + if self.random() > 0.93 { 60.0 } else { 0.0 };
            self.apply(&Event::Ping { rtt_ms });
            if self.random() > 0.4 {
                self.apply(&Event::Received(message("evt/52/home/app")));
            }
        }
        if pings < 1.0 {
            self.advance(secs);
        }
    }

    pub(crate) fn dropped(&mut self, name: &str, layer: Layer, how: DropKind, silent: f64) {
        let packet = |ago_secs, incoming, packet: &str, topic: Option<&str>, bytes| PacketNote {
            ago_secs,
            incoming,
            packet: packet.into(),
            topic: topic.map(Into::into),
            bytes,
        };
        let message = ErrorName::by_name(name).map(ErrorName::message);
        self.apply(&Event::Dropped(DroppedEvent {
            error_name: Some(name.into()),
            error_message: message,
            error_code: ErrorName::by_name(name).map(|known| known.code),
            active_subscriptions: 1,
            layer: Some(layer),
            how: Some(how),
            last_rx_secs: Some(silent),
            last_tx_secs: Some(0.3),
            packets: vec![
                packet(silent + 0.04, false, "PINGREQ", None, 2),
                packet(silent, true, "PINGRESP", None, 2),
                packet(0.3, false, "PUBLISH", Some("cmd/52/home/ctrl"), 184),
            ],
            ..DroppedEvent::default()
        }));
        self.runtime.activity = LinkActivity::Waiting { until: self.stamp(), attempt: 1 };
    }

    pub(crate) fn hangup(&mut self, silent: f64) {
        self.dropped("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", Layer::Tcp, DropKind::Fin, silent);
    }

    pub(crate) fn failed(&mut self, name: &str, phase: Phase, detail: &str, attempt_number: u32) {
        let known = ErrorName::by_name(name);
        let text = known.map(ErrorName::message).unwrap_or_default();
        self.apply(&Event::ConnectFailed(ConnectFailedEvent {
            error_name: Some(name.into()),
            error_message: Some(format!("{text} ({detail})")),
            error_code: known.map(|known| known.code),
            attempt_number,
            phase: Some(phase),
            layer: Some(Layer::Tcp),
            return_code: None,
            http_status: None,
        }));
    }

    pub(crate) fn keep_alive(&mut self, to: u32) {
        let from = std::mem::replace(&mut self.keep_alive, to);
        self.apply(&Event::KeepAliveChanged { from: from.into(), to: to.into() });
        self.apply(&Event::Disconnected { by: Initiator::Experiment });
        self.advance(0.6);
        self.connect(ConnectKind::Connected, 0);
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.apply(&Event::Note { text: text.into() });
    }

    pub(crate) fn system(&mut self, source: SystemSource, text: &str) {
        self.apply(&Event::System { source, message: text.into() });
    }

    pub(crate) fn published(mut self) -> LiveState {
        let at = self.stamp();
        if self.runtime.last_rx.is_none() && self.secs > 0.0 {
            self.runtime.last_rx = Some(self.ago(12.0));
            self.runtime.last_tx = Some(self.ago(12.0));
        }
        LiveState { snapshot: self.fold.snapshot(at), verdict: None, runtime: self.runtime }
    }
}

fn message(topic: &str) -> Message {
    Message { topic: topic.into(), bytes: 240, queued: false, correlation_id: None, qos: Some(1) }
}

const ENDPOINT: &str = "wss://a1t30mldyslmuq-ats.iot.us-east-1.amazonaws.com";

fn run() -> Run {
    Run::new(60).started(ENDPOINT, "dropscope-7f3a")
}

pub(crate) fn empty() -> LiveState {
    Run::new(60).published()
}

/// A recording without the endpoint.
pub(crate) fn nameless() -> LiveState {
    Run::new(60).started("", "").published()
}

pub(crate) fn connecting() -> LiveState {
    let mut run = run();
    run.advance(1.3);
    run.runtime.activity = LinkActivity::Connecting { phase: Phase::Tls, since: run.ago(1.2), attempt: 0 };
    run.published()
}

pub(crate) fn quiet() -> LiveState {
    let mut run = run();
    run.connect(ConnectKind::Connected, 0);
    run.live(720.0);
    run.published()
}

/// A day as in the investigation guide: a NAT forgets the idle connection until the keep-alive is
/// shortened.
pub(crate) fn run_of_one_day() -> Run {
    let mut run = Run::new(1_200).started(ENDPOINT, "dropscope-7f3a");
    run.connect(ConnectKind::Connected, 0);
    let sessions = [15_667.0, 15_595.0, 9_012.0, 15_640.0];
    for (index, length) in sessions.into_iter().enumerate() {
        run.live(length);
        run.hangup(285.0 + 2.0 * f64::from(u32::try_from(index).unwrap_or(0)));
        run.advance(0.9);
        if index == 2 {
            for attempt in 1..=3 {
                run.failed("AWS_IO_SOCKET_TIMEOUT", Phase::Tcp, "no answer to the SYN", attempt);
                run.advance(11.0);
            }
            run.note("restarted the router");
        }
        run.advance(1.0);
        run.connect(ConnectKind::Resumed, 1);
    }
    run.live(3_000.0);
    run.system(SystemSource::Power, "suspended for 8 min 20 s");
    run.dropped("AWS_ERROR_MQTT_TIMEOUT", Layer::Mqtt, DropKind::PingTimeout, 610.0);
    run.advance(2.4);
    run.connect(ConnectKind::Resumed, 1);
    run.live(5_400.0);
    run.keep_alive(60);
    run.live(12_600.0);
    run
}

pub(crate) fn after_drops() -> LiveState {
    run_of_one_day().published()
}

pub(crate) fn reconnecting() -> LiveState {
    let mut run = run_of_one_day();
    run.hangup(58.0);
    run.advance(1.0);
    for attempt in 1..=2 {
        run.failed("AWS_IO_SOCKET_CONNECTION_REFUSED", Phase::Tcp, "52.7.14.200:443 refused", attempt);
        run.advance(5.5);
    }
    let until = run.stamp().plus(Duration::from_secs_f64(4.2));
    run.runtime.activity = LinkActivity::Waiting { until, attempt: 3 };
    run.published()
}

pub(crate) fn off() -> LiveState {
    let mut run = run_of_one_day();
    run.apply(&Event::Disconnected { by: Initiator::User });
    run.advance(61.0);
    run.runtime.activity = LinkActivity::Off;
    run.published()
}

/// A simulation with a list of faults.
pub(crate) fn simulation(label: &str, fault: &str) -> Simulation {
    let menu = ["close it politely (FIN)", "reset it (RST)", "swallow everything (black hole)"];
    Simulation { label: label.into(), fault: fault.into(), faults: menu.map(Arc::from).into() }
}

/// A simulation whose credentials expire and whose link gives up after ten attempts.
pub(crate) fn given_up() -> LiveState {
    let mut run = run();
    let expires_at = run.stamp().wall + Duration::from_secs(3_600);
    run.apply(&Event::Credentials { expires_at });
    for attempt in 0..10 {
        run.failed("AWS_IO_TLS_CERTIFICATE_EXPIRED", Phase::Tls, "expired 2026-11-18 09:00:00 UTC", attempt);
        run.advance(31.0);
    }
    run.runtime.activity = LinkActivity::GivenUp;
    run.runtime.simulation = Some(simulation("simulated, 1 s = 1 min", "NAT forgets after 350 s of silence"));
    run.published()
}

pub(crate) fn unanswered_ping() -> LiveState {
    let mut run = run_of_one_day();
    run.advance(4.2);
    run.runtime.ping_outstanding_since = Some(run.ago(4.2));
    run.published()
}

pub(crate) fn thousand_drops() -> LiveState {
    let names = [
        ("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", Layer::Tcp, DropKind::Fin),
        ("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", Layer::Tcp, DropKind::Rst),
        ("AWS_ERROR_MQTT_TIMEOUT", Layer::Mqtt, DropKind::PingTimeout),
        ("AWS_IO_SOCKET_CLOSED", Layer::Tcp, DropKind::Io),
    ];
    let mut run = run();
    for index in 0..1_150 {
        run.connect(if index == 0 { ConnectKind::Connected } else { ConnectKind::Resumed }, 1);
        let (length, which) = (run.random(), run.random());
        run.live(20.0 + 900.0 * length * length);
        let (name, layer, how) = names[if which > 0.5 { 0 } else { index % names.len() }];
        run.dropped(name, layer, how, 1.0 + 50.0 * length);
        run.advance(1.0 + 3.0 * which);
    }
    run.connect(ConnectKind::Resumed, 1);
    run.live(65.0);
    run.published()
}

pub(crate) fn long_names() -> LiveState {
    let host = "wss://an-extraordinarily-long-host-name-of-a-very-patient-company.iot.eu-central-1.amazonaws.com:8443";
    let mut run =
        Run::new(65_535).started(host, "client-with-a-name-of-more-than-sixty-characters-0123456789-abcdef");
    run.connect(ConnectKind::Connected, 0);
    run.live(8_000_000.0);
    run.dropped(
        "SOMEBODY_ELSES_ERROR_NAME_THAT_IS_LONGER_THAN_ANY_COLUMN",
        Layer::Websocket,
        DropKind::WsClose,
        65_000.0,
    );
    run.failed("AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE", Phase::Websocket, &"a long story ".repeat(30), 1);
    run.note(&"a note that goes on and on ".repeat(9));
    run.advance(3_000.0);
    run.published()
}

/// Text from outside with terminal control sequences.
pub(crate) fn hostile() -> LiveState {
    let bad = "\u{1b}[31mred\u{1b}[0m\u{7}\u{1b}]0;title\u{7}\r\n\u{202e}drow\u{9b}2J";
    let mut run = Run::new(60).started(&format!("mqtt://{bad}"), bad);
    run.connect(ConnectKind::Connected, 0);
    run.live(300.0);
    run.apply(&Event::Dropped(DroppedEvent {
        error_name: Some(bad.into()),
        error_message: Some(bad.into()),
        error_code: None,
        reconnect_attempt: 0,
        active_subscriptions: 0,
        queued_commands: 0,
        layer: None,
        how: None,
        reason_code: Some(0x8E),
        ws_close_code: Some(4_000),
        last_rx_secs: None,
        last_tx_secs: None,
        packets: vec![PacketNote {
            ago_secs: 0.1,
            incoming: false,
            packet: "PUBLISH".into(),
            topic: Some(Arc::from(bad)),
            bytes: 9,
        }],
    }));
    run.note(bad);
    run.apply(&Event::Experiment { id: bad.into(), what: bad.into(), details: BTreeMap::new() });
    run.failed(bad, Phase::Tls, bad, 1);
    run.advance(3.0);
    run.runtime.recorder = RecorderState::Failing { error: Arc::from(bad), lost_lines: 3 };
    run.runtime.simulation = Some(simulation(bad, bad));
    run.published()
}

pub(crate) fn recorder_failing() -> LiveState {
    let mut run = run_of_one_day();
    let error = "No space left on device";
    run.runtime.recorder = RecorderState::Failing { error: error.into(), lost_lines: 41 };
    run.runtime.lost_events = 12;
    run.published()
}
