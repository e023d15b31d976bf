//! Any event, and any private value in any of its spellings.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use chrono::DateTime;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use dropscope::diagnostics::event::{
    Attempt, CommandState, CommandUpdate, ConnectFailedEvent, ConnectKind, ConnectedEvent, DropKind,
    DroppedEvent, Initiator, Layer, Message, PacketNote, Phase, PhaseTiming, ProbeResult, StartedEvent,
    SystemSource,
};
use dropscope::diagnostics::{Event, RecordedWord};

/// Text as strangers send it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z/]{0,12}",
        "\\PC{0,20}",
        prop::collection::vec(any::<char>(), 0..12).prop_map(|chars| chars.into_iter().collect()),
        Just("stepped by +3600.0 s".to_owned()),
        Just("\u{1b}]0;x\u{7}\r\n\u{202e}|`<b>".to_owned()),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.0..100_000.0_f64,
        any::<f64>().prop_map(|value| if value.is_finite() { value } else { 0.0 }),
    ]
}

fn phase() -> impl Strategy<Value = Phase> {
    select(vec![Phase::Credentials, Phase::Dns, Phase::Tcp, Phase::Tls, Phase::Websocket, Phase::Connack])
}

fn layer() -> impl Strategy<Value = Layer> {
    select(vec![Layer::Dns, Layer::Tcp, Layer::Tls, Layer::Websocket, Layer::Mqtt, Layer::Local])
}

fn how() -> impl Strategy<Value = DropKind> {
    select(vec![
        DropKind::Fin,
        DropKind::Rst,
        DropKind::TlsClose,
        DropKind::TlsAlert,
        DropKind::WsClose,
        DropKind::Disconnect,
        DropKind::PingTimeout,
        DropKind::Io,
        DropKind::Local,
    ])
}

pub(crate) fn started_event() -> impl Strategy<Value = Event> {
    let optional = || option::of(text());
    (
        0..5000_u32,
        text(),
        text(),
        optional(),
        optional(),
        optional(),
        option::of(any::<bool>()),
        option::of(number()),
    )
        .prop_map(
            |(
                keep_alive_secs,
                client_id,
                endpoint,
                version,
                mqtt_version,
                transport,
                clean_session,
                scale,
            )| {
                Event::Started(StartedEvent {
                    format: None,
                    version,
                    keep_alive_secs: keep_alive_secs.into(),
                    client_id,
                    endpoint,
                    mqtt_version: mqtt_version.as_deref().map(RecordedWord::parse),
                    transport: transport.as_deref().map(RecordedWord::parse),
                    clean_session,
                    time_scale: scale,
                })
            },
        )
}

fn attempt() -> impl Strategy<Value = Event> {
    let timing = (phase(), number(), any::<bool>(), option::of(text()), option::of(text()))
        .prop_map(|(phase, ms, ok, error, detail)| PhaseTiming { phase, ms, ok, error, detail });
    (any::<u32>(), prop::collection::vec(timing, 0..5))
        .prop_map(|(attempt_number, phases)| Event::Attempt(Attempt { attempt_number, phases }))
}

fn connected() -> impl Strategy<Value = Event> {
    let kinds =
        vec![ConnectKind::Connected, ConnectKind::Resumed, ConnectKind::DeepReconnected, ConnectKind::Other];
    let limits = option::of(prop::collection::btree_map(text(), any::<u64>(), 0..3));
    (
        select(kinds),
        any::<bool>(),
        option::of(any::<u8>()),
        any::<u32>(),
        0..5000_u32,
        option::of(text()),
        limits,
    )
        .prop_map(
            |(
                event_type,
                session_present,
                return_code,
                attempt_number,
                keep_alive_secs,
                mqtt_version,
                limits,
            )| {
                Event::Connected(ConnectedEvent {
                    event_type,
                    session_present,
                    return_code,
                    attempt_number,
                    keep_alive_secs: keep_alive_secs.into(),
                    remote: mqtt_version.clone(),
                    local: None,
                    mqtt_version: mqtt_version.as_deref().map(RecordedWord::parse),
                    limits,
                })
            },
        )
}

fn dropped() -> impl Strategy<Value = Event> {
    let packet = (number(), any::<bool>(), text(), option::of(text()), any::<u32>()).prop_map(
        |(ago_secs, incoming, packet, topic, bytes)| {
            let topic = topic.map(Into::into);
            PacketNote { ago_secs, incoming, packet, topic, bytes }
        },
    );
    let error = (option::of(text()), option::of(text()), option::of(any::<u32>()));
    let counts = (prop_oneof![Just(0), 0..20_u32], any::<u32>(), any::<u32>());
    let manner = (option::of(layer()), option::of(how()), option::of(any::<u8>()), option::of(any::<u16>()));
    let silence = (option::of(number()), option::of(number()), prop::collection::vec(packet, 0..4));
    (error, counts, manner, silence).prop_map(|(error, counts, manner, silence)| {
        Event::Dropped(DroppedEvent {
            error_name: error.0,
            error_message: error.1,
            error_code: error.2,
            reconnect_attempt: counts.0,
            active_subscriptions: counts.1,
            queued_commands: counts.2,
            layer: manner.0,
            how: manner.1,
            reason_code: manner.2,
            ws_close_code: manner.3,
            last_rx_secs: silence.0,
            last_tx_secs: silence.1,
            packets: silence.2,
        })
    })
}

fn connect_failed() -> impl Strategy<Value = Event> {
    (
        option::of(text()),
        option::of(text()),
        option::of(any::<u32>()),
        any::<u32>(),
        option::of(phase()),
        option::of(layer()),
    )
        .prop_map(|(error_name, error_message, error_code, attempt_number, phase, layer)| {
            Event::ConnectFailed(ConnectFailedEvent {
                error_name,
                error_message,
                error_code,
                attempt_number,
                phase,
                layer,
                return_code: None,
                http_status: None,
            })
        })
}

fn message() -> impl Strategy<Value = Event> {
    (any::<bool>(), text(), any::<u64>(), any::<bool>(), option::of(text()), option::of(0..3_u8)).prop_map(
        |(sent, topic, bytes, queued, correlation_id, qos)| {
            let message = Message { topic: topic.into(), bytes, queued, correlation_id, qos };
            if sent { Event::Published(message) } else { Event::Received(message) }
        },
    )
}

fn surroundings() -> impl Strategy<Value = Event> {
    let sources = vec![SystemSource::Network, SystemSource::Power, SystemSource::Clock, SystemSource::Other];
    let command = select(vec![
        CommandState::Queued,
        CommandState::Sent,
        CommandState::Lost,
        CommandState::Refused,
        CommandState::NotSent,
        CommandState::Other,
    ]);
    let details =
        prop::collection::btree_map("[a-l]{1,6}", any::<i64>().prop_map(serde_json::Value::from), 0..3)
            .prop_map(|details: BTreeMap<String, serde_json::Value>| {
                details.into_iter().filter(|(key, _)| key != "id" && key != "kind").collect()
            });
    prop_oneof![
        (select(sources), text()).prop_map(|(source, message)| Event::System { source, message }),
        (text(), any::<bool>(), option::of(number()), option::of(text())).prop_map(
            |(probe, ok, rtt_ms, error)| Event::Probe(ProbeResult { probe, ok, rtt_ms, error, target: None })
        ),
        (text(), text(), command, option::of(number())).prop_map(|(correlation_id, name, state, ms)| {
            Event::Command(CommandUpdate { correlation_id, name, state, ms })
        }),
        (text(), text(), details).prop_map(|(id, what, details)| Event::Experiment { id, what, details }),
        (text(), select(vec!["raised", "cleared", "suppressed", "paused"]), text()).prop_map(
            |(rule, state, message)| Event::Alert { rule, state: RecordedWord::parse(state), message }
        ),
        text().prop_map(|text| Event::Note { text }),
        (-1_000_000_000..100_000_000_000_i64).prop_map(|secs| Event::Credentials {
            expires_at: DateTime::from_timestamp(secs, 0).unwrap_or_default()
        }),
    ]
}

/// Any event but `started`.
pub(crate) fn later_event() -> impl Strategy<Value = Event> {
    let initiators = vec![Initiator::User, Initiator::Experiment, Initiator::Planned, Initiator::Shutdown];
    prop_oneof![
        1 => attempt(),
        3 => connected(),
        3 => dropped(),
        2 => connect_failed(),
        1 => select(initiators).prop_map(|by| Event::Disconnected { by }),
        1 => prop::collection::vec((text(), any::<u8>()), 0..4).prop_map(|both| {
            let (filters, return_codes) = both.into_iter().unzip();
            Event::Subscribed { filters, return_codes }
        }),
        2 => message(),
        1 => (any::<u64>(), any::<u64>(), number())
            .prop_map(|(published, received, window_secs)| Event::Traffic { published, received, window_secs }),
        1 => number().prop_map(|rtt_ms| Event::Ping { rtt_ms }),
        1 => (0..5000_u32, 0..5000_u32).prop_map(|(from, to)| Event::KeepAliveChanged { from: from.into(), to: to.into() }),
        2 => surroundings(),
        1 => option::of(text()).prop_map(|by| Event::Stopped { by }),
        1 => Just(Event::Unknown),
    ]
}

/// Any event.
pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![1 => started_event(), 12 => later_event()]
}

/// A sentence with a private value in it, and the part of it that must not survive.
pub(crate) fn any_private() -> impl Strategy<Value = (String, String)> {
    let value = prop_oneof![mac(), address(), email(), token(), assigned(), in_url(), home()];
    let around =
        select(vec![" ", "/", "(", "\"", "'", "=", ", ", "[", "\n", "é ", "<", "peer:", "|", "cmd/52/"]);
    let after = select(vec!["", " ", "/st/did", ")", "\" ", "'", ", next", "]", "\n", ";", "> ", "|"]);
    ("[a-z ]{0,8}", around, value, after).prop_map(|(start, before, (shown, private), after)| {
        (format!("{start}{before}{shown}{after}"), private)
    })
}

fn mac() -> impl Strategy<Value = (String, String)> {
    let separators = vec![":", "-", "", "_", ".", " ", "%3A"];
    (any::<[u8; 6]>(), select(separators), select(vec![1_usize, 2, 3, 6]), any::<bool>()).prop_map(
        |(bytes, separator, group, capitals)| {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let groups: Vec<String> = hex.chunks(group).map(<[String]>::concat).collect();
            let shown = groups.join(separator);
            let shown = if capitals { shown.to_uppercase() } else { shown };
            (shown.clone(), shown)
        },
    )
}

fn address() -> impl Strategy<Value = (String, String)> {
    let v4 = any::<u32>().prop_map(|bits| Ipv4Addr::from(bits | 0x8000_0000).to_string());
    let v6 = any::<u128>().prop_map(|bits| Ipv6Addr::from(bits | 1 << 120).to_string());
    prop_oneof![v4, v6].prop_map(|address| (address.clone(), address))
}

fn email() -> impl Strategy<Value = (String, String)> {
    ("[a-z][a-z0-9.+_-]{4,12}", "[a-z]{3,8}\\.(org|co\\.uk|email)", select(vec!["@", "%40"]))
        .prop_map(|(name, domain, at)| (format!("{name}{at}{domain}"), name))
}

/// Random words as keys and signatures are: every character equally likely.
fn random_word(symbols: &'static [u8], lengths: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    const PLAIN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let alphabet: Vec<char> = PLAIN.iter().chain(symbols).map(|byte| char::from(*byte)).collect();
    prop::collection::vec(select(alphabet), lengths).prop_map(|chars| chars.into_iter().collect()).no_shrink()
}

fn token() -> impl Strategy<Value = (String, String)> {
    let web_token = (random_word(b"_-", 20..40), random_word(b"_-", 20..40))
        .prop_map(|(head, body)| format!("eyJ{head}.eyJ{body}"));
    prop_oneof![
        random_word(b"+/", 40..80),
        random_word(b"_-", 43..44),
        "[0-9a-f]{32,64}",
        "(AKIA|ASIA)[A-Z2-7]{16}",
        web_token,
    ]
    .prop_map(|token| (token.clone(), token))
}

fn assigned() -> impl Strategy<Value = (String, String)> {
    let forms = vec![
        "password=%",
        "Password: %",
        "\"sessionToken\":\"%\"",
        "NAVIEN_PASSWORD=%",
        "Authorization: Bearer %",
        "secret_key = '%'",
        "&X-Amz-Signature=%",
    ];
    (select(forms), "[A-Za-z0-9]{6,20}").prop_map(|(form, secret)| (form.replace('%', &secret), secret))
}

fn in_url() -> impl Strategy<Value = (String, String)> {
    let forms = vec![
        "wss://jane:%@host.example/mqtt",
        "mqtt://%@host",
        "https://h/p?X-Amz-Credential=%&b=c",
        "/mqtt?sig=%",
    ];
    (select(forms), "[A-Za-z0-9]{6,20}").prop_map(|(form, secret)| (form.replace('%', &secret), secret))
}

fn home() -> impl Strategy<Value = (String, String)> {
    (select(vec!["/home/%/x", "/Users/%", "C:\\Users\\%\\AppData"]), "[a-z]{5,10}[0-9]")
        .prop_map(|(form, user)| (form.replace('%', &user), user))
}
